//! What other pallets ask of this one.

use cuckoo_primitives::{
    registry::{Bonds, Budgets, CurrentEra, RewardPot},
    AccountId, Balance, EraIndex,
};

use crate::{Clock, Config, Emission, Event, Ledger, Pallet};

impl<T: Config> Bonds<AccountId> for Pallet<T> {
    fn active(stash: &AccountId) -> Balance {
        Ledger::<T>::active(stash)
    }

    fn total(stash: &AccountId) -> Balance {
        Ledger::<T>::total(stash)
    }

    fn slash_active(stash: &AccountId, amount: Balance, reporter: Option<&AccountId>) -> Balance {
        let taken = Ledger::<T>::of(stash).map_or(0, |ledger| ledger.slash_active(amount, reporter));
        note_slashed::<T>(stash, taken)
    }

    fn slash_unlocking(stash: &AccountId, amount: Balance, reporter: Option<&AccountId>) -> Balance {
        let taken = Ledger::<T>::of(stash).map_or(0, |ledger| ledger.slash_unlocking(amount, reporter));
        note_slashed::<T>(stash, taken)
    }
}

impl<T: Config> CurrentEra for Pallet<T> {
    fn current_era() -> EraIndex {
        Clock::<T>::era()
    }

    fn bonding_eras() -> EraIndex {
        Clock::<T>::bonding_eras()
    }

    fn era_at(unix_ms: u64) -> Option<EraIndex> {
        Clock::<T>::era_at(unix_ms)
    }

    fn era_of_session(index: u32) -> EraIndex {
        Clock::<T>::era_of_session(index)
    }
}

impl<T: Config> RewardPot for Pallet<T> {
    fn mint(earned: Budgets) {
        Emission::<T>::mint(earned);
    }

    fn give_back(unearned: Budgets) {
        Emission::<T>::give_back(unearned);
    }

    fn held() -> Balance {
        Emission::<T>::state().unclaimed()
    }
}

fn note_slashed<T: Config>(stash: &AccountId, amount: Balance) -> Balance {
    if amount > 0 {
        Pallet::<T>::deposit_event(Event::Slashed { stash: stash.clone(), amount });
    }
    amount
}
