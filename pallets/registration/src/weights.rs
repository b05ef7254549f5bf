//! What calls and hooks cost. Measured and written by `cargo xtask weights`: change `benchmarking.rs`, not this file.
//!
//! 2026-11-22, AMD EPYC; 6 steps, 4 repeats; frame-benchmarking-cli 64.0.0.
//! Proofs of what was read are no part of this chain, so their size is not counted.
//!
//! benchmarking.rs: f81d8dc926fa99f11dbb4d03b705a1d4

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight of each benchmark.
pub trait WeightInfo {
    /// See `benchmarking.rs`; s from 0 to 16.
    fn register(s: u32) -> Weight;
    /// See `benchmarking.rs`.
    fn update_info() -> Weight;
    /// See `benchmarking.rs`.
    fn set_operator() -> Weight;
    /// See `benchmarking.rs`.
    fn chill() -> Weight;
    /// See `benchmarking.rs`; s from 0 to 16.
    fn validate(s: u32) -> Weight;
    /// See `benchmarking.rs`; s from 0 to 16.
    fn deregister(s: u32) -> Weight;
    /// See `benchmarking.rs`.
    fn forget_operators() -> Weight;
    /// See `benchmarking.rs`; s from 0 to 16.
    fn set_commission(s: u32) -> Weight;
}

