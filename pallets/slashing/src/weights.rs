//! What calls and hooks cost. Measured and written by `cargo xtask weights`: change `benchmarking.rs`, not this file.
//!
//! 2026-11-22, AMD EPYC; 6 steps, 4 repeats; frame-benchmarking-cli 64.0.0. Since then reports of each kind, challenges and
//! answers have come: theirs are reckoned by hand from these, and to be measured.
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
    fn cancel_slash() -> Weight;
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
        // Estimated from what is measured of its parts.
        Weight::from_parts(530_387_000, 0)
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
        // Estimated from what is measured of its parts.
        Weight::from_parts(530_387_000, 0)
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
        // Estimated from what is measured of its parts.
        Weight::from_parts(530_387_000, 0)
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
        // Estimated from what is measured of its parts.
        Weight::from_parts(620_000_000, 0)
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
        // Estimated from what is measured of its parts.
        Weight::from_parts(760_000_000, 0)
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
        // Estimated from what is measured of its parts.
        Weight::from_parts(480_000_000, 0)
            .saturating_add(T::DbWeight::get().reads(57))
            .saturating_add(T::DbWeight::get().writes(13))
    }
    // Storage: `Slashing::Cases` (r:1 w:1)
    // Storage: `Slashing::OpenCount` (r:1 w:1)
    // Storage: `Slashing::Due` (r:0 w:1)
    fn cancel_slash() -> Weight {
        // At least 20_580_000 picoseconds.
        Weight::from_parts(23_205_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(3))
    }
    // Storage: `Timestamp::Now` (r:1 w:0)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Stake::EraStarts` (r:28 w:0)
    // Storage: `Slashing::EvidenceEras` (r:1 w:0)
    // Storage: `Registration::Operators` (r:1 w:0)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Storage: `Slashing::Asked` (r:1 w:1)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `System::Account` (r:1 w:1)
    // Storage: `Slashing::NextChallenge` (r:1 w:1)
    // Storage: `Slashing::AnswersDue` (r:0 w:1)
    // Storage: `Slashing::ChallengesOf` (r:0 w:1)
    // Storage: `Slashing::OpenChallenges` (r:0 w:1)
    fn challenge_opening() -> Weight {
        // Estimated from what is measured of its parts.
        Weight::from_parts(330_000_000, 0)
            .saturating_add(T::DbWeight::get().reads(38))
            .saturating_add(T::DbWeight::get().writes(7))
    }
    // Storage: `Timestamp::Now` (r:1 w:0)
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Stake::BondingEras` (r:1 w:0)
    // Storage: `Stake::EraStarts` (r:28 w:0)
    // Storage: `Slashing::EvidenceEras` (r:1 w:0)
    // Storage: `Registration::Operators` (r:1 w:0)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Storage: `Slashing::Asked` (r:1 w:1)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `System::Account` (r:1 w:1)
    // Storage: `Slashing::NextChallenge` (r:1 w:1)
    // Storage: `Slashing::AnswersDue` (r:0 w:1)
    // Storage: `Slashing::ChallengesOf` (r:0 w:1)
    // Storage: `Slashing::OpenChallenges` (r:0 w:1)
    fn challenge_result() -> Weight {
        // Estimated from what is measured of its parts.
        Weight::from_parts(330_000_000, 0)
            .saturating_add(T::DbWeight::get().reads(38))
            .saturating_add(T::DbWeight::get().writes(7))
    }
    // Storage: `Slashing::OpenChallenges` (r:1 w:1)
    // Storage: `System::BlockHash` (r:1 w:0)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `System::Account` (r:2 w:2)
    // Storage: `Slashing::AnswersDue` (r:0 w:1)
    // Storage: `Slashing::ChallengesOf` (r:0 w:1)
    fn answer_leaf() -> Weight {
        // Estimated from what is measured of its parts.
        Weight::from_parts(230_000_000, 0)
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
        // Estimated from what is measured of its parts.
        Weight::from_parts(230_000_000, 0)
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
        // Estimated from what is measured of its parts.
        Weight::from_parts(150_000_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Slashing::AnswersDueFrom` (r:1 w:1)
    // Storage: `Slashing::AnswersDue` (r:1 w:0)
    fn look_for_unanswered() -> Weight {
        // Estimated from what is measured of its parts.
        Weight::from_parts(9_574_000, 0)
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    // Storage: `Slashing::OpenChallenges` (r:1 w:1)
    // Storage: `Slashing::AnswersDue` (r:0 w:1)
    // Storage: `Slashing::ChallengesOf` (r:0 w:1)
    // Storage: `Balances::Holds` (r:1 w:1)
    // Storage: `System::Account` (r:1 w:1)
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
    fn charge_unanswered() -> Weight {
        // Estimated from what is measured of its parts.
        Weight::from_parts(250_000_000, 0)
            .saturating_add(T::DbWeight::get().reads(25))
            .saturating_add(T::DbWeight::get().writes(16))
    }
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Slashing::AskedFrom` (r:1 w:0)
    // Storage: `Slashing::EvidenceEras` (r:1 w:0)
    // Storage: `Slashing::Asked` (r:1 w:1)
    fn forget_question() -> Weight {
        // Estimated from what is measured of its parts.
        Weight::from_parts(17_235_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    // Storage: `Slashing::DueFrom` (r:1 w:1)
    // Storage: `Slashing::Due` (r:1 w:0)
    fn look_for_due() -> Weight {
        // At least 8_733_000 picoseconds.
        Weight::from_parts(9_574_000, 0)
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
        // At least 715_373_000 picoseconds.
        Weight::from_parts(799_786_026, 0)
            // Standard error: 5_129_990.
            .saturating_add(Weight::from_parts(446_058_251, 0).saturating_mul(s.into()))
            .saturating_add(T::DbWeight::get().reads(57))
            .saturating_add(T::DbWeight::get().reads(10_u64.saturating_mul(s.into())))
            .saturating_add(T::DbWeight::get().writes(19))
            .saturating_add(T::DbWeight::get().writes(8_u64.saturating_mul(s.into())))
    }
    // Storage: `Stake::Position` (r:1 w:0)
    // Storage: `Slashing::SeenFrom` (r:1 w:0)
    // Storage: `Slashing::EvidenceEras` (r:1 w:0)
    // Storage: `Slashing::Seen` (r:1 w:1)
    fn forget_fault() -> Weight {
        // At least 15_914_000 picoseconds.
        Weight::from_parts(17_235_000, 0)
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
        // At least 167_779_000 picoseconds.
        Weight::from_parts(177_062_000, 0)
            .saturating_add(T::DbWeight::get().reads(23))
            .saturating_add(T::DbWeight::get().writes(11))
    }
    // Storage: `Slashing::Produced` (r:1 w:1)
    // Storage: `Slashing::Authors` (r:0 w:1)
    fn note_author() -> Weight {
        // At least 4_697_000 picoseconds.
        Weight::from_parts(5_258_000, 0)
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
        // At least 1_143_387_000 picoseconds.
        Weight::from_parts(1_146_192_000, 0)
            // Standard error: 674_273.
            .saturating_add(Weight::from_parts(1_084_658, 0).saturating_mul(v.into()))
            // Standard error: 674_273.
            .saturating_add(Weight::from_parts(83_801_429, 0).saturating_mul(c.into()))
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(v.into())))
            .saturating_add(T::DbWeight::get().reads(7_u64.saturating_mul(c.into())))
            .saturating_add(T::DbWeight::get().writes(1_u64.saturating_mul(v.into())))
            .saturating_add(T::DbWeight::get().writes(4_u64.saturating_mul(c.into())))
    }
}
