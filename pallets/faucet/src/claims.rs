//! Who claimed, and what that came to.

use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use cuckoo_primitives::{registry::CurrentEra, AccountId, Balance, EraIndex};
use frame_support::weights::WeightMeter;
use scale_info::TypeInfo;

use crate::{Claimed, ClaimedFrom, Config, PaidInEra, Terms, WeightInfo};

/// The claims of this era. Only this type reads and writes [`Claimed`], [`ClaimedFrom`] and [`PaidInEra`].
pub struct Claims<T>(PhantomData<T>);

/// What one era paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct EraPayments {
    /// Which era.
    pub(crate) era: EraIndex,
    /// How much, in planck.
    pub(crate) amount: Balance,
}

impl<T: Config> Claims<T> {
    /// Whether `account` claimed in this era.
    pub(crate) fn contains(account: &AccountId) -> bool {
        Claimed::<T>::contains_key(T::CurrentEra::current_era(), account)
    }

    /// What may still be paid in this era, in planck.
    pub(crate) fn left(terms: &Terms) -> Balance {
        terms.era_cap.saturating_sub(Self::paid(T::CurrentEra::current_era()))
    }

    /// Enters the claim of `account`, which has none in this era; returns the era.
    pub(crate) fn enter(account: &AccountId, terms: &Terms) -> EraIndex {
        let era = T::CurrentEra::current_era();
        let amount = Self::paid(era).saturating_add(terms.drip);
        Claimed::<T>::insert(era, account, ());
        PaidInEra::<T>::put(EraPayments { era, amount });
        era
    }

    /// Forgets claims of eras that are over, as many as the meter allows.
    pub(crate) fn forget(meter: &mut WeightMeter) {
        let now = T::CurrentEra::current_era();
        while meter.try_consume(T::WeightInfo::forget_claim()).is_ok() {
            let era = ClaimedFrom::<T>::get();
            if era >= now {
                return;
            }
            match Claimed::<T>::iter_key_prefix(era).next() {
                Some(account) => Claimed::<T>::remove(era, account),
                None => ClaimedFrom::<T>::put(era.saturating_add(1)),
            }
        }
    }

    fn paid(era: EraIndex) -> Balance {
        let last = PaidInEra::<T>::get();
        if last.era == era {
            last.amount
        } else {
            0
        }
    }
}
