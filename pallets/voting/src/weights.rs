//! What calls and hooks cost. Measured and written by `cargo xtask weights`: change `benchmarking.rs`, not this file.
//!
//! 2026-11-22, AMD EPYC; 4 steps, 3 repeats; frame-benchmarking-cli 64.0.0.
//! Proofs of what was read are no part of this chain, so their size is not counted.
//!
//! benchmarking.rs: 3659a407cbcd54d34d74285d828eeab9

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight of each benchmark.
pub trait WeightInfo {
    /// See `benchmarking.rs`; s from 0 to 16.
    fn vote(s: u32) -> Weight;
    /// See `benchmarking.rs`; s from 0 to 16.
    fn unvote(s: u32) -> Weight;
    /// See `benchmarking.rs`; s from 0 to 16.
    fn revote(s: u32) -> Weight;
    /// See `benchmarking.rs`; s from 0 to 16.
    fn settle(s: u32) -> Weight;
    /// See `benchmarking.rs`; c from 0 to 30.
    fn payout(c: u32) -> Weight;
    /// See `benchmarking.rs`.
    fn note_author() -> Weight;
}

/// Weights for a runtime, by its database.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Storage: `Voting::Voters` (r:1 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::SlashCount` (r:1 w:0)
    // Storage: `Voting::Pools` (r:33 w:32)
    // Storage: `Voting::Marks` (r:63 w:63)
    // Storage: `Stake::Ledgers` (r:1 w:1)
    // Storage: `Voting::Earned` (r:33 w:31)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `System::Account` (r:2 w:2)
    // Storage: `Registration::Commissions` (r:31 w:0)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:1 w:1)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `Registration::RoleOf` (r:2 w:0)
    // Storage: `Stake::MinBond` (r:1 w:0)
    // Storage: `Voting::MinVote` (r:1 w:0)
    fn vote(s: u32) -> Weight {
        // At least 1_316_775_000 picoseconds.
        Weight::from_parts(1_968_372_105, 0)
            // Standard error: 62_382_587.
            .saturating_add(Weight::from_parts(2_316_504_717, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(59))
            .saturating_add(T::DbWeight::get().reads(8_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(14))
            .saturating_add(T::DbWeight::get().writes(8_u64.saturating_mul(s.into())))
    }
    // Storage: `Voting::Voters` (r:1 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::SlashCount` (r:1 w:0)
    // Storage: `Voting::Pools` (r:33 w:32)
    // Storage: `Voting::Marks` (r:63 w:63)
    // Storage: `Stake::Ledgers` (r:1 w:1)
    // Storage: `Voting::Earned` (r:33 w:31)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `System::Account` (r:2 w:2)
    // Storage: `Registration::Commissions` (r:31 w:0)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:1 w:1)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `Registration::RoleOf` (r:1 w:0)
    fn unvote(s: u32) -> Weight {
        // At least 751_125_000 picoseconds.
        Weight::from_parts(1_010_240_645, 0)
            // Standard error: 53_446_202.
            .saturating_add(Weight::from_parts(2_475_130_701, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(54))
            .saturating_add(T::DbWeight::get().reads(8_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(12))
            .saturating_add(T::DbWeight::get().writes(8_u64.saturating_mul(s.into())))
    }
    // Storage: `Registration::RoleOf` (r:2 w:0)
    // Storage: `Voting::Voters` (r:1 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::SlashCount` (r:1 w:0)
    // Storage: `Voting::Pools` (r:33 w:32)
    // Storage: `Voting::Marks` (r:64 w:64)
    // Storage: `Stake::Ledgers` (r:1 w:1)
    // Storage: `Voting::Earned` (r:33 w:31)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `System::Account` (r:2 w:2)
    // Storage: `Registration::Commissions` (r:31 w:0)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:1 w:1)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `Voting::MinVote` (r:1 w:0)
    fn revote(s: u32) -> Weight {
        // At least 942_649_000 picoseconds.
        Weight::from_parts(1_125_290_910, 0)
            // Standard error: 45_976_908.
            .saturating_add(Weight::from_parts(2_492_885_645, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(62))
            .saturating_add(T::DbWeight::get().reads(8_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(18))
            .saturating_add(T::DbWeight::get().writes(8_u64.saturating_mul(s.into())))
    }
    // Storage: `Voting::Voters` (r:1 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::SlashCount` (r:1 w:0)
    // Storage: `Voting::Pools` (r:33 w:32)
    // Storage: `Voting::Marks` (r:62 w:62)
    // Storage: `Stake::Ledgers` (r:1 w:1)
    // Storage: `Voting::Earned` (r:33 w:31)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `System::Account` (r:2 w:2)
    // Storage: `Registration::Commissions` (r:31 w:0)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:1 w:1)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `Registration::RoleOf` (r:1 w:0)
    fn settle(s: u32) -> Weight {
        // At least 604_127_000 picoseconds.
        Weight::from_parts(135_172_458, 0)
            // Standard error: 111_899_492.
            .saturating_add(Weight::from_parts(2_705_588_940, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(52))
            .saturating_add(T::DbWeight::get().reads(8_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(9))
            .saturating_add(T::DbWeight::get().writes(8_u64.saturating_mul(s.into())))
    }
    // Storage: `Voting::PayoutRun` (r:1 w:1)
    // Storage: `Voting::Pools` (r:31 w:0)
    // Storage: `Voting::Earned` (r:30 w:30)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `System::Account` (r:1 w:1)
    // Storage: `Registration::Commissions` (r:30 w:0)
    // Storage: `Voting::Marks` (r:30 w:30)
    fn payout(c: u32) -> Weight {
        // At least 71_486_000 picoseconds.
        Weight::from_parts(71_486_000, 0)
            // Standard error: 10_071_268.
            .saturating_add(Weight::from_parts(168_148_316, 0).saturating_mul(c.into()))
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().reads(4_u64.saturating_mul(c.into())))
            .saturating_add(T::DbWeight::get().writes(3))
            .saturating_add(T::DbWeight::get().writes(2_u64.saturating_mul(c.into())))
    }
    // Storage: `Voting::Earned` (r:1 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::Pools` (r:1 w:0)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Stake::EmissionState` (r:1 w:0)
    // Storage: `Registration::Commissions` (r:1 w:0)
    // Storage: `Voting::Marks` (r:1 w:1)
    // Storage: `Voting::AuthorTotals` (r:1 w:1)
    fn note_author() -> Weight {
        // At least 127_750_000 picoseconds.
        Weight::from_parts(159_247_000, 0)
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().writes(4))
    }
}
