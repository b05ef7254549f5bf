//! Which faults have become cases.

use core::marker::PhantomData;
use cuckoo_primitives::{
    docket::{CaseId, Fault},
    registry::CurrentEra,
    AccountId, EraIndex,
};
use frame_support::weights::WeightMeter;

use crate::{Config, Seen, SeenFrom, WeightInfo, Window};

/// The memory of faults, without which one would be slashed as often as it is reported. Only this type reads and writes
/// [`Seen`] and [`SeenFrom`].
///
/// A fault is remembered while evidence of it counts, also when its case was applied or cancelled.
pub struct Heard<T>(PhantomData<T>);

impl<T: Config> Heard<T> {
    /// The case that this fault became.
    pub(crate) fn case_of(offence_era: EraIndex, fault: Fault, offender: &AccountId) -> Option<CaseId> {
        Seen::<T>::get(offence_era, (fault, offender))
    }

    /// This fault became case `id`.
    pub(crate) fn remember(offence_era: EraIndex, fault: Fault, offender: &AccountId, id: CaseId) {
        Seen::<T>::insert(offence_era, (fault, offender), id);
    }

    /// Forgets faults of which evidence counts no more, as many as the meter allows.
    pub(crate) fn forget(meter: &mut WeightMeter) {
        let now = T::CurrentEra::current_era();
        while meter.try_consume(T::WeightInfo::forget_fault()).is_ok() {
            let era = SeenFrom::<T>::get();
            if era >= now || Window::<T>::counts(era) {
                return;
            }
            // One pass over the era: to look for its first one again and again would step over all that this block has removed.
            for fault in Seen::<T>::iter_key_prefix(era) {
                Seen::<T>::remove(era, fault);
                if meter.try_consume(T::WeightInfo::forget_fault()).is_err() {
                    return;
                }
            }
            SeenFrom::<T>::put(era.saturating_add(1));
        }
    }
}
