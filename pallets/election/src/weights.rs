//! What calls and hooks cost. Measured and written by `cargo xtask weights`: change `benchmarking.rs`, not this file.
//!
//! 2026-11-22, AMD EPYC; 6 steps, 4 repeats; frame-benchmarking-cli 64.0.0.
//! Proofs of what was read are no part of this chain, so their size is not counted.
//!
//! benchmarking.rs: daf0afc3560c6224d307bb1e31ee00ce

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight of each benchmark.
pub trait WeightInfo {
    /// See `benchmarking.rs`.
    fn set_limits() -> Weight;
    /// See `benchmarking.rs`; c from 1 to 1000.
    fn next_validators(c: u32) -> Weight;
}

/// Weights for a runtime, by its database.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Storage: `Election::ValidatorCount` (r:0 w:1)
    // Storage: `Election::MinValidators` (r:0 w:1)
    fn set_limits() -> Weight {
        // At least 5_028_000 picoseconds.
        Weight::from_parts(5_809_000, 0).saturating_add(T::DbWeight::get().writes(2))
    }
    // Storage: `Registration::Candidates` (r:1001 w:0)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::Pools` (r:1000 w:0)
    // Storage: `Registration::MinSelfStake` (r:1 w:0)
    // Storage: `Session::NextKeys` (r:1000 w:0)
    // Storage: `Election::ValidatorCount` (r:1 w:0)
    // Storage: `Election::MinValidators` (r:1 w:0)
    fn next_validators(c: u32) -> Weight {
        // At least 47_300_000 picoseconds.
        Weight::from_parts(47_400_000, 0)
            // Standard error: 164_875.
            .saturating_add(Weight::from_parts(22_640_020, 0).saturating_mul(c.into()))
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().reads(3_u64.saturating_mul(c.into())))
    }
}
