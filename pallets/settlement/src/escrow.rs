//! What a coordinator has put down to pay miners with.

use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use cuckoo_primitives::{registry::CurrentEra, AccountId, Balance, EraIndex};
use frame_support::{
    ensure,
    traits::{
        fungible::{hold, Balanced, Inspect},
        tokens::{DepositConsequence, Fortitude, Precision, Preservation, Provenance},
        Imbalance, OnUnbalanced,
    },
};
use scale_info::TypeInfo;
use sp_runtime::DispatchResult;

use crate::{Activity, Config, Error, HoldReason, Terms, Withdrawals, FEE};

/// The escrow of coordinators: what the pallet holds of a stash for [`HoldReason::Escrow`]. Only this type holds,
/// releases and pays it, and only it reads and writes [`Withdrawals`]. There is no second figure beside the hold.
pub struct Escrow<T>(PhantomData<T>);

/// A coordinator has asked escrow back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Withdrawal {
    /// How much, in planck. It pays vouchers until it leaves; nobody should count on it.
    pub(crate) amount: Balance,
    /// From this era on it can leave.
    pub(crate) free_from: EraIndex,
}

/// Where a payment went, in planck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Payment {
    /// What left the escrow.
    pub(crate) amount: Balance,
    /// The part of it that the miner did not get.
    pub(crate) fee: Balance,
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

    /// Pays `amount` planck, at most the escrow, to `miner` less the fee, half of which is burned while the treasury
    /// gets the other, rounded down. To be undone as a whole if it fails.
    pub(crate) fn pay(coordinator: &AccountId, miner: &AccountId, amount: Balance) -> Result<Payment, Error<T>> {
        let fee = FEE.mul_ceil(amount);
        let reward = amount.saturating_sub(fee);
        let possible = T::Currency::can_deposit(miner, reward, Provenance::Extant) == DepositConsequence::Success;
        ensure!(possible, Error::<T>::MinerCannotReceive);
        let (paid, missing) =
            <T::Currency as hold::Balanced<_>>::slash(&HoldReason::Escrow.into(), coordinator, amount);
        ensure!(missing == 0, Error::<T>::NotEnoughEscrow);
        let (reward, fee_paid) = paid.split(reward);
        let (for_treasury, _burned) = fee_paid.split(fee.saturating_div(2));
        T::Treasury::on_unbalanced(for_treasury);
        T::Currency::resolve(miner, reward).map_err(|_| Error::<T>::MinerCannotReceive)?;
        Activity::<T>::note(miner, amount);
        Ok(Payment { amount, fee })
    }
}
