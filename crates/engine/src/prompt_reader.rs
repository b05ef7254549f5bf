//! From prompts to tokens that a model can go on from.

use crate::{
    api::{ChatMessage, EngineError, Prompt},
    request::MAX_PROMPT_BYTES,
    template::ChatTemplate,
    tokenizer::ChatTokenizer,
};

/// Turns the prompts of one model into tokens.
pub(crate) struct PromptReader {
    pub(crate) tokenizer: ChatTokenizer,
    pub(crate) template: Option<ChatTemplate>,
    pub(crate) context_tokens: u32,
}

impl PromptReader {
    /// Tokens of the prompt; one that the context surely cannot hold is refused without looking for them.
    pub(crate) fn read(&self, prompt: &Prompt) -> Result<Vec<u32>, EngineError> {
        let rendered;
        let text = match prompt {
            Prompt::Text(text) => text,
            Prompt::Chat(messages) => {
                let template = self.template.as_ref().ok_or_else(|| {
                    EngineError::InvalidRequest(
                        "this model cannot chat, it has no chat template; send a text to complete".into(),
                    )
                })?;
                let names = self.tokenizer.control_names();
                let quoted: Vec<ChatMessage> = messages
                    .iter()
                    .map(|message| ChatMessage { role: message.role.clone(), content: names.quote(&message.content) })
                    .collect();
                rendered = template.render(&quoted, MAX_PROMPT_BYTES)?;
                &rendered
            }
        };
        // Most of what is far too long is refused before seconds are spent on it.
        let least = u32::try_from(self.tokenizer.least_tokens(text)).unwrap_or(u32::MAX);
        if least > self.context_tokens {
            return Err(EngineError::ContextLength { prompt_tokens: least, context_tokens: self.context_tokens });
        }
        self.tokenizer
            .encode(text)
            .map_err(|error| EngineError::Internal(format!("the prompt cannot be tokenised: {error}")))
    }

    /// Refuses a text that the context cannot hold.
    pub(crate) fn check_length(&self, tokens: &[u32]) -> Result<(), EngineError> {
        let (prompt_tokens, context_tokens) = (count(tokens), self.context_tokens);
        if prompt_tokens > context_tokens {
            return Err(EngineError::ContextLength { prompt_tokens, context_tokens });
        }
        Ok(())
    }

    /// Refuses tokens that the model does not have.
    pub(crate) fn check_vocabulary(&self, tokens: &[u32]) -> Result<(), EngineError> {
        let vocabulary = self.tokenizer.tokens();
        match tokens.iter().find(|token| **token as usize >= vocabulary) {
            None => Ok(()),
            Some(token) => Err(EngineError::InvalidRequest(format!(
                "the text has a token {token}, the model's vocabulary has {vocabulary}"
            ))),
        }
    }

    /// Tokens that the context can hold after `text`; an error if there are none.
    pub(crate) fn room_after(&self, text: &[u32]) -> Result<u32, EngineError> {
        let (prompt_tokens, context_tokens) = (count(text), self.context_tokens);
        match context_tokens.checked_sub(prompt_tokens) {
            Some(room) if room > 0 => Ok(room),
            _ => Err(EngineError::ContextLength { prompt_tokens, context_tokens }),
        }
    }
}

/// How many they are.
pub(crate) fn count(tokens: &[u32]) -> u32 {
    u32::try_from(tokens.len()).unwrap_or(u32::MAX)
}
