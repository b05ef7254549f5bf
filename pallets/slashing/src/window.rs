//! How long evidence counts and slashes wait.

use core::marker::PhantomData;
use cuckoo_primitives::{registry::CurrentEra, EraIndex};

use crate::{Config, DeferEras, EvidenceEras};

/// The lengths that genesis set. Only this type reads and writes [`EvidenceEras`] and [`DeferEras`].
pub struct Window<T>(PhantomData<T>);

impl<T: Config> Window<T> {
    /// Whether the lengths leave an era between the last slash for a fault and the first stake that may leave after it.
    pub(crate) fn fits(evidence_eras: EraIndex, defer_eras: EraIndex) -> bool {
        let needed = evidence_eras.saturating_add(defer_eras).saturating_add(1);
        needed <= T::CurrentEra::bonding_eras()
    }

    pub(crate) fn set(evidence_eras: EraIndex, defer_eras: EraIndex) {
        EvidenceEras::<T>::put(evidence_eras);
        DeferEras::<T>::put(defer_eras);
    }

    /// Whether evidence of a fault in `offence_era` counts now.
    pub(crate) fn counts(offence_era: EraIndex) -> bool {
        let now = T::CurrentEra::current_era();
        offence_era <= now && offence_era.saturating_add(EvidenceEras::<T>::get()) >= now
    }

    /// The era from which a case that is filed now is applied.
    pub(crate) fn apply_in() -> EraIndex {
        T::CurrentEra::current_era().saturating_add(DeferEras::<T>::get())
    }
}
