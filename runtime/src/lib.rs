//! The state transition function of the Cuckoo chain.
//!
//! FRAME's pallets give blocks, finality, accounts, fees and governance; `Stake`, `Registration`, `Voting`,
//! `Settlement` and `Election` are the market.
//! One wasm serves every network: the lengths of slots, sessions and eras come from genesis
//! ([`genesis_config_presets`]), and consensus reads them from storage.
//!
//! | file | what |
//! |---|---|
//! | `configs/<topic>.rs` | how each pallet is set up |
//! | `apis.rs` | what the node, gateways, miners and pages ask |
//! | `genesis_config_presets.rs` | the chains `dev`, `local` and `testnet` |

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
// The runtime macro nests as deep as there are pallets.
#![recursion_limit = "256"]

extern crate alloc;

#[cfg(feature = "std")]
mod wasm {
    #![allow(dead_code, unreachable_pub)]
    include!(concat!(env!("OUT_DIR"), "/wasm_binary.rs"));
}
#[cfg(feature = "std")]
pub use wasm::{WASM_BINARY, WASM_BINARY_BLOATY};

pub mod apis;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarks;
pub mod configs;
pub mod genesis_config_presets;
mod session_keys;

use alloc::{borrow::Cow, vec::Vec};

use cuckoo_primitives::{AccountId, BlockNumber};
use sp_runtime::{generic, traits::BlakeTwo256, MultiAddress, MultiSignature};
use sp_version::RuntimeVersion;

pub use session_keys::SessionKeys;

/// Number of transactions that an account has sent.
pub type Nonce = u32;
/// How a transaction is signed.
pub type Signature = MultiSignature;
/// How a transaction names an account.
pub type Address = MultiAddress<AccountId, ()>;
/// A block's header.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// A block.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;
/// A block with what makes it final.
pub type SignedBlock = generic::SignedBlock<Block>;
/// What every signed transaction carries beside its call, checked in this order.
pub type TxExtension = (
    frame_system::CheckNonZeroSender<Runtime>,
    frame_system::CheckSpecVersion<Runtime>,
    frame_system::CheckTxVersion<Runtime>,
    frame_system::CheckGenesis<Runtime>,
    frame_system::CheckMortality<Runtime>,
    frame_system::CheckNonce<Runtime>,
    frame_system::CheckWeight<Runtime>,
    pallet_transaction_payment::ChargeTransactionPayment<Runtime>,
    frame_metadata_hash_extension::CheckMetadataHash<Runtime>,
    frame_system::WeightReclaim<Runtime>,
);
/// A transaction whose signature has not been checked.
pub type UncheckedExtrinsic = generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;
/// What is signed.
pub type SignedPayload = generic::SignedPayload<RuntimeCall, TxExtension>;
/// Executes blocks.
pub type Executive =
    frame_executive::Executive<Runtime, Block, frame_system::ChainContext<Runtime>, Runtime, AllPalletsWithSystem>;
/// What an upgrade from an earlier layout of storage does.
pub type Migrations = (
    pallet_cuckoo_staking::migrations::MigrateV1ToV2<Runtime>,
    pallet_cuckoo_registration::migrations::MigrateV1ToV2<Runtime>,
    pallet_cuckoo_voting::migrations::MigrateV1ToV2<Runtime>,
    pallet_cuckoo_settlement::migrations::MigrateV1ToV2<Runtime>,
);

/// Which runtime this is. `spec_version` goes up with every change of what blocks do, `transaction_version` with every
/// change of how a call is encoded.
#[sp_version::runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
    spec_name: Cow::Borrowed("cuckoo"),
    impl_name: Cow::Borrowed("cuckoo-node"),
    authoring_version: 1,
    spec_version: 5,
    impl_version: 1,
    apis: apis::RUNTIME_API_VERSIONS,
    transaction_version: 3,
    system_version: 1,
};

// Indexes are part of every encoded call and never change; the gaps are for pallets to come. Genesis and the hooks of a
// block run in the order in which the pallets stand here (`legacy_ordering`, otherwise in that of the indexes):
// - the market comes before sessions, which drive its era clock;
// - the author is looked up after a session may have begun: consensus names it by its place among the authorities of
//   the session to which the block belongs, and the first block of a session is one of that session.
#[frame_support::runtime(legacy_ordering)]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeSlashReason,
        RuntimeLockId,
        RuntimeTask,
        RuntimeViewFunction
    )]
    pub struct Runtime;

    // ---- the frame
    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(1)]
    pub type Timestamp = pallet_timestamp;
    #[runtime::pallet_index(2)]
    pub type Babe = pallet_babe;
    #[runtime::pallet_index(4)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(5)]
    pub type TransactionPayment = pallet_transaction_payment;

    // ---- the market
    #[runtime::pallet_index(10)]
    pub type Stake = pallet_cuckoo_staking;
    #[runtime::pallet_index(11)]
    pub type Registration = pallet_cuckoo_registration;
    #[runtime::pallet_index(12)]
    pub type Voting = pallet_cuckoo_voting;
    #[runtime::pallet_index(13)]
    pub type Slashing = pallet_cuckoo_slashing;
    #[runtime::pallet_index(14)]
    pub type Settlement = pallet_cuckoo_settlement;

    // ---- validators
    #[runtime::pallet_index(20)]
    pub type Offences = pallet_offences;
    #[runtime::pallet_index(21)]
    pub type Historical = pallet_session::historical;
    #[runtime::pallet_index(22)]
    pub type Session = pallet_session;
    #[runtime::pallet_index(3)]
    pub type Authorship = pallet_authorship;
    #[runtime::pallet_index(23)]
    pub type Grandpa = pallet_grandpa;
    #[runtime::pallet_index(24)]
    pub type Election = pallet_cuckoo_election;

    // ---- governance
    #[runtime::pallet_index(30)]
    pub type Preimage = pallet_preimage;
    #[runtime::pallet_index(31)]
    pub type Scheduler = pallet_scheduler;
    #[runtime::pallet_index(32)]
    pub type Treasury = pallet_treasury;
    #[runtime::pallet_index(33)]
    pub type Referenda = pallet_referenda;
    #[runtime::pallet_index(34)]
    pub type ConvictionVoting = pallet_conviction_voting;
    #[runtime::pallet_index(35)]
    pub type Whitelist = pallet_whitelist;
    #[runtime::pallet_index(36)]
    pub type Origins = configs::governance::origins::pallet_origins;

    // ---- what accounts do together
    #[runtime::pallet_index(40)]
    pub type Utility = pallet_utility;
    #[runtime::pallet_index(41)]
    pub type Multisig = pallet_multisig;
    #[runtime::pallet_index(42)]
    pub type Proxy = pallet_proxy;
    #[runtime::pallet_index(43)]
    pub type Identity = pallet_identity;

    // ---- test networks
    #[runtime::pallet_index(61)]
    pub type Faucet = pallet_cuckoo_faucet;
    #[runtime::pallet_index(60)]
    pub type Sudo = pallet_sudo;
}
