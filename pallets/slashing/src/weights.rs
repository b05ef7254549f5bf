//! What calls and hooks cost. Measured and written by `cargo xtask weights`: change `benchmarking.rs`, not this file.
//!
//! 2026-11-23, AMD EPYC; 17 steps, 10 repeats; frame-benchmarking-cli 64.0.0.
//! Proofs of what was read are no part of this chain, so their size is not counted.
//!
//! benchmarking.rs: 998ca21ba7465eeecb7971fad268c48c

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Weight of each benchmark.
pub trait WeightInfo {
    /// See `benchmarking.rs`.
    fn report_receipts() -> Weight;
    /// See `benchmarking.rs`.
    fn report_acceptance() -> Weight;
    /// See `benchmarking.rs`.
    fn report_delivery() -> Weight;
    /// See `benchmarking.rs`.
    fn report_leaf() -> Weight;
    /// See `benchmarking.rs`.
    fn report_sampling() -> Weight;
    /// See `benchmarking.rs`.
    fn report_excess() -> Weight;
    /// See `benchmarking.rs`.
    fn challenge_opening() -> Weight;
    /// See `benchmarking.rs`.
    fn challenge_result() -> Weight;
    /// See `benchmarking.rs`.
    fn answer_leaf() -> Weight;
    /// See `benchmarking.rs`.
    fn answer_receipt() -> Weight;
    /// See `benchmarking.rs`.
    fn answer_nothing() -> Weight;
    /// See `benchmarking.rs`.
    fn look_for_unanswered() -> Weight;
    /// See `benchmarking.rs`.
    fn charge_unanswered() -> Weight;
    /// See `benchmarking.rs`.
    fn forget_question() -> Weight;
    /// See `benchmarking.rs`.
    fn cancel_slash() -> Weight;
    /// See `benchmarking.rs`.
    fn look_for_due() -> Weight;
    /// See `benchmarking.rs`; s from 0 to 16.
    fn apply_case(s: u32) -> Weight;
    /// See `benchmarking.rs`.
    fn forget_fault() -> Weight;
    /// See `benchmarking.rs`.
    fn hear_offence() -> Weight;
    /// See `benchmarking.rs`.
    fn note_author() -> Weight;
    /// See `benchmarking.rs`; v from 0 to 256; c from 0 to 256.
    fn session_ended(v: u32, c: u32) -> Weight;
}

