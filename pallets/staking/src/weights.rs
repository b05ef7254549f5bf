//! What the calls cost: reads and writes counted by hand, plus a generous allowance for the work between them.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight of each call. `p` is the number of positions that are settled.
pub trait WeightInfo {
    /// See `Pallet::bond`.
    fn bond(p: u32) -> Weight;
    /// See `Pallet::bond_extra`.
    fn bond_extra(p: u32) -> Weight;
    /// See `Pallet::unbond`.
    fn unbond(p: u32) -> Weight;
    /// See `Pallet::rebond`.
    fn rebond(p: u32) -> Weight;
    /// See `Pallet::withdraw_unbonded`.
    fn withdraw_unbonded(p: u32) -> Weight;
    /// See `Pallet::set_payee`.
    fn set_payee() -> Weight;
    /// See `Pallet::claim`.
    fn claim(p: u32) -> Weight;
}

/// Execution in picoseconds and proof size in bytes of a call, apart from its database accesses.
const CALL: Weight = Weight::from_parts(50_000_000, 8_192);
/// The same of one position that is settled.
const POSITION: Weight = Weight::from_parts(20_000_000, 8_192);

/// Weights for a runtime, by its database.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> SubstrateWeight<T> {
    fn call(reads: u64, writes: u64) -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(reads, writes))
    }

    /// To settle a voter. Reads: the slashes' counter, voter, era; of each position: pool, earnings, two marks. Writes:
    /// voter, ledger, account, holds; of each position: pool, two marks.
    fn settle(p: u32) -> Weight {
        let each = POSITION.saturating_add(T::DbWeight::get().reads_writes(4, 3));
        T::DbWeight::get().reads_writes(3, 4).saturating_add(each.saturating_mul(p.into()))
    }
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Reads: ledger, MinBond, account, holds. Writes: ledger, account, holds.
    fn bond(p: u32) -> Weight {
        Self::call(4, 3).saturating_add(Self::settle(p))
    }
    // As `bond`.
    fn bond_extra(p: u32) -> Weight {
        Self::call(4, 3).saturating_add(Self::settle(p))
    }
    // Reads: ledger, position, BondingEras, MinBond, the voter's sum. Writes: ledger.
    fn unbond(p: u32) -> Weight {
        Self::call(5, 1).saturating_add(Self::settle(p))
    }
    // Reads: ledger, MinBond. Writes: ledger.
    fn rebond(p: u32) -> Weight {
        Self::call(2, 1).saturating_add(Self::settle(p))
    }
    // Reads: ledger, position, applied slashes, account, holds. Writes: ledger, payee, account, holds.
    fn withdraw_unbonded(p: u32) -> Weight {
        Self::call(5, 4).saturating_add(Self::settle(p))
    }
    // Reads: ledger. Writes: payee.
    fn set_payee() -> Weight {
        Self::call(1, 1)
    }
    // As to settle, twice: also what each position has earned is taken. Reads besides: payee, emission, pot, ledger,
    // MinBond, account, holds. Writes besides: emission, pot, ledger, account, holds.
    fn claim(p: u32) -> Weight {
        Self::call(7, 5).saturating_add(Self::settle(p).saturating_mul(2))
    }
}
