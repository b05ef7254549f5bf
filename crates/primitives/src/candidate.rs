//! What anyone may know of a candidate and of a voter.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_arithmetic::Perbill;
use sp_core::{bounded::BoundedVec, ConstU32};

use crate::{AccountId, Balance, EraIndex, Role};

/// Longest name, in bytes of UTF-8.
pub const MAX_NAME_LEN: u32 = 64;
/// Longest introduction, in bytes of UTF-8.
pub const MAX_INTRODUCTION_LEN: u32 = 1024;
/// Longest endpoint URL, in bytes.
pub const MAX_ENDPOINT_LEN: u32 = 256;

/// How a candidate presents itself to voters.
#[derive(
    Clone,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct CandidateInfo {
    /// Display name, UTF-8, not empty.
    pub name: BoundedVec<u8, ConstU32<MAX_NAME_LEN>>,
    /// Why to vote for it, UTF-8.
    pub introduction: BoundedVec<u8, ConstU32<MAX_INTRODUCTION_LEN>>,
    /// Where miners reach a coordinator's gateway (`http://` or `https://`); empty for other roles.
    pub endpoint: BoundedVec<u8, ConstU32<MAX_ENDPOINT_LEN>>,
}

/// Whether a candidate may work, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateStatus {
    /// Works and is drawn.
    Active,
    /// Stepped back with `chill`, or was chilled; `validate` brings it back.
    Chilled,
    /// Its stake is enough, and counts from the next era.
    Pending,
    /// Its own stake is not above the minimum of its role.
    BelowMinimum,
}

/// One registered candidate, as the runtime API returns it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, serde::Serialize, serde::Deserialize)]
pub struct Candidate {
    /// The account that bonds.
    pub stash: AccountId,
    /// The account whose key runs the miner, gateway or validator.
    pub operator: AccountId,
    /// What it offers.
    pub role: Role,
    /// How it presents itself.
    pub info: CandidateInfo,
    /// Own stake that counts in this era, in planck.
    pub own_stake: Balance,
    /// All stake behind it that counts in this era, its own included, in planck.
    pub backing: Balance,
    /// All stake behind it from the next era on if nobody votes again, in planck.
    pub next_backing: Balance,
    /// The operator's cut of what is earned in this era.
    pub commission: Perbill,
    /// Whether it may work.
    pub status: CandidateStatus,
}

impl Candidate {
    /// May work and be drawn in this era.
    pub fn is_active(&self) -> bool {
        self.status == CandidateStatus::Active
    }
}

/// The stake behind one candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, serde::Serialize, serde::Deserialize)]
pub struct BackingOverview {
    /// Its own stake that counts in this era, in planck.
    pub own_stake: Balance,
    /// Its own stake from the next era on, in planck.
    pub next_own_stake: Balance,
    /// All stake that counts in this era, its own included, in planck.
    pub backing: Balance,
    /// All stake from the next era on, in planck.
    pub next_backing: Balance,
}

/// Stake that a stash put behind one candidate.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, serde::Serialize, serde::Deserialize)]
pub struct Position {
    /// Whom it backs.
    pub candidate: AccountId,
    /// What counts in this era, in planck.
    pub amount: Balance,
    /// What counts from the next era on, in planck.
    pub next_amount: Balance,
}

/// Bonded stake on its way out.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, serde::Serialize, serde::Deserialize)]
pub struct Unlocking {
    /// Amount in planck.
    pub amount: Balance,
    /// From this era on it can be withdrawn.
    pub free_from: EraIndex,
}

/// One stash: its bond and where its votes are.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, serde::Serialize, serde::Deserialize)]
pub struct StashOverview {
    /// Everything bonded, in planck, what unbonds included.
    pub total: Balance,
    /// What can be voted with, in planck.
    pub active: Balance,
    /// What has been voted with, in planck; never more than `active`.
    pub voted: Balance,
    /// What is on its way out.
    pub unlocking: alloc::vec::Vec<Unlocking>,
    /// What it could claim now, in planck.
    pub reward: Balance,
    /// Where the votes are.
    pub positions: alloc::vec::Vec<Position>,
}