/// Weights for a runtime, by its database.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Storage: `Voting::Voters` (r:1 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::SlashCount` (r:1 w:0)
    // Storage: `Voting::Pools` (r:32 w:2)
    // Storage: `Voting::Marks` (r:3 w:3)
    // Storage: `Stake::Ledgers` (r:1 w:1)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `System::Account` (r:1 w:1)
    // Storage: `Voting::Earned` (r:2 w:1)
    // Storage: `Voting::OpenPots` (r:1 w:0)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:2 w:2)
    // Storage: `Registration::RoleOf` (r:1 w:1)
    // Storage: `Stake::MinBond` (r:1 w:0)
    // Storage: `Slashing::OpenCount` (r:1 w:0)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Storage: `Registration::MinSelfStake` (r:1 w:0)
    // Storage: `Registration::Retired` (r:2 w:2)
    // Storage: `Registration::Operators` (r:9 w:9)
    // Storage: `Registration::ValidatorCount` (r:1 w:1)
    // Storage: `Voting::MinVote` (r:1 w:0)
    // Storage: `Registration::Candidates` (r:0 w:1)
    fn register(s: u32) -> Weight {
        // At least 1_051_751_000 picoseconds.
        Weight::from_parts(1_108_543_402, 0)
            // Standard error: 1_551_653.
            .saturating_add(Weight::from_parts(40_981_914, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(68))
            .saturating_add(T::DbWeight::get().writes(23))
    }
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Registration::Candidates` (r:1 w:1)
    fn update_info() -> Weight {
        // At least 32_458_000 picoseconds.
        Weight::from_parts(39_899_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Storage: `Registration::Candidates` (r:1 w:1)
    // Storage: `Registration::Retired` (r:2 w:2)
    // Storage: `Registration::Operators` (r:9 w:9)
    fn set_operator() -> Weight {
        // At least 193_087_000 picoseconds.
        Weight::from_parts(205_825_000, 0)
            .saturating_add(T::DbWeight::get().reads(16))
            .saturating_add(T::DbWeight::get().writes(12))
    }
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Registration::Candidates` (r:1 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::Earned` (r:1 w:1)
    // Storage: `Voting::Pools` (r:1 w:1)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Stake::EmissionState` (r:1 w:0)
    // Storage: `Registration::Commissions` (r:1 w:0)
    // Storage: `Voting::Marks` (r:1 w:1)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:1 w:1)
    fn chill() -> Weight {
        // At least 173_077_000 picoseconds.
        Weight::from_parts(194_479_000, 0)
            .saturating_add(T::DbWeight::get().reads(17))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Slashing::OpenCount` (r:1 w:0)
    // Storage: `Voting::Pools` (r:32 w:32)
    // Storage: `Voting::Voters` (r:1 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::SlashCount` (r:1 w:0)
    // Storage: `Voting::Marks` (r:61 w:61)
    // Storage: `Stake::Ledgers` (r:1 w:1)
    // Storage: `Voting::Earned` (r:32 w:31)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Settlement::WorkOf` (r:30 w:0)
    // Storage: `Settlement::WorkIn` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `System::Account` (r:2 w:2)
    // Storage: `Registration::Commissions` (r:30 w:0)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:2 w:2)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `Registration::MinSelfStake` (r:1 w:0)
    // Storage: `Registration::Candidates` (r:1 w:1)
    fn validate(s: u32) -> Weight {
        // At least 444_190_000 picoseconds.
        Weight::from_parts(545_416_838, 0)
            // Standard error: 5_539_192.
            .saturating_add(Weight::from_parts(536_452_651, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(56))
            .saturating_add(T::DbWeight::get().reads(10_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(12))
            .saturating_add(T::DbWeight::get().writes(8_u64.saturating_mul(s.into())))
    }
    // Storage: `Registration::RoleOf` (r:1 w:1)
    // Storage: `Registration::Candidates` (r:1 w:1)
    // Storage: `Voting::Voters` (r:1 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::SlashCount` (r:1 w:0)
    // Storage: `Voting::Pools` (r:32 w:32)
    // Storage: `Voting::Marks` (r:63 w:63)
    // Storage: `Stake::Ledgers` (r:1 w:1)
    // Storage: `Voting::Earned` (r:32 w:31)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Settlement::WorkOf` (r:30 w:0)
    // Storage: `Settlement::WorkIn` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `System::Account` (r:2 w:2)
    // Storage: `Registration::Commissions` (r:31 w:1)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:2 w:2)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `Registration::MinSelfStake` (r:1 w:0)
    // Storage: `Registration::ValidatorCount` (r:1 w:1)
    // Storage: `Registration::Retired` (r:1 w:1)
    // Storage: `Registration::Operators` (r:1 w:1)
    fn deregister(s: u32) -> Weight {
        // At least 650_897_000 picoseconds.
        Weight::from_parts(751_909_974, 0)
            // Standard error: 3_997_684.
            .saturating_add(Weight::from_parts(513_800_199, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(61))
            .saturating_add(T::DbWeight::get().reads(10_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(19))
            .saturating_add(T::DbWeight::get().writes(8_u64.saturating_mul(s.into())))
    }
    // Storage: `Registration::Retired` (r:1 w:1)
    // Storage: `Registration::Operators` (r:8 w:8)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    fn forget_operators() -> Weight {
        // At least 89_242_000 picoseconds.
        Weight::from_parts(94_440_000, 0)
            .saturating_add(T::DbWeight::get().reads(11))
            .saturating_add(T::DbWeight::get().writes(9))
    }
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Registration::Candidates` (r:1 w:0)
    // Storage: `Voting::Voters` (r:1 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::SlashCount` (r:1 w:0)
    // Storage: `Voting::Pools` (r:32 w:32)
    // Storage: `Voting::Marks` (r:61 w:61)
    // Storage: `Stake::Ledgers` (r:1 w:1)
    // Storage: `Voting::Earned` (r:32 w:31)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Settlement::WorkOf` (r:30 w:0)
    // Storage: `Settlement::WorkIn` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `System::Account` (r:2 w:2)
    // Storage: `Registration::Commissions` (r:31 w:1)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:2 w:2)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `Registration::MinSelfStake` (r:1 w:0)
    fn set_commission(s: u32) -> Weight {
        // At least 427_174_000 picoseconds.
        Weight::from_parts(535_755_618, 0)
            // Standard error: 6_306_794.
            .saturating_add(Weight::from_parts(521_318_718, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(55))
            .saturating_add(T::DbWeight::get().reads(10_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(11))
            .saturating_add(T::DbWeight::get().writes(8_u64.saturating_mul(s.into())))
    }
}
