//! What the calls cost: reads and writes counted by hand, plus a generous allowance for the work between them.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight of each call.
pub trait WeightInfo {
    /// See `Pallet::bond`.
    fn bond() -> Weight;
    /// See `Pallet::bond_extra`.
    fn bond_extra() -> Weight;
    /// See `Pallet::unbond`.
    fn unbond() -> Weight;
    /// See `Pallet::rebond`.
    fn rebond() -> Weight;
    /// See `Pallet::withdraw_unbonded`.
    fn withdraw_unbonded() -> Weight;
}

/// Execution in picoseconds and proof size in bytes of a call, apart from its database accesses.
const CALL: Weight = Weight::from_parts(50_000_000, 8_192);

/// Weights for a runtime, by its database.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Reads: ledger, MinBond, account, holds. Writes: ledger, account, holds.
    fn bond() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(4, 3))
    }
    // As `bond`.
    fn bond_extra() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(4, 3))
    }
    // Reads: ledger, position, BondingEras, MinBond, the voter's sum. Writes: ledger.
    fn unbond() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(5, 1))
    }
    // Reads: ledger, MinBond. Writes: ledger.
    fn rebond() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(2, 1))
    }
    // Reads: ledger, position, account, holds. Writes: ledger, account, holds.
    fn withdraw_unbonded() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(4, 3))
    }
}
