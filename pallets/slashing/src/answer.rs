//! Whether what is said to a challenge ends it.

use cuckoo_primitives::{
    challenge::{Answer, Challenge},
    AccountId, Hash,
};
use frame_support::{ensure, weights::Weight};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::traits::Zero;

use crate::{Config, Error, WeightInfo};

/// Checks the answer of `who` to `challenge`, and returns how what it shows is named.
pub(crate) fn check<T: Config>(
    challenge: &Challenge,
    answer: &Answer,
    who: &AccountId,
) -> Result<Option<Hash>, Error<T>> {
    let is_miner = *who == challenge.miner || *who == challenge.operator;
    ensure!(is_miner, Error::<T>::NotTheMiner);
    let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
    ensure!(challenge.question.is_answered_by(answer, &genesis), Error::<T>::WrongAnswer);
    Ok(answer.hash(&genesis))
}

/// What an answer costs.
pub(crate) fn weight<T: Config>(answer: &Answer) -> Weight {
    match answer {
        Answer::Leaf { .. } => T::WeightInfo::answer_leaf(),
        Answer::Receipt(_) => T::WeightInfo::answer_receipt(),
        Answer::Nothing => T::WeightInfo::answer_nothing(),
    }
}
