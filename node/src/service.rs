//! Puts a full node together.

mod authoring;
mod equivocation;
mod parts;

use std::sync::Arc;

use sc_consensus_grandpa::{protocol_standard_name, warp_proof, FinalityProofProvider, SharedVoterState};
use sc_network::{config::FullNetworkConfiguration, NetworkBackend, NotificationMetrics};
use sc_service::{
    build_network, spawn_tasks, BuildNetworkParams, Configuration, Error, SpawnTasksParams, TaskManager, WarpSyncConfig,
};

pub(crate) use parts::{full_parts, FullBackend, FullClient, FullParts, FullSelectChain, Pool};

use crate::{block::Block, rpc};

/// Starts a full node, which also produces blocks and votes on finality if it is an authority.
pub(crate) async fn start<Net>(config: Configuration) -> Result<TaskManager, Error>
where
    Net: NetworkBackend<Block, cuckoo_primitives::Hash>,
{
    let FullParts {
        client,
        backend,
        keystore,
        select_chain,
        pool,
        import_queue,
        babe,
        babe_handle,
        grandpa,
        mut telemetry,
        mut task_manager,
    } = full_parts(&config)?;

    let registry = config.prometheus_registry().cloned();
    let metrics = NotificationMetrics::new(registry.as_ref());
    let mut net_config = FullNetworkConfiguration::<_, _, Net>::new(&config.network, registry.clone());
    let genesis = client.chain_info().genesis_hash;
    let grandpa_protocol = protocol_standard_name(&genesis, &config.chain_spec);
    let (grandpa_config, grandpa_notifications) = sc_consensus_grandpa::grandpa_peers_set_config::<_, Net>(
        grandpa_protocol.clone(),
        metrics.clone(),
        net_config.peer_store_handle(),
    );
    net_config.add_notification_protocol(grandpa_config);
    let authorities = grandpa.link.shared_authority_set().clone();
    let warp_proofs = Arc::new(warp_proof::NetworkProvider::new(backend.clone(), authorities.clone(), Vec::new()));

    let (network, system_rpc_tx, tx_handler_controller, sync, _no_bitswap) = build_network(BuildNetworkParams {
        config: &config,
        net_config,
        client: client.clone(),
        transaction_pool: pool.clone(),
        spawn_handle: task_manager.spawn_handle(),
        spawn_essential_handle: task_manager.spawn_essential_handle(),
        import_queue,
        block_announce_validator_builder: None,
        warp_sync_config: Some(WarpSyncConfig::WithProvider(warp_proofs)),
        block_relay: None,
        metrics,
        gap_sync_body_policy: None,
    })?;

    let voter_state = SharedVoterState::empty();
    let sources = rpc::Sources {
        client: client.clone(),
        pool: pool.clone(),
        select_chain: select_chain.clone(),
        chain_spec: config.chain_spec.cloned_box(),
        keystore: keystore.clone(),
        babe: babe_handle,
        authorities: authorities.clone(),
        voter: voter_state.clone(),
        justifications: grandpa.link.justification_stream(),
        finality_proofs: FinalityProofProvider::new_for_service(backend.clone(), Some(authorities)),
    };

    let role = config.role;
    let node = authoring::Node {
        client: client.clone(),
        keystore: keystore.clone(),
        select_chain,
        pool: pool.clone(),
        sync: sync.clone(),
        registry,
        telemetry: telemetry.as_ref().map(|telemetry| telemetry.handle()),
        force_authoring: config.force_authoring,
        name: config.network.node_name.clone(),
        role,
    };
    let votes = !config.disable_grandpa;

    spawn_tasks(SpawnTasksParams {
        config,
        client,
        backend,
        task_manager: &mut task_manager,
        keystore,
        transaction_pool: pool,
        rpc_builder: Box::new(move |executor| rpc::module(&sources, executor).map_err(Error::Application)),
        network: network.clone(),
        system_rpc_tx,
        tx_handler_controller,
        sync_service: sync,
        telemetry: telemetry.as_mut(),
        tracing_execute_block: None,
    })?;

    if role.is_authority() {
        node.report_equivocations(&task_manager);
        node.produce_blocks(babe, &task_manager)?;
    }
    if votes {
        node.follow_finality(
            grandpa.link,
            network,
            grandpa_notifications,
            grandpa_protocol,
            voter_state,
            &task_manager,
        )?;
    }
    Ok(task_manager)
}