/// Weights for a runtime, by its database.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Storage: `System::BlockHash` (r:1 w:0)
    // Storage: `Timestamp::Now` (r:1 w:0)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Stake::EraStarts` (r:29 w:0)
    // Storage: `Slashing::EvidenceEras` (r:1 w:0)
    // Storage: `Registration::Operators` (r:1 w:0)
    // Storage: `Slashing::Seen` (r:1 w:1)
    // Storage: `Slashing::DeferEras` (r:1 w:0)
    // Storage: `Slashing::NextCase` (r:1 w:1)
    // Storage: `Slashing::OpenCount` (r:1 w:1)
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Registration::Candidates` (r:1 w:1)
    // Storage: `Voting::Earned` (r:1 w:1)
    // Storage: `Voting::Pools` (r:1 w:1)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Settlement::WorkOf` (r:1 w:0)
    // Storage: `Settlement::WorkIn` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `System::Account` (r:1 w:1)
    // Storage: `Registration::Commissions` (r:1 w:0)
    // Storage: `Voting::Marks` (r:1 w:1)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:1)
    // Storage: `Voting::Totals` (r:1 w:1)
    // Storage: `Slashing::Cases` (r:0 w:1)
    fn report_receipts() -> Weight {
        // At least 508_826_000 picoseconds.
        Weight::from_parts(574_844_000, 0)
            .saturating_add(T::DbWeight::get().reads(57))
            .saturating_add(T::DbWeight::get().writes(13))
    }
    // Storage: `System::BlockHash` (r:1 w:0)
    // Storage: `Timestamp::Now` (r:1 w:0)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Stake::EraStarts` (r:29 w:0)
    // Storage: `Slashing::EvidenceEras` (r:1 w:0)
    // Storage: `Registration::Operators` (r:1 w:0)
    // Storage: `Slashing::Seen` (r:1 w:1)
    // Storage: `Slashing::DeferEras` (r:1 w:0)
    // Storage: `Slashing::NextCase` (r:1 w:1)
    // Storage: `Slashing::OpenCount` (r:1 w:1)
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Registration::Candidates` (r:1 w:1)
    // Storage: `Voting::Earned` (r:1 w:1)
    // Storage: `Voting::Pools` (r:1 w:1)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Settlement::WorkOf` (r:1 w:0)
    // Storage: `Settlement::WorkIn` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `System::Account` (r:1 w:1)
    // Storage: `Registration::Commissions` (r:1 w:0)
    // Storage: `Voting::Marks` (r:1 w:1)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:1)
    // Storage: `Voting::Totals` (r:1 w:1)
    // Storage: `Slashing::Cases` (r:0 w:1)
    fn report_acceptance() -> Weight {
        // At least 529_527_000 picoseconds.
        Weight::from_parts(593_191_000, 0)
            .saturating_add(T::DbWeight::get().reads(57))
            .saturating_add(T::DbWeight::get().writes(13))
    }
    // Storage: `System::BlockHash` (r:1 w:0)
    // Storage: `Timestamp::Now` (r:1 w:0)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Stake::EraStarts` (r:29 w:0)
    // Storage: `Slashing::EvidenceEras` (r:1 w:0)
    // Storage: `Registration::Operators` (r:1 w:0)
    // Storage: `Slashing::Seen` (r:1 w:1)
    // Storage: `Slashing::DeferEras` (r:1 w:0)
    // Storage: `Slashing::NextCase` (r:1 w:1)
    // Storage: `Slashing::OpenCount` (r:1 w:1)
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Registration::Candidates` (r:1 w:1)
    // Storage: `Voting::Earned` (r:1 w:1)
    // Storage: `Voting::Pools` (r:1 w:1)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Settlement::WorkOf` (r:1 w:0)
    // Storage: `Settlement::WorkIn` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `System::Account` (r:1 w:1)
    // Storage: `Registration::Commissions` (r:1 w:0)
    // Storage: `Voting::Marks` (r:1 w:1)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:1)
    // Storage: `Voting::Totals` (r:1 w:1)
    // Storage: `Slashing::Cases` (r:0 w:1)
    fn report_delivery() -> Weight {
        // At least 555_435_000 picoseconds.
        Weight::from_parts(610_376_000, 0)
            .saturating_add(T::DbWeight::get().reads(57))
            .saturating_add(T::DbWeight::get().writes(13))
    }
    // Storage: `System::BlockHash` (r:1 w:0)
    // Storage: `Timestamp::Now` (r:1 w:0)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Stake::EraStarts` (r:29 w:0)
    // Storage: `Slashing::EvidenceEras` (r:1 w:0)
    // Storage: `Registration::Operators` (r:1 w:0)
    // Storage: `Slashing::Seen` (r:1 w:1)
    // Storage: `Slashing::DeferEras` (r:1 w:0)
    // Storage: `Slashing::NextCase` (r:1 w:1)
    // Storage: `Slashing::OpenCount` (r:1 w:1)
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Registration::Candidates` (r:1 w:1)
    // Storage: `Voting::Earned` (r:1 w:1)
    // Storage: `Voting::Pools` (r:1 w:1)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Settlement::WorkOf` (r:1 w:0)
    // Storage: `Settlement::WorkIn` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `System::Account` (r:1 w:1)
    // Storage: `Registration::Commissions` (r:1 w:0)
    // Storage: `Voting::Marks` (r:1 w:1)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:1)
    // Storage: `Voting::Totals` (r:1 w:1)
    // Storage: `Slashing::Cases` (r:0 w:1)
    fn report_leaf() -> Weight {
        // At least 574_623_000 picoseconds.
        Weight::from_parts(621_563_000, 0)
            .saturating_add(T::DbWeight::get().reads(57))
            .saturating_add(T::DbWeight::get().writes(13))
    }
    // Storage: `System::BlockHash` (r:1 w:0)
    // Storage: `Timestamp::Now` (r:1 w:0)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Stake::EraStarts` (r:29 w:0)
    // Storage: `Slashing::EvidenceEras` (r:1 w:0)
    // Storage: `Registration::Operators` (r:1 w:0)
    // Storage: `Slashing::Seen` (r:1 w:1)
    // Storage: `Slashing::DeferEras` (r:1 w:0)
    // Storage: `Slashing::NextCase` (r:1 w:1)
    // Storage: `Slashing::OpenCount` (r:1 w:1)
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Registration::Candidates` (r:1 w:1)
    // Storage: `Voting::Earned` (r:1 w:1)
    // Storage: `Voting::Pools` (r:1 w:1)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Settlement::WorkOf` (r:1 w:0)
    // Storage: `Settlement::WorkIn` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `System::Account` (r:1 w:1)
    // Storage: `Registration::Commissions` (r:1 w:0)
    // Storage: `Voting::Marks` (r:1 w:1)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:1)
    // Storage: `Voting::Totals` (r:1 w:1)
    // Storage: `Slashing::Cases` (r:0 w:1)
    fn report_sampling() -> Weight {
        // At least 543_597_000 picoseconds.
        Weight::from_parts(596_355_000, 0)
            .saturating_add(T::DbWeight::get().reads(57))
            .saturating_add(T::DbWeight::get().writes(13))
    }
    // Storage: `System::BlockHash` (r:1 w:0)
    // Storage: `Timestamp::Now` (r:1 w:0)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Stake::EraStarts` (r:29 w:0)
    // Storage: `Slashing::EvidenceEras` (r:1 w:0)
    // Storage: `Registration::Operators` (r:1 w:0)
    // Storage: `Slashing::Seen` (r:1 w:1)
    // Storage: `Slashing::DeferEras` (r:1 w:0)
    // Storage: `Slashing::NextCase` (r:1 w:1)
    // Storage: `Slashing::OpenCount` (r:1 w:1)
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Registration::Candidates` (r:1 w:1)
    // Storage: `Voting::Earned` (r:1 w:1)
    // Storage: `Voting::Pools` (r:1 w:1)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Settlement::WorkOf` (r:1 w:0)
    // Storage: `Settlement::WorkIn` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `System::Account` (r:1 w:1)
    // Storage: `Registration::Commissions` (r:1 w:0)
    // Storage: `Voting::Marks` (r:1 w:1)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:1)
    // Storage: `Voting::Totals` (r:1 w:1)
    // Storage: `Slashing::Cases` (r:0 w:1)
    fn report_excess() -> Weight {
        // At least 499_462_000 picoseconds.
        Weight::from_parts(555_075_000, 0)
            .saturating_add(T::DbWeight::get().reads(57))
            .saturating_add(T::DbWeight::get().writes(13))
    }
    // Storage: `Timestamp::Now` (r:1 w:0)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Stake::EraStarts` (r:27 w:0)
    // Storage: `Slashing::EvidenceEras` (r:1 w:0)
    // Storage: `Registration::Operators` (r:1 w:0)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Storage: `Slashing::Asked` (r:1 w:1)
    // Storage: `System::Account` (r:1 w:1)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `Slashing::NextChallenge` (r:1 w:1)
    // Storage: `Slashing::OpenChallenges` (r:0 w:1)
    // Storage: `Slashing::AnswersDue` (r:0 w:1)
    // Storage: `Slashing::ChallengesOf` (r:0 w:1)
    fn challenge_opening() -> Weight {
        // At least 296_320_000 picoseconds.
        Weight::from_parts(335_798_000, 0)
            .saturating_add(T::DbWeight::get().reads(37))
            .saturating_add(T::DbWeight::get().writes(7))
    }
    // Storage: `Timestamp::Now` (r:1 w:0)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Stake::EraStarts` (r:27 w:0)
    // Storage: `Slashing::EvidenceEras` (r:1 w:0)
    // Storage: `Registration::Operators` (r:1 w:0)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Storage: `Slashing::Asked` (r:1 w:1)
    // Storage: `System::Account` (r:1 w:1)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `Slashing::NextChallenge` (r:1 w:1)
    // Storage: `Slashing::OpenChallenges` (r:0 w:1)
    // Storage: `Slashing::AnswersDue` (r:0 w:1)
    // Storage: `Slashing::ChallengesOf` (r:0 w:1)
    fn challenge_result() -> Weight {
        // At least 319_555_000 picoseconds.
        Weight::from_parts(338_613_000, 0)
            .saturating_add(T::DbWeight::get().reads(37))
            .saturating_add(T::DbWeight::get().writes(7))
    }
    // Storage: `Slashing::OpenChallenges` (r:1 w:1)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `System::Account` (r:2 w:2)
    // Storage: `Slashing::AnswersDue` (r:0 w:1)
    // Storage: `Slashing::ChallengesOf` (r:0 w:1)
    fn answer_leaf() -> Weight {
        // At least 184_574_000 picoseconds.
        Weight::from_parts(198_415_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    // Storage: `Slashing::OpenChallenges` (r:1 w:1)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `System::Account` (r:2 w:2)
    // Storage: `Slashing::AnswersDue` (r:0 w:1)
    // Storage: `Slashing::ChallengesOf` (r:0 w:1)
    fn answer_receipt() -> Weight {
        // At least 202_601_000 picoseconds.
        Weight::from_parts(231_804_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    // Storage: `Slashing::OpenChallenges` (r:1 w:1)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `System::Account` (r:2 w:2)
    // Storage: `Slashing::AnswersDue` (r:0 w:1)
    // Storage: `Slashing::ChallengesOf` (r:0 w:1)
    fn answer_nothing() -> Weight {
        // At least 139_347_000 picoseconds.
        Weight::from_parts(150_403_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    // Storage: `Slashing::AnswersDueFrom` (r:1 w:1)
    // Storage: `Slashing::AnswersDue` (r:1 w:0)
    fn look_for_unanswered() -> Weight {
        // At least 7_782_000 picoseconds.
        Weight::from_parts(8_493_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Slashing::AnswersDueFrom` (r:1 w:0)
    // Storage: `Slashing::AnswersDue` (r:1 w:1)
    // Storage: `Slashing::OpenChallenges` (r:1 w:1)
    // Storage: `System::Account` (r:2 w:2)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `Slashing::EvidenceEras` (r:1 w:0)
    // Storage: `Slashing::Seen` (r:1 w:1)
    // Storage: `Slashing::DeferEras` (r:1 w:0)
    // Storage: `Slashing::NextCase` (r:1 w:1)
    // Storage: `Slashing::OpenCount` (r:1 w:1)
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Registration::Candidates` (r:1 w:1)
    // Storage: `Voting::Earned` (r:1 w:1)
    // Storage: `Voting::Pools` (r:1 w:1)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Settlement::WorkOf` (r:1 w:0)
    // Storage: `Settlement::WorkIn` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `Registration::Commissions` (r:1 w:0)
    // Storage: `Voting::Marks` (r:1 w:1)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:9 w:1)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:1 w:1)
    // Storage: `Slashing::Cases` (r:0 w:1)
    // Storage: `Slashing::ChallengesOf` (r:0 w:1)
    fn charge_unanswered() -> Weight {
        // At least 359_944_000 picoseconds.
        Weight::from_parts(415_337_000, 0)
            .saturating_add(T::DbWeight::get().reads(34))
            .saturating_add(T::DbWeight::get().writes(18))
    }
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Slashing::AskedFrom` (r:1 w:0)
    // Storage: `Slashing::EvidenceEras` (r:1 w:0)
    // Storage: `Slashing::Asked` (r:1 w:1)
    fn forget_question() -> Weight {
        // At least 15_292_000 picoseconds.
        Weight::from_parts(16_685_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    // Storage: `Slashing::Cases` (r:1 w:1)
    // Storage: `Slashing::OpenCount` (r:1 w:1)
    // Storage: `Slashing::Due` (r:0 w:1)
    fn cancel_slash() -> Weight {
        // At least 20_421_000 picoseconds.
        Weight::from_parts(23_645_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(3))
    }
    // Storage: `Slashing::DueFrom` (r:1 w:1)
    // Storage: `Slashing::Due` (r:1 w:0)
    fn look_for_due() -> Weight {
        // At least 9_374_000 picoseconds.
        Weight::from_parts(10_205_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:1 w:1)
    // Storage: `Slashing::Cases` (r:1 w:1)
    // Storage: `Slashing::Convictions` (r:1 w:1)
    // Storage: `Voting::Voters` (r:1 w:1)
    // Storage: `Voting::SlashCount` (r:1 w:1)
    // Storage: `Voting::Pools` (r:32 w:32)
    // Storage: `Voting::Marks` (r:63 w:63)
    // Storage: `Stake::Ledgers` (r:1 w:1)
    // Storage: `Voting::Earned` (r:32 w:32)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Settlement::WorkOf` (r:30 w:0)
    // Storage: `Settlement::WorkIn` (r:1 w:0)
    // Storage: `Stake::EmissionState` (r:1 w:1)
    // Storage: `System::Account` (r:3 w:3)
    // Storage: `Registration::Commissions` (r:30 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:1 w:1)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Registration::MinSelfStake` (r:1 w:0)
    // Storage: `Registration::Candidates` (r:1 w:1)
    // Storage: `Slashing::OpenCount` (r:1 w:1)
    fn apply_case(s: u32) -> Weight {
        // At least 718_917_000 picoseconds.
        Weight::from_parts(768_328_820, 0)
            // Standard error: 2_668_576.
            .saturating_add(Weight::from_parts(460_517_712, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(57))
            .saturating_add(T::DbWeight::get().reads(10_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(20))
            .saturating_add(T::DbWeight::get().writes(8_u64.saturating_mul(s.into())))
    }
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Slashing::SeenFrom` (r:1 w:0)
    // Storage: `Slashing::EvidenceEras` (r:1 w:0)
    // Storage: `Slashing::Seen` (r:1 w:1)
    fn forget_fault() -> Weight {
        // At least 15_643_000 picoseconds.
        Weight::from_parts(16_945_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    // Storage: `Stake::SessionsPerEra` (r:1 w:0)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Slashing::EvidenceEras` (r:1 w:0)
    // Storage: `Registration::RoleOf` (r:1 w:0)
    // Storage: `Slashing::Seen` (r:1 w:1)
    // Storage: `Slashing::DeferEras` (r:1 w:0)
    // Storage: `Slashing::NextCase` (r:1 w:1)
    // Storage: `Slashing::OpenCount` (r:1 w:1)
    // Storage: `Registration::Candidates` (r:1 w:1)
    // Storage: `Voting::Earned` (r:1 w:1)
    // Storage: `Voting::Pools` (r:1 w:1)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Stake::EmissionState` (r:1 w:0)
    // Storage: `Registration::Commissions` (r:1 w:0)
    // Storage: `Voting::Marks` (r:1 w:1)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:1)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:1 w:1)
    // Storage: `Slashing::Cases` (r:0 w:1)
    fn hear_offence() -> Weight {
        // At least 170_333_000 picoseconds.
        Weight::from_parts(185_195_000, 0)
            .saturating_add(T::DbWeight::get().reads(23))
            .saturating_add(T::DbWeight::get().writes(11))
    }
    // Storage: `Slashing::Produced` (r:1 w:1)
    // Storage: `Slashing::Authors` (r:0 w:1)
    fn note_author() -> Weight {
        // At least 4_757_000 picoseconds.
        Weight::from_parts(5_187_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    // Storage: `Slashing::Absences` (r:1 w:1)
    // Storage: `Slashing::Produced` (r:1 w:1)
    // Storage: `Slashing::Authors` (r:512 w:256)
    // Storage: `Registration::RoleOf` (r:256 w:0)
    // Storage: `Registration::Candidates` (r:256 w:256)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Voting::Earned` (r:256 w:256)
    // Storage: `Voting::Pools` (r:256 w:256)
    // Storage: `Voting::Marks` (r:256 w:256)
    // Storage: `Voting::OpenPots` (r:1 w:1)
    // Storage: `Stake::EmissionState` (r:1 w:0)
    // Storage: `Registration::Commissions` (r:256 w:0)
    // Storage: `Slashing::DueFrom` (r:1 w:0)
    // Storage: `Slashing::Due` (r:5 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Voting::Totals` (r:1 w:1)
    fn session_ended(v: u32, c: u32) -> Weight {
        // At least 1_146_893_000 picoseconds.
        Weight::from_parts(1_156_408_000, 0)
            // Standard error: 609_287.
            .saturating_add(Weight::from_parts(1_107_856, 0).saturating_mul(v.into()))
            // Standard error: 609_287.
            .saturating_add(Weight::from_parts(87_802_438, 0).saturating_mul(c.into()))
            .saturating_add(T::DbWeight::get().reads(9))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(v.into())))
            .saturating_add(T::DbWeight::get().reads(7_u64.saturating_mul(c.into())))
            .saturating_add(T::DbWeight::get().writes(2))
            .saturating_add(T::DbWeight::get().writes(1_u64.saturating_mul(v.into())))
            .saturating_add(T::DbWeight::get().writes(4_u64.saturating_mul(c.into())))
    }
}
