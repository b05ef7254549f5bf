//! What the calls cost: reads and writes counted by hand, plus a generous allowance for the work between them.
//!
//! An election is part of the block that starts a session, which the session pallet counts as full.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight of each call.
pub trait WeightInfo {
    /// See `Pallet::set_limits`.
    fn set_limits() -> Weight;
    /// See `Pallet::next_validators`: an election among `c` candidates.
    fn next_validators(c: u32) -> Weight;
}

/// Execution in picoseconds and proof size in bytes of a call, apart from its database accesses.
const CALL: Weight = Weight::from_parts(50_000_000, 16_384);

/// Weights for a runtime, by its database.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Writes: count, minimum.
    fn set_limits() -> Weight {
        CALL.saturating_add(T::DbWeight::get().writes(2))
    }
    // Reads: limits (2), and of each candidate its record, minimum, pool (2), session keys and the key after it.
    fn next_validators(c: u32) -> Weight {
        let each = Weight::from_parts(20_000_000, 4_096).saturating_add(T::DbWeight::get().reads(6));
        CALL.saturating_add(T::DbWeight::get().reads(2)).saturating_add(each.saturating_mul(c.into()))
    }
}
