//! What the calls cost: reads and writes counted by hand, plus a generous allowance for the work between them.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

use crate::MAX_RETIRED_OPERATORS;

/// Weight of each call.
pub trait WeightInfo {
    /// See `Pallet::register`.
    fn register() -> Weight;
    /// See `Pallet::update_info`.
    fn update_info() -> Weight;
    /// See `Pallet::set_operator`.
    fn set_operator() -> Weight;
    /// See `Pallet::chill`.
    fn chill() -> Weight;
    /// See `Pallet::validate`.
    fn validate() -> Weight;
    /// See `Pallet::deregister`.
    fn deregister() -> Weight;
    /// See `Pallet::forget_operators`.
    fn forget_operators() -> Weight;
    /// See `Pallet::set_commission`.
    fn set_commission() -> Weight;
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

/// Weights for a runtime, by its database.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Reads: role, open cases, slashes, genesis hash, minimum, operator, era, bonding eras, validators, retired (own and
    // of the key's former stash); and in voting: bond, era, voter, pool, totals, role. Writes: candidate, role,
    // validators, operator, retired (2), voter, pool, totals.
    fn register() -> Weight {
        CALL.saturating_add(VERIFY).saturating_add(T::DbWeight::get().reads_writes(
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
    fn validate() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(PAY_READS.saturating_add(10), PAY_WRITES.saturating_add(3)))
    }
    // Reads: role, candidate, operator, era, bonding eras, retired, validators; and in voting, where it is paid first:
    // era, voter, pool, totals. Writes: role, candidate, operator, retired, validators, commission, voter, pool, totals.
    fn deregister() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(
            FORGET.saturating_add(PAY_READS).saturating_add(11),
            FORGET.saturating_add(PAY_WRITES).saturating_add(9),
        ))
    }
    // Reads: era, bonding eras, retired, operators. Writes: retired, operators.
    fn forget_operators() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(FORGET.saturating_add(3), FORGET.saturating_add(1)))
    }
    // Reads: role, candidate, era, backing, commission. Writes: commission. And it is paid first.
    fn set_commission() -> Weight {
        CALL.saturating_add(T::DbWeight::get().reads_writes(PAY_READS.saturating_add(5), PAY_WRITES.saturating_add(1)))
    }
}
