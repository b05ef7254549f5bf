//! Validators that do not show up.

use alloc::{collections::BTreeMap, vec::Vec};
use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use cuckoo_primitives::AccountId;
use frame_support::{traits::Get, BoundedVec};
use scale_info::TypeInfo;

use crate::{Absences, Authors, Config, Produced};

/// Blocks that a validator should have produced since its last one before it counts as absent.
///
/// Authors are drawn at random, so a session without a block can be mere luck: with ten blocks and four validators it is
/// in one case of eighteen. That a validator at work misses all of the blocks in which it is due 20 times has a chance of
/// less than e^-20 = 2.1e-9.
pub const ABSENT_AFTER_BLOCKS: u32 = 20;

const MILLIONTHS: u64 = 1_000_000;

/// Who authors, and who has not for long. Only this type reads and writes [`Produced`], [`Authors`] and [`Absences`].
///
/// Absence counts in whole sessions without a block of one's own: each adds the session's blocks divided by its
/// validators. So what a session is like (its length, its number of validators) counts for that session alone.
pub struct Liveness<T>(PhantomData<T>);

/// A validator that authored nothing in the last session.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Absence {
    /// Its stash.
    pub(crate) validator: AccountId,
    /// Blocks that it should have produced in the sessions since its last, in millionths, rounded down in each session.
    pub(crate) missed_millionths: u64,
}

impl Absence {
    /// Whole blocks, rounded down.
    pub(crate) fn whole_blocks(millionths: u64) -> u32 {
        u32::try_from(millionths.saturating_div(MILLIONTHS)).unwrap_or(u32::MAX)
    }

    fn is_too_long(&self) -> bool {
        Self::whole_blocks(self.missed_millionths) >= ABSENT_AFTER_BLOCKS
    }
}

impl<T: Config> Liveness<T> {
    /// `validator` produced a block of this session.
    pub(crate) fn note_author(validator: &AccountId) {
        Produced::<T>::mutate(|blocks| *blocks = blocks.saturating_add(1));
        Authors::<T>::insert(validator, ());
    }

    /// Counts the absences of a session of `validators` that is over, and returns who has been absent for too long, the
    /// longest first, but never so many that fewer than [`Config::MinStanding`] of the validators would be left. Whoever
    /// is not among the validators is forgotten.
    pub(crate) fn end_session(validators: &[AccountId]) -> Vec<Absence> {
        let absences = Self::count_absences(validators);
        let mut absent: Vec<Absence> = absences.iter().filter(|absence| absence.is_too_long()).cloned().collect();
        absent
            .sort_by(|a, b| b.missed_millionths.cmp(&a.missed_millionths).then_with(|| a.validator.cmp(&b.validator)));
        // Those that were chilled before are among them until they leave the set, and come first.
        absent.truncate(validators.len().saturating_sub(T::MinStanding::get() as usize));
        Absences::<T>::put(absences);
        absent
    }

    fn count_absences(validators: &[AccountId]) -> BoundedVec<Absence, T::MaxValidators> {
        let missed_before: BTreeMap<AccountId, u64> =
            Absences::<T>::get().into_iter().map(|it| (it.validator, it.missed_millionths)).collect();
        let share = u64::from(Produced::<T>::take())
            .saturating_mul(MILLIONTHS)
            .checked_div(validators.len() as u64)
            .unwrap_or(0);
        let absences = validators.iter().filter(|validator| !Authors::<T>::contains_key(validator)).map(|validator| {
            let before = missed_before.get(validator).copied().unwrap_or(0);
            Absence { validator: validator.clone(), missed_millionths: before.saturating_add(share) }
        });
        let absences = BoundedVec::truncate_from(absences.take(T::MaxValidators::get() as usize).collect());
        // All of them: nobody authors that does not validate.
        let _removed = Authors::<T>::clear(T::MaxValidators::get(), None);
        absences
    }
}
