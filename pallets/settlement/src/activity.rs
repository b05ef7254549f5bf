//! How much paid work miners did in each era, and how good it was.

use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use cuckoo_primitives::{
    registry::{Candidates, CurrentEra},
    AccountId, Balance, EraIndex, Role,
};
use scale_info::TypeInfo;
use sp_runtime::Perbill;

use crate::{era_sums::Sum, Config, WorkIn, WorkOf};

/// How much paid work miners did in each era, in planck of settled vouchers, and how good it was. Only this type reads and
/// writes [`WorkOf`] and [`WorkIn`].
pub struct Activity<T>(PhantomData<T>);

/// Paid work of a miner, in planck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Work {
    /// What was paid for it, the fee included.
    pub paid: Balance,
    /// The part of that which the ratings of those who paid take off, rounded up.
    pub poor: Balance,
}

impl Work {
    /// Work that somebody has `paid` for who thinks so of it.
    pub(crate) fn rated(paid: Balance, quality: Perbill) -> Self {
        Self { paid, poor: paid.saturating_sub(quality.mul_floor(paid)) }
    }

    /// The part that is not poor, rounded down; all of no work.
    fn quality(self) -> Perbill {
        match self.paid {
            0 => Perbill::one(),
            paid => Perbill::from_rational(paid.saturating_sub(self.poor), paid),
        }
    }
}

impl Sum for Work {
    fn plus(self, other: Self) -> Self {
        Self { paid: self.paid.saturating_add(other.paid), poor: self.poor.saturating_add(other.poor) }
    }
}

impl<T: Config> Activity<T> {
    /// Miners were paid for that work, every miner named once. Only the work of registered ones counts.
    pub(crate) fn note<'a>(done: impl IntoIterator<Item = (&'a AccountId, Work)>) {
        let now = T::CurrentEra::current_era();
        let mut sum: Balance = 0;
        for (miner, work) in done {
            if work.paid > 0 && T::Candidates::role(miner) == Some(Role::Miner) {
                WorkOf::<T>::mutate(miner, |works| works.add(now, work));
                sum = sum.saturating_add(work.paid);
            }
        }
        if sum > 0 {
            WorkIn::<T>::mutate(|work| work.add(now, sum));
        }
    }

    /// What was paid for the work of `miner` in `era`, and for that of all miners, in planck; zeros for an era that is
    /// forgotten.
    pub(crate) fn in_era(miner: &AccountId, era: EraIndex) -> (Balance, Balance) {
        (WorkOf::<T>::get(miner).in_era(era).paid, WorkIn::<T>::get().in_era(era))
    }

    /// What those who paid `miner` in `era` thought of its work, by how much they paid; all, if nobody did.
    pub(crate) fn quality(miner: &AccountId, era: EraIndex) -> Perbill {
        WorkOf::<T>::get(miner).in_era(era).quality()
    }
}
