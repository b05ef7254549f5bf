//! A deposit that was lost from sight.

use cuckoo_chain_client::MORTAL_BLOCKS;
use cuckoo_primitives::{settlement::Solvency, BlockNumber};

use super::at::At;
use crate::store::Deposit;

/// A deposit whose fate is not known.
#[derive(Clone, Copy, Debug)]
pub(super) struct LostDeposit {
    deposit: Deposit,
    /// Past this block it cannot be included any more; `None` until a block is known that is younger than the deposit.
    ends: Option<BlockNumber>,
}

/// What is to be expected of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outlook {
    /// It may still come.
    MayCome,
    /// It has come, or somebody else has deposited as much.
    Arrived,
    /// It cannot come any more; whether it has is to be seen as of a block after this one.
    Over(BlockNumber),
}

impl LostDeposit {
    pub(super) fn new(deposit: Deposit) -> Self {
        Self { deposit, ends: None }
    }

    pub(super) fn deposit(&self) -> &Deposit {
        &self.deposit
    }

    /// What is to be expected by what was just read.
    pub(super) fn outlook(&mut self, now: &At<Solvency>) -> Outlook {
        let ends = *self.ends.get_or_insert(now.block.saturating_add(MORTAL_BLOCKS));
        if now.value.escrow >= self.deposit.before().escrow.saturating_add(self.deposit.planck()) {
            return Outlook::Arrived;
        }
        match now.block > ends {
            true => Outlook::Over(ends),
            false => Outlook::MayCome,
        }
    }
}
