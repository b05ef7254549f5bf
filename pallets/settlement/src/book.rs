//! How far each channel has been settled.

use core::marker::PhantomData;
use cuckoo_primitives::{
    settlement::{ChannelId, Settled, Voucher},
    AccountId, Balance,
};

use crate::{Channels, Config};

/// How far each channel has been settled. Only this type reads and writes [`Channels`]. An entry is never removed: it is
/// what keeps a voucher from being paid twice.
pub struct Book<T>(PhantomData<T>);

impl<T: Config> Book<T> {
    /// How far the channel has been settled; `None` if no voucher of it ever was.
    pub(crate) fn settled(coordinator: &AccountId, miner: &AccountId, channel: &ChannelId) -> Option<Settled> {
        Channels::<T>::get(coordinator, (miner, channel))
    }

    /// The voucher's channel is settled up to `amount` planck, and for the voucher's tasks.
    pub(crate) fn settle(voucher: &Voucher, amount: Balance) {
        let settled = Settled { amount, tasks: voucher.tasks };
        Channels::<T>::insert(&voucher.coordinator, (&voucher.miner, &voucher.channel), settled);
    }
}
