//! The pallet's invariants, by name.

use cuckoo_primitives::{
    registry::{CurrentEra, VotedStake},
    AccountId, Balance, EraIndex,
};
use frame_support::{ensure, traits::fungible::hold::Inspect};
use sp_runtime::DispatchError;

use crate::{BondRecord, BondingEras, Config, HoldReason, Ledgers, MinBond, Pallet, Position, SessionsPerEra};

impl<T: Config> Pallet<T> {
    /// Checks every invariant; the error names the first that does not hold.
    pub fn do_try_state() -> Result<(), DispatchError> {
        check_clock::<T>()?;
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

fn check_hold<T: Config>(stash: &AccountId, record: &BondRecord<T>) -> Result<(), DispatchError> {
    let held = T::Currency::balance_on_hold(&HoldReason::Bonded.into(), stash);
    ensure!(held == record.total, "the hold equals the ledger's total");
    ensure!(record.total > 0, "an empty ledger is removed");
    Ok(())
}

fn check_parts<T: Config>(record: &BondRecord<T>) -> Result<(), DispatchError> {
    let unlocking: Balance = record.unlocking.iter().fold(0, |sum: Balance, chunk| sum.saturating_add(chunk.amount));
    ensure!(record.active.checked_add(unlocking) == Some(record.total), "the total is active plus unlocking");
    ensure!(record.active == 0 || record.active >= MinBond::<T>::get(), "active stake is no dust");
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
