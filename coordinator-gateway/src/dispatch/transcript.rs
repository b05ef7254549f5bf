//! What a miner has sent of an answer, held against what an honest one can send.

use std::time::Duration;

use bytes::Bytes;
use cuckoo_primitives::{
    task::{Finish, OutputHasher},
    Hash,
};
use cuckoo_wire::{charge::Delivered, link};
use tokio::time::Instant;

use super::{
    attempt::{Piece, TextPiece},
    bounds::{Bounds, MAX_VECTOR_BYTES},
    failure::Failure,
    logprobs,
};

/// Tokens or vectors that may come after a miner was told to stop, whatever came before: what it had made by then and not
/// sent.
const LEFT_OVER: u64 = 256;
/// So long an honest miner may go on at its pace until it has heard that it shall stop, and has stopped.
const TIME_TO_STOP: Duration = Duration::from_secs(2);

/// What a miner has sent of an answer.
pub(super) struct Transcript {
    bounds: Bounds,
    hasher: OutputHasher,
    tokens: u32,
    pieces: usize,
    text_bytes: usize,
    vector_len: usize,
    /// Copies, if they may be looked at again: what came would keep all of its message in memory.
    kept: Option<Vec<Bytes>>,
    /// When the first piece came.
    begun: Option<Instant>,
    /// Most tokens, or vectors, that there may be in the end; `None` until the miner is told to stop.
    most: Option<u64>,
}

impl Transcript {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            hasher: OutputHasher::default(),
            tokens: 0,
            pieces: 0,
            text_bytes: 0,
            vector_len: 0,
            kept: None,
            begun: None,
            most: None,
        }
    }

    /// Keeps vectors from now on.
    pub(super) fn keeping_vectors(self) -> Self {
        Self { kept: self.bounds.vectors.map(|_| Vec::new()), ..self }
    }

    /// Within which it must stay.
    pub(super) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Whether anything has come.
    pub(super) fn is_empty(&self) -> bool {
        self.pieces == 0
    }

    /// The miner is told to stop at `now`. What it makes from then on is for nobody, so that it may be little.
    pub(super) fn stop(&mut self, now: Instant) {
        let made = self.made();
        let begun = self.begun.unwrap_or(now);
        let elapsed_ms = now.saturating_duration_since(begun).max(TIME_TO_STOP).as_millis();
        let at_its_pace = u128::from(made).saturating_mul(TIME_TO_STOP.as_millis()) / elapsed_ms.max(1);
        let at_its_pace = u64::try_from(at_its_pace).unwrap_or(u64::MAX);
        self.most = Some(made.saturating_add(LEFT_OVER).saturating_add(at_its_pace));
    }

    /// Tokens, or vectors.
    fn made(&self) -> u64 {
        match self.bounds.vectors {
            None => self.tokens.into(),
            Some(_) => self.pieces as u64,
        }
    }

    /// Takes note of a piece. An error is a violation: no honest miner sends such a piece.
    pub(super) fn note(&mut self, output: link::Output) -> Result<Piece, Failure> {
        self.begun.get_or_insert_with(Instant::now);
        self.pieces = self.pieces.saturating_add(1);
        self.tokens = self.tokens.saturating_add(output.tokens);
        if self.tokens > self.bounds.max_tokens {
            return Err(Failure::Violation("more tokens than asked for"));
        }
        if self.most.is_some_and(|most| self.made() > most) {
            return Err(Failure::Violation("much more after it was told to stop"));
        }
        match self.bounds.vectors {
            None => self.note_text(output).map(Piece::Text),
            Some(inputs) => self.note_vector(output, inputs).map(Piece::Vector),
        }
    }

    fn note_text(&mut self, output: link::Output) -> Result<TextPiece, Failure> {
        if !output.vector.is_empty() {
            return Err(Failure::Violation("a vector where text was asked for"));
        }
        let is_signed_for = !output.token_ids.is_empty() || !output.signature.is_empty();
        if output.text.is_empty() && output.tokens == 0 && !is_signed_for {
            // With such pieces a task could be held for as long as it may take at all.
            return Err(Failure::Violation("a piece of nothing"));
        }
        let logprobs = logprobs::read(&output.logprobs, output.tokens, self.bounds.top_logprobs)?;
        self.text_bytes = self.text_bytes.saturating_add(output.text.len());
        self.hasher.update(output.text.as_bytes());
        Ok(TextPiece { text: output.text, logprobs })
    }

    fn note_vector(&mut self, output: link::Output, inputs: usize) -> Result<Bytes, Failure> {
        let length = output.vector.len();
        let has_shape = length > 0 && length.is_multiple_of(4) && length <= MAX_VECTOR_BYTES;
        let fits = self.vector_len == 0 || self.vector_len == length;
        let is_vector = output.text.is_empty() && output.logprobs.is_empty();
        if !is_vector || !has_shape || !fits || self.pieces > inputs {
            return Err(Failure::Violation(NOT_A_VECTOR_EACH));
        }
        if !values_of(&output.vector).all(f32::is_finite) {
            return Err(Failure::Violation("a vector with infinite values or none"));
        }
        self.vector_len = length;
        self.hasher.update(&output.vector);
        if let Some(kept) = &mut self.kept {
            kept.push(Bytes::copy_from_slice(&output.vector));
        }
        Ok(output.vector)
    }

    /// Whether an answer can end here in this way.
    pub(super) fn check_end(&self, finish: Finish) -> Result<(), Failure> {
        let is_whole = self.bounds.vectors.is_none_or(|inputs| self.pieces == inputs);
        match finish {
            Finish::Cancelled if self.pieces == 0 => Err(Failure::Violation("a receipt for nothing")),
            Finish::Stop | Finish::Length if !is_whole => Err(Failure::Violation(NOT_A_VECTOR_EACH)),
            Finish::Cancelled | Finish::Stop | Finish::Length => Ok(()),
        }
    }

    /// What is paid for.
    pub(super) fn delivered(&self) -> Delivered {
        let vectors = if self.bounds.vectors.is_some() { self.pieces } else { 0 };
        Delivered { text_bytes: self.text_bytes as u64, vectors }
    }

    /// Hash of all pieces.
    pub(super) fn output_hash(&self) -> Hash {
        self.hasher.clone().finish()
    }

    /// All vectors, if they were kept.
    pub(super) fn vectors(&self) -> &[Bytes] {
        self.kept.as_deref().unwrap_or_default()
    }

    /// Tokens of all pieces.
    pub(super) fn tokens(&self) -> u32 {
        self.tokens
    }
}

