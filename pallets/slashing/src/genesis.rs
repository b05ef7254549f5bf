//! The lengths of the waiting times. What makes no sense stops the node with a reason.

use cuckoo_primitives::registry::CurrentEra;

use crate::{Config, GenesisConfig, Window};

pub(crate) fn build<T: Config>(config: &GenesisConfig<T>) {
    let GenesisConfig { evidence_eras, defer_eras, .. } = config;
    assert!(
        *evidence_eras > 1,
        "slashing.evidenceEras is {evidence_eras}, but evidence must count for at least two eras: a challenge runs to the \
         end of the next one, and silence is charged in the one after it"
    );
    assert!(
        Window::<T>::fits(*evidence_eras, *defer_eras),
        "slashing.evidenceEras ({evidence_eras}) + slashing.deferEras ({defer_eras}) + 1 is more than the {} eras that \
         unbonding takes: stake would leave before it can be slashed",
        T::CurrentEra::bonding_eras()
    );
    Window::<T>::set(*evidence_eras, *defer_eras);
}
