//! The terms, and escrow that is there from the start. What makes no sense stops the node with a reason.

use cuckoo_primitives::{registry::Candidates, Role};

use crate::{Config, Escrow, GenesisConfig, Terms};

pub(crate) fn build<T: Config>(config: &GenesisConfig<T>) {
    Terms::<T>::set(config.redeem_eras, config.withdrawal_eras, config.grace_eras);
    for (coordinator, amount) in &config.escrows {
        let role = T::Candidates::role(coordinator);
        assert!(role == Some(Role::Coordinator), "settlement.escrows: {coordinator:?} is no coordinator");
        let done = Escrow::<T>::deposit(coordinator, coordinator, *amount);
        assert!(done.is_ok(), "settlement.escrows: {coordinator:?} cannot put {amount} planck into escrow: {done:?}");
    }
}
