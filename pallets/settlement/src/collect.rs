//! A debt is paid, from escrow or from stake.

use cuckoo_primitives::{
    registry::{Candidates, CurrentEra, Freed, OwnStake},
    AccountId, Balance,
};
use frame_support::ensure;
use sp_runtime::DispatchError;

use crate::{Config, DebtBook, Error, Escrow, Event, Pallet, Payments, Terms};

/// Pays what is open between the two, as far as there is escrow, and after the grace period stake. Returns how many
/// slashes of the coordinator it took on the way. To be undone as a whole if it fails.
pub(crate) fn collect<T: Config>(coordinator: &AccountId, miner: &AccountId) -> Result<u32, DispatchError> {
    let debt = DebtBook::<T>::of(coordinator, miner);
    ensure!(debt.open > 0, Error::<T>::NoDebt);
    let from_escrow = debt.open.min(Escrow::<T>::held(coordinator));
    let rest = debt.open.saturating_sub(from_escrow);
    let in_grace = T::CurrentEra::current_era() < debt.since.saturating_add(Terms::<T>::grace_eras());
    let freed = if rest == 0 || in_grace { Freed::default() } else { free_stake::<T>(coordinator, rest)? };
    let from_stake = freed.amount;
    let paid = from_escrow.saturating_add(from_stake);
    if paid == 0 && freed.is_delayed {
        // Slashes come first, and it has taken as many as one call may: the next goes on.
        return Ok(freed.slashes);
    }
    ensure!(paid > 0 || !in_grace, Error::<T>::GraceRuns);
    ensure!(paid > 0, Error::<T>::NothingLeft);

    let mut payments = Payments::<T>::default();
    let fee = payments.add(coordinator, miner, paid)?;
    payments.settle()?;
    DebtBook::<T>::pay(coordinator, miner, from_escrow, from_stake);
    let (coordinator, miner) = (coordinator.clone(), miner.clone());
    Pallet::<T>::deposit_event(Event::DebtPaid { coordinator, miner, from_escrow, from_stake, fee });
    Ok(freed.slashes)
}

/// Makes up to `amount` planck of the coordinator's stake escrow, and has it step back: who does not pay does not work
/// on.
fn free_stake<T: Config>(coordinator: &AccountId, amount: Balance) -> Result<Freed, DispatchError> {
    let freed = T::OwnStake::free(coordinator, amount);
    if freed.amount > 0 {
        Escrow::<T>::deposit(coordinator, coordinator, freed.amount)?;
        T::Candidates::chill(coordinator);
    }
    Ok(freed)
}
