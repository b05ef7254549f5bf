//! Follows a streamed answer and reports it as a generation.

use std::{collections::VecDeque, time::Duration};

use futures::{stream::BoxStream, StreamExt};
use reqwest::Response;
use tokio::{sync::mpsc, time::timeout};

use super::{chunk::Chunk, lines::Lines, patience::Patience, server::broken, OpenAiLimits};
use crate::api::{EngineError, FinishReason, Generation, GenerationEvent, TokenLogprobs};

/// Events that may wait for a reader; then the connection is read no further.
const EVENT_CAPACITY: usize = 64;
/// More text than a token ever stands for, in bytes.
const MAX_TOKEN_BYTES: u64 = 512;
/// So long after the reason for its end an answer is waited for that only lacks its counts.
const COUNTS_WAIT: Duration = Duration::from_secs(5);
/// What ends the stream, beside its end.
const DONE: &[u8] = b"[DONE]";

/// No token is less likely than this, as a logarithm: servers say so of those that cannot be at all.
const LEAST_LOGPROB: f32 = -9_999.0;

/// What stands around thoughts, as models write it that think.
const THOUGHTS: (&str, &str) = ("<think>", "</think>");

/// The most tokens that an answer can be of; what a server counts beyond is not passed on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) prompt: u32,
    pub(super) completion: u32,
    /// Alternatives that are reported with each token at most; `None` if no reports were asked for.
    pub(super) logprobs: Option<u32>,
    /// The prompt's tokens by experience, as long as the server does not say.
    pub(super) likely_prompt: u32,
    /// Whether the server knows how many tokens there may be; else the answer is ended here.
    pub(super) is_told: bool,
    /// The answer was asked for in a shape, in which there is no room for thoughts.
    pub(super) has_shape: bool,
}

/// Waits until the server has begun to answer and leaves the rest to a task of its own. The connection, and with it the
/// server's work, ends when nobody reads the generation any more.
pub(super) async fn follow(
    response: Response,
    limits: OpenAiLimits,
    bounds: Bounds,
) -> Result<Generation, EngineError> {
    let parts = response.bytes_stream().map(|part| part.map(|bytes| bytes.to_vec())).boxed();
    let (lines, ready) = (Lines::default(), VecDeque::new());
    let patience = Patience::new(limits.first, bounds.completion);
    let mut answer = Answer { parts, lines, ready, count: Count::new(bounds), patience };
    let mut events = VecDeque::new();
    // The prompt's tokens are known before the first word, or, by some servers, at the end only.
    while events.is_empty() && answer.count.prompt.is_none() {
        events.extend(answer.next().await?);
    }
    let prompt_tokens = answer.count.prompt();
    let (sender, receiver) = mpsc::channel(EVENT_CAPACITY);
    tokio::spawn(async move {
        let pass_on = answer.pass_on(events, limits.idle, &sender);
        tokio::select! {
            () = pass_on => (),
            () = sender.closed() => (),
        }
    });
    Ok(Generation { prompt_tokens, events: receiver })
}

/// An answer under way.
struct Answer {
    parts: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    lines: Lines,
    /// Data that has come and not been looked at.
    ready: VecDeque<Vec<u8>>,
    count: Count,
    patience: Patience,
}

impl Answer {
    async fn pass_on(
        mut self,
        mut events: VecDeque<GenerationEvent>,
        idle: Duration,
        sender: &mpsc::Sender<GenerationEvent>,
    ) {
        loop {
            let has_events = !events.is_empty();
            while let Some(event) = events.pop_front() {
                let last = !matches!(event, GenerationEvent::Piece { .. });
                if sender.send(event).await.is_err() || last {
                    return;
                }
            }
            if has_events {
                // Not before: a reader that is slow is not the server's fault.
                self.patience.begin_anew(idle);
            }
            events.extend(self.next().await.unwrap_or_else(|error| Some(GenerationEvent::Failed(error))));
        }
    }

    /// The next event, or none if there is nothing to report of what came next.
    async fn next(&mut self) -> Result<Option<GenerationEvent>, EngineError> {
        if self.count.is_over() {
            return self.count.end().map(Some);
        }
        let has_ended = self.count.finish.is_some();
        if let Some(data) = self.ready.pop_front() {
            return if data == DONE { self.count.end().map(Some) } else { self.take(&data) };
        }
        let left = match self.patience.left() {
            Err(_) if has_ended => return self.count.end().map(Some),
            left => left?,
        };
        let limit = if has_ended { left.min(COUNTS_WAIT) } else { left };
        match timeout(limit, self.parts.next()).await {
            Ok(Some(Ok(part))) => {
                self.ready.extend(self.lines.push(&part)?);
                Ok(None)
            }
            Ok(None) => self.count.end().map(Some),
            Ok(Some(Err(_))) | Err(_) if has_ended => self.count.end().map(Some),
            Ok(Some(Err(error))) => Err(broken(&error)),
            Err(_) => Err(self.patience.is_over()),
        }
    }

