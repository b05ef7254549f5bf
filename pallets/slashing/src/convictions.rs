//! What candidates were convicted of.

use core::marker::PhantomData;
use cuckoo_primitives::{docket::Conviction, AccountId, EraIndex};
use frame_support::traits::Get;
use sp_runtime::Perbill;

use crate::{Config, Convictions};

/// Convictions of one stash that are on record; the oldest leaves for a new one.
pub const MAX_CONVICTIONS: u32 = 16;

/// The convictions by stash. Only this type reads and writes [`Convictions`].
///
/// They stay on record for good: each stash on it has paid with stake for its bounded list.
pub struct CriminalRecord<T>(PhantomData<T>);

impl<T: Config> CriminalRecord<T> {
    /// `fraction` for a fault in `offence_era`, doubled for each conviction of `offender` in the last [`Config::MemoryEras`]
    /// that it had when it did it; at most all. What it did before it was convicted is no repetition, however many papers
    /// tell of one failure.
    pub(crate) fn escalated(offender: &AccountId, fraction: Perbill, offence_era: EraIndex, now: EraIndex) -> Perbill {
        let counts =
            |it: &&Conviction| it.applied_in < offence_era && it.applied_in.saturating_add(T::MemoryEras::get()) >= now;
        let convictions = Convictions::<T>::get(offender).iter().filter(counts).count();
        (0..convictions).fold(fraction, |fraction, _| {
            Perbill::from_parts(fraction.deconstruct().saturating_mul(2).min(Perbill::one().deconstruct()))
        })
    }

    /// Puts a conviction on the record.
    pub(crate) fn add(offender: &AccountId, conviction: Conviction) {
        Convictions::<T>::mutate(offender, |record| {
            if record.is_full() {
                record.remove(0);
            }
            // There is room now.
            let _added = record.try_push(conviction);
        });
    }

    /// The convictions of `offender`, the oldest first.
    pub(crate) fn of(offender: &AccountId) -> alloc::vec::Vec<Conviction> {
        Convictions::<T>::get(offender).into_inner()
    }
}
