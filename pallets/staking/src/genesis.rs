//! The chain's first bonds and the lengths of its clock. What makes no sense stops the node with a reason.

use cuckoo_primitives::registry::Budgets;

use crate::{
    BondingEras, Clock, Config, Emission, GenesisConfig, Ledger, MinBond, SessionBlocks, SessionsPerEra, SlotMs,
};

pub(crate) fn build<T: Config>(config: &GenesisConfig<T>) {
    assert!(
        config.slot_ms >= 2 && config.slot_ms.is_multiple_of(2),
        "stake.slotMs is {}, but a slot must be an even number of milliseconds, since half of it is used too",
        config.slot_ms
    );
    assert!(config.session_blocks > 0, "stake.sessionBlocks is 0, but a session needs at least one block");
    assert!(config.sessions_per_era > 0, "stake.sessionsPerEra is 0, but an era needs at least one session");
    assert!(config.bonding_eras > 0, "stake.bondingEras is 0, but stake must stay liable for at least one era");
    assert!(config.min_bond > 0, "stake.minBond is 0, but a bond must be worth something");

    SlotMs::<T>::put(config.slot_ms);
    SessionBlocks::<T>::put(config.session_blocks);
    SessionsPerEra::<T>::put(config.sessions_per_era);
    BondingEras::<T>::put(config.bonding_eras);
    MinBond::<T>::put(config.min_bond);
    Clock::<T>::begin();

    let budgets = Budgets { staking: config.staking_budget, mining: config.mining_budget };
    let begun = Emission::<T>::begin(budgets);
    assert!(
        begun.is_ok(),
        "stake.stakingBudget and stake.miningBudget: {} and {} planck beside all balances do not fit under the cap of the \
         supply: {begun:?}",
        budgets.staking,
        budgets.mining
    );

    for (stash, value) in &config.bonds {
        let bonded = Ledger::<T>::open(stash, *value);
        assert!(bonded.is_ok(), "stake.bonds: {stash:?} cannot bond {value} planck: {bonded:?}");
    }
}
