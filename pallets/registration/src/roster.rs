//! Who is a candidate.

use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use cuckoo_primitives::{registry::CurrentEra, AccountId, CandidateInfo, EraIndex, Role};
use scale_info::TypeInfo;

use crate::{Candidates, Config, Error, RoleOf};

/// The candidates. Only this type reads and writes [`Candidates`] and [`RoleOf`], so that a stash has a role exactly if
/// it has a record under that role.
pub struct Roster<T>(PhantomData<T>);

/// What is stored of a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct CandidateRecord {
    /// Whose key runs it.
    pub(crate) operator: AccountId,
    /// How it presents itself.
    pub(crate) info: CandidateInfo,
    /// Whether it has stepped back.
    pub(crate) chilled: bool,
    /// The era in which it registered.
    pub(crate) registered_in: EraIndex,
}

impl<T: Config> Roster<T> {
    /// Whether `stash` is a candidate.
    pub(crate) fn contains(stash: &AccountId) -> bool {
        RoleOf::<T>::contains_key(stash)
    }

    /// The role of a candidate.
    pub(crate) fn role(stash: &AccountId) -> Option<Role> {
        RoleOf::<T>::get(stash)
    }

    /// Role and record of a candidate.
    pub(crate) fn get(stash: &AccountId) -> Option<(Role, CandidateRecord)> {
        let role = RoleOf::<T>::get(stash)?;
        Some((role, Candidates::<T>::get(role, stash)?))
    }

    /// Candidates of `role` in storage order, those after `after` or from the first. `after` need not be one (any
    /// more).
    pub(crate) fn iter(role: Role, after: Option<&AccountId>) -> impl Iterator<Item = (AccountId, CandidateRecord)> {
        match after {
            Some(stash) => Candidates::<T>::iter_prefix_from(role, Candidates::<T>::hashed_key_for(role, stash)),
            None => Candidates::<T>::iter_prefix(role),
        }
    }

    /// Makes `stash`, which is none, a candidate.
    pub(crate) fn enter(stash: &AccountId, role: Role, operator: AccountId, info: CandidateInfo) {
        let registered_in = T::CurrentEra::current_era();
        RoleOf::<T>::insert(stash, role);
        Candidates::<T>::insert(role, stash, CandidateRecord { operator, info, chilled: false, registered_in });
    }

    /// Changes the record of a candidate.
    pub(crate) fn update<R>(stash: &AccountId, change: impl FnOnce(&mut CandidateRecord) -> R) -> Result<R, Error<T>> {
        let role = RoleOf::<T>::get(stash).ok_or(Error::<T>::NotRegistered)?;
        Candidates::<T>::mutate(role, stash, |record| record.as_mut().map(change)).ok_or(Error::<T>::NotRegistered)
    }

    /// Ends a candidacy and returns what it was.
    pub(crate) fn leave(stash: &AccountId) -> Result<(Role, CandidateRecord), Error<T>> {
        let role = RoleOf::<T>::take(stash).ok_or(Error::<T>::NotRegistered)?;
        let record = Candidates::<T>::take(role, stash).ok_or(Error::<T>::NotRegistered)?;
        Ok((role, record))
    }
}
