//! The votes of one stash.

use alloc::vec::Vec;
use codec::{Decode, Encode, MaxEncodedLen};
use cuckoo_primitives::{
    registry::{Bonds, Candidates, CurrentEra},
    AccountId, Balance, EraIndex,
};
use frame_support::{ensure, BoundedVec, CloneNoBound, DebugNoBound, DefaultNoBound, EqNoBound, PartialEqNoBound};
use scale_info::TypeInfo;
use sp_runtime::{DispatchError, DispatchResult};

use crate::{pool::liable_from, Config, Earnings, Error, Layer, MinVote, Pool, Position, Slashes, Voters};

/// The votes of one stash. Only this type reads and writes [`Voters`], and it alone passes every change on to
/// [`Pool`], so that both sides keep the same sums.
///
/// Opening it ([`Votes::of`]) takes first what slashes have cost the stash (file `liability.rs`); every change ends with
/// [`Votes::store`].
pub struct Votes<T: Config> {
    pub(crate) voter: AccountId,
    pub(crate) record: VoterRecord<T>,
    pub(crate) now: EraIndex,
    pub(crate) taken: u32,
}

/// What is stored of a voter.
#[derive(
    CloneNoBound, DebugNoBound, DefaultNoBound, PartialEqNoBound, EqNoBound, Encode, Decode, MaxEncodedLen, TypeInfo,
)]
#[scale_info(skip_type_params(T))]
#[codec(mel_bound(T: Config))]
pub struct VoterRecord<T: Config> {
    /// The stake of all its positions that stays, in planck; never more than its active bond.
    pub(crate) voted: Balance,
    /// Earned and not claimed, in planck.
    pub(crate) reward: Balance,
    /// The slashes up to the one with this number have been taken, as far as they concern the voter.
    pub(crate) settled_slash: u32,
    /// Whom it backs, and whom it backed as long as it is liable.
    pub(crate) positions: BoundedVec<Position, T::MaxPositions>,
}

impl<T: Config> Votes<T> {
    /// The votes of `voter`, who may have none, with the cost of all slashes taken. Fails if more wait than one
    /// settlement takes.
    pub(crate) fn of(voter: &AccountId) -> Result<Self, Error<T>> {
        let mut votes = Self::unsettled(voter);
        votes.settle()?;
        Ok(votes)
    }

    /// The votes of `voter` with the cost of all slashes taken, however many there are. For those who only look.
    pub(crate) fn settled_in_full(voter: &AccountId) -> Self {
        let mut votes = Self::unsettled(voter);
        while !votes.is_settled() {
            votes.settle_some(None);
        }
        votes
    }

    /// The votes of `voter` as they are on record.
    pub(crate) fn unsettled(voter: &AccountId) -> Self {
        let new = || VoterRecord { settled_slash: Slashes::<T>::count(), ..Default::default() };
        Self {
            voter: voter.clone(),
            record: Voters::<T>::get(voter).unwrap_or_else(new),
            now: T::CurrentEra::current_era(),
            taken: 0,
        }
    }

    /// How many slashes have been taken since this was opened.
    pub(crate) fn taken(&self) -> u32 {
        self.taken
    }

    /// The sum of the votes in planck, from the next era on.
    pub(crate) fn sum(&self) -> Balance {
        self.record.voted
    }

    /// What stands behind `candidate` from the next era on, in planck.
    pub(crate) fn behind(&self, candidate: &AccountId) -> Balance {
        self.find(candidate).map_or(0, |position| position.live.total())
    }

    /// The position on `candidate`.
    pub(crate) fn find(&self, candidate: &AccountId) -> Option<&Position> {
        self.record.positions.iter().find(|position| position.candidate == *candidate)
    }

    /// All positions in which stake counts, or will.
    pub(crate) fn list(&self) -> Vec<cuckoo_primitives::Position> {
        let all = self.record.positions.iter().map(|position| cuckoo_primitives::Position {
            candidate: position.candidate.clone(),
            amount: position.counted(self.now),
            next_amount: position.live.total(),
        });
        all.filter(|position| position.amount > 0 || position.next_amount > 0).collect()
    }

