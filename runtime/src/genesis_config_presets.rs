//! The genesis of each network, as patches of the default genesis.
//!
//! | preset | for | slot | session | era | unbonding | validators |
//! |---|---|---|---|---|---|---|
//! | `development` (`dev`) | one machine, one node | 1 s | 10 slots | 3 sessions | 4 eras | Alice |
//! | `local_testnet` (`local`) | one machine, three nodes | 1 s | 10 slots | 3 sessions | 4 eras | Alice, Bob, Charlie |
//! | `testnet` | a public test network | 6 s | 600 slots | 24 sessions | 7 eras | see [`testnet`] |
//!
//! In `development` and `local_testnet` one coordinator, with escrow, and two miners with backing 1 : 3 are registered,
//! and everyone in [`well_known`] is funded. The keys are public knowledge: such a chain belongs to whoever can reach it.

#![warn(missing_docs)]

mod networks;
pub mod well_known;

use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};

use serde_json::Value;
use sp_consensus_babe::{AllowedSlots, BabeEpochConfiguration};
use sp_genesis_builder::{PresetId, DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};

pub use networks::{development, local, testnet};

/// The preset of public test networks.
pub const TESTNET_RUNTIME_PRESET: &str = "testnet";

/// A quarter of the slots are meant to have a primary author; a secondary one fills the others, so that no slot stays
/// empty while its author is online.
pub const BABE_EPOCH_CONFIG: BabeEpochConfiguration =
    BabeEpochConfiguration { c: (1, 4), allowed_slots: AllowedSlots::PrimaryAndSecondaryVRFSlots };

/// The preset called `id`, as JSON.
pub fn get_preset(id: &PresetId) -> Option<Vec<u8>> {
    Some(preset(id)?.to_string().into_bytes())
}

fn preset(id: &str) -> Option<Value> {
    match id {
        DEV_RUNTIME_PRESET | "dev" => Some(development()),
        LOCAL_TESTNET_RUNTIME_PRESET | "local" => Some(local()),
        TESTNET_RUNTIME_PRESET => Some(testnet()),
        _ => None,
    }
}

/// Every preset's name, short forms left out.
pub fn preset_names() -> Vec<PresetId> {
    vec![
        String::from(DEV_RUNTIME_PRESET),
        String::from(LOCAL_TESTNET_RUNTIME_PRESET),
        String::from(TESTNET_RUNTIME_PRESET),
    ]
}
