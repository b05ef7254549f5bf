//! What exactly a miner takes on when it accepts an attempt of a task.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use cuckoo_sampler::Parameters;
use scale_info::TypeInfo;

use super::{seed::Seed, TaskId};
use crate::{signing::Statement, AccountId, Hash};

/// One attempt of a task, as miner and coordinator understand it. Both build it from the same message, so that it need not
/// cross the link.
///
/// The miner signs it when it accepts the attempt, before it sends anything, and again in its receipt. The coordinator
/// signs nothing: what it asks for comes over a link that it has proven, and the miner signs no more than it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct TaskSpec {
    /// The task.
    pub task_id: TaskId,
    /// Which try of the task, counted from 0.
    pub attempt: u32,
    /// The link over which it came: the signing hash of the [`CoordinatorProof`](crate::link::CoordinatorProof) that opened
    /// it. It covers a fresh nonce of the miner, so that it never returns.
    pub link: Hash,
    /// Operator of the coordinator that set the task.
    pub coordinator: AccountId,
    /// Operator of the miner that takes it.
    pub miner: AccountId,
    /// sha256 over the model's files, as its manifest defines it.
    pub model_root: Hash,
    /// blake2_256 of the name of the numeric class that the miner computes in.
    pub numeric_class: Hash,
    /// blake2_256 of the encoded task as it crossed the link: prompt, sampling, price.
    pub request_hash: Hash,
    /// When it must be done, in milliseconds after 1970 by the coordinator's clock.
    pub deadline_ms: u64,
    /// How its tokens are drawn; `None` where nobody could check it: embeddings, and models behind another server.
    pub drawing: Option<Drawing>,
}

/// How the tokens of a completion are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Drawing {
    /// Temperature, and from how many of the likeliest tokens.
    pub parameters: Parameters,
    /// What the noise follows from.
    pub seed: Seed,
    /// Whether the completion must have a shape (`response_format`), so that there may be fewer candidates than usual.
    pub is_shaped: bool,
    /// Tokens that other attempts have produced before: the first of this one is drawn at this position.
    pub first_position: u32,
    /// Most tokens that this attempt may produce, the one that ends the text not counted.
    pub max_tokens: u32,
}

impl Statement for TaskSpec {
    const DOMAIN: &'static [u8] = b"cuckoo/accept/v1";
}

impl TaskSpec {
    /// Whether both are of one attempt on one link, for which a miner takes on one thing and signs for one result.
    pub fn is_same_attempt(&self, other: &Self) -> bool {
        self.miner == other.miner
            && self.link == other.link
            && self.task_id == other.task_id
            && self.attempt == other.attempt
    }
}

impl Drawing {
    /// Most candidates that a draw is shown with; without a shape it is exactly so many, or the whole vocabulary.
    pub fn candidates(&self) -> usize {
        match self.parameters.temperature {
            0 => GREEDY_CANDIDATES,
            _ => cuckoo_sampler::MAX_CANDIDATES,
        }
    }
}

/// Candidates with which a greedy draw is shown.
pub const GREEDY_CANDIDATES: usize = 8;
