//! How many validate from the start. What makes no sense stops the node with a reason.

use crate::{Config, GenesisConfig, Limits};

pub(crate) fn build<T: Config>(config: &GenesisConfig<T>) {
    let (count, minimum) = (config.validator_count, config.min_validators);
    let set = Limits::<T>::set(count, minimum);
    assert!(set.is_ok(), "election.validatorCount is {count}, election.minValidators is {minimum}: {set:?}");
}
