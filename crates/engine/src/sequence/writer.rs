//! Continues a text: chooses token after token, and delivers what they say.

use std::sync::Arc;

use crate::{
    api::{EngineError, FinishReason, GenerationEvent, TokenLogprobs},
    detokenizer::Detokenizer,
    events::EventSender,
    sampling::{Chooser, Chosen, Matched, StopMatcher},
};

/// What a continuation needs to begin.
pub(crate) struct WriterSpec {
    /// Most tokens to produce, at least one; prompt and completion together fit the context.
    pub(crate) max_tokens: u32,
    pub(crate) chooser: Chooser,
    pub(crate) stop: StopMatcher,
    pub(crate) detokenizer: Detokenizer,
    /// Tokens that end the text.
    pub(crate) ends: Arc<[u32]>,
    pub(crate) events: EventSender<GenerationEvent>,
}

/// A continuation.
pub(crate) struct Writer {
    spec: WriterSpec,
    produced: u32,
    finish: Option<FinishReason>,
    /// Text that is certain and not delivered yet, and the tokens since the last delivery.
    text: String,
    undelivered_tokens: u32,
    undelivered_logprobs: Vec<TokenLogprobs>,
}

impl Writer {
    pub(crate) fn new(spec: WriterSpec) -> Self {
        Self {
            spec,
            produced: 0,
            finish: None,
            text: String::new(),
            undelivered_tokens: 0,
            undelivered_logprobs: Vec::new(),
        }
    }

    pub(super) fn max_tokens(&self) -> u32 {
        self.spec.max_tokens
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.spec.events.is_cancelled()
    }

    /// Whether no more tokens come.
    pub(super) fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// Chooses the token for `position`; `None` if the text ended before it.
    pub(super) fn accept(&mut self, logits: &[f32], position: u64) -> Result<Option<u32>, EngineError> {
        let Chosen { token, logprobs } = self.spec.chooser.choose(logits, position)?;
        if self.spec.ends.contains(&token) {
            self.end(FinishReason::Stop);
            return Ok(None);
        }
        self.produced += 1;
        self.undelivered_tokens += 1;
        self.undelivered_logprobs.extend(logprobs);
        let text = self.spec.detokenizer.push(token);
        if !self.take_text(&text) && self.produced >= self.spec.max_tokens {
            self.end(FinishReason::Length);
        }
        Ok(Some(token))
    }

    /// Hands text to the reader without waiting; false if the reader is behind.
    pub(super) fn deliver(&mut self) -> bool {
        // Log-probabilities of tokens whose text is held back wait for it; at the end there is nothing to wait for.
        let is_rest = self.is_finished() && !self.undelivered_logprobs.is_empty();
        if self.text.is_empty() && !is_rest {
            return true;
        }
        let Self { spec, text, undelivered_tokens, undelivered_logprobs, .. } = self;
        spec.events.try_send(|| GenerationEvent::Piece {
            text: std::mem::take(text),
            tokens: std::mem::take(undelivered_tokens),
            logprobs: std::mem::take(undelivered_logprobs),
        })
    }

    /// Delivers the last event.
    pub(super) fn finish(self, prompt_tokens: u32) {
        let last = match self.finish {
            Some(finish) => GenerationEvent::Done { prompt_tokens, completion_tokens: self.produced, finish },
            None => GenerationEvent::Failed(EngineError::Internal("a generation ended before its time".into())),
        };
        self.spec.events.finish(last);
    }

    /// Delivers the last event: why it broke.
    pub(super) fn fail(self, error: EngineError) {
        self.spec.events.finish(GenerationEvent::Failed(error));
    }

    /// Ends without a stop string: what was held back is output after all.
    fn end(&mut self, finish: FinishReason) {
        let rest = self.spec.detokenizer.finish();
        if !self.take_text(&rest) {
            let held = self.spec.stop.finish();
            self.text.push_str(&held);
            self.finish = Some(finish);
        }
    }

    /// Adds text; true if a stop string is complete.
    fn take_text(&mut self, text: &str) -> bool {
        match self.spec.stop.push(text) {
            Matched::Passed(certain) => {
                self.text.push_str(&certain);
                false
            }
            Matched::Stopped(certain) => {
                self.text.push_str(&certain);
                self.finish = Some(FinishReason::Stop);
                true
            }
        }
    }
}
