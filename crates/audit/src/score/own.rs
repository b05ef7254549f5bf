//! What the auditor's engine says of a claimed completion.

use cuckoo_primitives::commitment::Projection;
use cuckoo_sampler::Candidate;

/// What the auditor's engine says of a claimed completion.
#[derive(Clone, Debug, PartialEq)]
pub struct Own {
    /// Tokens before the attempt's first, template and resumed ones included.
    pub prompt_tokens: u32,
    /// Most tokens that could have been produced: what the spec, the context and the shape leave room for.
    pub most_tokens: u32,
    /// What is sent before the completion (`echo`), and then the text that is certain whatever might follow.
    pub certain: String,
    /// Text that is output only if nothing follows.
    pub held: String,
    /// Whether the tokens end the text.
    pub end: End,
    /// One for each claimed token; fewer where the shape that was asked for allowed no more.
    pub tokens: Vec<OwnToken>,
}

/// Whether the tokens of a completion end it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// They do not.
    Open,
    /// The last is a token that ends a text.
    Token,
    /// The last completes a stop string.
    Text,
    /// One before the last does either.
    Early,
}

/// One claimed token, with the auditor's eyes.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnToken {
    /// What the auditor's engine would have drawn from, in the sampler's order.
    pub candidates: Vec<Candidate>,
    /// The logit of the token that is claimed, in 2^-16; `None` if it is impossible.
    pub claimed_logit: Option<i32>,
    /// The logits of the candidates that the miner has opened, in their order.
    pub logits: Vec<Option<i32>>,
    /// The projection, where the position has one.
    pub projection: Option<Projection>,
}
