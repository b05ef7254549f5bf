//! What is paid out of escrow, gathered first and moved in one go.

use alloc::collections::BTreeMap;
use core::marker::PhantomData;
use cuckoo_primitives::{AccountId, Balance};
use frame_support::{
    ensure,
    traits::{
        fungible::{Balanced, Credit, Inspect},
        tokens::{DepositConsequence, Provenance},
        Imbalance, OnUnbalanced,
    },
};

use crate::{activity::Work, era_sums::Sum, Activity, Config, Error, Escrow, Pallet, Ratings, FEE};

/// What is to be paid out of escrow to miners. Nothing moves before [`settle`](Self::settle), which then writes the
/// account of everyone who takes part once, however many payments there are.
pub(crate) struct Payments<T> {
    /// By coordinator.
    purses: BTreeMap<AccountId, Purse>,
    /// By miner. Each of them has been found able to receive.
    wages: BTreeMap<AccountId, Wage>,
    /// Its half of the fees, in planck: of each payment that half is rounded down.
    for_treasury: Balance,
    _config: PhantomData<T>,
}

/// The escrow of one coordinator, in planck.
struct Purse {
    /// What no payment takes.
    left: Balance,
    /// What payments take.
    taken: Balance,
}

/// What one miner is paid.
#[derive(Default)]
struct Wage {
    /// For which work.
    work: Work,
    /// Without the fee.
    net: Balance,
}

impl<T> Default for Payments<T> {
    fn default() -> Self {
        Self { purses: BTreeMap::new(), wages: BTreeMap::new(), for_treasury: 0, _config: PhantomData }
    }
}

impl<T: Config> Payments<T> {
    /// The escrow of `coordinator` that these payments leave, in planck.
    pub(crate) fn left(&mut self, coordinator: &AccountId) -> Balance {
        self.purse(coordinator).left
    }

    /// Adds a payment of `amount` planck, at most what is left of the escrow. The miner gets it less the fee, half of
    /// which is burned while the treasury gets the other, rounded down. Returns the fee. Changes nothing if it fails.
    pub(crate) fn add(
        &mut self,
        coordinator: &AccountId,
        miner: &AccountId,
        amount: Balance,
    ) -> Result<Balance, Error<T>> {
        let fee = FEE.mul_ceil(amount);
        let net = amount.saturating_sub(fee);
        // Who can receive this can receive all that follows: no account can hold more than there is.
        ensure!(self.wages.contains_key(miner) || Self::can_receive(miner, net), Error::<T>::MinerCannotReceive);
        let purse = self.purse(coordinator);
        purse.left = purse.left.checked_sub(amount).ok_or(Error::<T>::NotEnoughEscrow)?;
        purse.taken = purse.taken.saturating_add(amount);
        let wage = self.wages.entry(miner.clone()).or_default();
        wage.work = wage.work.plus(Work::rated(amount, Ratings::<T>::of(coordinator, miner)));
        wage.net = wage.net.saturating_add(net);
        self.for_treasury = self.for_treasury.saturating_add(fee.saturating_div(2));
        Ok(fee)
    }

    /// Makes the payments. To be undone as a whole if it fails, which it does only if an account dies while its escrow
    /// is taken and cannot receive any more.
    pub(crate) fn settle(self) -> Result<(), Error<T>> {
        let mut rest = Credit::<AccountId, T::Currency>::zero();
        for (coordinator, purse) in self.purses.iter().filter(|(_, purse)| purse.taken > 0) {
            rest = rest.merge(Escrow::<T>::take(coordinator, purse.taken)?);
        }
        T::Treasury::on_unbalanced(rest.extract(self.for_treasury));
        for (miner, wage) in &self.wages {
            T::Currency::resolve(miner, rest.extract(wage.net)).map_err(|_| Error::<T>::MinerCannotReceive)?;
        }
        // What is left is burned.
        drop(rest);
        Activity::<T>::note(self.wages.iter().map(|(miner, wage)| (miner, wage.work)));
        Ok(())
    }

    fn purse(&mut self, coordinator: &AccountId) -> &mut Purse {
        let unread = || Purse { left: Escrow::<T>::held(coordinator), taken: 0 };
        self.purses.entry(coordinator.clone()).or_insert_with(unread)
    }

    /// Whether the account exists, or does so with `amount`.
    fn can_receive(miner: &AccountId, amount: Balance) -> bool {
        if amount == 0 {
            return T::Currency::balance(miner) >= Pallet::<T>::least();
        }
        T::Currency::can_deposit(miner, amount, Provenance::Extant) == DepositConsequence::Success
    }
}
