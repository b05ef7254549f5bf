//! What every command that touches the chain needs: client, database, import queue, pool.

use std::sync::Arc;

use cuckoo_primitives::Hash;
use cuckoo_runtime::apis::RuntimeApi;
use sc_consensus::{DefaultImportQueue, LongestChain};
use sc_consensus_babe::{BabeBlockImport, BabeLink, BabeWorkerHandle, ImportQueueParams};
use sc_consensus_grandpa::{GrandpaBlockImport, GrandpaPruningFilter, LinkHalf};
use sc_executor::WasmExecutor;
use sc_service::{Configuration, Error, TFullBackend, TFullClient, TaskManager};
use sc_telemetry::{Telemetry, TelemetryWorker};
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_consensus_babe::{
    inherents::{BabeCreateInherentDataProviders, InherentDataProvider as SlotProvider},
    SlotDuration,
};
use sp_keystore::KeystorePtr;
use sp_timestamp::InherentDataProvider as TimeProvider;

use crate::block::Block;

use super::equivocation::NoReports;

/// Executes the runtime's wasm; no runtime is compiled into the node.
pub(crate) type FullClient = TFullClient<Block, RuntimeApi, WasmExecutor<sp_io::SubstrateHostFunctions>>;
pub(crate) type FullBackend = TFullBackend<Block>;
pub(crate) type FullSelectChain = LongestChain<FullBackend, Block>;
pub(crate) type Pool = sc_transaction_pool::TransactionPoolHandle<Block, FullClient>;

type FinalityImport = GrandpaBlockImport<FullBackend, Block, FullClient, FullSelectChain>;
type BlockImport =
    BabeBlockImport<Block, FullClient, FinalityImport, BabeCreateInherentDataProviders<Block>, FullSelectChain>;

/// A new justification is kept at least every so many blocks, so that finality can be proven to those who come later.
pub(super) const JUSTIFICATION_PERIOD: u32 = 512;

/// The node before it has a network.
pub(crate) struct FullParts {
    pub(crate) client: Arc<FullClient>,
    pub(crate) backend: Arc<FullBackend>,
    pub(crate) keystore: KeystorePtr,
    pub(crate) select_chain: FullSelectChain,
    pub(crate) pool: Arc<Pool>,
    pub(crate) import_queue: DefaultImportQueue<Block>,
    pub(crate) babe: BabeSetup,
    pub(crate) babe_handle: BabeWorkerHandle<Block>,
    pub(crate) grandpa: GrandpaSetup,
    pub(crate) telemetry: Option<Telemetry>,
    pub(crate) task_manager: TaskManager,
}

/// What producing blocks needs of the import queue's set-up.
pub(crate) struct BabeSetup {
    pub(crate) block_import: BlockImport,
    pub(crate) link: BabeLink<Block>,
}

/// What voting on finality needs of the import queue's set-up.
pub(crate) struct GrandpaSetup {
    pub(crate) link: LinkHalf<Block, FullClient, FullSelectChain>,
}

/// Opens the database, with genesis if it is new, and sets up what works on it.
pub(crate) fn full_parts(config: &Configuration) -> Result<FullParts, Error> {
    let telemetry = telemetry_worker(config)?;
    let executor = sc_service::new_wasm_executor(&config.executor);
    // Blocks that prove a change of authorities are never pruned: nodes that warp-sync begin with them.
    let (client, backend, keystore, task_manager) = sc_service::new_full_parts::<Block, RuntimeApi, _>(
        config,
        telemetry.as_ref().map(|(_, telemetry)| telemetry.handle()),
        executor,
        vec![Arc::new(GrandpaPruningFilter)],
    )?;
    let client = Arc::new(client);
    let telemetry = telemetry.map(|(worker, telemetry)| {
        task_manager.spawn_handle().spawn("telemetry", None, worker.run());
        telemetry
    });
    let telemetry_handle = telemetry.as_ref().map(|telemetry| telemetry.handle());

    let select_chain = LongestChain::new(backend.clone());
    let pool = Arc::new(
        sc_transaction_pool::Builder::new(
            task_manager.spawn_essential_handle(),
            client.clone(),
            config.role.is_authority().into(),
        )
        .with_options(config.transaction_pool.clone())
        .with_prometheus(config.prometheus_registry())
        .build(),
    );

    let (finality_import, grandpa_link) = sc_consensus_grandpa::block_import(
        client.clone(),
        JUSTIFICATION_PERIOD,
        &client,
        select_chain.clone(),
        telemetry_handle.clone(),
    )?;
    // The lengths of slots and epochs are in the chain's state.
    let babe_config = sc_consensus_babe::configuration(&*client)?;
    let slot_duration = babe_config.slot_duration();
    let (block_import, babe_link) = sc_consensus_babe::block_import(
        babe_config,
        finality_import.clone(),
        client.clone(),
        inherents(slot_duration),
        select_chain.clone(),
        OffchainTransactionPoolFactory::new(NoReports),
    )?;
    let (import_queue, babe_handle) = sc_consensus_babe::import_queue(ImportQueueParams {
        link: babe_link.clone(),
        block_import: block_import.clone(),
        justification_import: Some(Box::new(finality_import)),
        client: client.clone(),
        slot_duration,
        spawner: &task_manager.spawn_essential_handle(),
        registry: config.prometheus_registry(),
        telemetry: telemetry_handle,
    })?;

    Ok(FullParts {
        client,
        backend,
        keystore: keystore.keystore(),
        select_chain,
        pool,
        import_queue,
        babe: BabeSetup { block_import, link: babe_link },
        babe_handle,
        grandpa: GrandpaSetup { link: grandpa_link },
        telemetry,
        task_manager,
    })
}

/// What the node tells every block: the time, and the slot that it falls into.
pub(super) fn inherents(slot_duration: SlotDuration) -> BabeCreateInherentDataProviders<Block> {
    Arc::new(move |_parent: Hash, ()| async move {
        let time = TimeProvider::from_system_time();
        let slot = SlotProvider::from_timestamp_and_slot_duration(*time, slot_duration);
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((slot, time))
    })
}

fn telemetry_worker(config: &Configuration) -> Result<Option<(TelemetryWorker, Telemetry)>, Error> {
    let Some(endpoints) = config.telemetry_endpoints.clone().filter(|endpoints| !endpoints.is_empty()) else {
        return Ok(None);
    };
    let worker = TelemetryWorker::new(16)?;
    let telemetry = worker.handle().new_telemetry(endpoints);
    Ok(Some((worker, telemetry)))
}
