//! One event of a streamed answer.

use serde::Deserialize;
use serde_json::Value;

use crate::api::{EngineError, TokenLogprob, TokenLogprobs};

/// Most characters of a server's explanation that are passed on.
const SHOWN: usize = 300;
/// A token's number where the server does not tell it.
const UNKNOWN_TOKEN: u32 = u32::MAX;

/// What an event says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Chunk {
    /// What the model thinks before it answers, where the server tells it apart.
    pub(super) thought: String,
    pub(super) text: String,
    pub(super) logprobs: Vec<TokenLogprobs>,
    /// Why the answer ended, in the server's word.
    pub(super) finish: Option<String>,
    pub(super) prompt_tokens: Option<u32>,
    /// Tokens produced so far.
    pub(super) completion_tokens: Option<u32>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    prompt_progress: Option<Progress>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Option<Delta>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    logprobs: Option<Logprobs>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
    /// Thoughts, in the words of Ollama and of newer vLLM.
    #[serde(default)]
    reasoning: Option<String>,
    /// The same, in the words of llama.cpp and of older vLLM; some say both.
    #[serde(default)]
    reasoning_content: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: u32,
    #[serde(default)]
    completion_tokens: u32,
}

/// How far llama.cpp's server is with the prompt.
#[derive(Deserialize)]
struct Progress {
    total: u32,
}

#[derive(Deserialize)]
struct Logprobs {
    #[serde(default)]
    content: Option<Vec<Logprob>>,
}

#[derive(Deserialize)]
struct Logprob {
    #[serde(default)]
    id: Option<u32>,
    token: String,
    #[serde(default)]
    bytes: Option<Vec<u8>>,
    logprob: f32,
    #[serde(default)]
    top_logprobs: Vec<Logprob>,
}

impl Chunk {
    pub(super) fn parse(data: &[u8]) -> Result<Self, EngineError> {
        let event: Event = serde_json::from_slice(data)
            .map_err(|error| EngineError::Internal(format!("the server sent what is no part of an answer: {error}")))?;
        if let Some(error) = event.error {
            let said = error.get("message").and_then(Value::as_str).map_or_else(|| error.to_string(), str::to_owned);
            let said: String = said.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
            return Err(EngineError::Internal(format!("the server failed while it answered: {said}")));
        }
        let mut chunk = Self { prompt_tokens: event.prompt_progress.map(|progress| progress.total), ..Self::default() };
        if let Some(usage) = event.usage {
            (chunk.prompt_tokens, chunk.completion_tokens) = (Some(usage.prompt_tokens), Some(usage.completion_tokens));
        }
        // One answer was asked for.
        if let Some(choice) = event.choices.into_iter().next() {
            let Delta { content, reasoning, reasoning_content } = choice.delta.unwrap_or_default();
            chunk.thought = reasoning.or(reasoning_content).unwrap_or_default();
            chunk.text = content.or(choice.text).unwrap_or_default();
            let tokens = choice.logprobs.and_then(|logprobs| logprobs.content).unwrap_or_default();
            chunk.logprobs = tokens.into_iter().map(Logprob::chosen).collect();
            chunk.finish = choice.finish_reason;
        }
        Ok(chunk)
    }
}

impl Logprob {
    fn chosen(mut self) -> TokenLogprobs {
        let top = std::mem::take(&mut self.top_logprobs);
        TokenLogprobs { chosen: self.alone(), top: top.into_iter().map(Self::alone).collect() }
    }

    fn alone(self) -> TokenLogprob {
        TokenLogprob {
            token: self.id.unwrap_or(UNKNOWN_TOKEN),
            bytes: self.bytes.unwrap_or_else(|| self.token.into_bytes()),
            logprob: self.logprob,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Chunk {
        Chunk::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn chats_and_texts_come_in_different_fields() {
        assert_eq!(
            parse(r#"{"choices": [{"delta": {"role": "assistant", "content": null}, "finish_reason": null}]}"#).text,
            ""
        );
        assert_eq!(parse(r#"{"choices": [{"delta": {"content": "Hi"}}]}"#).text, "Hi");
        assert_eq!(parse(r#"{"choices": [{"text": "Hi", "logprobs": null}]}"#).text, "Hi");
        // vLLM's log-probabilities of a text are of another form, and were not asked for.
        assert_eq!(parse(r#"{"choices": [{"text": "a", "logprobs": {"tokens": ["a"]}}]}"#).logprobs, []);
    }

    #[test]
    fn thoughts_have_two_names() {
        for delta in [
            r#"{"reasoning": "Hm"}"#,
            r#"{"content": null, "reasoning_content": "Hm"}"#,
            r#"{"content": "", "reasoning": "Hm", "reasoning_content": "Hm"}"#,
        ] {
            let chunk = parse(&format!(r#"{{"choices": [{{"delta": {delta}}}]}}"#));
            assert_eq!((chunk.thought.as_str(), chunk.text.as_str()), ("Hm", ""), "{delta}");
        }
    }

    #[test]
    fn tokens_are_counted_by_the_server() {
        let usage = parse(r#"{"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3}}"#);
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (Some(5), Some(3)));
        let progress = parse(r#"{"choices": [], "prompt_progress": {"total": 31, "cache": 0, "processed": 16}}"#);
        assert_eq!((progress.prompt_tokens, progress.completion_tokens), (Some(31), None));
    }

    #[test]
    fn tokens_without_numbers_or_bytes_are_taken_as_they_are_spelled() {
        let json = r#"{"choices": [{"delta": {"content": "é"}, "logprobs": {"content": [{"id": 7, "token": "?",
            "bytes": [195, 169], "logprob": -0.5, "top_logprobs": [{"token": "e", "logprob": -1.5}]}]}}]}"#;
        let chosen = TokenLogprob { token: 7, bytes: "é".into(), logprob: -0.5 };
        let other = TokenLogprob { token: UNKNOWN_TOKEN, bytes: b"e".to_vec(), logprob: -1.5 };
        assert_eq!(parse(json).logprobs, [TokenLogprobs { chosen, top: vec![other] }]);
    }

    #[test]
    fn an_error_amid_the_answer_is_one() {
        let failed = Chunk::parse(br#"{"error": {"message": "out of memory", "code": 500}}"#);
        assert!(matches!(failed, Err(EngineError::Internal(why)) if why.contains("out of memory")));
        for json in ["", "3", "{", r#"{"choices": 3}"#, r#"{"choices": [{"text": 3}]}"#] {
            assert!(Chunk::parse(json.as_bytes()).is_err(), "{json}");
        }
    }
}
