//! Whether a claim can be paid.

use cuckoo_primitives::{
    faucet::{Puzzle, MAX_BLOCK_AGE},
    AccountId, Hash,
};
use frame_support::{ensure, traits::fungible::Inspect};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::{
    traits::{Saturating, UniqueSaturatedInto, Zero},
    transaction_validity::ValidTransaction,
};

use crate::{Claims, Config, FaucetTerms, Pallet, Refusal, Terms};

/// Checks all that a claim must keep, the work first: before that nothing depends on the account, so that a flood of
/// worthless claims costs little. Returns the terms.
pub(crate) fn check<T: Config>(
    account: &AccountId,
    block_number: BlockNumberFor<T>,
    nonce: u64,
) -> Result<Terms, Refusal> {
    let terms = FaucetTerms::<T>::get().ok_or(Refusal::NoFaucet)?;
    check_proof::<T>(account, block_number, nonce, &terms)?;
    ensure!(T::Currency::total_balance(account) < terms.drip, Refusal::NotPoor);
    ensure!(!Claims::<T>::contains(account), Refusal::AlreadyClaimed);
    ensure!(Claims::<T>::left(&terms) >= terms.drip, Refusal::EraSpent);
    ensure!(Pallet::<T>::funds() >= terms.drip, Refusal::PotEmpty);
    Ok(terms)
}

fn check_proof<T: Config>(
    account: &AccountId,
    block_number: BlockNumberFor<T>,
    nonce: u64,
    terms: &Terms,
) -> Result<(), Refusal> {
    let age = age_of::<T>(block_number).ok_or(Refusal::BlockTooNew)?;
    ensure!(age <= MAX_BLOCK_AGE, Refusal::BlockTooOld);
    let block_hash = frame_system::Pallet::<T>::block_hash(block_number);
    // A hash that is not kept any more reads as zero, for which anyone could work ahead.
    ensure!(block_hash != Hash::zero(), Refusal::BlockTooOld);
    let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
    let puzzle = Puzzle { genesis, account: account.clone(), block_hash };
    ensure!(puzzle.is_solved_by(nonce, terms.difficulty), Refusal::BadProof);
    Ok(())
}

/// How a valid claim stands in the pool.
pub(crate) fn of_valid<T: Config>(account: &AccountId, block_number: BlockNumberFor<T>) -> ValidTransaction {
    let left = MAX_BLOCK_AGE.saturating_sub(age_of::<T>(block_number).unwrap_or(0));
    ValidTransaction {
        // Whoever pays a fee goes first.
        priority: 0,
        requires: Default::default(),
        // One per account: another claim for it does not get in beside the first.
        provides: alloc::vec![codec::Encode::encode(&("cuckoo/faucet", account))],
        longevity: u64::from(left).max(1),
        propagate: true,
    }
}

/// Blocks from this one back to block `number`; `None` if it is not an earlier one.
fn age_of<T: Config>(number: BlockNumberFor<T>) -> Option<u32> {
    let now = frame_system::Pallet::<T>::block_number();
    (number < now).then(|| now.saturating_sub(number).unique_saturated_into())
}
