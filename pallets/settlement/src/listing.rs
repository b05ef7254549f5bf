//! What is asked of settlement.

use alloc::vec::Vec;
use cuckoo_primitives::{
    registry::{Bonds, CurrentEra},
    settlement::{ChannelId, Debt, Settled, SettlementTerms, Solvency, MAX_SETTLED_PER_PAGE},
    AccountId, Balance,
};

use crate::{Book, Channels, Config, DebtBook, Debts, Escrow, Pallet, Terms};

impl<T: Config> Pallet<T> {
    /// The rules.
    pub fn terms() -> SettlementTerms {
        Terms::<T>::all()
    }

    /// What stands behind the vouchers of `coordinator`.
    pub fn solvency(coordinator: &AccountId) -> Solvency {
        let escrow = Escrow::<T>::held(coordinator);
        let withdrawal = Escrow::<T>::withdrawal(coordinator);
        let through = T::CurrentEra::current_era().saturating_add(Terms::<T>::redeem_eras()).saturating_add(1);
        Solvency {
            escrow,
            withdrawing: withdrawal.map_or(0, |asked| asked.amount.min(escrow)),
            withdraw_from: withdrawal.map(|asked| asked.free_from),
            owed: DebtBook::<T>::owed(coordinator),
            stake: T::Bonds::lasting(coordinator, through),
        }
    }

    /// What stake of `coordinator` can still answer for to `miner`, in planck.
    pub fn cover_left(coordinator: &AccountId, miner: &AccountId) -> Balance {
        DebtBook::<T>::cover_left(coordinator, miner)
    }

    /// How far the channel has been settled.
    pub fn settled(coordinator: &AccountId, miner: &AccountId, channel: &ChannelId) -> Settled {
        Book::<T>::settled(coordinator, miner, channel).unwrap_or_default()
    }

    /// Channels of `coordinator` in storage order, at most `limit`, those after `after` or from the first.
    pub fn channels(
        coordinator: &AccountId,
        after: Option<&(AccountId, ChannelId)>,
        limit: u32,
    ) -> Vec<((AccountId, ChannelId), Settled)> {
        let all = match after {
            Some(last) => {
                Channels::<T>::iter_prefix_from(coordinator, Channels::<T>::hashed_key_for(coordinator, last))
            }
            None => Channels::<T>::iter_prefix(coordinator),
        };
        all.take(limit.min(MAX_SETTLED_PER_PAGE) as usize).collect()
    }

    /// Miners to whom `coordinator` owes, or lately paid from stake, in storage order; else as [`Self::channels`].
    pub fn debts(coordinator: &AccountId, after: Option<&AccountId>, limit: u32) -> Vec<(AccountId, Debt)> {
        let all = match after {
            Some(last) => Debts::<T>::iter_prefix_from(coordinator, Debts::<T>::hashed_key_for(coordinator, last)),
            None => Debts::<T>::iter_prefix(coordinator),
        };
        all.take(limit.min(MAX_SETTLED_PER_PAGE) as usize).collect()
    }
}