    /// Puts `amount` behind `candidate`, for which there is a pool, from the next era on.
    pub(crate) fn add(&mut self, candidate: &AccountId, amount: Balance) -> DispatchResult {
        self.add_from(candidate, self.now.saturating_add(1), amount)
    }

    /// Puts `amount` behind `candidate` at once. For genesis.
    pub(crate) fn add_at_genesis(&mut self, candidate: &AccountId, amount: Balance) -> DispatchResult {
        self.add_from(candidate, self.now, amount)
    }

    /// Takes over a vote that counts with `current` in this era and with `next` in later ones. It may fall short of what
    /// calls ask for, and the bond covers it.
    pub(crate) fn adopt(&mut self, candidate: &AccountId, current: Balance, next: Balance) {
        let earnings = Earnings::<T>::caught_up(candidate);
        let mut position = Position::new(candidate.clone(), self.now, earnings.per_unit());
        let parts = [
            Layer { from: 0, amount: current },
            Layer { from: self.now.saturating_add(1), amount: next.saturating_sub(current) },
        ];
        for part in parts.iter().filter(|part| part.amount > 0) {
            // Two always fit.
            let _fits = position.live.add(part.from, part.amount);
            Pool::<T>::join(candidate, part.from, part.amount);
        }
        if let Some(Ok(left)) = position.leave(self.now, current.saturating_sub(next)) {
            Pool::<T>::leave(candidate, &left);
        }
        position.marked = true;
        if self.record.positions.try_push(position).is_ok() {
            Earnings::<T>::hold_mark(candidate, self.now);
            Pool::<T>::add_position(candidate);
            self.record.voted = self.record.voted.saturating_add(next);
            self.note_own(candidate);
        }
    }

