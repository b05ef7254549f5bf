//! What is charged against candidates, and what they were convicted of.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_arithmetic::Perbill;

use crate::{AccountId, Balance, EraIndex, Hash, Role};

/// Number of a case; they are counted from 0 in the order in which they were filed.
pub type CaseId = u64;

/// Most cases that one page of the docket has; a larger limit is cut to it.
pub const MAX_CASES_PER_PAGE: u32 = 256;

/// What a candidate did.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A miner signed two different things for one attempt: two receipts, or one that is not for what it accepted.
    ReceiptEquivocation,
    /// A validator signed two blocks for one slot, or two votes for one round.
    ConsensusEquivocation,
    /// A miner sent other tokens than those that its receipt commits to.
    Misdelivery,
    /// A miner committed to a token that it did not send.
    LeafMismatch,
    /// A miner committed to a token that cannot have been drawn so.
    FalseDraw,
    /// A miner signed for more tokens than it was asked for.
    Excess,
    /// A miner did not show how it drew a token, though it was asked on the chain.
    WithheldOpening,
    /// A miner did not show what came of what it had accepted, though it was asked on the chain.
    MissedDeadline,
}

impl Fault {
    /// Kinds of fault that one candidate can have: a miner all but one, a validator that one.
    pub const OF_ONE_CANDIDATE: u32 = 7;
}

/// A slash that waits for its time.
#[derive(
    Clone,
    Debug,
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
pub struct Case {
    /// The stash whose operator did it.
    pub offender: AccountId,
    /// What the operator worked as.
    pub role: Role,
    /// What it did.
    pub fault: Fault,
    /// When it did it; the stake that stood behind it then is liable.
    pub offence_era: EraIndex,
    /// How much of that stake is to be taken, before earlier convictions are counted.
    pub fraction: Perbill,
    /// Who earns the reporter's share.
    pub reporter: Option<AccountId>,
    /// blake2_256 of the encoded evidence, or of the challenge that was not answered; `None` if consensus found the fault
    /// and keeps the proof.
    pub evidence_hash: Option<Hash>,
    /// The era in which the case was filed.
    pub reported_in: EraIndex,
    /// From this era on it is applied. Until then governance can cancel it.
    pub apply_in: EraIndex,
}

/// A case that was applied.
#[derive(
    Clone,
    Debug,
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
pub struct Conviction {
    /// The number that the case had.
    pub case: CaseId,
    /// What the offender did.
    pub fault: Fault,
    /// When it did it.
    pub offence_era: EraIndex,
    /// How much of the liable stake was taken, earlier convictions counted.
    pub fraction: Perbill,
    /// What the offender itself lost, in planck.
    pub loss: Balance,
    /// blake2_256 of the encoded evidence, or of the challenge that was not answered; `None` if consensus keeps the proof.
    pub evidence_hash: Option<Hash>,
    /// The era in which it was applied.
    pub applied_in: EraIndex,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_of_fault_but_the_validators_are_a_miners() {
        let scale_info::TypeDef::Variant(faults) = Fault::type_info().type_def else { panic!("it is an enum") };
        assert_eq!(faults.variants.len() as u32, Fault::OF_ONE_CANDIDATE + 1);
    }
}
