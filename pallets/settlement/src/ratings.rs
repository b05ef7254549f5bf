//! What coordinators think of miners.

use core::marker::PhantomData;
use cuckoo_primitives::{
    registry::{Candidates, CurrentEra, Operators},
    AccountId, Role,
};
use frame_support::ensure;
use sp_runtime::{traits::One, Perbill};

use crate::{Config, Error, RatingOf};

/// How good coordinators find the work of miners. It counts for what they pay them from then on, and for nothing else. Only
/// this type reads and writes [`RatingOf`].
pub struct Ratings<T>(PhantomData<T>);

impl<T: Config> Ratings<T> {
    /// What `coordinator` thinks of `miner`: all good, if it never said.
    pub(crate) fn of(coordinator: &AccountId, miner: &AccountId) -> Perbill {
        RatingOf::<T>::get(coordinator, miner).unwrap_or_else(One::one)
    }

    /// The coordinator for which `operator` may rate.
    pub(crate) fn rater(operator: &AccountId) -> Result<AccountId, Error<T>> {
        let (stash, _, last) = T::Operators::last_served(operator).ok_or(Error::<T>::NotAnOperator)?;
        let works = last == T::CurrentEra::current_era() && T::Candidates::role(&stash) == Some(Role::Coordinator);
        ensure!(works, Error::<T>::NotAnOperator);
        Ok(stash)
    }

    /// From now on `coordinator` thinks so of `miner`. Of a stash that is no miner it can only be said that all is good, which
    /// leaves no record.
    pub(crate) fn rate(coordinator: &AccountId, miner: &AccountId, quality: Perbill) -> Result<(), Error<T>> {
        if quality.is_one() {
            RatingOf::<T>::remove(coordinator, miner);
            return Ok(());
        }
        ensure!(T::Candidates::role(miner) == Some(Role::Miner), Error::<T>::NotAMiner);
        RatingOf::<T>::insert(coordinator, miner, quality);
        Ok(())
    }
}
