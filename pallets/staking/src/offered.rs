//! What other pallets ask of this one.

use cuckoo_primitives::{
    registry::{Bonds, Budgets, CurrentEra, RewardPot, Taken},
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

    fn lasting(stash: &AccountId, through: EraIndex) -> Balance {
        Ledger::<T>::lasting(stash, through)
    }

    fn take_active(stash: &AccountId, amount: Balance, taken: Taken<'_, AccountId>) -> Balance {
        let amount = Ledger::<T>::of(stash).map_or(0, |ledger| ledger.take_active(amount, taken));
        note_taken::<T>(stash, amount, taken)
    }

    fn take_unlocking(stash: &AccountId, amount: Balance, taken: Taken<'_, AccountId>) -> Balance {
        let amount = Ledger::<T>::of(stash).map_or(0, |ledger| ledger.take_unlocking(amount, taken));
        note_taken::<T>(stash, amount, taken)
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

fn note_taken<T: Config>(stash: &AccountId, amount: Balance, taken: Taken<'_, AccountId>) -> Balance {
    if amount > 0 {
        let stash = stash.clone();
        Pallet::<T>::deposit_event(match taken {
            Taken::Burned | Taken::Reported(_) => Event::Slashed { stash, amount },
            Taken::Freed => Event::FreedForDebt { stash, amount },
        });
    }
    amount
}
