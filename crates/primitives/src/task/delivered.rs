//! What a miner signs for while it answers.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use super::TaskId;
use crate::{signing::Statement, AccountId, Hash};

/// The tokens that a miner has sent of an attempt so far; signed with its operator key every [`SIGNED_EVERY`] tokens and
/// with the last of them, so that what it sends and what its receipt commits to cannot differ unpunished.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Delivered {
    /// The task.
    pub task_id: TaskId,
    /// Which try of the task.
    pub attempt: u32,
    /// The link over which it came.
    pub link: Hash,
    /// Operator of the miner that signs.
    pub miner: AccountId,
    /// How many tokens, the one that ends the text included.
    pub tokens: u32,
    /// Root over their numbers, as in [`Commitment`](super::Commitment).
    pub tokens_root: Hash,
}

/// A miner signs for what it has sent after at most so many tokens.
pub const SIGNED_EVERY: u32 = 32;

impl Statement for Delivered {
    const DOMAIN: &'static [u8] = b"cuckoo/delivered/v1";
}
