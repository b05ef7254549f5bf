//! Vouchers are brought to the chain.

use alloc::{collections::BTreeMap, vec::Vec};
use cuckoo_primitives::{
    registry::{CurrentEra, Operators},
    settlement::{SignedVoucher, Voucher},
    AccountId, Balance, EraIndex, Hash, Role,
};
use frame_support::{ensure, storage::with_storage_layer, traits::fungible::Inspect};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::{traits::Zero, DispatchError};

use crate::{Book, Config, DebtBook, Error, Event, Pallet, Parties, Payments, Terms};

/// How the vouchers of a call fared.
pub(crate) struct Redeemed<'a> {
    /// Places in the call, from 0, of those that were refused, and why.
    pub(crate) refused: Vec<(u32, DispatchError)>,
    /// Those for which escrow was short, refused ones among them.
    pub(crate) short: Parties<'a>,
    /// Paying them at once failed and was undone, and each was paid for itself.
    pub(crate) was_one_by_one: bool,
}

/// Pays each voucher what it is due out of escrow; what escrow lacks becomes a debt as far as stake covers it, and the
/// rest stays due. A voucher that is refused changes nothing.
pub(crate) fn redeem<T: Config>(vouchers: &[SignedVoucher]) -> Redeemed<'_> {
    with_storage_layer(|| together::<T>(vouchers)).unwrap_or_else(|_| one_by_one::<T>(vouchers))
}

/// Checks the vouchers in their order, and pays all that hold at once. To be undone as a whole if it fails.
fn together<T: Config>(vouchers: &[SignedVoucher]) -> Result<Redeemed<'_>, DispatchError> {
    let mut teller = Teller::<T>::new();
    let checked = (0..).zip(vouchers).map(|(index, signed)| (index, teller.accept(signed)));
    let refused = checked.filter_map(|(index, done)| Some((index, done.err()?.into()))).collect();
    teller.payments.settle()?;
    Ok(Redeemed { refused, short: teller.short, was_one_by_one: false })
}

/// The same where paying all at once fails, as it may for an account that does not keep the existential deposit: it
/// harms no voucher but its own.
fn one_by_one<T: Config>(vouchers: &[SignedVoucher]) -> Redeemed<'_> {
    let mut all = Redeemed { refused: Vec::new(), short: vouchers.iter().collect(), was_one_by_one: true };
    for (index, signed) in (0..).zip(vouchers) {
        let refused = match with_storage_layer(|| together::<T>(core::slice::from_ref(signed))) {
            Ok(done) => done.refused.first().map(|(_, reason)| *reason),
            Err(reason) => Some(reason),
        };
        all.refused.extend(refused.map(|reason| (index, reason)));
    }
    all
}

/// Checks vouchers and puts them on record, and gathers what they are paid.
struct Teller<'a, T> {
    payments: Payments<T>,
    /// Vouchers for which escrow is short.
    short: Parties<'a>,
    /// For whom each key signs, or did, and the last era in which.
    signers: BTreeMap<AccountId, Option<(AccountId, Role, EraIndex)>>,
    /// The chain's name.
    genesis: Hash,
    now: EraIndex,
    redeem_eras: EraIndex,
}

impl<'a, T: Config> Teller<'a, T> {
    fn new() -> Self {
        Self {
            payments: Payments::default(),
            short: Parties::default(),
            signers: BTreeMap::new(),
            genesis: frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero()),
            now: T::CurrentEra::current_era(),
            redeem_eras: Terms::<T>::redeem_eras(),
        }
    }

    /// Takes a voucher if it holds; else changes nothing.
    fn accept(&mut self, signed: &'a SignedVoucher) -> Result<(), Error<T>> {
        let voucher = &signed.voucher;
        let (coordinator, miner) = (&voucher.coordinator, &voucher.miner);
        let before = Book::<T>::settled(coordinator, miner, &voucher.channel);
        let settled = before.map_or(0, |settled| settled.amount);
        let due = voucher.amount.saturating_sub(settled);
        ensure!(due > 0, Error::<T>::NothingDue);
        // Every channel stays on record for ever, so none is opened for less than an account.
        ensure!(before.is_some() || due >= Pallet::<T>::least(), Error::<T>::TooSmall);
        self.ensure_may_sign(signed)?;

        let pay = due.min(self.payments.left(coordinator));
        let debt = if pay < due {
            self.short.add(signed);
            due.saturating_sub(pay).min(DebtBook::<T>::claimable(coordinator, miner))
        } else {
            0
        };
        ensure!(pay > 0 || debt > 0, Error::<T>::Uncovered);
        // Last of what is asked of the voucher, since it costs most.
        ensure!(signed.is_signed(&self.genesis), Error::<T>::BadSignature);
        let fee = if pay > 0 { self.payments.add(coordinator, miner, pay)? } else { 0 };

        // Nothing can refuse it any more.
        let settled = settled.saturating_add(pay).saturating_add(debt);
        Book::<T>::settle(voucher, settled);
        if pay > 0 {
            let (coordinator, miner) = (coordinator.clone(), miner.clone());
            let (channel, tasks) = (voucher.channel, voucher.tasks);
            Pallet::<T>::deposit_event(Event::Redeemed { coordinator, miner, channel, paid: pay, fee, settled, tasks });
        }
        if debt > 0 {
            record::<T>(voucher, debt, settled);
        }
        Ok(())
    }

    /// Checks that the signer works for the voucher's coordinator, or did so until lately.
    fn ensure_may_sign(&mut self, signed: &SignedVoucher) -> Result<(), Error<T>> {
        let operator = &signed.operator;
        let served = self.signers.entry(operator.clone()).or_insert_with(|| T::Operators::last_served(operator));
        let (stash, role, last) = served.as_ref().ok_or(Error::<T>::UnknownSigner)?;
        ensure!(*stash == signed.voucher.coordinator && *role == Role::Coordinator, Error::<T>::UnknownSigner);
        ensure!(self.now <= last.saturating_add(self.redeem_eras), Error::<T>::SignerExpired);
        Ok(())
    }
}

/// The coordinator owes `debt` planck of the voucher, whose channel is settled up to `settled` now.
pub(crate) fn record<T: Config>(voucher: &Voucher, debt: Balance, settled: Balance) {
    let since = DebtBook::<T>::record(&voucher.coordinator, &voucher.miner, debt);
    let (coordinator, miner) = (voucher.coordinator.clone(), voucher.miner.clone());
    let channel = voucher.channel;
    Pallet::<T>::deposit_event(Event::DebtRecorded { coordinator, miner, channel, amount: debt, settled, since });
}

impl<T: Config> Pallet<T> {
    /// Less than an account is worth is neither deposited nor redeemed from a new channel.
    pub(crate) fn least() -> Balance {
        <T::Currency as Inspect<_>>::minimum_balance()
    }
}
