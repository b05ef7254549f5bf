//! How much paid work miners did in each era.

use core::marker::PhantomData;
use cuckoo_primitives::{
    registry::{Candidates, CurrentEra},
    AccountId, Balance, EraIndex, Role,
};

use crate::{Config, WorkIn, WorkOf};

/// How much paid work miners did in each era, in planck of settled vouchers. Only this type reads and writes [`WorkOf`]
/// and [`WorkIn`].
pub struct Activity<T>(PhantomData<T>);

impl<T: Config> Activity<T> {
    /// Miners were `paid` so many planck each, every miner named once. Only the work of registered ones counts.
    pub(crate) fn note<'a>(paid: impl IntoIterator<Item = (&'a AccountId, Balance)>) {
        let now = T::CurrentEra::current_era();
        let mut sum: Balance = 0;
        for (miner, amount) in paid {
            if amount > 0 && T::Candidates::role(miner) == Some(Role::Miner) {
                WorkOf::<T>::mutate(miner, |work| work.add(now, amount));
                sum = sum.saturating_add(amount);
            }
        }
        if sum > 0 {
            WorkIn::<T>::mutate(|work| work.add(now, sum));
        }
    }

    /// The work of `miner` in `era`, and that of all miners, in planck; zeros for an era that is forgotten.
    pub(crate) fn in_era(miner: &AccountId, era: EraIndex) -> (Balance, Balance) {
        (WorkOf::<T>::get(miner).in_era(era), WorkIn::<T>::get().in_era(era))
    }
}