    fn take(&mut self, data: &[u8]) -> Result<Option<GenerationEvent>, EngineError> {
        let event = self.count.take(Chunk::parse(data)?)?;
        if event.is_none() {
            self.patience.count_empty()?;
        }
        Ok(event)
    }
}

/// Counts what an answer consists of.
#[derive(Debug)]
struct Count {
    bounds: Bounds,
    /// The prompt's tokens, as the server counts them.
    prompt: Option<u32>,
    /// Tokens that were reported with pieces.
    reported: u32,
    bytes: u64,
    /// All tokens, as the server counts them.
    completion: Option<u32>,
    finish: Option<FinishReason>,
    /// What was passed on last were thoughts.
    is_thinking: bool,
    /// The server has said all, or was to say no more.
    is_over: bool,
}

impl Count {
    fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            prompt: None,
            reported: 0,
            bytes: 0,
            completion: None,
            finish: None,
            is_thinking: false,
            is_over: false,
        }
    }

    fn take(&mut self, chunk: Chunk) -> Result<Option<GenerationEvent>, EngineError> {
        let Chunk { thought, text, logprobs, finish, prompt_tokens, completion_tokens } = chunk;
        if let Some(tokens) = prompt_tokens {
            self.prompt = Some(tokens.min(self.bounds.prompt));
        }
        self.completion = completion_tokens.or(self.completion);
        // Servers may keep the connection open though nothing follows the last count.
        self.is_over |= completion_tokens.is_some() && (self.finish.is_some() || finish.is_some());
        match finish.as_deref() {
            None => {}
            Some("stop") => self.finish = Some(FinishReason::Stop),
            Some("length") => self.finish = Some(FinishReason::Length),
            // What a client has read of it is an answer, whatever the server calls its end.
            Some(_) if self.bytes > 0 => self.finish = Some(FinishReason::Stop),
            Some(other) if text.is_empty() && thought.is_empty() => {
                let other: String = other.chars().take(32).collect();
                return Err(EngineError::Internal(format!("the server ended its answer with {other:?}")));
            }
            Some(_) => self.finish = Some(FinishReason::Stop),
        }
        let is_only_thought = !thought.is_empty() && text.is_empty();
        let text = self.with_thoughts(thought, text);
        if text.is_empty() && (logprobs.is_empty() || is_only_thought) {
            return Ok(None);
        }
        self.bytes = self.bytes.saturating_add(text.len() as u64);
        if self.bytes > u64::from(self.bounds.completion).saturating_mul(MAX_TOKEN_BYTES) {
            return Err(EngineError::Internal(format!(
                "the server goes on after the {} tokens that were asked for",
                self.bounds.completion
            )));
        }
        let room = self.bounds.completion.saturating_sub(self.reported);
        let (tokens, logprobs) = match self.bounds.logprobs {
            Some(_) if logprobs.is_empty() && self.reported == 0 => {
                // Nothing has been passed on yet, so that somebody else may still be asked.
                let reason = "this model's server does not report log-probabilities";
                return Err(EngineError::InvalidRequest(reason.into()));
            }
            // Each token that counts has its report. Servers count tokens too that they report nothing of: the one that
            // ends the answer, and those that end amid a character.
            Some(alternatives) => {
                let logprobs: Vec<_> =
                    logprobs.into_iter().take(room as usize).map(|report| bounded(report, alternatives)).collect();
                (u32::try_from(logprobs.len()).unwrap_or(u32::MAX), logprobs)
            }
            // Where the server does not say how many tokens a piece has, it is taken for one; the rest is made up for at
            // the end.
            None => {
                let counted = completion_tokens.map_or(0, |tokens| tokens.saturating_sub(self.reported));
                (counted.max(1).min(room), Vec::new())
            }
        };
        self.reported = self.reported.saturating_add(tokens);
        if !self.bounds.is_told && self.reported >= self.bounds.completion {
            self.finish.get_or_insert(FinishReason::Length);
            self.is_over = true;
        }
        Ok(Some(GenerationEvent::Piece { text, tokens, logprobs, tokens_drawn: Vec::new() }))
    }

    /// The text with the thoughts before it: they are paid like text, so they are passed on like text. Thoughts that the
    /// answer ends with stay open, as the model left them.
    fn with_thoughts(&mut self, thought: String, text: String) -> String {
        let thought = if self.bounds.has_shape { String::new() } else { thought };
        let mut whole = String::new();
        if !thought.is_empty() && !std::mem::replace(&mut self.is_thinking, true) {
            whole.push_str(THOUGHTS.0);
        }
        whole.push_str(&thought);
        if !text.is_empty() && std::mem::take(&mut self.is_thinking) {
            whole.push_str(THOUGHTS.1);
        }
        whole.push_str(&text);
        whole
    }

    /// The prompt's tokens as far as they are known: of an answer that is left early some servers never say.
    fn prompt(&self) -> u32 {
        self.prompt.unwrap_or(self.bounds.likely_prompt.min(self.bounds.prompt))
    }

    /// Whether nothing can follow that matters.
    fn is_over(&self) -> bool {
        self.is_over
    }

    /// The last event.
    fn end(&self) -> Result<GenerationEvent, EngineError> {
        let cut = || EngineError::Internal("the server broke off in the middle of its answer".into());
        let finish = self.finish.ok_or_else(cut)?;
        let counted = self.completion.filter(|_| self.bounds.logprobs.is_none());
        let completion_tokens = counted.unwrap_or(self.reported).min(self.bounds.completion);
        Ok(GenerationEvent::Done { prompt_tokens: self.prompt(), completion_tokens, finish, end: None })
    }
}

