//! The cases that wait.

use alloc::vec::Vec;
use core::marker::PhantomData;
use cuckoo_primitives::{
    docket::{Case, CaseId, MAX_CASES_PER_PAGE},
    registry::{AppliedSlashes, CurrentEra, OpenCases},
    AccountId, EraIndex,
};
use sp_runtime::Perbill;

use crate::{Cases, Config, Due, DueFrom, NextCase, OpenCount, Pallet};

/// Most eras that one question after [`AppliedSlashes::applied_through`] looks at. The hook moves on in every block, so
/// that there is one or two unless blocks are missing or full of cases; then the answer is an earlier era.
const MAX_ERAS_LOOKED_AT: EraIndex = 8;

/// The docket. Only this type reads and writes [`Cases`], [`NextCase`], [`Due`], [`DueFrom`] and [`OpenCount`], so that
/// every case is found by its number, when it is due, and by its offender.
pub struct Docket<T>(PhantomData<T>);

/// What one look at the docket finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextDue {
    /// The case with this number is due.
    Case(CaseId),
    /// No more cases of an era that is over; those of the next one have not been looked at.
    EraDone,
    /// Nothing is due.
    Nothing,
}

impl<T: Config> Docket<T> {
    /// Puts a case on the docket and returns its number.
    pub(crate) fn file(case: Case) -> CaseId {
        // 2^64 cases are more than there will be blocks.
        let id = NextCase::<T>::mutate(|next| core::mem::replace(next, next.saturating_add(1)));
        Due::<T>::insert(case.apply_in, id.to_be_bytes(), ());
        OpenCount::<T>::mutate(&case.offender, |open| *open = open.saturating_add(1));
        Cases::<T>::insert(id, case);
        id
    }

    /// Raises the fraction of a case that waits; returns whether that was more than it said.
    pub(crate) fn raise(id: CaseId, fraction: Perbill) -> bool {
        Cases::<T>::mutate(id, |case| match case {
            Some(case) if case.fraction < fraction => {
                case.fraction = fraction;
                true
            }
            _ => false,
        })
    }

    /// Takes a case off the docket; `None` if it is not on it.
    pub(crate) fn close(id: CaseId) -> Option<Case> {
        let case = Cases::<T>::take(id)?;
        Due::<T>::remove(case.apply_in, id.to_be_bytes());
        OpenCount::<T>::mutate_exists(&case.offender, |open| {
            *open = open.and_then(|count| count.checked_sub(1)).filter(|count| *count > 0);
        });
        Some(case)
    }

    /// Looks at the cases of one era, the oldest that has not been seen to be done; within it at the first that was
    /// filed.
    pub(crate) fn next_due(now: EraIndex) -> NextDue {
        let era = DueFrom::<T>::get();
        if era > now {
            return NextDue::Nothing;
        }
        match Due::<T>::iter_key_prefix(era).next() {
            Some(id) => NextDue::Case(CaseId::from_be_bytes(id)),
            // In the current era more may be filed.
            None if era == now => NextDue::Nothing,
            None => {
                DueFrom::<T>::put(era.saturating_add(1));
                NextDue::EraDone
            }
        }
    }

    /// No case waits that was due in this era or before; at most `now`, and earlier than need be only if the hook is far
    /// behind.
    pub(crate) fn applied_through(now: EraIndex) -> EraIndex {
        let from = DueFrom::<T>::get();
        let last = from.saturating_add(MAX_ERAS_LOOKED_AT).min(now);
        let waits = |era: &EraIndex| Due::<T>::iter_key_prefix(era).next().is_some();
        (from..=last).find(waits).map_or(last, |era| era.saturating_sub(1))
    }

    /// The case with this number, if it waits.
    pub(crate) fn get(id: CaseId) -> Option<Case> {
        Cases::<T>::get(id)
    }

    /// Cases in storage order, at most `limit` and [`MAX_CASES_PER_PAGE`], those after `after` or from the first. `after`
    /// need not wait (any more).
    pub(crate) fn page(after: Option<CaseId>, limit: u32) -> Vec<(CaseId, Case)> {
        let cases = match after {
            Some(id) => Cases::<T>::iter_from(Cases::<T>::hashed_key_for(id)),
            None => Cases::<T>::iter(),
        };
        cases.take(limit.min(MAX_CASES_PER_PAGE) as usize).collect()
    }
}

impl<T: Config> OpenCases<AccountId> for Pallet<T> {
    fn has_open_case(stash: &AccountId) -> bool {
        OpenCount::<T>::contains_key(stash)
    }
}

impl<T: Config> AppliedSlashes for Pallet<T> {
    fn applied_through() -> EraIndex {
        Docket::<T>::applied_through(T::CurrentEra::current_era())
    }
}
