//! Why nothing stands behind a promise to pay.

use cuckoo_chain_client::Cai;
use cuckoo_primitives::Balance;

use crate::error::ApiError;

/// Why the gateway cannot promise any pay now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfunded {
    /// The chain has not told yet.
    #[error("the gateway has not read its escrow on the chain yet")]
    Unknown,
    /// Miners take no work of a coordinator that has debts on record.
    #[error(
        "it owes its miners {} by debts on record; deposit as much and have it collected (settlement.deposit, then \
         settlement.collect for each of them)", Cai(*.0)
    )]
    Owes(Balance),
    /// All of the escrow is promised already.
    #[error(
        "its escrow of {} is all promised ({}); any account can add to it with settlement.deposit, naming the \
         coordinator's stash", Cai(*.escrow), Cai(*.promised)
    )]
    Spent {
        /// What is on hold and not asked back, in planck.
        escrow: Balance,
        /// What has been promised and not settled, in planck.
        promised: Balance,
    },
    /// What is left does not do for one task.
    #[error(
        "what is left of its escrow is less than the {} that the task may cost; ask for fewer tokens (max_tokens), or add \
         to it with settlement.deposit, naming the coordinator's stash", Cai(*.ceiling)
    )]
    TooMuch {
        /// What it may cost, in planck.
        ceiling: Balance,
    },
}

impl From<Unfunded> for ApiError {
    fn from(unfunded: Unfunded) -> Self {
        ApiError::unavailable("coordinator_unfunded", format!("This coordinator cannot pay for work now: {unfunded}."))
    }
}
