//! What coordinators owe and could not pay.

use core::marker::PhantomData;
use cuckoo_primitives::{
    registry::{Bonds, CurrentEra},
    settlement::{cover, Debt},
    AccountId, Balance, EraIndex,
};

use crate::{Config, Debts, Owed, TakenOf, Terms};

/// The debts. Only this type reads and writes [`Debts`], [`Owed`] and [`TakenOf`], so that what a coordinator owes in all
/// is the sum of what it owes to each miner, and what was taken for one miner does not lessen what covers another.
pub struct DebtBook<T>(PhantomData<T>);

impl<T: Config> DebtBook<T> {
    /// What `coordinator` owes to `miner`, and what was taken for it.
    pub(crate) fn of(coordinator: &AccountId, miner: &AccountId) -> Debt {
        Debts::<T>::get(coordinator, miner).unwrap_or_default()
    }

    /// What `coordinator` owes in all, in planck.
    pub(crate) fn owed(coordinator: &AccountId) -> Balance {
        Owed::<T>::get(coordinator)
    }

    /// What stake of `coordinator` answers for to `miner` now, in planck: the cover by what was bonded before anything
    /// was taken for debts within the time in which stake unbonds, less what is open and what was taken for this miner
    /// within it.
    pub(crate) fn claimable(coordinator: &AccountId, miner: &AccountId) -> Balance {
        Self::cover_by(T::Bonds::total(coordinator), coordinator, miner)
    }

    /// What of that will still be there when vouchers for new work are redeemed, in planck: stake that can be free by
    /// then covers nothing, even if nobody ever withdraws it.
    pub(crate) fn cover_left(coordinator: &AccountId, miner: &AccountId) -> Balance {
        Self::cover_by(T::Bonds::lasting(coordinator, Terms::<T>::redeemed_by()), coordinator, miner)
    }

    fn cover_by(bond: Balance, coordinator: &AccountId, miner: &AccountId) -> Balance {
        let debt = Self::of(coordinator, miner);
        let used = debt.open.saturating_add(if Self::remembers(&debt) { debt.taken } else { 0 });
        let bond = bond.saturating_add(Self::taken_lately(coordinator));
        cover(bond, T::Bonds::total(miner)).saturating_sub(used)
    }

    fn taken_lately(coordinator: &AccountId) -> Balance {
        let now = T::CurrentEra::current_era();
        let taken = TakenOf::<T>::get(coordinator);
        match now.checked_sub(T::CurrentEra::bonding_eras()) {
            Some(forgotten) => taken.after(forgotten),
            None => taken.after(0).saturating_add(taken.in_era(0)),
        }
    }

    /// `coordinator` owes `amount` planck more to `miner`. Returns the era since which something is open.
    pub(crate) fn record(coordinator: &AccountId, miner: &AccountId, amount: Balance) -> EraIndex {
        let mut debt = Self::of(coordinator, miner);
        if debt.open == 0 {
            debt.since = T::CurrentEra::current_era();
        }
        debt.open = debt.open.saturating_add(amount);
        Owed::<T>::mutate(coordinator, |owed| *owed = owed.saturating_add(amount));
        Self::store(coordinator, miner, debt);
        debt.since
    }

    /// `from_escrow` and `from_stake` planck of the debt are paid; together no more than is open.
    pub(crate) fn pay(coordinator: &AccountId, miner: &AccountId, from_escrow: Balance, from_stake: Balance) {
        let mut debt = Self::of(coordinator, miner);
        let paid = from_escrow.saturating_add(from_stake);
        debt.open = debt.open.saturating_sub(paid);
        if from_stake > 0 {
            let before = if Self::remembers(&debt) { debt.taken } else { 0 };
            debt.taken = before.saturating_add(from_stake);
            debt.taken_in = T::CurrentEra::current_era();
            TakenOf::<T>::mutate(coordinator, |taken| taken.add(debt.taken_in, from_stake));
        }
        Owed::<T>::mutate_exists(coordinator, |owed| {
            *owed = owed.map(|sum| sum.saturating_sub(paid)).filter(|sum| *sum > 0);
        });
        Self::store(coordinator, miner, debt);
    }

    /// Whether what was taken still counts against the cover: the miner's bond that it was measured by may have moved
    /// on to another stash otherwise.
    fn remembers(debt: &Debt) -> bool {
        debt.taken_in.saturating_add(T::CurrentEra::bonding_eras()) > T::CurrentEra::current_era()
    }

    fn store(coordinator: &AccountId, miner: &AccountId, mut debt: Debt) {
        if !Self::remembers(&debt) {
            debt.taken = 0;
        }
        if debt.open == 0 && debt.taken == 0 {
            Debts::<T>::remove(coordinator, miner);
        } else {
            Debts::<T>::insert(coordinator, miner, debt);
        }
    }
}
