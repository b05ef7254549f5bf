//! Whether a miner has to answer what is demanded of it.

use cuckoo_primitives::{
    challenge::{Demand, Question, CHALLENGED_WITHIN_MS},
    registry::{CurrentEra, Operators},
    task::{began_ms, TaskSpec},
    AccountId, EraIndex, Role,
};
use frame_support::{ensure, traits::UnixTime, weights::Weight};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::traits::Zero;

use crate::{Config, Error, EvidenceEras, Questions, WeightInfo};

/// A demand that a miner has to answer.
pub(crate) struct Asked {
    /// Its stash.
    pub(crate) miner: AccountId,
    /// The key that signed.
    pub(crate) operator: AccountId,
    pub(crate) question: Question,
    /// When the task began.
    pub(crate) offence_era: EraIndex,
    /// The era in which an answer is due.
    pub(crate) due_in: EraIndex,
}

/// Checks a demand. It may be made by anyone, and about anything that the miner signed.
pub(crate) fn check<T: Config>(demand: &Demand) -> Result<Asked, Error<T>> {
    let spec = demand.spec();
    let (offence_era, due_in) = times::<T>(spec)?;
    if let Demand::Result { .. } = demand {
        ensure_over::<T>(spec)?;
    }
    let (miner, role) = T::Operators::served_by(&spec.miner, offence_era).ok_or(Error::<T>::UnknownOperator)?;
    ensure!(role == Role::Miner, Error::<T>::NotAMiner);
    let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
    let question = demand.question(&genesis).ok_or(Error::<T>::NoSuchToken)?;
    ensure!(!Questions::<T>::is_asked(offence_era, &spec.miner, &question), Error::<T>::AlreadyAsked);
    // Last, since it costs most.
    ensure!(demand.is_signed(&genesis), Error::<T>::BadSignature);
    Ok(Asked { miner, operator: spec.miner.clone(), question, offence_era, due_in })
}

/// What a challenge costs.
pub(crate) fn weight<T: Config>(demand: &Demand) -> Weight {
    match demand {
        Demand::Opening { .. } => T::WeightInfo::challenge_opening(),
        Demand::Result { .. } => T::WeightInfo::challenge_result(),
    }
}

/// The era in which the task began, and the one in which an answer is due, if it is neither too late nor too early to ask.
///
/// An answer is due in the next era, so that there is a whole one for it; the era after it is the first in which silence
/// is charged. Evidence of the offence's era must count then still: so stake that answers for it cannot have left before the
/// slash, by what [`Window`](crate::Window) sees to for every charge.
fn times<T: Config>(spec: &TaskSpec) -> Result<(EraIndex, EraIndex), Error<T>> {
    let began = began_ms(&spec.task_id).ok_or(Error::<T>::Undated)?;
    ensure!(now_ms::<T>() <= began.saturating_add(CHALLENGED_WITHIN_MS), Error::<T>::TooLateToAsk);
    let offence_era = T::CurrentEra::era_at(began).ok_or(Error::<T>::OutsideEvidenceWindow)?;
    let due_in = T::CurrentEra::current_era().saturating_add(1);
    let counts_through = offence_era.saturating_add(EvidenceEras::<T>::get());
    ensure!(counts_through > due_in, Error::<T>::TooLateToAsk);
    Ok((offence_era, due_in))
}

/// Whether there must be a result: the miner's time is over, and was no longer than it keeps what it would have to show.
fn ensure_over<T: Config>(spec: &TaskSpec) -> Result<(), Error<T>> {
    let began = began_ms(&spec.task_id).ok_or(Error::<T>::Undated)?;
    ensure!(spec.deadline_ms <= began.saturating_add(CHALLENGED_WITHIN_MS), Error::<T>::DeadlineTooLate);
    ensure!(spec.deadline_ms < now_ms::<T>(), Error::<T>::TooEarlyToAsk);
    Ok(())
}

/// Milliseconds since 1970.
fn now_ms<T: Config>() -> u64 {
    u64::try_from(T::Time::now().as_millis()).unwrap_or(u64::MAX)
}
