//! Which key works, or worked, for which stash.

use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use cuckoo_primitives::{
    registry::CurrentEra,
    signing::{OperatorConsent, Statement},
    AccountId, EraIndex, Role, Signature,
};
use frame_support::ensure;
use scale_info::TypeInfo;
use sp_runtime::{traits::Zero, DispatchResult};

use crate::{Config, Error, Operators, Retired};

/// Most operator keys of one stash that may be on record after they retired.
///
/// One place is kept free while the stash is a candidate, so that it can always deregister.
pub const MAX_RETIRED_OPERATORS: u32 = 8;

/// The operator keys. Only this type reads and writes [`Operators`] and [`Retired`], so that every retired key is
/// listed under its stash and can be found when evidence against it counts no more.
pub struct OperatorKeys<T>(PhantomData<T>);

/// What is stored of an operator key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct OperatorRecord {
    /// For whom it works, or worked.
    pub(crate) stash: AccountId,
    /// As what.
    pub(crate) role: Role,
    /// The era in which it came to work. One that retires and comes back within the time in which evidence counts has
    /// been at work all the while: else it could shake off what it did before.
    pub(crate) since: EraIndex,
    /// The era in which it was replaced or left; `None` while it works.
    pub(crate) retired_in: Option<EraIndex>,
}

impl<T: Config> OperatorKeys<T> {
    /// Checks that `operator` agreed on this chain to what `consent` says, and that this still counts.
    ///
    /// A consent counts for less time than a key that it brought to work stays on record after that work; so once the
    /// key is free for others, no consent by which it worked before can bring it to work again.
    pub(crate) fn ensure_consent(
        operator: &AccountId,
        consent: &OperatorConsent,
        proof: &Signature,
    ) -> Result<(), Error<T>> {
        ensure!(*operator != consent.stash, Error::<T>::OperatorIsStash);
        let now = T::CurrentEra::current_era();
        ensure!(now < consent.expires, Error::<T>::ConsentExpired);
        let latest = now.saturating_add(T::CurrentEra::bonding_eras());
        ensure!(consent.expires <= latest, Error::<T>::ConsentTooLong);
        let genesis = frame_system::Pallet::<T>::block_hash(frame_system::pallet_prelude::BlockNumberFor::<T>::zero());
        ensure!(consent.is_signed_by(&genesis, operator, proof), Error::<T>::BadProof);
        Ok(())
    }

    /// For whom `operator` worked in `era`, and as what, as long as evidence against it counts.
    pub(crate) fn served_by(operator: &AccountId, era: EraIndex) -> Option<(AccountId, Role)> {
        let record = Operators::<T>::get(operator).filter(|record| !Self::is_expired(record))?;
        let worked = record.since <= era && record.retired_in.is_none_or(|last| era <= last);
        worked.then_some((record.stash, record.role))
    }

    /// For whom `operator` works or worked last, as what, and the last era in which it did, as long as evidence counts.
    pub(crate) fn last_served(operator: &AccountId) -> Option<(AccountId, Role, EraIndex)> {
        let record = Operators::<T>::get(operator).filter(|record| !Self::is_expired(record))?;
        let last = record.retired_in.unwrap_or_else(T::CurrentEra::current_era);
        Some((record.stash, record.role, last))
    }

    /// Whom `operator` serves now.
    pub(crate) fn serving(operator: &AccountId) -> Option<AccountId> {
        Operators::<T>::get(operator).filter(|record| record.retired_in.is_none()).map(|record| record.stash)
    }

    /// Has `operator` work for `stash`, which has no operator at work.
    pub(crate) fn assign(operator: &AccountId, stash: &AccountId, role: Role) -> DispatchResult {
        Self::forget_expired(stash);
        let mut since = T::CurrentEra::current_era();
        if let Some(record) = Operators::<T>::get(operator) {
            ensure!(Self::may_serve(&record, stash, role), Error::<T>::OperatorTaken);
            Self::keep_listed(&record.stash, |key| key != operator);
            if !Self::is_expired(&record) {
                since = record.since;
            }
        }
        // The place that `retire` will need.
        let listed = Retired::<T>::decode_len(stash).unwrap_or(0);
        ensure!(listed < MAX_RETIRED_OPERATORS as usize, Error::<T>::TooManyRetiredOperators);
        Operators::<T>::insert(operator, OperatorRecord { stash: stash.clone(), role, since, retired_in: None });
        Ok(())
    }

    /// Has `new` work for `stash` in place of `old`.
    pub(crate) fn replace(old: &AccountId, new: &AccountId, stash: &AccountId, role: Role) -> DispatchResult {
        ensure!(old != new, Error::<T>::OperatorUnchanged);
        Self::retire(old, stash)?;
        Self::assign(new, stash, role)
    }

    /// Ends `operator`'s work for `stash`; it stays on record.
    pub(crate) fn retire(operator: &AccountId, stash: &AccountId) -> DispatchResult {
        Retired::<T>::try_mutate(stash, |keys| keys.try_push(operator.clone()))
            .map_err(|_| Error::<T>::TooManyRetiredOperators)?;
        let now = T::CurrentEra::current_era();
        Operators::<T>::mutate(operator, |record| {
            if let Some(record) = record {
                record.retired_in = Some(now);
            }
        });
        Ok(())
    }

    /// Takes the retired operators of `stash` off the record against which evidence counts no more; returns how many.
    pub(crate) fn forget_expired(stash: &AccountId) -> u32 {
        let mut forgotten: u32 = 0;
        Self::keep_listed(stash, |operator| {
            let expired = Operators::<T>::get(operator).is_none_or(|record| Self::is_expired(&record));
            if expired {
                Operators::<T>::remove(operator);
                forgotten = forgotten.saturating_add(1);
            }
            !expired
        });
        forgotten
    }

    /// Writes records of storage version 1 as today's; returns how many there are. A key of then has worked since the
    /// first era. Only for migrations: it walks over all.
    pub(crate) fn rebuild() -> u64 {
        let mut keys: u64 = 0;
        Operators::<T>::translate_values(|(stash, role, retired_in): (AccountId, Role, Option<EraIndex>)| {
            keys = keys.saturating_add(1);
            Some(OperatorRecord { stash, role, since: 0, retired_in })
        });
        keys
    }

    /// Strikes the retired operators of `stash` for which `keep` is false off the list.
    fn keep_listed(stash: &AccountId, keep: impl FnMut(&AccountId) -> bool) {
        Retired::<T>::mutate_exists(stash, |operators| {
            if let Some(list) = operators {
                list.retain(keep);
                if list.is_empty() {
                    *operators = None;
                }
            }
        });
    }

    /// A key that works for nobody may do at once what it did before. To serve another stash, or in another role, it
    /// has to wait until evidence about that counts no more: what it signed must be attributable.
    fn may_serve(record: &OperatorRecord, stash: &AccountId, role: Role) -> bool {
        let did_that_before = record.stash == *stash && record.role == role;
        record.retired_in.is_some() && (did_that_before || Self::is_expired(record))
    }

    fn is_expired(record: &OperatorRecord) -> bool {
        let now = T::CurrentEra::current_era();
        record.retired_in.is_some_and(|era| now >= era.saturating_add(T::CurrentEra::bonding_eras()))
    }
}