const NOT_A_VECTOR_EACH: &str = "not one vector of equal length for each input";

/// The values of a vector as it crosses the link.
pub(crate) fn values_of(vector: &[u8]) -> impl Iterator<Item = f32> + '_ {
    vector.chunks_exact(4).map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_text(max_tokens: u32) -> Transcript {
        Transcript::new(Bounds::of_text(max_tokens, Instant::now()))
    }

    fn of_vectors(inputs: usize) -> Transcript {
        Transcript::new(Bounds::of_vectors(inputs, Instant::now()))
    }

    fn text(text: &str, tokens: u32) -> link::Output {
        link::Output { text: text.into(), tokens, ..Default::default() }
    }

    fn vector(values: &[f32]) -> link::Output {
        let vector: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        link::Output { vector: vector.into(), ..Default::default() }
    }

    fn is_violation<T>(noted: Result<T, Failure>) -> bool {
        matches!(noted, Err(Failure::Violation(_)))
    }

    #[test]
    fn pieces_of_text_are_counted_and_hashed() {
        let mut transcript = of_text(10);
        let piece = |text: &str| Piece::Text(TextPiece { text: text.into(), logprobs: vec![] });
        assert_eq!(transcript.note(text("Hello", 1)).unwrap(), piece("Hello"));
        assert_eq!(transcript.note(text("", 2)).unwrap(), piece(""), "a stop string has tokens too");
        transcript.note(text(" world", 0)).unwrap();
        assert_eq!(transcript.tokens(), 3);
        assert_eq!(transcript.delivered(), Delivered { text_bytes: 11, vectors: 0 });
        let mut whole = OutputHasher::default();
        whole.update(b"Hello world");
        assert_eq!(transcript.output_hash(), whole.finish());
        for finish in [Finish::Stop, Finish::Length, Finish::Cancelled] {
            transcript.check_end(finish).unwrap();
        }
    }

    #[test]
    fn a_piece_of_nothing_is_a_violation() {
        assert!(is_violation(of_text(10).note(text("", 0))));
        assert!(is_violation(of_vectors(2).note(vector(&[]))));
        assert!(is_violation(of_vectors(2).note(text("a", 0))));
        assert!(is_violation(of_text(10).note(vector(&[1.0]))));
    }

    #[test]
    fn log_probabilities_are_those_that_were_asked_for() {
        let chosen = link::TokenLogprob { bytes: vec![b'a'].into(), logprob: -0.5 };
        let report = link::TokenLogprobs { chosen: Some(chosen), top: vec![] };
        let output = link::Output { logprobs: vec![report], ..text("a", 1) };
        assert!(is_violation(of_text(10).note(output.clone())));
        let mut bounds = Bounds::of_text(10, Instant::now());
        bounds.top_logprobs = Some(0);
        let mut transcript = Transcript::new(bounds);
        let Ok(Piece::Text(piece)) = transcript.note(output.clone()) else { panic!("no text") };
        assert_eq!((piece.text.as_str(), piece.logprobs[0].chosen.logprob), ("a", -0.5));
        assert!(is_violation(transcript.note(text("b", 1))), "a token without");
        assert!(is_violation(of_vectors(1).note(link::Output { text: String::new(), ..output })));
    }

    #[test]
    fn more_than_was_asked_for_is_a_violation() {
        let mut transcript = of_text(3);
        transcript.note(text("abc", 3)).unwrap();
        assert!(is_violation(transcript.note(text("d", 1))));
        let mut transcript = of_vectors(1);
        transcript.note(vector(&[1.0])).unwrap();
        assert!(is_violation(transcript.note(vector(&[1.0]))));
    }

    #[test]
    fn vectors_are_finite_and_equally_long() {
        let mut transcript = of_vectors(3);
        transcript.note(vector(&[1.0, 2.0])).unwrap();
        assert!(is_violation(transcript.note(vector(&[1.0]))));
        assert!(is_violation(of_vectors(3).note(vector(&[1.0, f32::NAN]))));
    }

    #[test]
    fn only_what_was_cancelled_may_lack_vectors_but_not_all() {
        let mut transcript = of_vectors(3);
        assert!(is_violation(transcript.check_end(Finish::Cancelled)));
        transcript.note(vector(&[1.0])).unwrap();
        transcript.check_end(Finish::Cancelled).unwrap();
        assert!(is_violation(transcript.check_end(Finish::Stop)));
        assert_eq!(transcript.delivered(), Delivered { text_bytes: 0, vectors: 1 });
        assert!(is_violation(of_text(9).check_end(Finish::Cancelled)), "for nothing there is no receipt");
        of_text(9).check_end(Finish::Stop).unwrap();
    }

    /// How many pieces may come after the miner was told to stop, so long after it sent the first.
    fn pieces_after(mut transcript: Transcript, piece: &link::Output, elapsed: Duration) -> usize {
        transcript.stop(transcript.begun.unwrap_or_else(Instant::now) + elapsed);
        let is_fine = |_: &usize| transcript.note(piece.clone()).is_ok();
        (0..100_000).take_while(is_fine).count()
    }

    #[test]
    fn whoever_is_told_to_stop_may_send_what_it_makes_in_two_seconds_and_little_more() {
        let made = |tokens| {
            let mut transcript = of_text(100_000);
            transcript.note(text("many", tokens)).unwrap();
            transcript
        };
        let one = text("one", 1);
        let seconds = Duration::from_secs;
        assert_eq!(pieces_after(made(1_000), &one, seconds(10)), 256 + 200);
        assert_eq!(pieces_after(made(1_000), &one, seconds(1_000)), 256 + 2);
        assert_eq!(pieces_after(made(1_000), &one, seconds(0)), 256 + 1_000, "a pace is not known of a moment");
        assert_eq!(pieces_after(of_text(100_000), &one, seconds(60)), 256, "nothing had come");
        assert_eq!(pieces_after(made(99_990), &one, seconds(2)), 10, "never more than was asked for");
    }

    #[test]
    fn vectors_after_the_end_are_counted_like_tokens() {
        let mut transcript = of_vectors(2_000);
        (0..100).for_each(|_| drop(transcript.note(vector(&[1.0])).unwrap()));
        assert_eq!(pieces_after(transcript, &vector(&[1.0]), Duration::from_secs(4)), 256 + 50);
    }

    #[test]
    fn tokens_need_no_text() {
        // Thoughts that the model's server keeps to itself; they are not paid.
        let mut transcript = of_text(10_000);
        transcript.note(text("x", 9_000)).unwrap();
        for finish in [Finish::Stop, Finish::Length, Finish::Cancelled] {
            transcript.check_end(finish).unwrap();
        }
    }
}
