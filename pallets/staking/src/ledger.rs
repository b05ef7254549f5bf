//! The bond of one stash.

use alloc::vec::Vec;
use codec::{Decode, Encode, MaxEncodedLen};
use cuckoo_primitives::{
    registry::{Taken, VotedStake},
    AccountId, Balance, EraIndex,
};
use frame_support::{
    ensure,
    traits::{
        fungible::{
            hold::{Balanced as BalancedHold, Inspect, Mutate},
            Balanced,
        },
        tokens::{Fortitude, Precision, Preservation},
        Get, Imbalance,
    },
    BoundedVec, CloneNoBound, DebugNoBound, DefaultNoBound, EqNoBound, PartialEqNoBound,
};
use scale_info::TypeInfo;
use sp_runtime::DispatchError;

use crate::{Config, Error, HoldReason, Ledgers, MinBond, Payees};

/// The bond of one stash. Only this type reads and writes [`Ledgers`], and only it holds and releases funds, so that
/// the funds on hold are always the record's total.
///
/// Every change consumes the ledger and stores it; a refused change stores nothing. Whoever can be slashed in between
/// (`VotedStake::settle`) reads the ledger afterwards.
pub struct Ledger<T: Config> {
    stash: AccountId,
    record: BondRecord<T>,
}

/// What is stored of a bond. `total` is `active` plus all of `unlocking`.
#[derive(
    CloneNoBound, DebugNoBound, DefaultNoBound, PartialEqNoBound, EqNoBound, Encode, Decode, MaxEncodedLen, TypeInfo,
)]
#[scale_info(skip_type_params(T))]
#[codec(mel_bound(T: Config))]
pub struct BondRecord<T: Config> {
    /// Everything bonded, in planck; equals the hold.
    pub(crate) total: Balance,
    /// What can be voted with, in planck.
    pub(crate) active: Balance,
    /// What is on its way out, at most one chunk for an era, the one that is free first in front.
    pub(crate) unlocking: BoundedVec<UnlockChunk, T::MaxUnlockingChunks>,
}

/// Part of a bond on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct UnlockChunk {
    /// Amount in planck.
    pub(crate) amount: Balance,
    /// From this era on it can be withdrawn.
    pub(crate) free_from: EraIndex,
}

/// What others may know of a bond.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Bond {
    /// Everything bonded, in planck, what unbonds included.
    pub total: Balance,
    /// What can be voted with, in planck.
    pub active: Balance,
    /// What is on its way out, what is free first in front.
    pub unlocking: Vec<cuckoo_primitives::candidate::Unlocking>,
}

impl<T: Config> Ledger<T> {
    /// The bond of `stash`. Fails with `NotBonded` if there is none.
    pub(crate) fn of(stash: &AccountId) -> Result<Self, DispatchError> {
        let record = Ledgers::<T>::get(stash).ok_or(Error::<T>::NotBonded)?;
        Ok(Self { stash: stash.clone(), record })
    }

    /// What `stash` can vote with, in planck; zero if it has not bonded.
    pub(crate) fn active(stash: &AccountId) -> Balance {
        Ledgers::<T>::get(stash).map_or(0, |record| record.active)
    }

    /// Everything that `stash` bonded, in planck, what unbonds included; zero if it has not bonded.
    pub(crate) fn total(stash: &AccountId) -> Balance {
        Ledgers::<T>::get(stash).map_or(0, |record| record.total)
    }

    /// What of the bond of `stash` cannot be free by era `through`, in planck.
    pub(crate) fn lasting(stash: &AccountId, through: EraIndex) -> Balance {
        let Some(record) = Ledgers::<T>::get(stash) else { return 0 };
        let leaving = record.unlocking.iter().filter(|chunk| chunk.free_from <= through);
        leaving.fold(record.total, |rest, chunk| rest.saturating_sub(chunk.amount))
    }

    /// Whether `stash` has a bond.
    pub(crate) fn exists(stash: &AccountId) -> bool {
        Ledgers::<T>::contains_key(stash)
    }