/// A report with no more than was asked for, and numbers that can be.
fn bounded(mut report: TokenLogprobs, alternatives: u32) -> TokenLogprobs {
    report.top.truncate(alternatives as usize);
    for entry in report.top.iter_mut().chain([&mut report.chosen]) {
        entry.bytes.truncate(MAX_TOKEN_BYTES as usize);
        entry.logprob = entry.logprob.clamp(LEAST_LOGPROB, 0.0);
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::TokenLogprob;

    const BOUNDS: Bounds =
        Bounds { prompt: 100, completion: 4, logprobs: None, likely_prompt: 7, is_told: true, has_shape: false };

    fn count() -> Count {
        Count::new(BOUNDS)
    }

    fn reporting(alternatives: u32) -> Count {
        Count::new(Bounds { logprobs: Some(alternatives), ..BOUNDS })
    }

    /// A word with the reports of so many tokens, each with two alternatives.
    fn reported(text: &str, tokens: usize) -> Chunk {
        let entry = |logprob| TokenLogprob { token: 1, bytes: vec![b'a'; 5_000], logprob };
        let report = TokenLogprobs { chosen: entry(f32::NEG_INFINITY), top: vec![entry(1e-6), entry(-0.5)] };
        Chunk { logprobs: vec![report; tokens], ..words(text) }
    }

    fn words(text: &str) -> Chunk {
        Chunk { text: text.into(), ..Chunk::default() }
    }

    fn tokens(event: Option<GenerationEvent>) -> Option<u32> {
        match event {
            Some(GenerationEvent::Piece { tokens, .. }) => Some(tokens),
            _ => None,
        }
    }

    #[test]
    fn a_piece_is_a_token_unless_the_server_says_more() {
        let mut count = count();
        assert_eq!(tokens(count.take(words("a")).unwrap()), Some(1));
        let three = Chunk { completion_tokens: Some(3), prompt_tokens: Some(9), ..words("bc") };
        assert_eq!(tokens(count.take(three).unwrap()), Some(2));
        assert_eq!(count.take(Chunk { finish: Some("stop".into()), ..Chunk::default() }).unwrap(), None);
        let done =
            GenerationEvent::Done { prompt_tokens: 9, completion_tokens: 3, finish: FinishReason::Stop, end: None };
        assert_eq!(count.end().unwrap(), done);
    }

    #[test]
    fn counts_beyond_what_can_be_are_not_passed_on() {
        let mut count = count();
        let boast = Chunk {
            finish: Some("length".into()),
            prompt_tokens: Some(5_000),
            completion_tokens: Some(5_000),
            ..Chunk::default()
        };
        count.take(boast).unwrap();
        let done =
            GenerationEvent::Done { prompt_tokens: 100, completion_tokens: 4, finish: FinishReason::Length, end: None };
        assert_eq!(count.end().unwrap(), done);
    }

    fn thoughts(thought: &str) -> Chunk {
        Chunk { thought: thought.into(), ..Chunk::default() }
    }

    fn all(mut count: Count, chunks: Vec<Chunk>) -> String {
        let pieces = chunks.into_iter().filter_map(|chunk| match count.take(chunk).unwrap() {
            Some(GenerationEvent::Piece { text, .. }) => Some(text),
            _ => None,
        });
        pieces.collect()
    }

    #[test]
    fn thoughts_are_text_between_marks() {
        let chunks = || vec![thoughts("Let me "), thoughts("see."), words("Paris"), words(".")];
        assert_eq!(all(count(), chunks()), "<think>Let me see.</think>Paris.");
        assert_eq!(all(count(), vec![Chunk { text: "b".into(), ..thoughts("a") }]), "<think>a</think>b");
        assert_eq!(all(count(), vec![thoughts("Let me ")]), "<think>Let me ", "it ended amid them");
        let shaped = Count::new(Bounds { has_shape: true, ..BOUNDS });
        assert_eq!(all(shaped, chunks()), "Paris.");
    }

    #[test]
    fn of_tokens_that_shall_be_reported_those_count_that_are() {
        let mut count = reporting(1);
        assert_eq!(tokens(count.take(reported("a", 1)).unwrap()), Some(1));
        assert_eq!(tokens(count.take(words("é")).unwrap()), Some(0), "its tokens ended amid a character");
        let last = Chunk { completion_tokens: Some(4), prompt_tokens: Some(9), ..Chunk::default() };
        count.take(Chunk { finish: Some("stop".into()), ..last }).unwrap();
        let done =
            GenerationEvent::Done { prompt_tokens: 9, completion_tokens: 1, finish: FinishReason::Stop, end: None };
        assert_eq!(count.end().unwrap(), done, "what ends an answer is reported by nobody");
        assert_eq!(tokens(count.take(reported("b", 9)).unwrap()), Some(3), "never more than were asked for");
    }

    #[test]
    fn reports_hold_what_was_asked_for_and_numbers_that_can_be() {
        let Some(GenerationEvent::Piece { logprobs, .. }) = reporting(1).take(reported("a", 1)).unwrap() else {
            panic!("no piece")
        };
        let TokenLogprobs { chosen, top } = &logprobs[0];
        assert_eq!((chosen.logprob, chosen.bytes.len(), top.len()), (-9_999.0, MAX_TOKEN_BYTES as usize, 1));
        assert_eq!(top[0].logprob, 0.0);
        let unasked = count().take(reported("a", 1)).unwrap();
        assert!(matches!(unasked, Some(GenerationEvent::Piece { logprobs, .. }) if logprobs.is_empty()));
    }

    #[test]
    fn a_server_that_reports_nothing_is_found_out_before_anything_is_passed_on() {
        assert!(
            matches!(reporting(0).take(words("a")), Err(EngineError::InvalidRequest(why)) if why.contains("report"))
        );
    }

    #[test]
    fn an_answer_without_an_end_is_none() {
        let mut count = count();
        count.take(words("a")).unwrap();
        assert!(count.end().is_err());
    }

    #[test]
    fn an_odd_end_is_one_once_text_has_been_passed_on() {
        let odd = || Chunk { finish: Some("abort".into()), ..Chunk::default() };
        assert!(count().take(odd()).is_err());
        let mut count = count();
        count.take(words("a")).unwrap();
        count.take(odd()).unwrap();
        assert!(matches!(count.end(), Ok(GenerationEvent::Done { finish: FinishReason::Stop, .. })));
    }

    #[test]
    fn an_answer_is_over_with_its_reason_and_its_counts() {
        let finish = || Some("stop".to_owned());
        let counts = || Chunk { completion_tokens: Some(1), prompt_tokens: Some(9), ..Chunk::default() };
        for chunks in [
            vec![Chunk { finish: finish(), ..Chunk::default() }, counts()],
            vec![counts(), Chunk { finish: finish(), ..counts() }],
        ] {
            let mut count = count();
            count.take(words("a")).unwrap();
            for chunk in chunks {
                assert!(!count.is_over());
                count.take(chunk).unwrap();
            }
            assert!(count.is_over());
        }
    }

    #[test]
    fn an_answer_ends_here_where_the_server_was_not_told_when() {
        let mut count = Count::new(Bounds { is_told: false, ..BOUNDS });
        (0..3).for_each(|_| drop(count.take(words("a")).unwrap()));
        assert!(!count.is_over());
        count.take(words("a")).unwrap();
        assert!(count.is_over());
        // Nobody says how long the prompt was.
        let done =
            GenerationEvent::Done { prompt_tokens: 7, completion_tokens: 4, finish: FinishReason::Length, end: None };
        assert_eq!(count.end().unwrap(), done);
    }

    #[test]
    fn a_server_that_goes_on_and_on_is_stopped() {
        let mut count = count();
        let reported: u32 = (0..20).map(|_| tokens(count.take(words("a")).unwrap()).unwrap()).sum();
        assert_eq!(reported, 4, "pieces may be parts of tokens");
        assert!(count.take(words(&"a".repeat(4 * MAX_TOKEN_BYTES as usize))).is_err());
    }
}
