//! What the calls cost: reads and writes counted by hand, plus a generous allowance for the work between them.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight of each call and hook. `s` is the number of slashes that a call takes.
pub trait WeightInfo {
    /// See `Pallet::vote`.
    fn vote(s: u32) -> Weight;
    /// See `Pallet::unvote`.
    fn unvote(s: u32) -> Weight;
    /// See `Pallet::revote`.
    fn revote(s: u32) -> Weight;
    /// See `Pallet::settle`.
    fn settle(s: u32) -> Weight;
    /// A block in which `c` candidates are paid.
    fn payout(c: u32) -> Weight;
    /// See `Pallet::note_author`.
    fn note_author() -> Weight;
}

/// Execution in picoseconds and proof size in bytes of a call, apart from its database accesses.
const CALL: Weight = Weight::from_parts(100_000_000, 16_384);
/// The same of one slash that is taken.
const SLASH: Weight = Weight::from_parts(60_000_000, 32_768);
/// Positions of one stash; the pool of each is read to find the slashes that wait.
const POSITIONS: u64 = 32;

/// Weights for a runtime, by its database.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> SubstrateWeight<T> {
    /// A call with these accesses that takes `s` slashes. Reads besides: the pools; for each slash, whose debt two other
    /// positions pay, of these two pool, earnings, mark and total. Writes besides: as many; for each slash its mark; once
    /// the ledger, the account and its holds.
    fn settling(s: u32, reads: u64, writes: u64) -> Weight {
        let each = SLASH.saturating_add(T::DbWeight::get().reads_writes(9, 9)).saturating_mul(s.into());
        let once = T::DbWeight::get().reads_writes(reads.saturating_add(POSITIONS), writes.saturating_add(3));
        CALL.saturating_add(once).saturating_add(each)
    }
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Reads: role, era, window, slashes (2), voter, bond, least vote, pots, commission, then earnings, pool, mark and
    // total. Writes: voter, earnings, pool, marks (2), total, pots, the reward pot (2).
    fn vote(s: u32) -> Weight {
        Self::settling(s, 18, 9)
    }
    fn unvote(s: u32) -> Weight {
        Self::vote(s)
    }
    // As a vote, with two candidates.
    fn revote(s: u32) -> Weight {
        Self::settling(s, 24, 14)
    }
    fn settle(s: u32) -> Weight {
        Self::vote(s)
    }
    // Once: progress, era, pots and the reward pot. Of each, reads: next key, earnings, pool, commission, mark,
    // operator's role. Writes: earnings, mark.
    fn payout(c: u32) -> Weight {
        let each = Weight::from_parts(20_000_000, 4_096).saturating_add(T::DbWeight::get().reads_writes(7, 2));
        CALL.saturating_add(T::DbWeight::get().reads_writes(4, 3)).saturating_add(each.saturating_mul(c.into()))
    }
    // Reads: era, earnings, pool, pots, commission, mark, totals of authors. Writes: earnings, mark, pots, the reward pot
    // (2), totals of authors.
    fn note_author() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(10, 6))
    }
}
