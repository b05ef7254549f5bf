//! Reporting validators that author two blocks for one slot.
//!
//! sc-consensus-babe finds them as well, but as of 0.60 it looks at headers whose seals have been taken off, and without
//! the seals its reports prove nothing. [`NoReports`] keeps these off the chain: in the pool they would stand in the way
//! of ours.

use std::{collections::BTreeMap, sync::Arc};

use cuckoo_primitives::Hash;
use cuckoo_runtime::Header;
use futures::StreamExt;
use sc_client_api::BlockchainEvents;
use sc_transaction_pool_api::{LocalTransactionFor, LocalTransactionPool, OffchainTransactionPoolFactory};
use sp_api::{ApiExt, ProvideRuntimeApi};
use sp_consensus::SelectChain;
use sp_consensus_babe::{AuthorityId, BabeApi, EquivocationProof, Slot};
use sp_runtime::traits::Header as _;

use crate::block::Block;

use super::parts::{FullClient, FullSelectChain};

/// Slots that are remembered: evidence of what lies further back comes too late to find its session's keys in the state.
const REMEMBERED_SLOTS: u64 = 1_000;

/// Watches every block that is imported, whichever fork it is on.
pub(super) struct SlotWatch {
    client: Arc<FullClient>,
    select_chain: FullSelectChain,
    pool: OffchainTransactionPoolFactory<Block>,
    /// The first block of each author and slot.
    first: BTreeMap<(Slot, AuthorityId), Header>,
}

impl SlotWatch {
    pub(super) fn new(
        client: Arc<FullClient>,
        select_chain: FullSelectChain,
        pool: OffchainTransactionPoolFactory<Block>,
    ) -> Self {
        Self { client, select_chain, pool, first: BTreeMap::new() }
    }

    /// Runs for as long as the node does. Blocks of the initial sync are not told: what they prove is long known.
    pub(super) async fn run(mut self) {
        let mut imports = self.client.every_import_notification_stream();
        while let Some(block) = imports.next().await {
            if let Err(error) = self.look_at(block.hash, block.header).await {
                log::warn!(target: "babe", "Cannot tell whether the author of {:?} equivocates: {error}", block.hash);
            }
        }
    }

    async fn look_at(&mut self, hash: Hash, header: Header) -> Result<(), Failure> {
        let claim = sc_consensus_babe::find_pre_digest::<Block>(&header)?;
        let slot = claim.slot();
        let epoch = self.client.runtime_api().current_epoch(hash)?;
        let Some((author, _)) = epoch.authorities.get(claim.authority_index() as usize).cloned() else { return Ok(()) };
        let oldest = slot.saturating_sub(REMEMBERED_SLOTS);
        self.first.retain(|(slot, _), _| *slot >= oldest);
        let first = self.first.entry((slot, author.clone())).or_insert_with(|| header.clone());
        if first.hash() == hash {
            return Ok(());
        }
        let (first_header, second_header) = (first.clone(), header);
        self.report(EquivocationProof { offender: author, slot, first_header, second_header }).await
    }

    async fn report(&self, proof: EquivocationProof<Header>) -> Result<(), Failure> {
        let best = self.select_chain.best_chain().await?.hash();
        let mut api = self.client.runtime_api();
        // The keys of the slot's session are in the state of the block before; if that began the session, in the best.
        let mut owner = None;
        for at in [*proof.second_header.parent_hash(), best] {
            owner = match owner {
                None => {
                    self.client.runtime_api().generate_key_ownership_proof(at, proof.slot, proof.offender.clone())?
                }
                found => found,
            };
        }
        let Some(owner) = owner else { return Ok(()) };
        log::info!(target: "babe", "{:?} authored two blocks for slot {}, reporting it", proof.offender, proof.slot);
        api.register_extension(self.pool.offchain_transaction_pool(best));
        api.submit_report_equivocation_unsigned_extrinsic(best, proof, owner)?;
        Ok(())
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Takes transactions and drops them.
pub(super) struct NoReports;

impl LocalTransactionPool for NoReports {
    type Block = Block;
    type Hash = Hash;
    type Error = sc_transaction_pool_api::error::Error;

    fn submit_local(&self, _: Hash, _: LocalTransactionFor<Self>) -> Result<Hash, Self::Error> {
        Ok(Hash::zero())
    }
}
