//! Where claimed rewards go.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use cuckoo_primitives::{AccountId, Balance};
use frame_support::{
    ensure,
    traits::{
        fungible::{Inspect, Mutate},
        tokens::{DepositConsequence, Preservation, Provenance},
    },
};
use scale_info::TypeInfo;
use sp_runtime::DispatchResult;

use crate::{Config, Emission, Error, Ledger, PayeeOf};

/// Where the rewards of a stash go when it claims them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Payee {
    /// Into the stash's active bond.
    Restake,
    /// To the stash's free balance.
    #[default]
    Stash,
    /// To the free balance of another account.
    Account(AccountId),
}

/// The payees. Only this type reads and writes [`PayeeOf`], where those of bonds that still exist stand, unless they
/// are the default.
pub struct Payees<T>(PhantomData<T>);

impl<T: Config> Payees<T> {
    /// Where the rewards of `stash` go.
    pub(crate) fn of(stash: &AccountId) -> Payee {
        PayeeOf::<T>::get(stash)
    }

    /// Sends the rewards of `stash`, which has a bond, to `payee` from now on.
    pub(crate) fn set(stash: &AccountId, payee: Payee) {
        if payee == Payee::default() {
            Self::forget(stash);
        } else {
            PayeeOf::<T>::insert(stash, payee);
        }
    }

    /// Back to the default. The ledger calls it when the bond is gone.
    pub(crate) fn forget(stash: &AccountId) {
        PayeeOf::<T>::remove(stash);
    }

    /// Pays `amount` planck out of the pot to `payee` of `stash`. To be undone as a whole if it fails.
    pub(crate) fn pay(stash: &AccountId, payee: &Payee, amount: Balance) -> DispatchResult {
        Emission::<T>::claim(amount)?;
        match payee {
            Payee::Restake => Ledger::<T>::of(stash)?.bond_from(&Emission::<T>::pot(), amount),
            Payee::Stash => Self::transfer(stash, amount),
            Payee::Account(account) => Self::transfer(account, amount),
        }
    }

    fn transfer(to: &AccountId, amount: Balance) -> DispatchResult {
        let possible = T::Currency::can_deposit(to, amount, Provenance::Extant) == DepositConsequence::Success;
        ensure!(possible, Error::<T>::PayeeCannotReceive);
        T::Currency::transfer(&Emission::<T>::pot(), to, amount, Preservation::Preserve).map(|_| ())
    }
}
