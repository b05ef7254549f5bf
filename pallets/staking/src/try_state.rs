//! The pallet's invariants, by name.

use alloc::vec::Vec;
use cuckoo_primitives::{
    registry::{CurrentEra, VotedStake},
    AccountId, Balance, EraIndex, TOTAL_SUPPLY_CAP,
};
use frame_support::{
    ensure,
    traits::fungible::{hold::Inspect as InspectHold, Inspect},
};
use sp_runtime::DispatchError;

use crate::{
    BondRecord, BondingEras, Budget, Config, Emission, EraStarts, HoldReason, Ledgers, Pallet, Payee, PayeeOf,
    Position, SessionsPerEra,
};

impl<T: Config> Pallet<T> {
    /// Checks every invariant; the error names the first that does not hold.
    pub fn do_try_state() -> Result<(), DispatchError> {
        check_clock::<T>()?;
        check_starts::<T>()?;
        check_emission::<T>()?;
        for (stash, payee) in PayeeOf::<T>::iter() {
            ensure!(Ledgers::<T>::contains_key(&stash), "a payee's stash has a bond");
            ensure!(payee != Payee::default(), "the default payee is not stored");
        }
        for (stash, record) in Ledgers::<T>::iter() {
            check_hold::<T>(&stash, &record)?;
            check_parts(&record)?;
            check_unlocking(&record, Self::current_era(), BondingEras::<T>::get())?;
            ensure!(T::VotedStake::voted(&stash) <= record.active, "active stake covers the votes");
        }
        Ok(())
    }
}

fn check_clock<T: Config>() -> Result<(), DispatchError> {
    let position = Position::<T>::get();
    let per_era = SessionsPerEra::<T>::get();
    ensure!(per_era > 0, "an era has sessions");
    ensure!(
        position.era.checked_mul(per_era) == Some(position.first_session),
        "the era counts whole groups of sessions"
    );
    let done = position.session.checked_sub(position.first_session);
    ensure!(done.is_some_and(|done| done < per_era), "the session lies in its era");
    Ok(())
}

fn check_starts<T: Config>() -> Result<(), DispatchError> {
    let now = Position::<T>::get().era;
    ensure!(EraStarts::<T>::contains_key(now), "the running era has a start");
    let mut starts: Vec<(EraIndex, u64)> = EraStarts::<T>::iter().collect();
    starts.sort_unstable();
    let oldest = now.saturating_sub(BondingEras::<T>::get());
    ensure!(starts.iter().all(|(era, _)| (oldest..=now).contains(era)), "eras on record are those of evidence");
    ensure!(
        starts.iter().zip(starts.iter().skip(1)).all(|((_, earlier), (_, later))| earlier <= later),
        "eras start one after the other"
    );
    Ok(())
}

fn check_emission<T: Config>() -> Result<(), DispatchError> {
    let state = Emission::<T>::state();
    let is_whole = |budget: &Budget| budget.to_come().checked_add(budget.emitted) == Some(budget.total);
    ensure!(is_whole(&state.staking) && is_whole(&state.mining), "a budget is what remains, is open and was emitted");
    let owed = state.emitted().checked_sub(state.claimed);
    let held = T::Currency::balance(&Emission::<T>::pot()).checked_sub(T::Currency::minimum_balance());
    ensure!(
        owed.zip(held).is_some_and(|(owed, held)| owed <= held),
        "the pot holds what was emitted and not claimed, and its deposit"
    );
    let issuance = T::Currency::total_issuance().saturating_add(state.to_come());
    ensure!(issuance <= TOTAL_SUPPLY_CAP, "what is to come fits under the cap of the supply");
    Ok(())
}

fn check_hold<T: Config>(stash: &AccountId, record: &BondRecord<T>) -> Result<(), DispatchError> {
    let held = T::Currency::balance_on_hold(&HoldReason::Bonded.into(), stash);
    ensure!(held == record.total, "the hold equals the ledger's total");
    ensure!(record.total > 0, "an empty ledger is removed");
    Ok(())
}

fn check_parts<T: Config>(record: &BondRecord<T>) -> Result<(), DispatchError> {
    let unlocking: Balance = record.unlocking.iter().fold(0, |sum: Balance, chunk| sum.saturating_add(chunk.amount));
    ensure!(record.active.checked_add(unlocking) == Some(record.total), "the total is active plus unlocking");
    Ok(())
}

fn check_unlocking<T: Config>(
    record: &BondRecord<T>,
    now: EraIndex,
    bonding_eras: EraIndex,
) -> Result<(), DispatchError> {
    let chunks = || record.unlocking.iter();
    ensure!(chunks().all(|chunk| chunk.amount > 0), "unlocking chunks are not empty");
    ensure!(
        chunks().zip(chunks().skip(1)).all(|(earlier, later)| earlier.free_from < later.free_from),
        "unlocking chunks are ordered"
    );
    ensure!(
        chunks().all(|chunk| chunk.free_from <= now.saturating_add(bonding_eras)),
        "unlocking ends within the bonding eras"
    );
    Ok(())
}
