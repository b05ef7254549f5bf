//! What is signed and what the chain decodes.
//!
//! Everything here is `no_std` and SCALE-encoded: the runtime, the gateway and the miner read the same bytes. A type
//! belongs here when two of them sign, verify or store it, or when pallets meet over it.

#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::panic,
        clippy::float_arithmetic
    )
)]
#![warn(missing_docs)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
pub mod benchmarking;
pub mod candidate;
pub mod challenge;
pub mod commitment;
pub mod currency;
pub mod docket;
pub mod emission;
pub mod era;
pub mod evidence;
pub mod faucet;
#[cfg(any(test, feature = "runtime-benchmarks", feature = "fixture"))]
pub mod fixture;
pub mod link;
pub mod registry;
pub mod role;
pub mod runtime_api;
pub mod settlement;
pub mod signing;
pub mod task;

pub use candidate::{Candidate, CandidateInfo, CandidateStatus, Position, StashOverview};
pub use currency::{Balance, CAI, TOTAL_SUPPLY_CAP};
pub use era::{EraIndex, EraProgress};
pub use role::Role;
/// A part of one, in billionths.
pub use sp_arithmetic::Perbill;

/// An account: the public key of a stash or an operator.
pub type AccountId = sp_core::crypto::AccountId32;
/// Height of a block.
pub type BlockNumber = u32;
/// A 32-byte blake2b hash.
pub type Hash = sp_core::H256;
/// An sr25519 signature, as operators make them.
pub type Signature = [u8; 64];
