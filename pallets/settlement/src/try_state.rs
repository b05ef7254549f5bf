//! The pallet's invariants, by name.

use alloc::collections::BTreeMap;
use cuckoo_primitives::{AccountId, Balance, EraIndex};
use frame_support::ensure;
use sp_runtime::DispatchError;

use crate::{
    Config, Debts, GraceEras, Owed, Pallet, RatingOf, RedeemEras, WithdrawalEras, Withdrawals, WorkIn, WorkOf,
};

impl<T: Config> Pallet<T> {
    /// Checks every invariant; the error names the first that does not hold.
    pub fn do_try_state() -> Result<(), DispatchError> {
        Self::check_terms()?;
        Self::check_debts()?;
        for asked in Withdrawals::<T>::iter_values() {
            ensure!(asked.amount > 0, "a withdrawal is of something");
        }
        for (_, _, quality) in RatingOf::<T>::iter() {
            ensure!(!quality.is_one(), "a rating takes something off");
        }
        Self::check_work()
    }

    fn check_terms() -> Result<(), DispatchError> {
        ensure!(RedeemEras::<T>::get() > 0 && GraceEras::<T>::get() > 0, "redeeming and paying have an era");
        ensure!(WithdrawalEras::<T>::get() > RedeemEras::<T>::get(), "escrow stays until vouchers are redeemed");
        Ok(())
    }

    fn check_debts() -> Result<(), DispatchError> {
        let mut sums = BTreeMap::<AccountId, Balance>::new();
        for (coordinator, _, debt) in Debts::<T>::iter() {
            ensure!(debt.open > 0 || debt.taken > 0, "a debt is open or was taken");
            let sum = sums.entry(coordinator).or_default();
            *sum = sum.saturating_add(debt.open);
        }
        sums.retain(|_, sum| *sum > 0);
        ensure!(Owed::<T>::iter().collect::<BTreeMap<_, _>>() == sums, "what is owed is the sum of open debts");
        Ok(())
    }

    fn check_work() -> Result<(), DispatchError> {
        let all = WorkIn::<T>::get();
        let mut sums = BTreeMap::<EraIndex, Balance>::new();
        ensure!(all.is_ordered(), "eras of work are in order");
        for works in WorkOf::<T>::iter_values() {
            ensure!(works.is_ordered(), "eras of work are in order");
            for (era, work) in works.0 {
                ensure!(work.poor <= work.paid, "poor work is part of the work");
                let sum = sums.entry(era).or_default();
                *sum = sum.saturating_add(work.paid);
            }
        }
        for (era, amount) in all.0 {
            ensure!(sums.get(&era) == Some(&amount), "the era's work is that of its miners");
        }
        Ok(())
    }
}
