//! What this node answers beside the methods that every node has (`author`, `chain`, `chainHead_v1`, `state`, ...).

use std::{error::Error, sync::Arc};

use cuckoo_primitives::{AccountId, BlockNumber, Hash};
use cuckoo_runtime::Nonce;
use jsonrpsee::RpcModule;
use pallet_transaction_payment_rpc::{TransactionPayment, TransactionPaymentApiServer};
use sc_consensus_babe::BabeWorkerHandle;
use sc_consensus_babe_rpc::{Babe, BabeApiServer};
use sc_consensus_grandpa::{FinalityProofProvider, GrandpaJustificationStream, SharedAuthoritySet, SharedVoterState};
use sc_consensus_grandpa_rpc::{Grandpa, GrandpaApiServer};
use sc_rpc::SubscriptionTaskExecutor;
use sc_service::ChainSpec;
use sc_sync_state_rpc::{SyncState, SyncStateApiServer};
use sp_keystore::KeystorePtr;
use substrate_frame_rpc_system::{System, SystemApiServer};

use crate::{
    block::Block,
    service::{FullBackend, FullClient, FullSelectChain, Pool},
};

/// What the answers come from.
pub(crate) struct Sources {
    pub(crate) client: Arc<FullClient>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) select_chain: FullSelectChain,
    pub(crate) chain_spec: Box<dyn ChainSpec>,
    pub(crate) keystore: KeystorePtr,
    pub(crate) babe: BabeWorkerHandle<Block>,
    pub(crate) authorities: SharedAuthoritySet<Hash, BlockNumber>,
    pub(crate) voter: SharedVoterState,
    pub(crate) justifications: GrandpaJustificationStream<Block>,
    pub(crate) finality_proofs: Arc<FinalityProofProvider<FullBackend, Block>>,
}

/// The module of all additional methods.
pub(crate) fn module(
    sources: &Sources,
    executor: SubscriptionTaskExecutor,
) -> Result<RpcModule<()>, Box<dyn Error + Send + Sync>> {
    let Sources {
        client,
        pool,
        select_chain,
        chain_spec,
        keystore,
        babe,
        authorities,
        voter,
        justifications,
        finality_proofs,
    } = sources;
    let system = System::<Pool, FullClient, Block>::new(client.clone(), pool.clone());
    let payment = TransactionPayment::<FullClient, Block>::new(client.clone());
    let blocks = Babe::new(client.clone(), babe.clone(), keystore.clone(), select_chain.clone());
    let finality =
        Grandpa::new(executor, authorities.clone(), voter.clone(), justifications.clone(), finality_proofs.clone());
    let sync = SyncState::new(chain_spec.cloned_box(), client.clone(), authorities.clone(), babe.clone())?;

    let mut module = RpcModule::new(());
    module.merge(SystemApiServer::<Hash, AccountId, Nonce>::into_rpc(system))?;
    module.merge(payment.into_rpc())?;
    module.merge(blocks.into_rpc())?;
    module.merge(finality.into_rpc())?;
    module.merge(sync.into_rpc())?;
    Ok(module)
}