    /// Takes `amount` back from `candidate` from the next era on; it can be voted or unbonded at once, and stays liable.
    pub(crate) fn take(&mut self, candidate: &AccountId, amount: Balance) -> DispatchResult {
        ensure!(amount <= self.behind(candidate), Error::<T>::NotEnoughVotes);
        self.touch(candidate)?;
        let now = self.now;
        let parts = self.change(candidate, |position| {
            let parts = position.leave(now, amount).ok_or(Error::<T>::NotEnoughVotes)?;
            parts.map_err(|_| Error::<T>::TooManyLeft)
        })?;
        let rest = self.behind(candidate);
        ensure!(rest == 0 || rest >= MinVote::<T>::get(), Error::<T>::LeavesDust);
        self.record.voted = self.record.voted.saturating_sub(amount);
        Pool::<T>::leave(candidate, &parts);
        self.note_own(candidate);
        // A vote that never counted makes room for another.
        self.forget();
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

    /// Counts the reward of the position on `candidate` up to the start of this era; makes the position if there is
    /// none.
    pub(crate) fn touch(&mut self, candidate: &AccountId) -> DispatchResult {
        let earnings = Earnings::<T>::caught_up(candidate);
        if self.find(candidate).is_none() {
            let position = Position::new(candidate.clone(), self.now, earnings.per_unit());
            self.record.positions.try_push(position).map_err(|_| Error::<T>::TooManyPositions)?;
            Pool::<T>::add_position(candidate);
        }
        self.accrue(candidate, self.now, earnings.per_unit());
        Ok(())
    }

    /// Settles `voter` as far as one settlement goes, and if that was all, counts the reward of its position on
    /// `candidate`. Returns what slashes cost it in planck, and how many they were.
    pub(crate) fn settle_position(voter: &AccountId, candidate: &AccountId) -> Result<(Balance, u32), DispatchError> {
        let mut votes = Self::unsettled(voter);
        ensure!(votes.find(candidate).is_some(), Error::<T>::NothingToSettle);
        let before = votes.record.clone();
        let lost = votes.settle_some(None);
        if votes.is_settled() {
            votes.touch(candidate)?;
        }
        votes.forget();
        let changed = votes.record != before;
        ensure!(changed, Error::<T>::NothingToSettle);
        let taken = votes.taken();
        votes.store();
        Ok((lost, taken))
    }

    /// Settles `voter` as far as one settlement goes; returns whether that was all.
    pub(crate) fn settle_step(voter: &AccountId) -> bool {
        let mut votes = Self::unsettled(voter);
        votes.settle_some(None);
        let settled = votes.is_settled();
        votes.store();
        settled
    }

    /// Counts the rewards of all positions up to the start of this era and takes them off the record.
    pub(crate) fn take_rewards(&mut self) -> Result<Balance, DispatchError> {
        let candidates: Vec<_> = self.record.positions.iter().map(|position| position.candidate.clone()).collect();
        candidates.iter().try_for_each(|candidate| self.touch(candidate))?;
        Ok(core::mem::take(&mut self.record.reward))
    }

    /// Counts the reward of the position on `candidate` from its last touch up to the start of `era`, when the
    /// candidate's reward per unit was `per_unit`. Nothing happens if it is counted as far already.
    pub(crate) fn accrue(&mut self, candidate: &AccountId, era: EraIndex, per_unit: crate::fixed::PerUnit) {
        let Some(position) = self.find_mut(candidate).filter(|position| position.touched < era) else { return };
        let mark = if position.marked { Earnings::<T>::release_mark(candidate, position.touched) } else { None };
        let reward = position.accrue(era, per_unit, mark);
        self.record.reward = self.record.reward.saturating_add(reward);
    }

    /// Tells the pool of what the candidate has behind itself, if this is its own position.
    pub(crate) fn note_own(&self, candidate: &AccountId) {
        if *candidate == self.voter {
            let own = self.find(candidate).map_or((0, 0), |own| (own.counted(self.now), own.live.total()));
            Pool::<T>::set_own(candidate, own.0, own.1);
        }
    }

    /// Stores the record, without the positions by which nobody stakes or is liable any more.
    pub(crate) fn store(mut self) {
        self.forget();
        if self.record.voted == 0 && self.record.reward == 0 && self.record.positions.is_empty() {
            Voters::<T>::remove(&self.voter);
        } else {
            Voters::<T>::insert(&self.voter, self.record);
        }
    }

    /// Forgets what nobody is liable for any more in the positions that have been touched in this era, unless slashes
    /// wait, and those positions of which nothing is left.
    fn forget(&mut self) {
        let (now, liable_from) = (self.now, liable_from::<T>());
        let mut gone = Vec::new();
        if self.is_settled() {
            self.record.positions.iter_mut().filter(|it| it.touched == now).for_each(|it| it.forget(liable_from));
        }
        self.record.positions.retain(|position| {
            if position.is_empty() {
                gone.push((position.candidate.clone(), position.marked.then_some(position.touched)));
            }
            !position.is_empty()
        });
        for (candidate, marked_in) in gone {
            if let Some(era) = marked_in {
                Earnings::<T>::release_mark(&candidate, era);
            }
            Pool::<T>::remove_position(&candidate);
            Earnings::<T>::forget(&candidate);
        }
    }

    fn add_from(&mut self, candidate: &AccountId, from: EraIndex, amount: Balance) -> DispatchResult {
        self.touch(candidate)?;
        self.record.voted = self.record.voted.checked_add(amount).ok_or(Error::<T>::Overflow)?;
        ensure!(self.record.voted <= T::Bonds::active(&self.voter), Error::<T>::ExceedsBond);
        let liable_from = liable_from::<T>();
        self.change(candidate, |position| {
            position.forget(liable_from);
            ensure!(position.live.add(from, amount), Error::<T>::Overflow);
            Ok(())
        })?;
        ensure!(self.behind(candidate) >= MinVote::<T>::get(), Error::<T>::BelowMinVote);
        Pool::<T>::join(candidate, from, amount);
        self.note_own(candidate);
        Ok(())
    }

    /// Changes the position on `candidate`, which has been touched in this era.
    fn change<R>(
        &mut self,
        candidate: &AccountId,
        change: impl FnOnce(&mut Position) -> Result<R, Error<T>>,
    ) -> Result<R, Error<T>> {
        let now = self.now;
        let position = self.find_mut(candidate).ok_or(Error::<T>::NotEnoughVotes)?;
        let done = change(position)?;
        if !core::mem::replace(&mut position.marked, true) {
            Earnings::<T>::hold_mark(candidate, now);
        }
        Ok(done)
    }

    /// The position on `candidate`.
    pub(crate) fn find_mut(&mut self, candidate: &AccountId) -> Option<&mut Position> {
        self.record.positions.iter_mut().find(|position| position.candidate == *candidate)
    }
}
