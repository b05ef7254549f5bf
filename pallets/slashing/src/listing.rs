//! The docket as others read it.

use alloc::vec::Vec;
use cuckoo_primitives::{
    docket::{Case, CaseId, Conviction, MAX_CASES_PER_PAGE},
    AccountId,
};

use crate::{Config, CriminalRecord, Docket, Pallet};

impl<T: Config> Pallet<T> {
    /// The case with this number, if it waits.
    pub fn case(id: CaseId) -> Option<Case> {
        Docket::<T>::get(id)
    }

    /// Cases that wait in storage order, at most `limit` and [`MAX_CASES_PER_PAGE`], those after `after` or from the
    /// first.
    pub fn docket(after: Option<CaseId>, limit: u32) -> Vec<(CaseId, Case)> {
        Docket::<T>::iter(after).take(limit.min(MAX_CASES_PER_PAGE) as usize).collect()
    }

    /// What `stash` was convicted of, the oldest first.
    pub fn convictions(stash: &AccountId) -> Vec<Conviction> {
        CriminalRecord::<T>::of(stash)
    }
}
