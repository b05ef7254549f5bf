//! The votes of one stash.

use alloc::vec::Vec;
use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use cuckoo_primitives::{
    era::EraAmount,
    registry::{Bonds, Candidates, CurrentEra},
    AccountId, Balance, EraIndex, Position,
};
use frame_support::{ensure, traits::Get};
use scale_info::TypeInfo;
use sp_runtime::DispatchResult;

use crate::{CandidateBacking, Config, Error, MinVote, Positions, Voters};

/// The votes of one stash. Only this type reads and writes [`Positions`] and [`Voters`], and it alone passes every
/// change on to [`CandidateBacking`], so that both sides keep the same sums.
pub struct Votes<T> {
    voter: AccountId,
    record: VoterRecord,
    now: EraIndex,
    _config: PhantomData<T>,
}

/// What is stored of a voter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct VoterRecord {
    /// The sum of its positions from the next era on, in planck; never more than its active bond.
    pub(crate) voted: Balance,
    /// How many positions it has, those included that are empty from the next era on.
    pub(crate) positions: u32,
}

impl<T: Config> Votes<T> {
    /// The votes of `voter`, who may have none.
    pub(crate) fn of(voter: &AccountId) -> Self {
        Self {
            voter: voter.clone(),
            record: Voters::<T>::get(voter),
            now: T::CurrentEra::current_era(),
            _config: PhantomData,
        }
    }

    /// The sum of the votes in planck, from the next era on.
    pub(crate) fn sum(&self) -> Balance {
        self.record.voted
    }

    /// What stands behind `candidate` from the next era on, in planck.
    pub(crate) fn behind(&self, candidate: &AccountId) -> Balance {
        self.position(candidate).next()
    }

    /// All positions, in storage order.
    pub(crate) fn list(&self) -> Vec<Position> {
        Positions::<T>::iter_prefix(&self.voter)
            .map(|(candidate, position)| Position {
                candidate,
                amount: position.at(self.now),
                next_amount: position.next(),
            })
            .collect()
    }

    /// Puts `amount` behind `candidate` from the next era on.
    pub(crate) fn add(&mut self, candidate: &AccountId, amount: Balance) -> DispatchResult {
        let position = self.position(candidate).add(self.now, amount).ok_or(Error::<T>::Overflow)?;
        ensure!(position.next() >= MinVote::<T>::get(), Error::<T>::BelowMinVote);
        self.spend(amount)?;
        self.store(candidate, position)?;
        CandidateBacking::<T>::add(candidate, &self.voter, amount)?;
        Ok(())
    }

    /// Puts `amount` behind `candidate` at once; the position must be new. For genesis.
    pub(crate) fn add_at_genesis(&mut self, candidate: &AccountId, amount: Balance) -> DispatchResult {
        ensure!(amount >= MinVote::<T>::get(), Error::<T>::BelowMinVote);
        self.spend(amount)?;
        self.store(candidate, EraAmount::counting_now(self.now, amount))?;
        CandidateBacking::<T>::add_at_genesis(candidate, &self.voter, amount)?;
        Ok(())
    }

    /// Takes `amount` back from `candidate` from the next era on; it can be voted or unbonded at once.
    pub(crate) fn take(&mut self, candidate: &AccountId, amount: Balance) -> DispatchResult {
        let position = self.position(candidate).sub(self.now, amount).ok_or(Error::<T>::NotEnoughVotes)?;
        ensure!(position.next() == 0 || position.next() >= MinVote::<T>::get(), Error::<T>::LeavesDust);
        self.record.voted = self.record.voted.checked_sub(amount).ok_or(Error::<T>::NotEnoughVotes)?;
        self.store(candidate, position)?;
        CandidateBacking::<T>::sub(candidate, &self.voter, amount)?;
        Ok(())
    }

    /// Checks that `amount` may leave `candidate`: that much is there, and if the voter is the candidate, its own stake
    /// stays above the minimum.
    pub(crate) fn ensure_may_leave(&self, candidate: &AccountId, amount: Balance) -> Result<(), Error<T>> {
        let rest = self.behind(candidate).checked_sub(amount).ok_or(Error::<T>::NotEnoughVotes)?;
        if *candidate == self.voter {
            let above_floor = T::Candidates::own_stake_floor(candidate).is_none_or(|floor| rest > floor);
            ensure!(above_floor, Error::<T>::OwnStakeTooLow);
        }
        Ok(())
    }

    /// Removes the position on `candidate` if nothing of it counts any more.
    pub(crate) fn settle(&mut self, candidate: &AccountId) -> DispatchResult {
        let position = Positions::<T>::get(&self.voter, candidate).ok_or(Error::<T>::NothingToSettle)?;
        ensure!(position.is_zero_from(self.now), Error::<T>::NothingToSettle);
        self.store(candidate, position)?;
        CandidateBacking::<T>::settle(candidate);
        Ok(())
    }

    fn position(&self, candidate: &AccountId) -> EraAmount {
        Positions::<T>::get(&self.voter, candidate).unwrap_or_default()
    }

    /// Adds to the sum, which the active bond must cover.
    fn spend(&mut self, amount: Balance) -> Result<(), Error<T>> {
        self.record.voted = self.record.voted.checked_add(amount).ok_or(Error::<T>::Overflow)?;
        ensure!(self.record.voted <= T::Bonds::active(&self.voter), Error::<T>::ExceedsBond);
        Ok(())
    }

    /// Stores the position and the voter's record, or removes what says nothing any more.
    fn store(&mut self, candidate: &AccountId, position: EraAmount) -> Result<(), Error<T>> {
        let existed = Positions::<T>::contains_key(&self.voter, candidate);
        if position.is_zero_from(self.now) {
            self.record.positions = self.record.positions.saturating_sub(existed.into());
            Positions::<T>::remove(&self.voter, candidate);
        } else {
            self.record.positions = self.record.positions.saturating_add((!existed).into());
            ensure!(self.record.positions <= T::MaxPositions::get(), Error::<T>::TooManyPositions);
            Positions::<T>::insert(&self.voter, candidate, position);
        }
        if self.record == VoterRecord::default() {
            Voters::<T>::remove(&self.voter);
        } else {
            Voters::<T>::insert(&self.voter, self.record);
        }
        Ok(())
    }
}
