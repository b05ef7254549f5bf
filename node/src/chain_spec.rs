//! The chains that this node knows by name. What is in their genesis is the runtime's.

use cuckoo_runtime::{
    configs,
    genesis_config_presets::{get_preset, TESTNET_RUNTIME_PRESET},
    WASM_BINARY,
};
use sc_chain_spec::ChainSpecExtension;
use sc_service::{ChainType, GenericChainSpec, Properties};
use serde::{Deserialize, Serialize};
use sp_genesis_builder::{DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};

use crate::block::Block;

/// A chain specification, from a preset or a file.
pub(crate) type ChainSpec = GenericChainSpec<Extensions>;

/// What a specification says beside genesis and boot nodes.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ChainSpecExtension)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Extensions {
    /// Blocks that are taken for valid.
    pub(crate) fork_blocks: sc_client_api::ForkBlocks<Block>,
    /// Blocks that are refused.
    pub(crate) bad_blocks: sc_client_api::BadBlocks<Block>,
    /// Where light clients may begin; filled in by `sync_state_genSyncSpec`.
    pub(crate) light_sync_state: sc_sync_state_rpc::LightSyncStateExtension,
}

/// The chain called `id`: `dev`, `local` (also where a command needs no particular chain), `testnet`, or the
/// specification in the file of that path.
pub(crate) fn load(id: &str) -> Result<ChainSpec, String> {
    match id {
        "dev" => preset("Cuckoo Development", "dev", ChainType::Development, DEV_RUNTIME_PRESET),
        "" | "local" => preset("Cuckoo Local", "local", ChainType::Local, LOCAL_TESTNET_RUNTIME_PRESET),
        "testnet" => preset("Cuckoo Testnet", "testnet", ChainType::Live, TESTNET_RUNTIME_PRESET),
        path => ChainSpec::from_json_file(path.into()).map_err(|error| {
            format!("`{path}` is neither `dev`, `local` nor `testnet`, nor a chain specification: {error}")
        }),
    }
}

fn preset(name: &str, id: &str, kind: ChainType, preset: &str) -> Result<ChainSpec, String> {
    let wasm = WASM_BINARY.ok_or("this node was built without its runtime; build it without SKIP_WASM_BUILD")?;
    // Asked of the runtime's native code: the same question to its wasm would compile that once more at every start.
    let patch = get_preset(&preset.into()).ok_or_else(|| format!("the runtime has no preset `{preset}`"))?;
    let patch = serde_json::from_slice(&patch).map_err(|error| format!("preset `{preset}`: {error}"))?;
    Ok(ChainSpec::builder(wasm, Extensions::default())
        .with_name(name)
        .with_id(id)
        .with_chain_type(kind)
        .with_protocol_id("cuckoo")
        .with_properties(properties())
        .with_genesis_config_patch(patch)
        .build())
}

/// How wallets show amounts and addresses.
fn properties() -> Properties {
    let mut properties = Properties::new();
    properties.insert("tokenSymbol".into(), "CAI".into());
    properties.insert("tokenDecimals".into(), 18.into());
    properties.insert("ss58Format".into(), configs::SS58_PREFIX.into());
    properties
}