    /// The bond of `stash` for others to read.
    pub(crate) fn view(stash: &AccountId) -> Option<Bond> {
        let record = Ledgers::<T>::get(stash)?;
        let unlocking = record
            .unlocking
            .iter()
            .map(|chunk| cuckoo_primitives::candidate::Unlocking { amount: chunk.amount, free_from: chunk.free_from })
            .collect();
        Some(Bond { total: record.total, active: record.active, unlocking })
    }

    /// Bonds `value` planck of a stash that has no bond.
    pub(crate) fn open(stash: &AccountId, value: Balance) -> Result<(), DispatchError> {
        ensure!(!Self::exists(stash), Error::<T>::AlreadyBonded);
        Self { stash: stash.clone(), record: BondRecord::default() }.bond_extra(value)
    }

    /// Adds `value` planck of the stash's free balance to its active bond.
    pub(crate) fn bond_extra(mut self, value: Balance) -> Result<(), DispatchError> {
        self.grow(value)?;
        self.hold(value)?;
        self.store();
        Ok(())
    }

    /// Adds `value` planck of the free balance of `source`, which must survive that, to the active bond.
    pub(crate) fn bond_from(mut self, source: &AccountId, value: Balance) -> Result<(), DispatchError> {
        self.grow(value)?;
        T::Currency::transfer_and_hold(
            &HoldReason::Bonded.into(),
            source,
            &self.stash,
            value,
            Precision::Exact,
            Preservation::Preserve,
            Fortitude::Polite,
        )?;
        self.store();
        Ok(())
    }

    /// Moves `value` planck of the active bond to what unbonds; returns the era from which on they can be withdrawn.
    pub(crate) fn unbond(
        mut self,
        value: Balance,
        now: EraIndex,
        bonding_eras: EraIndex,
    ) -> Result<EraIndex, DispatchError> {
        let active = self.record.active.checked_sub(value).ok_or(Error::<T>::NotEnoughActive)?;
        ensure!(active >= T::VotedStake::voted(&self.stash), Error::<T>::StillVoted);
        ensure!(active == 0 || active >= MinBond::<T>::get(), Error::<T>::LeavesDust);
        self.record.active = active;
        let free_from = now.saturating_add(bonding_eras);
        self.queue_unlock(value, free_from)?;
        self.store();
        Ok(free_from)
    }

    /// Moves `value` planck of what unbonds back to the active bond, those first that would be free last: they lose
    /// least of the time that they have waited.
    pub(crate) fn rebond(mut self, value: Balance) -> Result<(), DispatchError> {
        ensure!(value <= self.unlocking(), Error::<T>::NotEnoughUnlocking);
        self.shrink_unlocking(value);
        self.raise_active(value)?;
        self.store();
        Ok(())
    }

    /// Takes up to `amount` planck off what is active; returns how much. What stays may be less than [`MinBond`].
    pub(crate) fn take_active(mut self, amount: Balance, to: Taken<'_, AccountId>) -> Balance {
        let taken = self.take(amount.min(self.record.active), to);
        self.record.active = self.record.active.saturating_sub(taken);
        self.store();
        taken
    }

    /// Takes up to `amount` planck off what unbonds, that first which would be free last; returns how much.
    pub(crate) fn take_unlocking(mut self, amount: Balance, to: Taken<'_, AccountId>) -> Balance {
        let taken = self.take(amount.min(self.unlocking()), to);
        self.shrink_unlocking(taken);
        self.store();
        taken
    }

    /// Frees what has finished unbonding by era `now` and returns how much that was. A bond of which nothing is left
    /// is removed.
    pub(crate) fn withdraw(mut self, now: EraIndex) -> Result<Balance, DispatchError> {
        let mut freed: Balance = 0;
        for chunk in self.record.unlocking.iter().filter(|chunk| chunk.free_from <= now) {
            freed = freed.checked_add(chunk.amount).ok_or(Error::<T>::Overflow)?;
        }
        ensure!(freed > 0, Error::<T>::NothingToWithdraw);
        self.record.unlocking.retain(|chunk| chunk.free_from > now);
        self.record.total = self.record.total.checked_sub(freed).ok_or(Error::<T>::Overflow)?;
        T::Currency::release(&HoldReason::Bonded.into(), &self.stash, freed, Precision::Exact)?;
        self.store();
        Ok(freed)
    }

