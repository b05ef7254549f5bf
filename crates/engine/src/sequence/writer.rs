//! Continues a text: chooses token after token, and delivers what they say.

use std::sync::Arc;

use crate::{
    api::{Drawn, EngineError, FinishReason, GenerationEvent, TokenLogprobs},
    detokenizer::Detokenizer,
    events::EventSender,
    models::Output,
    projection::projection_at,
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
    /// Whether to tell how each token was drawn.
    pub(crate) records: bool,
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
    undelivered_drawn: Vec<Drawn>,
    /// The token that ended the text.
    end: Option<Drawn>,
    /// What the next token is to be chosen by, as soon as the shape says what it may be.
    waiting: Option<Output>,
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
            undelivered_drawn: Vec::new(),
            end: None,
            waiting: None,
        }
    }

    /// Takes up behind tokens that another run of the same request has produced; what text was certain after them is
    /// delivered, what was held back is held back here. Before anything else, and may take milliseconds for each token of
    /// a shape.
    pub(crate) fn resume(&mut self, tokens: &[u32]) -> Result<(), EngineError> {
        let WriterSpec { chooser, stop, detokenizer, ends, .. } = &mut self.spec;
        for token in tokens {
            chooser.replay(*token)?;
            let text = detokenizer.push(*token);
            if ends.contains(token) || matches!(stop.push(&text), Matched::Stopped(_)) {
                return Err(EngineError::InvalidRequest("the text to be resumed has ended already".into()));
            }
        }
        Ok(())
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

    /// Whether a token is to be chosen that cannot be yet.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Takes what the next token is to be chosen by.
    pub(super) fn accept(&mut self, output: Output) {
        self.waiting = Some(output);
    }

    /// Chooses the next token, if there is anything to choose by and the shape is known; `None` if not, or if the text
    /// ended before it.
    pub(super) fn choose(&mut self) -> Result<Option<u32>, EngineError> {
        let output = match self.waiting.take() {
            Some(output) if self.spec.chooser.is_ready() => output,
            waiting => {
                self.waiting = waiting;
                return Ok(None);
            }
        };
        let position = self.spec.chooser.position();
        let Chosen { token, candidates, logprobs } = match self.spec.chooser.choose(&output.logits) {
            Ok(chosen) => chosen,
            // The caller's doing. What was said until then is said, and worth what any cut off answer is.
            Err(EngineError::InvalidRequest(why)) if position > 0 => {
                tracing::debug!(target: "engine", why, "a completion ends early");
                self.end(FinishReason::Length);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        self.spec.chooser.take(token);
        let projection = || projection_at(position, &output.hidden);
        let drawn = self.spec.records.then(|| Drawn { token, candidates, projection: projection() });
        if self.spec.ends.contains(&token) {
            self.end = drawn;
            self.end(FinishReason::Stop);
            return Ok(None);
        }
        self.produced += 1;
        self.undelivered_tokens += 1;
        self.undelivered_logprobs.extend(logprobs);
        self.undelivered_drawn.extend(drawn);
        let text = self.spec.detokenizer.push(token);
        if !self.take_text(&text) && self.produced >= self.spec.max_tokens {
            self.end(FinishReason::Length);
        }
        Ok(Some(token))
    }

    /// Hands text to the reader without waiting; false if the reader is behind.
    pub(super) fn deliver(&mut self) -> bool {
        // What is told of tokens whose text is held back waits for it; at the end there is nothing to wait for.
        let is_untold = !self.undelivered_logprobs.is_empty() || !self.undelivered_drawn.is_empty();
        let is_rest = self.is_finished() && is_untold;
        if self.text.is_empty() && !is_rest {
            return true;
        }
        let Self { spec, text, undelivered_tokens, undelivered_logprobs, undelivered_drawn, .. } = self;
        spec.events.try_send(|| GenerationEvent::Piece {
            text: std::mem::take(text),
            tokens: std::mem::take(undelivered_tokens),
            logprobs: std::mem::take(undelivered_logprobs),
            tokens_drawn: std::mem::take(undelivered_drawn),
        })
    }

    /// Delivers the last event.
    pub(super) fn finish(self, prompt_tokens: u32) {
        let last = match self.finish {
            Some(finish) => {
                let (completion_tokens, end) = (self.produced, self.end);
                GenerationEvent::Done { prompt_tokens, completion_tokens, finish, end }
            }
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use tokio::sync::mpsc::Receiver;

    use super::*;
    use crate::{
        api::{ResponseFormat, Sampling},
        detokenizer::TokenBytes,
        sampling::Grammars,
    };

    const END: u32 = 0;

    async fn writer(sampling: Sampling) -> (Writer, Receiver<GenerationEvent>) {
        let bytes = Arc::new(TokenBytes::new((0..=u8::MAX).map(|byte| [byte])).unwrap());
        let constraint = Grammars::new(bytes.clone(), &[END], 1).constraint(&sampling.format).await.unwrap();
        let (events, receiver) = EventSender::channel(64).unwrap();
        let writer = Writer::new(WriterSpec {
            max_tokens: 1_000,
            chooser: Chooser::new(&sampling, constraint, bytes.clone()),
            stop: StopMatcher::new(sampling.stop),
            detokenizer: Detokenizer::new(bytes),
            ends: [END].into(),
            records: false,
            events,
        });
        (writer, receiver)
    }

    /// Has the model want this byte.
    fn want(writer: &mut Writer, byte: u8) {
        let logits: Vec<f32> = (0..=u8::MAX).map(|other| if other == byte { 9.0 } else { 0.0 }).collect();
        writer.accept(Output { logits, hidden: Vec::new() });
        let begin = Instant::now();
        while writer.is_waiting() {
            writer.choose().unwrap();
            assert!(begin.elapsed() < Duration::from_secs(20), "the shape is never known");
        }
        assert!(writer.deliver());
    }

    /// Text, and the bytes of the tokens whose log-probabilities come with it.
    fn piece(receiver: &mut Receiver<GenerationEvent>) -> Option<(String, String)> {
        let GenerationEvent::Piece { text, tokens, logprobs, .. } = receiver.try_recv().ok()? else {
            panic!("no piece")
        };
        assert_eq!(logprobs.len(), tokens as usize, "one for each token");
        let bytes: Vec<u8> = logprobs.into_iter().flat_map(|token| token.chosen.bytes).collect();
        Some((text, String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn both(text: &str) -> Option<(String, String)> {
        Some((text.into(), text.into()))
    }

    #[tokio::test]
    async fn log_probabilities_come_with_the_text_of_their_tokens() {
        let sampling = Sampling { logprobs: Some(2), stop: vec!["END".into()], ..Sampling::default() };
        let (mut writer, mut receiver) = writer(sampling).await;
        "aEN".bytes().for_each(|byte| want(&mut writer, byte));
        assert_eq!((piece(&mut receiver), piece(&mut receiver)), (both("a"), None));
        want(&mut writer, b'b');
        assert_eq!(piece(&mut receiver), both("ENb"));
        "🦆".bytes().for_each(|byte| want(&mut writer, byte));
        assert_eq!((piece(&mut receiver), piece(&mut receiver)), (both("🦆"), None));
        "END".bytes().for_each(|byte| want(&mut writer, byte));
        assert_eq!(piece(&mut receiver), Some((String::new(), "END".into())), "every token that counts has one");
        assert!(writer.is_finished());
    }

    #[tokio::test]
    async fn a_shape_that_cannot_be_followed_ends_the_text_where_it_is() {
        // So many properties may come next that they are given up.
        let properties: Vec<_> = (0..800).map(|number| format!("\"p{number}\":{{}}")).collect();
        let schema = format!("{{\"type\":\"object\",\"properties\":{{{}}}}}", properties.join(","));
        let sampling = Sampling { format: ResponseFormat::JsonSchema(schema), ..Sampling::default() };
        let (mut writer, mut receiver) = writer(sampling).await;
        want(&mut writer, b'x');
        assert!(matches!(receiver.try_recv(), Ok(GenerationEvent::Piece { text, .. }) if text == "{"));
        want(&mut writer, b'x');
        assert_eq!(writer.finish, Some(FinishReason::Length));
    }
}
