//! What calls and hooks cost: reads and writes counted by hand, plus a generous allowance for the work between them.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight of each call, and of each step of the hook.
pub trait WeightInfo {
    /// See `Pallet::claim`; the check in the pool included.
    fn claim() -> Weight;
    /// A claim, or an era of them, is forgotten.
    fn forget_claim() -> Weight;
}

/// Execution in picoseconds and proof size in bytes of a call, apart from its database accesses.
const CALL: Weight = Weight::from_parts(100_000_000, 16_384);
/// Execution in picoseconds and proof size in bytes of a small step, apart from its database accesses.
const STEP: Weight = Weight::from_parts(5_000_000, 4_096);

/// Weights for a runtime, by its database.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Reads: terms, block hashes (2), account, holds, era, claimed, paid, pot. Writes: claimed, paid, account, pot.
    fn claim() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(9, 4))
    }
    // Reads: era, ClaimedFrom, the first key of claimed. Writes: one of claimed and ClaimedFrom.
    fn forget_claim() -> Weight {
        STEP.saturating_add(T::DbWeight::get().reads_writes(3, 1))
    }
}
