//! What other pallets ask of this one.

use cuckoo_primitives::{
    registry::{Debts, Work},
    AccountId, Balance, EraIndex,
};
use sp_runtime::Perbill;

use crate::{Activity, Config, DebtBook, Pallet};

impl<T: Config> Debts<AccountId> for Pallet<T> {
    fn owed(stash: &AccountId) -> Balance {
        DebtBook::<T>::owed(stash)
    }
}

impl<T: Config> Work<AccountId> for Pallet<T> {
    fn settled(miner: &AccountId, era: EraIndex) -> (Balance, Balance) {
        Activity::<T>::in_era(miner, era)
    }

    fn quality(miner: &AccountId, era: EraIndex) -> Perbill {
        Activity::<T>::quality(miner, era)
    }
}
