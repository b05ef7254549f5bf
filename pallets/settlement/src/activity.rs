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
    /// `miner` was paid `amount` planck. Only the work of registered miners counts.
    pub(crate) fn note(miner: &AccountId, amount: Balance) {
        if amount == 0 || T::Candidates::role(miner) != Some(Role::Miner) {
            return;
        }
        let now = T::CurrentEra::current_era();
        WorkOf::<T>::mutate(miner, |work| work.add(now, amount));
        WorkIn::<T>::mutate(|work| work.add(now, amount));
    }

    /// The work of `miner` in `era`, and that of all miners, in planck; zeros for an era that is forgotten.
    pub(crate) fn in_era(miner: &AccountId, era: EraIndex) -> (Balance, Balance) {
        (WorkOf::<T>::get(miner).in_era(era), WorkIn::<T>::get().in_era(era))
    }
}
