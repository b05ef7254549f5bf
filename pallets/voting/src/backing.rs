//! The stake behind one candidate.

use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use cuckoo_primitives::{era::EraAmount, registry::CurrentEra, AccountId, Balance, EraIndex};
use scale_info::TypeInfo;

use crate::{Backings, Config, Error};

/// The sums over the positions on candidates. Only this type reads and writes [`Backings`].
///
/// A record is removed when nothing of it counts any more.
pub struct CandidateBacking<T>(PhantomData<T>);

/// What is stored of the stake behind a candidate, in planck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct BackingRecord {
    /// The candidate's position on itself.
    pub(crate) own: EraAmount,
    /// All positions, its own included.
    pub(crate) total: EraAmount,
}

impl BackingRecord {
    /// The record after `change` to one position: to `total`, and if it is the candidate's own also to `own`.
    fn changed(self, own: bool, change: impl Fn(EraAmount) -> Option<EraAmount>) -> Option<Self> {
        Some(Self { own: if own { change(self.own)? } else { self.own }, total: change(self.total)? })
    }
}

impl<T: Config> CandidateBacking<T> {
    /// Own stake of `candidate` in planck: what counts in this era, and from the next on.
    pub(crate) fn own(candidate: &AccountId) -> (Balance, Balance) {
        let own = Backings::<T>::get(candidate).own;
        (own.at(T::CurrentEra::current_era()), own.next())
    }

    /// All stake behind `candidate` in planck: what counts in this era, and from the next on.
    pub(crate) fn total(candidate: &AccountId) -> (Balance, Balance) {
        let total = Backings::<T>::get(candidate).total;
        (total.at(T::CurrentEra::current_era()), total.next())
    }

    /// Adds `amount` of `voter` from the next era on.
    pub(crate) fn add(candidate: &AccountId, voter: &AccountId, amount: Balance) -> Result<(), Error<T>> {
        let now = T::CurrentEra::current_era();
        let record = Backings::<T>::get(candidate)
            .changed(voter == candidate, |stake| stake.add(now, amount))
            .ok_or(Error::<T>::Overflow)?;
        Self::store(candidate, record, now);
        Ok(())
    }

    /// Takes `amount` of `voter` away from the next era on.
    pub(crate) fn sub(candidate: &AccountId, voter: &AccountId, amount: Balance) -> Result<(), Error<T>> {
        let now = T::CurrentEra::current_era();
        let record = Backings::<T>::get(candidate)
            .changed(voter == candidate, |stake| stake.sub(now, amount))
            .ok_or(Error::<T>::NotEnoughVotes)?;
        Self::store(candidate, record, now);
        Ok(())
    }

    /// Makes genesis votes count at once.
    pub(crate) fn add_at_genesis(candidate: &AccountId, voter: &AccountId, amount: Balance) -> Result<(), Error<T>> {
        let now = T::CurrentEra::current_era();
        let record = Backings::<T>::get(candidate)
            .changed(voter == candidate, |stake| Some(EraAmount::counting_now(now, stake.next().checked_add(amount)?)))
            .ok_or(Error::<T>::Overflow)?;
        Self::store(candidate, record, now);
        Ok(())
    }

    /// Removes the record of a candidate if nothing of it counts any more.
    pub(crate) fn settle(candidate: &AccountId) {
        Self::store(candidate, Backings::<T>::get(candidate), T::CurrentEra::current_era());
    }

    fn store(candidate: &AccountId, record: BackingRecord, now: EraIndex) {
        if record.total.is_zero_from(now) {
            Backings::<T>::remove(candidate);
        } else {
            Backings::<T>::insert(candidate, record);
        }
    }
}
