//! Candidates as others read them.

use alloc::vec::Vec;
use cuckoo_primitives::{
    registry::{Backing, CurrentEra},
    runtime_api::MAX_CANDIDATES_PER_PAGE,
    AccountId, Balance, Candidate, CandidateStatus, Role,
};
use frame_support::traits::Get;

use crate::{CandidateRecord, Commission, Config, MinSelfStake, Pallet, Roster};

impl<T: Config> Pallet<T> {
    /// The validators that may be elected in this era, in storage order, and all stake behind each that counts in it, in
    /// planck. Reads every validator: at most [`Config::MaxValidators`].
    pub fn active_validators() -> Vec<(AccountId, Balance)> {
        Roster::<T>::iter(Role::Validator, None)
            .take(T::MaxValidators::get() as usize)
            .filter(|(stash, record)| status::<T>(stash, Role::Validator, record) == CandidateStatus::Active)
            .map(|(stash, _)| {
                let (backing, _) = T::Backing::backing(&stash);
                (stash, backing)
            })
            .collect()
    }

    /// Whether `stash` is a candidate that may work in this era.
    pub fn is_active(stash: &AccountId) -> bool {
        Roster::<T>::get(stash)
            .is_some_and(|(role, record)| status::<T>(stash, role, &record) == CandidateStatus::Active)
    }
}

/// The candidate that bonded from `stash`.
pub(crate) fn candidate<T: Config>(stash: AccountId) -> Option<Candidate> {
    let (role, record) = Roster::<T>::get(&stash)?;
    Some(describe::<T>(stash, role, record))
}

/// Candidates of `role` in storage order, at most `limit` and [`MAX_CANDIDATES_PER_PAGE`], those after `after` or from
/// the first.
pub(crate) fn page<T: Config>(role: Role, after: Option<&AccountId>, limit: u32) -> Vec<Candidate> {
    let limit = limit.min(MAX_CANDIDATES_PER_PAGE) as usize;
    Roster::<T>::iter(role, after).take(limit).map(|(stash, record)| describe::<T>(stash, role, record)).collect()
}

fn describe<T: Config>(stash: AccountId, role: Role, record: CandidateRecord) -> Candidate {
    let (own_stake, _) = T::Backing::own_stake(&stash);
    let (backing, next_backing) = T::Backing::backing(&stash);
    let status = status::<T>(&stash, role, &record);
    let commission = Commission::<T>::of(&stash).at(T::CurrentEra::current_era());
    let (operator, info) = (record.operator, record.info);
    Candidate { stash, operator, role, info, own_stake, backing, next_backing, commission, status }
}

fn status<T: Config>(stash: &AccountId, role: Role, record: &CandidateRecord) -> CandidateStatus {
    if record.chilled {
        return CandidateStatus::Chilled;
    }
    let (own_stake, next_own_stake) = T::Backing::own_stake(stash);
    let minimum = MinSelfStake::<T>::get(role);
    if own_stake > minimum {
        CandidateStatus::Active
    } else if next_own_stake > minimum {
        CandidateStatus::Pending
    } else {
        CandidateStatus::BelowMinimum
    }
}
