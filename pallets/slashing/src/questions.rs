//! Which questions have been asked.

use core::marker::PhantomData;
use cuckoo_primitives::{challenge::Question, registry::CurrentEra, AccountId, EraIndex};
use frame_support::weights::WeightMeter;

use crate::{Asked, AskedFrom, Config, WeightInfo, Window};

/// The memory of questions, without which a miner could be made to answer one again and again. Only this type reads and
/// writes [`Asked`] and [`AskedFrom`].
///
/// A question is remembered while evidence about its era counts, whatever came of it: later it cannot be asked anyway.
pub struct Questions<T>(PhantomData<T>);

impl<T: Config> Questions<T> {
    /// Whether `operator` has been asked this about an attempt of `offence_era`.
    pub(crate) fn is_asked(offence_era: EraIndex, operator: &AccountId, question: &Question) -> bool {
        Asked::<T>::contains_key(offence_era, question.hash_for(operator))
    }

    /// `operator` is asked this about an attempt of `offence_era`.
    pub(crate) fn remember(offence_era: EraIndex, operator: &AccountId, question: &Question) {
        Asked::<T>::insert(offence_era, question.hash_for(operator), ());
    }

    /// Forgets questions about eras of which evidence counts no more, as many as the meter allows.
    pub(crate) fn forget(meter: &mut WeightMeter) {
        let now = T::CurrentEra::current_era();
        while meter.try_consume(T::WeightInfo::forget_question()).is_ok() {
            let era = AskedFrom::<T>::get();
            if era >= now || Window::<T>::counts(era) {
                return;
            }
            // One pass over the era: to look for its first one again and again would step over all that this block has removed.
            for question in Asked::<T>::iter_key_prefix(era) {
                Asked::<T>::remove(era, question);
                if meter.try_consume(T::WeightInfo::forget_question()).is_err() {
                    return;
                }
            }
            AskedFrom::<T>::put(era.saturating_add(1));
        }
    }
}
