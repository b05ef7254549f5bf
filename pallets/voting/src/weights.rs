//! What calls and hooks cost. Measured and written by `cargo xtask weights`: change `benchmarking.rs`, not this file.
//!
//! 2026-11-22, AMD EPYC; 6 steps, 4 repeats; frame-benchmarking-cli 64.0.0.
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
    // Storage: `Voting::Pools` (r:32 w:31)
    // Storage: `Voting::Marks` (r:61 w:61)
    // Storage: `Stake::Ledgers` (r:1 w:1)
    // Storage: `Voting::Earned` (r:32 w:30)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Settlement::WorkOf` (r:30 w:0)
    // Storage: `Settlement::WorkIn` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `System::Account` (r:2 w:2)
    // Storage: `Registration::Commissions` (r:30 w:0)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:1 w:1)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `Registration::RoleOf` (r:2 w:0)
    // Storage: `Stake::MinBond` (r:1 w:0)
    // Storage: `Voting::MinVote` (r:1 w:0)
    fn vote(s: u32) -> Weight {
        // At least 792_317_000 picoseconds.
        Weight::from_parts(971_121_856, 0)
            // Standard error: 8_936_096.
            .saturating_add(Weight::from_parts(498_519_556, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(62))
            .saturating_add(T::DbWeight::get().reads(10_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(15))
            .saturating_add(T::DbWeight::get().writes(8_u64.saturating_mul(s.into())))
    }
    // Storage: `Voting::Voters` (r:1 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::SlashCount` (r:1 w:0)
    // Storage: `Voting::Pools` (r:32 w:31)
    // Storage: `Voting::Marks` (r:61 w:61)
    // Storage: `Stake::Ledgers` (r:1 w:1)
    // Storage: `Voting::Earned` (r:32 w:30)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Settlement::WorkOf` (r:30 w:0)
    // Storage: `Settlement::WorkIn` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `System::Account` (r:2 w:2)
    // Storage: `Registration::Commissions` (r:30 w:0)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:1 w:1)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `Registration::RoleOf` (r:1 w:0)
    fn unvote(s: u32) -> Weight {
        // At least 595_143_000 picoseconds.
        Weight::from_parts(664_362_649, 0)
            // Standard error: 9_525_837.
            .saturating_add(Weight::from_parts(534_101_899, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(57))
            .saturating_add(T::DbWeight::get().reads(10_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(13))
            .saturating_add(T::DbWeight::get().writes(8_u64.saturating_mul(s.into())))
    }
    // Storage: `Registration::RoleOf` (r:2 w:0)
    // Storage: `Voting::Voters` (r:1 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::SlashCount` (r:1 w:0)
    // Storage: `Voting::Pools` (r:32 w:31)
    // Storage: `Voting::Marks` (r:62 w:62)
    // Storage: `Stake::Ledgers` (r:1 w:1)
    // Storage: `Voting::Earned` (r:32 w:30)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Settlement::WorkOf` (r:30 w:0)
    // Storage: `Settlement::WorkIn` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `System::Account` (r:2 w:2)
    // Storage: `Registration::Commissions` (r:30 w:0)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:1 w:1)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `Voting::MinVote` (r:1 w:0)
    fn revote(s: u32) -> Weight {
        // At least 809_663_000 picoseconds.
        Weight::from_parts(918_105_837, 0)
            // Standard error: 11_930_374.
            .saturating_add(Weight::from_parts(520_292_825, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(67))
            .saturating_add(T::DbWeight::get().reads(9_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(19))
            .saturating_add(T::DbWeight::get().writes(7_u64.saturating_mul(s.into())))
    }
    // Storage: `Voting::Voters` (r:1 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::SlashCount` (r:1 w:0)
    // Storage: `Voting::Pools` (r:32 w:31)
    // Storage: `Voting::Marks` (r:60 w:60)
    // Storage: `Stake::Ledgers` (r:1 w:1)
    // Storage: `Voting::Earned` (r:32 w:30)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Settlement::WorkOf` (r:30 w:0)
    // Storage: `Settlement::WorkIn` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `System::Account` (r:2 w:2)
    // Storage: `Registration::Commissions` (r:30 w:0)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:1 w:1)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `Registration::RoleOf` (r:1 w:0)
    fn settle(s: u32) -> Weight {
        // At least 544_368_000 picoseconds.
        Weight::from_parts(726_367_767, 0)
            // Standard error: 7_830_785.
            .saturating_add(Weight::from_parts(512_985_367, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(56))
            .saturating_add(T::DbWeight::get().reads(10_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(10))
            .saturating_add(T::DbWeight::get().writes(8_u64.saturating_mul(s.into())))
    }
    // Storage: `Voting::PayoutRun` (r:1 w:1)
    // Storage: `Voting::Pools` (r:31 w:0)
    // Storage: `Voting::Earned` (r:30 w:30)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Settlement::WorkOf` (r:30 w:0)
    // Storage: `Settlement::WorkIn` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `System::Account` (r:1 w:1)
    // Storage: `Registration::Commissions` (r:30 w:0)
    // Storage: `Voting::Marks` (r:30 w:30)
    fn payout(c: u32) -> Weight {
        // At least 51_046_000 picoseconds.
        Weight::from_parts(101_972_988, 0)
            // Standard error: 1_494_785.
            .saturating_add(Weight::from_parts(120_364_728, 0).saturating_mul(c.into()))
            .saturating_add(T::DbWeight::get().reads(6))
            .saturating_add(T::DbWeight::get().reads(5_u64.saturating_mul(c.into())))
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
        // At least 77_625_000 picoseconds.
        Weight::from_parts(91_857_000, 0)
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().writes(4))
    }
}
