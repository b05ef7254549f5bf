//! Who is a candidate.

use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use cuckoo_primitives::{registry::CurrentEra, AccountId, CandidateInfo, EraIndex, Role};
use frame_support::{ensure, traits::Get};
use scale_info::TypeInfo;

use crate::{Candidates, Config, Error, RoleOf, ValidatorCount};

/// The candidates. Only this type reads and writes [`Candidates`], [`RoleOf`] and [`ValidatorCount`], so that a stash
/// has a role exactly if it has a record under that role, and no more validators enter than an election can read.
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

    /// How many candidates are validators.
    pub(crate) fn validators() -> u32 {
        ValidatorCount::<T>::get()
    }

    /// Makes `stash`, which is none, a candidate. Fails if that is a validator too many.
    pub(crate) fn enter(
        stash: &AccountId,
        role: Role,
        operator: AccountId,
        info: CandidateInfo,
    ) -> Result<(), Error<T>> {
        if role == Role::Validator {
            let validators = Self::validators();
            ensure!(validators < T::MaxValidators::get(), Error::<T>::TooManyValidators);
            ValidatorCount::<T>::put(validators.saturating_add(1));
        }
        let registered_in = T::CurrentEra::current_era();
        RoleOf::<T>::insert(stash, role);
        Candidates::<T>::insert(role, stash, CandidateRecord { operator, info, chilled: false, registered_in });
        Ok(())
    }

    /// Whether a candidate has stepped back from now on or not; returns whether that is a change.
    pub(crate) fn set_chilled(stash: &AccountId, chilled: bool) -> Result<bool, Error<T>> {
        Self::update(stash, |candidate| core::mem::replace(&mut candidate.chilled, chilled) != chilled)
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
        if role == Role::Validator {
            ValidatorCount::<T>::mutate(|validators| *validators = validators.saturating_sub(1));
        }
        Ok((role, record))
    }

    /// Has every candidate present itself as `mend` says and counts validators anew; returns how many candidates there
    /// are. Only for migrations: it walks over all.
    pub(crate) fn rebuild(mend: fn(CandidateInfo) -> CandidateInfo) -> u64 {
        let mut candidates: u64 = 0;
        Candidates::<T>::translate_values(|record: CandidateRecord| {
            candidates = candidates.saturating_add(1);
            Some(CandidateRecord { info: mend(record.info), ..record })
        });
        ValidatorCount::<T>::put(Candidates::<T>::iter_key_prefix(Role::Validator).count() as u32);
        candidates
    }
}
