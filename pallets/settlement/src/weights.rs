//! What calls and hooks cost. Measured and written by `cargo xtask weights`: change `benchmarking.rs`, not this file.
//!
//! 2026-11-23, AMD EPYC; 17 steps, 20 repeats; frame-benchmarking-cli 64.0.0.
//! Proofs of what was read are no part of this chain, so their size is not counted.
//!
//! benchmarking.rs: 198d87c0547ea383a563d2d1d0872fe8

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight of each benchmark.
pub trait WeightInfo {
    /// See `benchmarking.rs`.
    fn deposit() -> Weight;
    /// See `benchmarking.rs`.
    fn request_withdrawal() -> Weight;
    /// See `benchmarking.rs`.
    fn cancel_withdrawal() -> Weight;
    /// See `benchmarking.rs`.
    fn withdraw() -> Weight;
    /// See `benchmarking.rs`; v from 32 to 64; c from 2 to 32; m from 2 to 32.
    fn redeem(v: u32, c: u32, m: u32) -> Weight;
    /// See `benchmarking.rs`; v from 32 to 64; c from 2 to 32; m from 2 to 32.
    fn record_debts(v: u32, c: u32, m: u32) -> Weight;
    /// See `benchmarking.rs`; s from 0 to 16.
    fn collect(s: u32) -> Weight;
    /// See `benchmarking.rs`; r from 1 to 64.
    fn rate(r: u32) -> Weight;
}

