//! All slashes, in the order in which they were applied.

use core::marker::PhantomData;
use cuckoo_primitives::{registry::CurrentEra, AccountId, Balance, EraIndex};
use sp_runtime::{PerThing, Perbill};

use crate::{Config, Earnings, Pool, SlashCount, SlashEvent, Votes};

/// All slashes, by number. Only this type reads and writes [`SlashCount`].
pub struct Slashes<T>(PhantomData<T>);

impl<T: Config> Slashes<T> {
    /// How many there were: the number of the last.
    pub(crate) fn count() -> u32 {
        SlashCount::<T>::get()
    }

    /// Takes `fraction` of all that counted for `offender`, which is settled, in `offence_era`: from the sums at once,
    /// from the offender itself at once, from others when they are settled. Returns the offender's own loss in planck, of
    /// which `reporter` has had its share; `None` if nothing stands or stood behind the offender, or if its record is
    /// full, which `may_stand` keeps from happening.
    pub(crate) fn apply(
        offender: &AccountId,
        offence_era: EraIndex,
        fraction: Perbill,
        reporter: Option<&AccountId>,
    ) -> Option<Balance> {
        let per_unit = Earnings::<T>::caught_up(offender).per_unit();
        let number = Self::count().saturating_add(1);
        let keep = fraction.left_from_one();
        let event = SlashEvent { number, offence_era, applied_in: T::CurrentEra::current_era(), per_unit, keep };
        if !Pool::<T>::slash(offender, event) {
            return None;
        }
        SlashCount::<T>::put(number);

        let mut own = Votes::<T>::unsettled(offender);
        let lost = own.settle_some(reporter);
        own.store();
        Some(lost)
    }
}
