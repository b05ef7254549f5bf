//! Why a claim is refused.

use sp_runtime::transaction_validity::{InvalidTransaction, TransactionValidityError};

/// Why a claim is refused, by the pool and in a block alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// This network has no faucet.
    NoFaucet,
    /// The block is too old, or not known here.
    BlockTooOld,
    /// The block is not older than the one that the claim would be in.
    BlockTooNew,
    /// The proof is not one.
    BadProof,
    /// The account holds as much as the faucet gives.
    NotPoor,
    /// The account has claimed in this era.
    AlreadyClaimed,
    /// The faucet has given all it gives in an era.
    EraSpent,
    /// The pot is empty.
    PotEmpty,
}

impl Refusal {
    /// What the pool answers: FRAME's own words where there are, and else a number.
    fn validity(self) -> InvalidTransaction {
        match self {
            Self::NoFaucet => InvalidTransaction::Call,
            Self::BlockTooOld => InvalidTransaction::AncientBirthBlock,
            Self::BlockTooNew => InvalidTransaction::Future,
            Self::BadProof => InvalidTransaction::BadProof,
            Self::NotPoor => InvalidTransaction::Custom(1),
            Self::AlreadyClaimed => InvalidTransaction::Custom(2),
            Self::EraSpent => InvalidTransaction::Custom(3),
            Self::PotEmpty => InvalidTransaction::Custom(4),
        }
    }
}

impl From<Refusal> for TransactionValidityError {
    fn from(refusal: Refusal) -> Self {
        Self::Invalid(refusal.validity())
    }
}