    /// What unbonds, in planck.
    fn unlocking(&self) -> Balance {
        self.record.total.saturating_sub(self.record.active)
    }

    /// Takes `value` planck off the chunks, the newest first.
    fn shrink_unlocking(&mut self, value: Balance) {
        let mut missing = value;
        while missing > 0 {
            let Some(chunk) = self.record.unlocking.last_mut() else { break };
            let taken = missing.min(chunk.amount);
            chunk.amount = chunk.amount.saturating_sub(taken);
            missing = missing.saturating_sub(taken);
            if chunk.amount == 0 {
                self.record.unlocking.pop();
            }
        }
    }

    /// Takes `amount` planck off the hold and the total and returns how much it took.
    fn take(&mut self, amount: Balance, to: Taken<'_, AccountId>) -> Balance {
        if amount == 0 {
            return 0;
        }
        let taken = match to {
            Taken::Burned => self.burn(amount, None),
            Taken::Reported(reporter) => self.burn(amount, Some(reporter)),
            Taken::Freed => {
                let reason = HoldReason::Bonded.into();
                T::Currency::release(&reason, &self.stash, amount, Precision::BestEffort).unwrap_or(0)
            }
        };
        self.record.total = self.record.total.saturating_sub(taken);
        taken
    }

    /// Takes `amount` planck off the hold and returns how much it took. The reporter gets its share of them, rounded
    /// down, if its account can hold that; the rest is burned.
    fn burn(&self, amount: Balance, reporter: Option<&AccountId>) -> Balance {
        let (slashed, _) = T::Currency::slash(&HoldReason::Bonded.into(), &self.stash, amount);
        let taken = slashed.peek();
        if let Some(reporter) = reporter {
            let (share, _burned) = slashed.split(T::ReporterShare::get().mul_floor(taken));
            // An account that cannot hold its share gets none: the share burns with the rest.
            let _refused = T::Currency::resolve(reporter, share);
        }
        taken
    }

    /// Adds to the total and to what is active.
    fn grow(&mut self, value: Balance) -> Result<(), DispatchError> {
        self.record.total = self.record.total.checked_add(value).ok_or(Error::<T>::Overflow)?;
        self.raise_active(value)
    }

    /// Adds to what is active, which must then be at least [`MinBond`].
    fn raise_active(&mut self, value: Balance) -> Result<(), DispatchError> {
        self.record.active = self.record.active.checked_add(value).ok_or(Error::<T>::Overflow)?;
        ensure!(self.record.active >= MinBond::<T>::get(), Error::<T>::BelowMinBond);
        Ok(())
    }

    /// Adds to the newest chunk if it is of the same era, else behind it. The era never goes back, so chunks stay in
    /// order.
    fn queue_unlock(&mut self, amount: Balance, free_from: EraIndex) -> Result<(), DispatchError> {
        match self.record.unlocking.last_mut() {
            Some(chunk) if chunk.free_from == free_from => {
                chunk.amount = chunk.amount.checked_add(amount).ok_or(Error::<T>::Overflow)?;
                Ok(())
            }
            _ => self
                .record
                .unlocking
                .try_push(UnlockChunk { amount, free_from })
                .map_err(|_| Error::<T>::TooManyUnlockingChunks.into()),
        }
    }

    fn hold(&self, value: Balance) -> Result<(), DispatchError> {
        let reason = HoldReason::Bonded.into();
        ensure!(T::Currency::can_hold(&reason, &self.stash, value), Error::<T>::NotEnoughFree);
        T::Currency::hold(&reason, &self.stash, value)
    }

    fn store(self) {
        if self.record.total == 0 {
            Ledgers::<T>::remove(&self.stash);
            Payees::<T>::forget(&self.stash);
        } else {
            Ledgers::<T>::insert(&self.stash, self.record);
        }
    }
}
