//! What calls and hooks cost. Measured and written by `cargo xtask weights`: change `benchmarking.rs`, not this file.
//!
//! 2026-11-22, AMD EPYC; 6 steps, 4 repeats; frame-benchmarking-cli 64.0.0.
//! Proofs of what was read are no part of this chain, so their size is not counted.
//!
//! benchmarking.rs: de09f2789493653e7a9bfac20fae4744

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight of each benchmark.
pub trait WeightInfo {
    /// See `benchmarking.rs`.
    fn claim() -> Weight;
    /// See `benchmarking.rs`.
    fn forget_claim() -> Weight;
}

/// Weights for a runtime, by its database.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Storage: `Faucet::FaucetTerms` (r:1 w:0)
    // Storage: `System::BlockHash` (r:2 w:0)
    // Storage: `System::Account` (r:2 w:2)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Faucet::Claimed` (r:1 w:1)
    // Storage: `Faucet::PaidInEra` (r:1 w:1)
    fn claim() -> Weight {
        // At least 91_596_000 picoseconds.
        Weight::from_parts(97_275_000, 0)
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Faucet::ClaimedFrom` (r:1 w:0)
    // Storage: `Faucet::Claimed` (r:1 w:1)
    fn forget_claim() -> Weight {
        // At least 14_301_000 picoseconds.
        Weight::from_parts(15_694_000, 0)
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().writes(1))
    }
}
