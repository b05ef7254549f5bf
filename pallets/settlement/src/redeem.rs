//! A voucher is brought to the chain.

use cuckoo_primitives::{
    registry::{CurrentEra, Operators},
    settlement::SignedVoucher,
    Role,
};
use frame_support::ensure;
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::{traits::Zero, DispatchError};

use crate::{Book, Config, DebtBook, Error, Escrow, Event, Pallet, Terms};

/// How a voucher was paid.
pub(crate) enum Paid {
    /// Escrow paid all that was due.
    InFull,
    /// Some became a debt, or stays due.
    Short,
}

/// Pays what the voucher is due out of escrow; what escrow lacks becomes a debt as far as stake covers it, and the rest
/// stays due. To be undone as a whole if it fails.
pub(crate) fn redeem<T: Config>(signed: &SignedVoucher) -> Result<Paid, DispatchError> {
    let voucher = &signed.voucher;
    let (coordinator, miner) = (&voucher.coordinator, &voucher.miner);
    let settled = Book::<T>::settled(coordinator, miner, &voucher.channel);
    let due = voucher.amount.saturating_sub(settled.map_or(0, |settled| settled.amount));
    ensure!(due > 0, Error::<T>::NothingDue);
    // Every channel stays on record for ever, so none is opened for less than an account.
    ensure!(settled.is_some() || due >= Pallet::<T>::least(), Error::<T>::TooSmall);
    ensure_may_sign::<T>(signed)?;

    let pay = due.min(Escrow::<T>::held(coordinator));
    let short = due.saturating_sub(pay);
    let debt = if short > 0 { short.min(DebtBook::<T>::claimable(coordinator, miner)) } else { 0 };
    ensure!(pay > 0 || debt > 0, Error::<T>::Uncovered);
    // Last, since it costs most.
    let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
    ensure!(signed.is_signed(&genesis), Error::<T>::BadSignature);

    let settled = Book::<T>::settle(voucher, pay.saturating_add(debt));
    if pay > 0 {
        let fee = Escrow::<T>::pay(coordinator, miner, pay)?.fee;
        let (coordinator, miner) = (coordinator.clone(), miner.clone());
        let (channel, tasks) = (voucher.channel, voucher.tasks);
        Pallet::<T>::deposit_event(Event::Redeemed { coordinator, miner, channel, paid: pay, fee, settled, tasks });
    }
    if debt > 0 {
        let since = DebtBook::<T>::record(coordinator, miner, debt);
        let (coordinator, miner) = (coordinator.clone(), miner.clone());
        let channel = voucher.channel;
        Pallet::<T>::deposit_event(Event::DebtRecorded { coordinator, miner, channel, amount: debt, settled, since });
    }
    Ok(if short > 0 { Paid::Short } else { Paid::InFull })
}

/// Checks that the signer works for the voucher's coordinator, or did so until lately.
fn ensure_may_sign<T: Config>(signed: &SignedVoucher) -> Result<(), DispatchError> {
    let served = T::Operators::last_served(&signed.operator);
    let (stash, role, last) = served.ok_or(Error::<T>::UnknownSigner)?;
    ensure!(stash == signed.voucher.coordinator && role == Role::Coordinator, Error::<T>::UnknownSigner);
    let counts_until = last.saturating_add(Terms::<T>::redeem_eras());
    ensure!(T::CurrentEra::current_era() <= counts_until, Error::<T>::SignerExpired);
    Ok(())
}

impl<T: Config> Pallet<T> {
    /// Less than an account is worth is neither deposited nor redeemed from a new channel.
    pub(crate) fn least() -> cuckoo_primitives::Balance {
        <T::Currency as frame_support::traits::fungible::Inspect<_>>::minimum_balance()
    }
}
