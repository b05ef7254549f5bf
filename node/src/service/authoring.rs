//! Producing blocks and voting on finality.

use std::{sync::Arc, time::Duration};

use sc_basic_authorship::ProposerFactory;
use sc_consensus_babe::{BabeParams, SlotProportion};
use sc_consensus_grandpa::{GrandpaParams, LinkHalf, SharedVoterState, VotingRulesBuilder};
use sc_consensus_slots::BackoffAuthoringOnFinalizedHeadLagging;
use sc_network::{service::traits::NetworkService, types::ProtocolName, NotificationService};
use sc_network_sync::SyncingService;
use sc_service::{Error, Role, TaskManager};
use sc_telemetry::TelemetryHandle;
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_keystore::KeystorePtr;
use substrate_prometheus_endpoint::Registry;

use crate::block::Block;

use super::equivocation::SlotWatch;
use super::parts::{inherents, BabeSetup, FullClient, FullSelectChain, Pool};

/// Share of a slot that an author spends on its block; the rest is for the block's way to the others.
const PROPOSING_SHARE: f32 = 2.0 / 3.0;

/// How long a finality vote is expected to travel. A third of the shortest slot that we have, so that a round of votes
/// ends within it.
const GOSSIP_DURATION: Duration = Duration::from_millis(333);

/// What both need of the running node.
pub(super) struct Node {
    pub(super) client: Arc<FullClient>,
    pub(super) keystore: KeystorePtr,
    pub(super) select_chain: FullSelectChain,
    pub(super) pool: Arc<Pool>,
    pub(super) sync: Arc<SyncingService<Block>>,
    pub(super) registry: Option<Registry>,
    pub(super) telemetry: Option<TelemetryHandle>,
    pub(super) force_authoring: bool,
    pub(super) name: String,
    pub(super) role: Role,
}

impl Node {
    /// Produces a block in every slot for which the keystore has the key.
    pub(super) fn produce_blocks(&self, babe: BabeSetup, tasks: &TaskManager) -> Result<(), Error> {
        let proposer = ProposerFactory::new(
            tasks.spawn_handle(),
            self.client.clone(),
            self.pool.clone(),
            self.registry.as_ref(),
            self.telemetry.clone(),
        );
        let slot_duration = babe.link.config().slot_duration();
        let worker = sc_consensus_babe::start_babe(BabeParams {
            keystore: self.keystore.clone(),
            client: self.client.clone(),
            select_chain: self.select_chain.clone(),
            env: proposer,
            block_import: babe.block_import,
            sync_oracle: self.sync.clone(),
            justification_sync_link: self.sync.clone(),
            create_inherent_data_providers: inherents(slot_duration),
            force_authoring: self.force_authoring,
            // The longer finality lags, the slower the chain grows.
            backoff_authoring_blocks: Some(BackoffAuthoringOnFinalizedHeadLagging::default()),
            babe_link: babe.link,
            block_proposal_slot_portion: SlotProportion::new(PROPOSING_SHARE),
            max_block_proposal_slot_portion: None,
            telemetry: self.telemetry.clone(),
        })?;
        tasks.spawn_essential_handle().spawn_blocking("babe-proposer", Some("block-authoring"), worker);
        Ok(())
    }

    /// Watches for validators that author twice in a slot. A report has no signature, so only who authors blocks can put
    /// it on chain.
    pub(super) fn report_equivocations(&self, tasks: &TaskManager) {
        let pool = OffchainTransactionPoolFactory::new(self.pool.clone());
        let watch = SlotWatch::new(self.client.clone(), self.select_chain.clone(), pool);
        tasks.spawn_handle().spawn("equivocation-watch", Some("block-authoring"), watch.run());
    }

    /// Follows the votes on finality, and votes if the keystore has the key of an authority.
    pub(super) fn follow_finality(
        &self,
        link: LinkHalf<Block, FullClient, FullSelectChain>,
        network: Arc<dyn NetworkService>,
        notification_service: Box<dyn NotificationService>,
        protocol_name: ProtocolName,
        shared_voter_state: SharedVoterState,
        tasks: &TaskManager,
    ) -> Result<(), Error> {
        let config = sc_consensus_grandpa::Config {
            gossip_duration: GOSSIP_DURATION,
            justification_generation_period: super::parts::JUSTIFICATION_PERIOD,
            name: Some(self.name.clone()),
            observer_enabled: false,
            keystore: self.role.is_authority().then(|| self.keystore.clone()),
            local_role: self.role,
            telemetry: self.telemetry.clone(),
            protocol_name,
        };
        let voter = sc_consensus_grandpa::run_grandpa_voter(GrandpaParams {
            config,
            link,
            network,
            sync: self.sync.clone(),
            notification_service,
            voting_rule: VotingRulesBuilder::default().build(),
            prometheus_registry: self.registry.clone(),
            shared_voter_state,
            telemetry: self.telemetry.clone(),
            offchain_tx_pool_factory: OffchainTransactionPoolFactory::new(self.pool.clone()),
        })?;
        tasks.spawn_essential_handle().spawn_blocking("grandpa-voter", None, voter);
        Ok(())
    }
}
