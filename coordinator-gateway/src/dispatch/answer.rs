//! An answer that is handed out whole.

use bytes::Bytes;

use super::{
    attempt::{Completed, ServedBy},
    logprobs::TokenLogprobs,
};

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The text, all pieces together.
    pub(crate) text: String,
    /// Of its tokens, if they were asked for.
    pub(crate) logprobs: Vec<TokenLogprobs>,
    /// The vectors, in the order of the inputs.
    pub(crate) vectors: Vec<Bytes>,
    /// What the miner signed.
    pub(crate) completed: Completed,
    /// Who answered.
    pub(crate) served_by: ServedBy,
}

/// What has come of an answer that nobody has seen yet.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) text: String,
    pub(super) logprobs: Vec<TokenLogprobs>,
    pub(super) vectors: Vec<Bytes>,
}

impl Collected {
    /// All of it.
    pub(super) fn answer(self, completed: Completed, served_by: ServedBy) -> Answer {
        let Self { text, logprobs, vectors } = self;
        Answer { text, logprobs, vectors, completed, served_by }
    }
}
