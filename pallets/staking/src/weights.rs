//! What the calls cost: reads and writes counted by hand, plus a generous allowance for the work between them.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight of each call and hook. `s` is the number of slashes that it takes first.
pub trait WeightInfo {
    /// See `Pallet::bond`.
    fn bond(s: u32) -> Weight;
    /// See `Pallet::bond_extra`.
    fn bond_extra(s: u32) -> Weight;
    /// See `Pallet::unbond`.
    fn unbond(s: u32) -> Weight;
    /// See `Pallet::rebond`.
    fn rebond(s: u32) -> Weight;
    /// See `Pallet::withdraw_unbonded`.
    fn withdraw_unbonded(s: u32) -> Weight;
    /// See `Pallet::set_payee`.
    fn set_payee() -> Weight;
    /// See `Pallet::claim`.
    fn claim(s: u32) -> Weight;
    /// See `Pallet::note_session_started`, when a new era starts.
    fn note_session_started() -> Weight;
}

/// Execution in picoseconds and proof size in bytes of a call, apart from its database accesses.
const CALL: Weight = Weight::from_parts(50_000_000, 8_192);
/// The same of one slash that is taken, and of one position whose reward is counted.
const STEP: Weight = Weight::from_parts(60_000_000, 32_768);
/// Positions of one stash.
const POSITIONS: u64 = 32;

/// Weights for a runtime, by its database.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> SubstrateWeight<T> {
    fn call(reads: u64, writes: u64) -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(reads, writes))
    }

    /// To settle a voter who is behind as many candidates as may be. Reads: the slashes' counter, voter, era, all pools;
    /// for each slash, whose debt two other positions pay, of these two pool, earnings, mark and total. Writes: voter,
    /// ledger, account, holds; for each slash as many, and its own mark.
    fn settle(s: u32) -> Weight {
        let each = STEP.saturating_add(T::DbWeight::get().reads_writes(9, 9));
        let once = T::DbWeight::get().reads_writes(POSITIONS.saturating_add(3), 4);
        once.saturating_add(each.saturating_mul(s.into()))
    }

    /// To count the rewards of all positions. Reads and writes of each: pool, earnings, two marks.
    fn rewards() -> Weight {
        STEP.saturating_add(T::DbWeight::get().reads_writes(4, 3)).saturating_mul(POSITIONS)
    }
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Reads: ledger, MinBond, account, holds. Writes: ledger, account, holds.
    fn bond(s: u32) -> Weight {
        Self::call(4, 3).saturating_add(Self::settle(s))
    }
    // As `bond`.
    fn bond_extra(s: u32) -> Weight {
        Self::call(4, 3).saturating_add(Self::settle(s))
    }
    // Reads: ledger, position, BondingEras, MinBond, the voter's sum. Writes: ledger.
    fn unbond(s: u32) -> Weight {
        Self::call(5, 1).saturating_add(Self::settle(s))
    }
    // Reads: ledger, MinBond. Writes: ledger.
    fn rebond(s: u32) -> Weight {
        Self::call(2, 1).saturating_add(Self::settle(s))
    }
    // Reads: ledger, position, applied slashes, account, holds. Writes: ledger, payee, account, holds.
    fn withdraw_unbonded(s: u32) -> Weight {
        Self::call(5, 4).saturating_add(Self::settle(s))
    }
    // Reads: ledger. Writes: payee.
    fn set_payee() -> Weight {
        Self::call(1, 1)
    }
    // Also what each position has earned is taken. Reads besides: payee, emission, pot, ledger,
    // MinBond, account, holds. Writes besides: emission, pot, ledger, account, holds.
    fn claim(s: u32) -> Weight {
        Self::call(7, 5).saturating_add(Self::settle(s)).saturating_add(Self::rewards())
    }
    // Reads: position, lengths (4), time, emission, pots, totals of the roles (3) and authors, pass. Writes: position,
    // emission, pots, pass, one start of an era that begins and one of each that evidence is about no more.
    fn note_session_started() -> Weight {
        Self::call(13, 36)
    }
}
