//! What the calls cost: reads and writes counted by hand, plus a generous allowance for the work between them.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight of each call, and of each step of paying the candidates.
pub trait WeightInfo {
    /// See `Pallet::vote`.
    fn vote() -> Weight;
    /// See `Pallet::unvote`.
    fn unvote() -> Weight;
    /// See `Pallet::revote`.
    fn revote() -> Weight;
    /// See `Pallet::settle`.
    fn settle() -> Weight;
    /// A block in which nobody is paid.
    fn payout_idle() -> Weight;
    /// Paying one candidate for one era.
    fn pay_candidate() -> Weight;
}

/// Execution in picoseconds and proof size in bytes of a call, apart from its database accesses.
const CALL: Weight = Weight::from_parts(100_000_000, 16_384);

/// Weights for a runtime, by its database.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Reads: role, era, window, slashes (2), voter, bond, least vote, pots, commission, then earnings, pool, mark and
    // total. Writes: voter, earnings, pool, marks (2), total, pots, the reward pot (2).
    fn vote() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(18, 9))
    }
    fn unvote() -> Weight {
        Self::vote()
    }
    // As a vote, with two candidates.
    fn revote() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(24, 14))
    }
    fn settle() -> Weight {
        Self::vote()
    }
    fn payout_idle() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(4, 3))
    }
    // Reads: next key, earnings, pool, commission, mark, operator's role. Writes: earnings, mark. The pots and the
    // reward pot are touched once in a block.
    fn pay_candidate() -> Weight {
        Weight::from_parts(20_000_000, 4_096).saturating_add(T::DbWeight::get().reads_writes(7, 2))
    }
}
