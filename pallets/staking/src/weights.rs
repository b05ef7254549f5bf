//! What calls and hooks cost. Measured and written by `cargo xtask weights`: change `benchmarking.rs`, not this file.
//!
//! 2026-11-22, AMD EPYC; 6 steps, 4 repeats; frame-benchmarking-cli 64.0.0.
//! Proofs of what was read are no part of this chain, so their size is not counted.
//!
//! benchmarking.rs: 52128561bb7683fb83f3ed6aadf5a1ac

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight of each benchmark.
pub trait WeightInfo {
    /// See `benchmarking.rs`; s from 0 to 16.
    fn bond(s: u32) -> Weight;
    /// See `benchmarking.rs`; s from 0 to 16.
    fn bond_extra(s: u32) -> Weight;
    /// See `benchmarking.rs`; s from 0 to 16.
    fn unbond(s: u32) -> Weight;
    /// See `benchmarking.rs`; s from 0 to 16.
    fn rebond(s: u32) -> Weight;
    /// See `benchmarking.rs`; s from 0 to 16.
    fn withdraw_unbonded(s: u32) -> Weight;
    /// See `benchmarking.rs`.
    fn set_payee() -> Weight;
    /// See `benchmarking.rs`; s from 0 to 16.
    fn claim(s: u32) -> Weight;
    /// See `benchmarking.rs`.
    fn note_session_started() -> Weight;
}

