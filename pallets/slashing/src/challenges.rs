//! The challenges that wait for their answers.

use alloc::vec::Vec;
use core::marker::PhantomData;
use cuckoo_primitives::{
    challenge::{Challenge, ChallengeId, MAX_CHALLENGES_PER_PAGE},
    AccountId, EraIndex,
};

use crate::{AnswersDue, AnswersDueFrom, ChallengesOf, Config, NextChallenge, OpenChallenges};

/// The open challenges. Only this type reads and writes [`OpenChallenges`], [`NextChallenge`], [`AnswersDue`],
/// [`AnswersDueFrom`] and [`ChallengesOf`], so that every challenge is found by its number, when its time is over, and by
/// the miner that is asked.
pub struct Challenges<T>(PhantomData<T>);

/// What one look at the open challenges finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextUnanswered {
    /// The time of the challenge with this number is over.
    Challenge(ChallengeId),
    /// No more of them were due in an era that is over; those of the next one have not been looked at.
    EraDone,
    /// All others still have time.
    Nothing,
}

impl<T: Config> Challenges<T> {
    /// Opens a challenge and returns its number.
    pub(crate) fn open(challenge: Challenge) -> ChallengeId {
        // 2^64 of them are more than anyone can pay for.
        let id = NextChallenge::<T>::mutate(|next| core::mem::replace(next, next.saturating_add(1)));
        AnswersDue::<T>::insert(challenge.due_in, id.to_be_bytes(), ());
        ChallengesOf::<T>::insert(&challenge.miner, id.to_be_bytes(), ());
        OpenChallenges::<T>::insert(id, challenge);
        id
    }

    /// Ends a challenge, whatever came of it; `None` if it is not open.
    pub(crate) fn close(id: ChallengeId) -> Option<Challenge> {
        let challenge = OpenChallenges::<T>::take(id)?;
        AnswersDue::<T>::remove(challenge.due_in, id.to_be_bytes());
        ChallengesOf::<T>::remove(&challenge.miner, id.to_be_bytes());
        Some(challenge)
    }

    /// Looks at the challenges of one era, the oldest that has not been seen to be done; within it at the first that was
    /// made. In the era in which an answer is due it is not late.
    pub(crate) fn next_unanswered(now: EraIndex) -> NextUnanswered {
        let era = AnswersDueFrom::<T>::get();
        if era >= now {
            return NextUnanswered::Nothing;
        }
        match AnswersDue::<T>::iter_key_prefix(era).next() {
            Some(id) => NextUnanswered::Challenge(ChallengeId::from_be_bytes(id)),
            None => {
                AnswersDueFrom::<T>::put(era.saturating_add(1));
                NextUnanswered::EraDone
            }
        }
    }

    /// The challenge with this number, if it is open.
    pub(crate) fn get(id: ChallengeId) -> Option<Challenge> {
        OpenChallenges::<T>::get(id)
    }

    /// Open challenges in storage order, at most `limit` and [`MAX_CHALLENGES_PER_PAGE`], those after `after` or from the
    /// first. `after` need not be open (any more).
    pub(crate) fn page(after: Option<ChallengeId>, limit: u32) -> Vec<(ChallengeId, Challenge)> {
        let challenges = match after {
            Some(id) => OpenChallenges::<T>::iter_from(OpenChallenges::<T>::hashed_key_for(id)),
            None => OpenChallenges::<T>::iter(),
        };
        challenges.take(page_size(limit)).collect()
    }

    /// Those that `miner` is to answer, the oldest first; else as [`page`](Self::page).
    pub(crate) fn page_against(
        miner: &AccountId,
        after: Option<ChallengeId>,
        limit: u32,
    ) -> Vec<(ChallengeId, Challenge)> {
        let numbers = match after {
            Some(id) => {
                let key = ChallengesOf::<T>::hashed_key_for(miner, id.to_be_bytes());
                ChallengesOf::<T>::iter_key_prefix_from(miner, key)
            }
            None => ChallengesOf::<T>::iter_key_prefix(miner),
        };
        let numbers = numbers.take(page_size(limit)).map(ChallengeId::from_be_bytes);
        numbers.filter_map(|id| Self::get(id).map(|challenge| (id, challenge))).collect()
    }
}

fn page_size(limit: u32) -> usize {
    limit.min(MAX_CHALLENGES_PER_PAGE) as usize
}
