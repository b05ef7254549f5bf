//! What the calls cost: reads and writes counted by hand, plus a generous allowance for the work between them.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

use crate::MAX_RETIRED_OPERATORS;

/// Weight of each call. `s` is the number of slashes that it takes first.
pub trait WeightInfo {
    /// See `Pallet::register`.
    fn register(s: u32) -> Weight;
    /// See `Pallet::update_info`.
    fn update_info() -> Weight;
    /// See `Pallet::set_operator`.
    fn set_operator() -> Weight;
    /// See `Pallet::chill`.
    fn chill() -> Weight;
    /// See `Pallet::validate`.
    fn validate(s: u32) -> Weight;
    /// See `Pallet::deregister`.
    fn deregister(s: u32) -> Weight;
    /// See `Pallet::forget_operators`.
    fn forget_operators() -> Weight;
    /// See `Pallet::set_commission`.
    fn set_commission(s: u32) -> Weight;
}

/// Execution in picoseconds and proof size in bytes of a call, apart from its database accesses.
const CALL: Weight = Weight::from_parts(50_000_000, 16_384);
/// Verifying one sr25519 signature.
const VERIFY: Weight = Weight::from_parts(100_000_000, 0);
/// Accesses to find and drop every retired operator of a stash.
const FORGET: u64 = MAX_RETIRED_OPERATORS as u64;

/// Accesses to pay a candidate for all eras that are over: its earnings, pool, mark, and of at most eight open eras the
/// budgets and the authors.
const PAY_READS: u64 = 20;
const PAY_WRITES: u64 = 12;

/// One slash that the candidate is settled for: execution and proof, apart from the accesses to the two candidates whose
/// backing answers for it.
const SETTLED: Weight = Weight::from_parts(60_000_000, 32_768);
/// Positions of one stash; the pool of each is read to find the slashes that wait.
const POSITIONS: u64 = 32;

/// Weights for a runtime, by its database.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> SubstrateWeight<T> {
    fn settle(s: u32) -> Weight {
        let each = SETTLED.saturating_add(T::DbWeight::get().reads_writes(9, 9)).saturating_mul(s.into());
        T::DbWeight::get().reads_writes(POSITIONS.saturating_add(3), 4).saturating_add(each)
    }
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Reads: role, open cases, slashes, genesis hash, minimum, operator, era, bonding eras, validators, retired (own and
    // of the key's former stash); and in voting: bond, era, voter, pool, totals, role. Writes: candidate, role,
    // validators, operator, retired (2), voter, pool, totals.
    fn register(s: u32) -> Weight {
        CALL.saturating_add(Self::settle(s)).saturating_add(VERIFY).saturating_add(T::DbWeight::get().reads_writes(
            FORGET.saturating_add(PAY_READS).saturating_add(17),
            FORGET.saturating_add(PAY_WRITES).saturating_add(9),
        ))
    }
    // Reads: role (2), candidate. Writes: candidate.
    fn update_info() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(3, 1))
    }
    // Reads: role (2), genesis hash, candidate, operators (2), era, bonding eras, retired (2). Writes: candidate,
    // operators (2), retired (2).
    fn set_operator() -> Weight {
        CALL.saturating_add(VERIFY)
            .saturating_add(T::DbWeight::get().reads_writes(FORGET.saturating_add(10), FORGET.saturating_add(5)))
    }
    // Reads: role, candidate; and in voting, where it is paid first: pool, totals. Writes: candidate, pool, totals.
    fn chill() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(PAY_READS.saturating_add(4), PAY_WRITES.saturating_add(3)))
    }
    // Reads: role (2), open cases, slashes, era, backing, minimum, candidate; and in voting, where it is paid first:
    // pool, totals. Writes: candidate, pool, totals.
    fn validate(s: u32) -> Weight {
        CALL.saturating_add(Self::settle(s))
            .saturating_add(T::DbWeight::get().reads_writes(PAY_READS.saturating_add(10), PAY_WRITES.saturating_add(3)))
    }
    // Reads: role, candidate, operator, era, bonding eras, retired, validators; and in voting, where it is paid first:
    // era, voter, pool, totals. Writes: role, candidate, operator, retired, validators, commission, voter, pool, totals.
    fn deregister(s: u32) -> Weight {
        CALL.saturating_add(Self::settle(s)).saturating_add(T::DbWeight::get().reads_writes(
            FORGET.saturating_add(PAY_READS).saturating_add(11),
            FORGET.saturating_add(PAY_WRITES).saturating_add(9),
        ))
    }
    // Reads: era, bonding eras, retired, operators. Writes: retired, operators.
    fn forget_operators() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(FORGET.saturating_add(3), FORGET.saturating_add(1)))
    }
    // Reads: role, candidate, era, backing, commission. Writes: commission. And it is paid first.
    fn set_commission(s: u32) -> Weight {
        CALL.saturating_add(Self::settle(s))
            .saturating_add(T::DbWeight::get().reads_writes(PAY_READS.saturating_add(5), PAY_WRITES.saturating_add(1)))
    }
}