/// Weights for a runtime, by its database.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Storage: `Voting::Voters` (r:2 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::SlashCount` (r:1 w:0)
    // Storage: `Voting::Pools` (r:32 w:0)
    // Storage: `Voting::Marks` (r:60 w:0)
    // Storage: `Stake::Ledgers` (r:2 w:1)
    // Storage: `Voting::Earned` (r:32 w:0)
    // Storage: `Voting::OpenPots` (r:1 w:0)
    // Storage: `Settlement::WorkOf` (r:30 w:0)
    // Storage: `Settlement::WorkIn` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:0)
    // Storage: `System::Account` (r:3 w:1)
    // Storage: `Registration::Commissions` (r:30 w:0)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:1 w:0)
    // Storage: `Balances::Holds` (r:2 w:1)
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Stake::MinBond` (r:1 w:0)
    fn bond(s: u32) -> Weight {
        // At least 418_862_000 picoseconds.
        Weight::from_parts(561_373_215, 0)
            // Standard error: 4_790_841.
            .saturating_add(Weight::from_parts(511_764_303, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(54))
            .saturating_add(T::DbWeight::get().reads(10_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(4))
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
    // Storage: `Stake::MinBond` (r:1 w:0)
    fn bond_extra(s: u32) -> Weight {
        // At least 391_912_000 picoseconds.
        Weight::from_parts(495_832_667, 0)
            // Standard error: 4_670_327.
            .saturating_add(Weight::from_parts(509_791_592, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(51))
            .saturating_add(T::DbWeight::get().reads(10_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(8))
            .saturating_add(T::DbWeight::get().writes(8_u64.saturating_mul(s.into())))
    }
    // Storage: `Voting::Voters` (r:2 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::SlashCount` (r:1 w:0)
    // Storage: `Voting::Pools` (r:32 w:0)
    // Storage: `Voting::Marks` (r:60 w:0)
    // Storage: `Stake::Ledgers` (r:2 w:1)
    // Storage: `Voting::Earned` (r:32 w:0)
    // Storage: `Voting::OpenPots` (r:1 w:0)
    // Storage: `Settlement::WorkOf` (r:30 w:0)
    // Storage: `Settlement::WorkIn` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:0)
    // Storage: `System::Account` (r:2 w:0)
    // Storage: `Registration::Commissions` (r:30 w:0)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:1 w:0)
    // Storage: `Balances::Holds` (r:1 w:0)
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Stake::MinBond` (r:1 w:0)
    fn unbond(s: u32) -> Weight {
        // At least 413_564_000 picoseconds.
        Weight::from_parts(468_171_678, 0)
            // Standard error: 3_850_246.
            .saturating_add(Weight::from_parts(521_420_128, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(52))
            .saturating_add(T::DbWeight::get().reads(10_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    // Storage: `Voting::Voters` (r:2 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::SlashCount` (r:1 w:0)
    // Storage: `Voting::Pools` (r:32 w:0)
    // Storage: `Voting::Marks` (r:60 w:0)
    // Storage: `Stake::Ledgers` (r:2 w:1)
    // Storage: `Voting::Earned` (r:32 w:0)
    // Storage: `Voting::OpenPots` (r:1 w:0)
    // Storage: `Settlement::WorkOf` (r:30 w:0)
    // Storage: `Settlement::WorkIn` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:0)
    // Storage: `System::Account` (r:2 w:0)
    // Storage: `Registration::Commissions` (r:30 w:0)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:1 w:0)
    // Storage: `Balances::Holds` (r:1 w:0)
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Stake::MinBond` (r:1 w:0)
    fn rebond(s: u32) -> Weight {
        // At least 405_602_000 picoseconds.
        Weight::from_parts(521_099_266, 0)
            // Standard error: 5_748_509.
            .saturating_add(Weight::from_parts(514_511_579, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(52))
            .saturating_add(T::DbWeight::get().reads(10_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    // Storage: `Settlement::Owed` (r:2 w:0)
    // Storage: `Voting::Voters` (r:2 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::SlashCount` (r:1 w:0)
    // Storage: `Voting::Pools` (r:32 w:0)
    // Storage: `Voting::Marks` (r:60 w:0)
    // Storage: `Stake::Ledgers` (r:2 w:1)
    // Storage: `Voting::Earned` (r:32 w:0)
    // Storage: `Voting::OpenPots` (r:1 w:0)
    // Storage: `Settlement::WorkOf` (r:30 w:0)
    // Storage: `Settlement::WorkIn` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:0)
    // Storage: `System::Account` (r:3 w:1)
    // Storage: `Registration::Commissions` (r:30 w:0)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:1 w:0)
    // Storage: `Balances::Holds` (r:2 w:1)
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Stake::PayeeOf` (r:0 w:1)
    fn withdraw_unbonded(s: u32) -> Weight {
        // At least 503_548_000 picoseconds.
        Weight::from_parts(639_443_360, 0)
            // Standard error: 5_723_745.
            .saturating_add(Weight::from_parts(512_618_947, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(55))
            .saturating_add(T::DbWeight::get().reads(10_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(5))
    }
    // Storage: `Stake::Ledgers` (r:1 w:0)
    // Storage: `Stake::PayeeOf` (r:0 w:1)
    fn set_payee() -> Weight {
        // At least 13_430_000 picoseconds.
        Weight::from_parts(14_612_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    // Storage: `Voting::Voters` (r:1 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::SlashCount` (r:1 w:0)
    // Storage: `Voting::Pools` (r:32 w:31)
    // Storage: `Voting::Marks` (r:60 w:60)
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
    // Storage: `Voting::Totals` (r:1 w:1)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Stake::PayeeOf` (r:1 w:0)
    // Storage: `Stake::MinBond` (r:1 w:0)
    fn claim(s: u32) -> Weight {
        // At least 4_303_570_000 picoseconds.
        Weight::from_parts(4_303_680_015, 0)
            // Standard error: 4_129_337.
            .saturating_add(Weight::from_parts(274_914_465, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(205))
            .saturating_add(T::DbWeight::get().writes(99))
            .saturating_add(T::DbWeight::get().writes(2_u64.saturating_mul(s.into())))
    }
    // Storage: `Stake::Position` (r:1 w:1)
    // Storage: `Stake::SessionsPerEra` (r:1 w:0)
    // Storage: `Timestamp::Now` (r:1 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Stake::SlotMs` (r:1 w:0)
    // Storage: `Stake::SessionBlocks` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `Voting::Totals` (r:2 w:0)
    // Storage: `Voting::AuthorTotals` (r:1 w:0)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Voting::PayoutRun` (r:1 w:1)
    // Storage: `Stake::EraStarts` (r:0 w:32)
    fn note_session_started() -> Weight {
        // At least 86_127_000 picoseconds.
        Weight::from_parts(93_539_000, 0)
            .saturating_add(T::DbWeight::get().reads(12))
            .saturating_add(T::DbWeight::get().writes(36))
    }
}
