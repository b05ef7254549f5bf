//! What the calls cost: reads and writes counted by hand, plus a generous allowance for the work between them.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight of each call.
pub trait WeightInfo {
    /// See `Pallet::vote`.
    fn vote() -> Weight;
    /// See `Pallet::unvote`.
    fn unvote() -> Weight;
    /// See `Pallet::revote`.
    fn revote() -> Weight;
    /// See `Pallet::settle`.
    fn settle() -> Weight;
}

/// Execution in picoseconds and proof size in bytes of a call, apart from its database accesses.
const CALL: Weight = Weight::from_parts(50_000_000, 16_384);

/// Weights for a runtime, by its database.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Reads: role, era, voter, bond, position, least vote, backing. Writes: voter, position, backing.
    fn vote() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(7, 3))
    }
    // Reads: role, minimum, era, voter, position, least vote, backing. Writes: voter, position, backing.
    fn unvote() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(7, 3))
    }
    // Reads: roles (2), minimum, era, voter, bond, positions (2), least vote, backings (2). Writes: voter,
    // positions (2), backings (2).
    fn revote() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(11, 5))
    }
    // Reads: era, voter, position, backing. Writes: voter, position, backing.
    fn settle() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(4, 3))
    }
}
