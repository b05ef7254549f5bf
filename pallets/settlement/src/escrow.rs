//! What a coordinator has put down to pay miners with.

use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use cuckoo_primitives::{registry::CurrentEra, AccountId, Balance, EraIndex};
use frame_support::{
    ensure,
    traits::{
        fungible::{hold, Credit},
        tokens::{Fortitude, Precision, Preservation},
    },
};
use scale_info::TypeInfo;
use sp_runtime::DispatchResult;

use crate::{Config, Error, HoldReason, Terms, Withdrawals};

/// The escrow of coordinators: what the pallet holds of a stash for [`HoldReason::Escrow`]. Only this type holds,
/// releases and takes it, and only it reads and writes [`Withdrawals`]. There is no second figure beside the hold.
pub struct Escrow<T>(PhantomData<T>);

/// A coordinator has asked escrow back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Withdrawal {
    /// How much, in planck. It pays vouchers until it leaves; nobody should count on it.
    pub(crate) amount: Balance,
    /// From this era on it can leave.
    pub(crate) free_from: EraIndex,
}

impl<T: Config> Escrow<T> {
    /// The escrow of `coordinator` in planck, what was asked back included.
    pub(crate) fn held(coordinator: &AccountId) -> Balance {
        <T::Currency as hold::Inspect<_>>::balance_on_hold(&HoldReason::Escrow.into(), coordinator)
    }

    /// What `coordinator` has asked back, of what is there.
    pub(crate) fn withdrawal(coordinator: &AccountId) -> Option<Withdrawal> {
        Withdrawals::<T>::get(coordinator)
    }

    /// Puts `amount` planck of the free balance of `from`, whose account must survive that, into escrow.
    pub(crate) fn deposit(from: &AccountId, coordinator: &AccountId, amount: Balance) -> DispatchResult {
        let reason = HoldReason::Escrow.into();
        if from == coordinator {
            return <T::Currency as hold::Mutate<_>>::hold(&reason, coordinator, amount);
        }
        <T::Currency as hold::Mutate<_>>::transfer_and_hold(
            &reason,
            from,
            coordinator,
            amount,
            Precision::Exact,
            Preservation::Preserve,
            Fortitude::Polite,
        )?;
        Ok(())
    }

    /// Asks `amount` planck back; an earlier request and the time that it has waited are gone. Returns the era from
    /// which on they can leave.
    pub(crate) fn request(coordinator: &AccountId, amount: Balance) -> Result<EraIndex, Error<T>> {
        ensure!(amount > 0 && amount <= Self::held(coordinator), Error::<T>::NotEnoughEscrow);
        let free_from = T::CurrentEra::current_era().saturating_add(Terms::<T>::withdrawal_eras());
        Withdrawals::<T>::insert(coordinator, Withdrawal { amount, free_from });
        Ok(free_from)
    }

    /// Leaves in escrow what was asked back.
    pub(crate) fn keep(coordinator: &AccountId) -> Result<(), Error<T>> {
        Withdrawals::<T>::take(coordinator).map(|_| ()).ok_or(Error::<T>::NoWithdrawal)
    }

    /// Frees what was asked back, as far as it is still there; returns how much.
    pub(crate) fn release(coordinator: &AccountId) -> Result<Balance, sp_runtime::DispatchError> {
        let Withdrawal { amount, free_from } = Withdrawals::<T>::take(coordinator).ok_or(Error::<T>::NoWithdrawal)?;
        ensure!(T::CurrentEra::current_era() >= free_from, Error::<T>::WithdrawalTooEarly);
        let freed = amount.min(Self::held(coordinator));
        <T::Currency as hold::Mutate<_>>::release(&HoldReason::Escrow.into(), coordinator, freed, Precision::Exact)
    }

    /// Takes `amount` planck, at most the escrow, out of it, to be paid. To be undone if it fails.
    pub(crate) fn take(coordinator: &AccountId, amount: Balance) -> Result<Credit<AccountId, T::Currency>, Error<T>> {
        let (taken, missing) =
            <T::Currency as hold::Balanced<_>>::slash(&HoldReason::Escrow.into(), coordinator, amount);
        ensure!(missing == 0, Error::<T>::NotEnoughEscrow);
        Ok(taken)
    }
}
