//! Candidates as others read them.

use alloc::vec::Vec;
use cuckoo_primitives::{
    registry::Backing, runtime_api::MAX_CANDIDATES_PER_PAGE, AccountId, Candidate, CandidateStatus, Role,
};

use crate::{CandidateRecord, Config, MinSelfStake, OperatorKeys, Pallet, Roster};

impl<T: Config> Pallet<T> {
    /// The candidate that bonded from `stash`.
    pub fn candidate(stash: &AccountId) -> Option<Candidate> {
        let (role, record) = Roster::<T>::get(stash)?;
        Some(describe::<T>(stash.clone(), role, record))
    }

    /// The candidate whose current operator is `operator`.
    pub fn candidate_of_operator(operator: &AccountId) -> Option<Candidate> {
        Self::candidate(&OperatorKeys::<T>::serving(operator)?)
    }

    /// Candidates of `role` in storage order, at most `limit` and [`MAX_CANDIDATES_PER_PAGE`], those after `after` or
    /// from the first.
    pub fn candidates(role: Role, after: Option<&AccountId>, limit: u32) -> Vec<Candidate> {
        let limit = limit.min(MAX_CANDIDATES_PER_PAGE) as usize;
        Roster::<T>::iter(role, after).take(limit).map(|(stash, record)| describe::<T>(stash, role, record)).collect()
    }
}

fn describe<T: Config>(stash: AccountId, role: Role, record: CandidateRecord) -> Candidate {
    let (own_stake, next_own_stake) = T::Backing::own_stake(&stash);
    let (backing, next_backing) = T::Backing::backing(&stash);
    let minimum = MinSelfStake::<T>::get(role);
    let status = if record.chilled {
        CandidateStatus::Chilled
    } else if own_stake > minimum {
        CandidateStatus::Active
    } else if next_own_stake > minimum {
        CandidateStatus::Pending
    } else {
        CandidateStatus::BelowMinimum
    };
    Candidate { stash, operator: record.operator, role, info: record.info, own_stake, backing, next_backing, status }
}
