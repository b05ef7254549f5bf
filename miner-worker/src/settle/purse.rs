//! What a coordinator can pay this miner's vouchers with.

use cuckoo_primitives::Balance;

use super::look::Look;

/// What a coordinator can pay vouchers with, in planck, as far as it was read. It is taken from for each voucher that is
/// sent, so that no fee is paid for what the one before has used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Purse {
    escrow: Balance,
    /// The part of its stake that answers to this miner now.
    claimable: Balance,
}

impl Purse {
    /// What there is by this look.
    pub(crate) fn of(look: &Look) -> Self {
        Self { escrow: look.solvency.escrow, claimable: look.claimable }
    }

    /// What a voucher of this amount gets of it: paid, or on record as a debt. What answers to other miners is not known.
    pub(crate) fn gets(&self, due: Balance, is_own: bool) -> Balance {
        let claimable = if is_own { self.claimable } else { 0 };
        due.min(self.escrow.saturating_add(claimable))
    }

    /// What it is paid at once.
    pub(crate) fn pays(&self, due: Balance) -> Balance {
        due.min(self.escrow)
    }

    /// The voucher is sent.
    pub(crate) fn take(&mut self, due: Balance, is_own: bool) {
        let (gets, pays) = (self.gets(due, is_own), self.pays(due));
        self.escrow = self.escrow.saturating_sub(pays);
        self.claimable = self.claimable.saturating_sub(gets.saturating_sub(pays));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escrow_pays_whoever_comes_first_and_stake_this_miner_alone() {
        let mut purse = Purse { escrow: 10, claimable: 5 };
        assert_eq!((purse.gets(20, true), purse.gets(20, false), purse.pays(20)), (15, 10, 10));
        purse.take(4, false);
        assert_eq!((purse.gets(20, true), purse.gets(20, false), purse.pays(20)), (11, 6, 6));
        purse.take(8, true);
        assert_eq!((purse.gets(20, true), purse.gets(20, false), purse.pays(20)), (3, 0, 0));
        purse.take(Balance::MAX, false);
        assert_eq!(purse.gets(20, true), 3);
        purse.take(Balance::MAX, true);
        assert_eq!(purse, Purse::default());
    }
}
