//! What is asked of settlement.

use alloc::vec::Vec;
use cuckoo_primitives::{
    registry::Bonds,
    settlement::{ChannelId, Debt, Settled, Solvency, MAX_SETTLED_PER_PAGE},
    AccountId,
};

use crate::{Channels, Config, DebtBook, Debts, Escrow, Terms};

/// What stands behind the vouchers of `coordinator`.
pub(crate) fn solvency<T: Config>(coordinator: &AccountId) -> Solvency {
    let escrow = Escrow::<T>::held(coordinator);
    let withdrawal = Escrow::<T>::withdrawal(coordinator);
    Solvency {
        escrow,
        withdrawing: withdrawal.map_or(0, |asked| asked.amount.min(escrow)),
        withdraw_from: withdrawal.map(|asked| asked.free_from),
        owed: DebtBook::<T>::owed(coordinator),
        stake: T::Bonds::lasting(coordinator, Terms::<T>::redeemed_by()),
    }
}

/// Channels of `coordinator` in storage order, at most `limit`, those after `after` or from the first.
pub(crate) fn channels<T: Config>(
    coordinator: &AccountId,
    after: Option<&(AccountId, ChannelId)>,
    limit: u32,
) -> Vec<((AccountId, ChannelId), Settled)> {
    let all = match after {
        Some(last) => Channels::<T>::iter_prefix_from(coordinator, Channels::<T>::hashed_key_for(coordinator, last)),
        None => Channels::<T>::iter_prefix(coordinator),
    };
    all.take(limit.min(MAX_SETTLED_PER_PAGE) as usize).collect()
}

/// Miners to whom `coordinator` owes, or lately paid out of stake, in storage order; else as [`channels`].
pub(crate) fn debts<T: Config>(
    coordinator: &AccountId,
    after: Option<&AccountId>,
    limit: u32,
) -> Vec<(AccountId, Debt)> {
    let all = match after {
        Some(last) => Debts::<T>::iter_prefix_from(coordinator, Debts::<T>::hashed_key_for(coordinator, last)),
        None => Debts::<T>::iter_prefix(coordinator),
    };
    all.take(limit.min(MAX_SETTLED_PER_PAGE) as usize).collect()
}
