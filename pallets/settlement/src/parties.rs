//! Who takes part in a call that redeems: what it costs depends on them.

use alloc::collections::BTreeSet;
use cuckoo_primitives::{settlement::SignedVoucher, AccountId};
use frame_support::weights::Weight;

use crate::WeightInfo;

/// Who takes part in some vouchers. Found without a look at the chain, since the pool of transactions asks, too.
#[derive(Default)]
pub(crate) struct Parties<'a> {
    vouchers: u32,
    /// Coordinators, each with every key that signed for it.
    signers: BTreeSet<(&'a AccountId, &'a AccountId)>,
    miners: BTreeSet<&'a AccountId>,
}

impl<'a> Parties<'a> {
    pub(crate) fn add(&mut self, signed: &'a SignedVoucher) {
        self.vouchers = self.vouchers.saturating_add(1);
        self.signers.insert((&signed.voucher.coordinator, &signed.operator));
        self.miners.insert(&signed.voucher.miner);
    }

    /// What a call with these vouchers costs if escrow pays them.
    pub(crate) fn paying<W: WeightInfo>(&self) -> Weight {
        W::redeem(self.vouchers, self.signers.len() as u32, self.miners.len() as u32)
    }

    /// What it costs besides if they cannot be paid at once and are paid one by one: each with a coordinator and a miner of
    /// its own to look up, however many of them there are.
    pub(crate) fn paying_one_by_one<W: WeightInfo>(&self) -> Weight {
        W::redeem(self.vouchers, self.vouchers, self.vouchers)
    }

    /// What it costs besides if escrow is short for them.
    pub(crate) fn owing<W: WeightInfo>(&self) -> Weight {
        if self.vouchers == 0 {
            return Weight::zero();
        }
        W::record_debts(self.vouchers, self.signers.len() as u32, self.miners.len() as u32)
    }
}

impl<'a> FromIterator<&'a SignedVoucher> for Parties<'a> {
    fn from_iter<I: IntoIterator<Item = &'a SignedVoucher>>(vouchers: I) -> Self {
        let mut all = Self::default();
        vouchers.into_iter().for_each(|signed| all.add(signed));
        all
    }
}
