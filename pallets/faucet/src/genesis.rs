//! The faucet's terms. What makes no sense stops the node with a reason.

use frame_support::traits::fungible::Inspect;

use crate::{Config, FaucetTerms, GenesisConfig, Terms, MAX_DIFFICULTY};

pub(crate) fn build<T: Config>(config: &GenesisConfig<T>) {
    let Some(terms) = config.terms else { return };
    let Terms { drip, era_cap, difficulty } = terms;
    let least = T::Currency::minimum_balance();
    assert!(drip >= least, "faucet.terms.drip is {drip}, but no account exists with less than {least} planck");
    assert!(era_cap >= drip, "faucet.terms.eraCap is {era_cap}, but one claim is {drip} planck");
    assert!(
        (1..=MAX_DIFFICULTY).contains(&difficulty),
        "faucet.terms.difficulty is {difficulty}, but it must be from 1 to {MAX_DIFFICULTY} bits"
    );
    FaucetTerms::<T>::put(terms);
}
