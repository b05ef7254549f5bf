//! One generation: reads its prompt chunk by chunk, then produces token by token.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::{
    api::{EngineError, FinishReason, GenerationEvent, TokenLogprobs},
    detokenizer::Detokenizer,
    sampling::{Chooser, Chosen, Matched, StopMatcher},
    session::Session,
};

/// Prompt tokens read in one step. Other streams wait for one such step, so it is short; the boundaries are fixed,
/// so that what is computed does not depend on what else runs.
pub(crate) const PREFILL_CHUNK_TOKENS: usize = 64;

/// What a generation needs to begin.
pub(crate) struct SequenceSpec {
    /// Never empty.
    pub(crate) prompt: Vec<u32>,
    /// Most tokens to produce; prompt and completion together fit the context.
    pub(crate) max_tokens: u32,
    pub(crate) chooser: Chooser,
    pub(crate) stop: StopMatcher,
    pub(crate) detokenizer: Detokenizer,
    /// Tokens that end the text.
    pub(crate) ends: Arc<[u32]>,
    pub(crate) events: EventSender,
}

impl SequenceSpec {
    /// Tokens that it may have to remember at its end.
    pub(crate) fn most_tokens(&self) -> u64 {
        (self.prompt.len() as u64).saturating_add(self.max_tokens.into())
    }
}

/// The writing end of a generation's events. Room for the last event is kept from the beginning, so that it can always
/// be delivered, however slow the reader is.
pub(crate) struct EventSender {
    events: mpsc::Sender<GenerationEvent>,
    last: mpsc::OwnedPermit<GenerationEvent>,
}

impl EventSender {
    /// A channel for `capacity` events and the last one.
    pub(crate) fn channel(capacity: usize) -> Result<(Self, mpsc::Receiver<GenerationEvent>), EngineError> {
        let (events, receiver) = mpsc::channel(capacity + 1);
        let last = events
            .clone()
            .try_reserve_owned()
            .map_err(|_| EngineError::Internal("a new channel has no room for an event".into()))?;
        Ok((Self { events, last }, receiver))
    }

    /// Whether nobody listens any more.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.events.is_closed()
    }

    /// Delivers the last event.
    pub(crate) fn finish(self, last: GenerationEvent) {
        self.last.send(last);
    }
}

/// How far a generation is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its reader is behind or gone; nothing is computed for it.
    Paused,
    /// It has prompt left to read.
    Reading,
    /// It produces a token per step.
    Producing,
    /// Nothing is left to compute or to deliver but the last event.
    Finished(FinishReason),
}

/// A running generation.
pub(crate) struct Sequence {
    session: Box<dyn Session>,
    spec: SequenceSpec,
    /// Tokens of the prompt that were read.
    read: usize,
    /// The newest token, not read yet.
    newest: Option<u32>,
    produced: u32,
    finish: Option<FinishReason>,
    /// Text that is certain and not delivered yet, and the tokens since the last delivery.
    text: String,
    undelivered_tokens: u32,
    /// Of these tokens, if they were asked for.
    undelivered_logprobs: Vec<TokenLogprobs>,
}

impl Sequence {
    pub(crate) fn new(session: Box<dyn Session>, spec: SequenceSpec) -> Self {
        Self {
            session,
            spec,
            read: 0,
            newest: None,
            produced: 0,
            finish: None,
            text: String::new(),
            undelivered_tokens: 0,
            undelivered_logprobs: Vec::new(),
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.spec.events.is_cancelled()
    }

    /// Delivers what it can and says what is to be done next.
    pub(crate) fn phase(&mut self) -> Phase {
        if !self.deliver() {
            return Phase::Paused;
        }
        match self.finish {
            Some(finish) => Phase::Finished(finish),
            None if self.read < self.spec.prompt.len() => Phase::Reading,
            None => Phase::Producing,
        }
    }

    /// Reads a chunk of the prompt or the newest token; chooses the next token when all is read.
    pub(crate) fn step(&mut self) -> Result<(), EngineError> {
        let logits = if self.read < self.spec.prompt.len() {
            let chunk = self.spec.prompt.get(self.read..).unwrap_or_default();
            let chunk = chunk.get(..PREFILL_CHUNK_TOKENS).unwrap_or(chunk);
            let logits = self.session.forward(chunk, self.read)?;
            self.read += chunk.len();
            if self.read < self.spec.prompt.len() {
                return Ok(());
            }
            logits
        } else {
            let newest = self.newest.ok_or_else(|| EngineError::Internal("a prompt without tokens".into()))?;
            self.session.forward(&[newest], self.length() - 1)?
        };
        let chosen = self.spec.chooser.choose(&logits, self.length() as u64)?;
        self.accept(chosen);
        Ok(())
    }

    /// The last event and its sender; frees everything else.
    pub(crate) fn into_last_event(self, finish: FinishReason) -> (EventSender, GenerationEvent) {
        let last = GenerationEvent::Done {
            prompt_tokens: u32::try_from(self.spec.prompt.len()).unwrap_or(u32::MAX),
            completion_tokens: self.produced,
            finish,
        };
        (self.spec.events, last)
    }

    /// The sender, for telling why it broke; frees everything else.
    pub(crate) fn into_events(self) -> EventSender {
        self.spec.events
    }

    /// Tokens of prompt and completion so far.
    fn length(&self) -> usize {
        self.spec.prompt.len() + self.produced as usize
    }

    fn accept(&mut self, Chosen { token, logprobs }: Chosen) {
        if self.spec.ends.contains(&token) {
            return self.end(FinishReason::Stop);
        }
        self.newest = Some(token);
        self.produced += 1;
        self.undelivered_tokens += 1;
        self.undelivered_logprobs.extend(logprobs);
        let text = self.spec.detokenizer.push(token);
        if !self.take_text(&text) && self.produced >= self.spec.max_tokens {
            self.end(FinishReason::Length);
        }
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

    /// Hands text to the reader without waiting; false if the reader is behind.
    fn deliver(&mut self) -> bool {
        if self.text.is_empty() {
            return true;
        }
        match self.spec.events.events.try_reserve() {
            Ok(place) => {
                place.send(GenerationEvent::Piece {
                    text: std::mem::take(&mut self.text),
                    tokens: std::mem::take(&mut self.undelivered_tokens),
                    logprobs: std::mem::take(&mut self.undelivered_logprobs),
                });
                true
            }
            Err(_) => false,
        }
    }
}
