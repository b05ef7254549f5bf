//! The pallet's invariants, by name.

use cuckoo_primitives::{registry::CurrentEra, Balance};
use frame_support::{ensure, traits::fungible::Inspect};
use sp_runtime::DispatchError;

use crate::{Claimed, ClaimedFrom, Config, FaucetTerms, PaidInEra, Pallet, MAX_DIFFICULTY};

impl<T: Config> Pallet<T> {
    /// Checks every invariant; the error names the first that does not hold.
    pub fn do_try_state() -> Result<(), DispatchError> {
        let now = T::CurrentEra::current_era();
        ensure!(ClaimedFrom::<T>::get() <= now, "no claim is forgotten before its era is over");
        for era in Claimed::<T>::iter_keys().map(|(era, _)| era) {
            ensure!(era >= ClaimedFrom::<T>::get(), "claims of forgotten eras are forgotten");
            ensure!(era <= now, "nobody claimed in a later era");
        }
        let Some(terms) = FaucetTerms::<T>::get() else {
            ensure!(Claimed::<T>::iter_keys().next().is_none(), "nobody claims where there is no faucet");
            return Ok(());
        };
        ensure!(terms.drip >= T::Currency::minimum_balance(), "a claim is worth an account");
        ensure!((1..=MAX_DIFFICULTY).contains(&terms.difficulty), "the difficulty is within bounds");

        let paid = PaidInEra::<T>::get();
        ensure!(paid.era <= now, "nothing was paid in a later era");
        ensure!(paid.amount <= terms.era_cap, "an era pays no more than its cap");
        let paid_now = if paid.era == now { paid.amount } else { 0 };
        let claims = Claimed::<T>::iter_key_prefix(now).count() as Balance;
        ensure!(claims.checked_mul(terms.drip) == Some(paid_now), "an era paid what its claims came to");
        Ok(())
    }
}
