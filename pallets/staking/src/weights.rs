//! What calls and hooks cost. Measured and written by `cargo xtask weights`: change `benchmarking.rs`, not this file.
//!
//! 2026-11-22, AMD EPYC; 4 steps, 3 repeats; frame-benchmarking-cli 64.0.0.
//! Proofs of what was read are no part of this chain, so their size is not counted.
//!
//! benchmarking.rs: 7f509a8e641e0b1150ef0790e8f69866

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
    // Storage: `Voting::Pools` (r:33 w:0)
    // Storage: `Voting::Marks` (r:62 w:0)
    // Storage: `Stake::Ledgers` (r:2 w:1)
    // Storage: `Voting::Earned` (r:33 w:0)
    // Storage: `Voting::OpenPots` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:0)
    // Storage: `System::Account` (r:3 w:1)
    // Storage: `Registration::Commissions` (r:31 w:0)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:1 w:0)
    // Storage: `Balances::Holds` (r:2 w:1)
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Stake::MinBond` (r:1 w:0)
    fn bond(s: u32) -> Weight {
        // At least 488_856_000 picoseconds.
        Weight::from_parts(459_745_775, 0)
            // Standard error: 104_805_239.
            .saturating_add(Weight::from_parts(2_639_237_835, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(52))
            .saturating_add(T::DbWeight::get().reads(8_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(4))
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
    // Storage: `Stake::MinBond` (r:1 w:0)
    fn bond_extra(s: u32) -> Weight {
        // At least 511_489_000 picoseconds.
        Weight::from_parts(3_258_705_285, 0)
            // Standard error: 137_651_559.
            .saturating_add(Weight::from_parts(2_226_370_242, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(49))
            .saturating_add(T::DbWeight::get().reads(8_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(6))
            .saturating_add(T::DbWeight::get().writes(8_u64.saturating_mul(s.into())))
    }
    // Storage: `Voting::Voters` (r:2 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::SlashCount` (r:1 w:0)
    // Storage: `Voting::Pools` (r:33 w:0)
    // Storage: `Voting::Marks` (r:62 w:0)
    // Storage: `Stake::Ledgers` (r:2 w:1)
    // Storage: `Voting::Earned` (r:33 w:0)
    // Storage: `Voting::OpenPots` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:0)
    // Storage: `System::Account` (r:2 w:0)
    // Storage: `Registration::Commissions` (r:31 w:0)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:1 w:0)
    // Storage: `Balances::Holds` (r:1 w:0)
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Stake::MinBond` (r:1 w:0)
    fn unbond(s: u32) -> Weight {
        // At least 459_892_000 picoseconds.
        Weight::from_parts(723_005_813, 0)
            // Standard error: 27_620_617.
            .saturating_add(Weight::from_parts(2_376_545_647, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(50))
            .saturating_add(T::DbWeight::get().reads(8_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    // Storage: `Voting::Voters` (r:2 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::SlashCount` (r:1 w:0)
    // Storage: `Voting::Pools` (r:33 w:0)
    // Storage: `Voting::Marks` (r:62 w:0)
    // Storage: `Stake::Ledgers` (r:2 w:1)
    // Storage: `Voting::Earned` (r:33 w:0)
    // Storage: `Voting::OpenPots` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:0)
    // Storage: `System::Account` (r:2 w:0)
    // Storage: `Registration::Commissions` (r:31 w:0)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:1 w:0)
    // Storage: `Balances::Holds` (r:1 w:0)
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Stake::MinBond` (r:1 w:0)
    fn rebond(s: u32) -> Weight {
        // At least 430_860_000 picoseconds.
        Weight::from_parts(1_359_433_652, 0)
            // Standard error: 49_989_939.
            .saturating_add(Weight::from_parts(2_342_057_528, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(50))
            .saturating_add(T::DbWeight::get().reads(8_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    // Storage: `Voting::Voters` (r:2 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::SlashCount` (r:1 w:0)
    // Storage: `Voting::Pools` (r:33 w:0)
    // Storage: `Voting::Marks` (r:62 w:0)
    // Storage: `Stake::Ledgers` (r:2 w:1)
    // Storage: `Voting::Earned` (r:33 w:0)
    // Storage: `Voting::OpenPots` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:0)
    // Storage: `System::Account` (r:3 w:1)
    // Storage: `Registration::Commissions` (r:31 w:0)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:1 w:0)
    // Storage: `Balances::Holds` (r:2 w:1)
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Stake::PayeeOf` (r:0 w:1)
    fn withdraw_unbonded(s: u32) -> Weight {
        // At least 526_511_000 picoseconds.
        Weight::from_parts(1_025_541_443, 0)
            // Standard error: 58_916_914.
            .saturating_add(Weight::from_parts(2_421_491_985, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(51))
            .saturating_add(T::DbWeight::get().reads(8_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(5))
    }
    // Storage: `Stake::Ledgers` (r:1 w:0)
    // Storage: `Stake::PayeeOf` (r:0 w:1)
    fn set_payee() -> Weight {
        // At least 15_102_000 picoseconds.
        Weight::from_parts(15_122_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    // Storage: `Voting::Voters` (r:1 w:1)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::SlashCount` (r:1 w:0)
    // Storage: `Voting::Pools` (r:33 w:32)
    // Storage: `Voting::Marks` (r:62 w:62)
    // Storage: `Stake::Ledgers` (r:1 w:1)
    // Storage: `Voting::Earned` (r:33 w:32)
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
    // Storage: `Stake::PayeeOf` (r:1 w:0)
    // Storage: `Stake::MinBond` (r:1 w:0)
    fn claim(s: u32) -> Weight {
        // At least 4_613_470_000 picoseconds.
        Weight::from_parts(5_184_993_222, 0)
            // Standard error: 97_470_367.
            .saturating_add(Weight::from_parts(2_266_133_530, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(178))
            .saturating_add(T::DbWeight::get().writes(102))
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
        // At least 97_765_000 picoseconds.
        Weight::from_parts(102_132_000, 0)
            .saturating_add(T::DbWeight::get().reads(12))
            .saturating_add(T::DbWeight::get().writes(36))
    }
}
