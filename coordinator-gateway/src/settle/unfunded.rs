//! Why nothing stands behind a promise to pay.

use cuckoo_chain_client::Cai;
use cuckoo_primitives::Balance;

use crate::error::ApiError;

/// Why the gateway cannot promise any pay now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfunded {
    /// The chain has not told yet, or not for long.
    #[error("the gateway cannot read its escrow on the chain now")]
    Unknown,
    /// Miners take no work of a coordinator that has debts on record.
    #[error(
        "it owes its miners {} by debts on record; deposit as much and have it collected (settlement.deposit, then \
         settlement.collect for each of them)", Cai(*.0)
    )]
    Owes(Balance),
    /// All of the escrow is promised already.
    #[error(
        "its escrow of {} is all promised; any account can add to it with settlement.deposit, naming the coordinator's \
         stash", Cai(*.escrow)
    )]
    Spent {
        /// What is on hold and not asked back, in planck.
        escrow: Balance,
    },
    /// More is promised than there is, as after a withdrawal, or with a journal that is older than the chain.
    #[error(
        "its vouchers that are not settled promise {}, and its escrow is {}; any account can add to it with \
         settlement.deposit, naming the coordinator's stash (if the chain was started anew, what was promised before means \
         nothing there: give the gateway a new folder with --data-dir)", Cai(*.promised), Cai(*.escrow)
    )]
    Overdrawn {
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