/// Weights for a runtime, by its database.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Settlement::Owed` (r:1 w:0)
    // Storage: `System::Account` (r:2 w:2)
    // Storage: `Balances::Holds` (r:1 w:1)
    fn deposit() -> Weight {
        // At least 64_245_000 picoseconds.
        Weight::from_parts(95_351_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(3))
    }
    // Storage: `Balances::Holds` (r:1 w:0)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Settlement::WithdrawalEras` (r:1 w:0)
    // Storage: `Settlement::Withdrawals` (r:0 w:1)
    fn request_withdrawal() -> Weight {
        // At least 19_489_000 picoseconds.
        Weight::from_parts(27_230_000, 0)
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    // Storage: `Settlement::Withdrawals` (r:1 w:1)
    fn cancel_withdrawal() -> Weight {
        // At least 11_737_000 picoseconds.
        Weight::from_parts(15_343_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    // Storage: `Settlement::Owed` (r:1 w:0)
    // Storage: `Settlement::Withdrawals` (r:1 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `System::Account` (r:1 w:1)
    fn withdraw() -> Weight {
        // At least 57_425_000 picoseconds.
        Weight::from_parts(66_929_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(3))
    }
    // Storage: `System::BlockHash` (r:1 w:0)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Settlement::RedeemEras` (r:1 w:0)
    // Storage: `Settlement::Channels` (r:64 w:64)
    // Storage: `Registration::Operators` (r:32 w:0)
    // Storage: `Balances::Holds` (r:32 w:32)
    // Storage: `System::Account` (r:65 w:65)
    // Storage: `Settlement::RatingOf` (r:64 w:0)
    // Storage: `Registration::RoleOf` (r:32 w:0)
    // Storage: `Settlement::WorkOf` (r:32 w:32)
    // Storage: `Settlement::WorkIn` (r:1 w:1)
    fn redeem(v: u32, c: u32, m: u32) -> Weight {
        // At least 4_067_120_000 picoseconds.
        Weight::from_parts(1_135_000_065, 0)
            // Standard error: 2_904_349.
            .saturating_add(Weight::from_parts(41_868_762, 0).saturating_mul(v.into()))
            // Standard error: 3_036_250.
            .saturating_add(Weight::from_parts(43_582_918, 0).saturating_mul(c.into()))
            // Standard error: 3_036_250.
            .saturating_add(Weight::from_parts(34_213_064, 0).saturating_mul(m.into()))
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().reads(2_u64.saturating_mul(v.into())))
            .saturating_add(T::DbWeight::get().reads(3_u64.saturating_mul(c.into())))
            .saturating_add(T::DbWeight::get().reads(3_u64.saturating_mul(m.into())))
            .saturating_add(T::DbWeight::get().writes(2))
            .saturating_add(T::DbWeight::get().writes(1_u64.saturating_mul(v.into())))
            .saturating_add(T::DbWeight::get().writes(2_u64.saturating_mul(c.into())))
            .saturating_add(T::DbWeight::get().writes(2_u64.saturating_mul(m.into())))
    }
    // Storage: `Stake::Ledgers` (r:64 w:0)
    // Storage: `Settlement::Debts` (r:64 w:64)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Settlement::TakenOf` (r:32 w:0)
    // Storage: `Settlement::Owed` (r:32 w:32)
    fn record_debts(v: u32, c: u32, m: u32) -> Weight {
        // At least 1_024_793_000 picoseconds.
        Weight::from_parts(713_958_190, 0)
            // Standard error: 1_114_255.
            .saturating_add(Weight::from_parts(12_148_188, 0).saturating_mul(v.into()))
            // Standard error: 1_164_859.
            .saturating_add(Weight::from_parts(1_302_825, 0).saturating_mul(c.into()))
            // Standard error: 1_164_859.
            .saturating_add(Weight::from_parts(7_741_091, 0).saturating_mul(m.into()))
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(v.into())))
            .saturating_add(T::DbWeight::get().reads(3_u64.saturating_mul(c.into())))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(m.into())))
            .saturating_add(T::DbWeight::get().writes(1_u64.saturating_mul(v.into())))
            .saturating_add(T::DbWeight::get().writes(1_u64.saturating_mul(c.into())))
    }
    // Storage: `Settlement::Debts` (r:1 w:1)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Settlement::GraceEras` (r:1 w:0)
    // Storage: `Voting::Voters` (r:1 w:1)
    // Storage: `Voting::SlashCount` (r:1 w:0)
    // Storage: `Voting::Pools` (r:32 w:32)
    // Storage: `Voting::Marks` (r:62 w:62)
    // Storage: `Stake::Ledgers` (r:1 w:1)
    // Storage: `Voting::Earned` (r:32 w:31)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Settlement::WorkOf` (r:31 w:1)
    // Storage: `Settlement::WorkIn` (r:1 w:1)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `System::Account` (r:4 w:4)
    // Storage: `Registration::Commissions` (r:31 w:0)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:2 w:2)
    // Storage: `Registration::RoleOf` (r:2 w:0)
    // Storage: `Registration::MinSelfStake` (r:1 w:0)
    // Storage: `Registration::Candidates` (r:1 w:1)
    // Storage: `Settlement::RatingOf` (r:1 w:0)
    // Storage: `Settlement::TakenOf` (r:1 w:1)
    // Storage: `Settlement::Owed` (r:1 w:1)
    // Storage: `Stake::PayeeOf` (r:0 w:1)
    fn collect(s: u32) -> Weight {
        // At least 8_416_251_000 picoseconds.
        Weight::from_parts(8_700_661_880, 0)
            // Standard error: 11_368_583.
            .saturating_add(Weight::from_parts(101_912_975, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(218))
            .saturating_add(T::DbWeight::get().writes(143))
    }
    // Storage: `Registration::Operators` (r:1 w:0)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Registration::RoleOf` (r:65 w:0)
    // Storage: `Settlement::RatingOf` (r:0 w:64)
    fn rate(r: u32) -> Weight {
        // At least 37_966_000 picoseconds.
        Weight::from_parts(41_450_001, 0)
            // Standard error: 182_485.
            .saturating_add(Weight::from_parts(10_018_658, 0).saturating_mul(r.into()))
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(r.into())))
            .saturating_add(T::DbWeight::get().writes(1_u64.saturating_mul(r.into())))
    }
}
