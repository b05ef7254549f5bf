//! What the chain says about settlement, and what this miner asks it to do.

use async_trait::async_trait;
use cuckoo_chain_client::{Call, Chain, ChainError, Keypair};
use cuckoo_primitives::{
    settlement::{Debt, Settled, SettlementTerms, Solvency},
    AccountId, Balance, BlockNumber, Perbill,
};

use crate::wallet::ChannelKey;

/// Settlement as of the last finalised block.
#[async_trait]
pub trait Source: Send + Sync {
    /// The rules.
    async fn terms(&self) -> Result<SettlementTerms, ChainError>;
    /// What stands behind this coordinator's vouchers.
    async fn solvency(&self, coordinator: &AccountId) -> Result<Solvency, ChainError>;
    /// How much of its stake will answer to this miner for new work, what is taken already left out.
    async fn cover(&self, coordinator: &AccountId, miner: &AccountId) -> Result<Balance, ChainError>;
    /// How much of its stake answers to this miner now.
    async fn claimable(&self, coordinator: &AccountId, miner: &AccountId) -> Result<Balance, ChainError>;
    /// What this coordinator thinks of that miner's work, which weighs what is mined for it.
    async fn rating(&self, coordinator: &AccountId, miner: &AccountId) -> Result<Perbill, ChainError>;
    /// How far a channel is settled.
    async fn settled(&self, key: &ChannelKey) -> Result<Settled, ChainError>;
    /// What this coordinator owes to that miner.
    async fn debt(&self, coordinator: &AccountId, miner: &AccountId) -> Result<Debt, ChainError>;
    /// All coordinators that have debts, candidates or not.
    async fn debtors(&self) -> Result<Vec<AccountId>, ChainError>;
    /// What this call costs whoever signs it, in planck.
    async fn fee(&self, call: &Call) -> Result<Balance, ChainError>;
    /// Signs the call and waits until it is final. Returns the height of the block that it is in.
    async fn submit(&self, call: Call) -> Result<BlockNumber, ChainError>;
}

/// A chain, and the key that signs what is asked of it.
pub struct OnChain {
    chain: Chain,
    signer: Keypair,
}

impl OnChain {
    /// `signer` pays the fees; whatever is redeemed goes to the miner's stash.
    pub fn new(chain: Chain, signer: Keypair) -> Self {
        Self { chain, signer }
    }
}

#[async_trait]
impl Source for OnChain {
    async fn terms(&self) -> Result<SettlementTerms, ChainError> {
        self.chain.settlement_terms().await
    }

    async fn solvency(&self, coordinator: &AccountId) -> Result<Solvency, ChainError> {
        self.chain.solvency(coordinator).await
    }

    async fn cover(&self, coordinator: &AccountId, miner: &AccountId) -> Result<Balance, ChainError> {
        self.chain.cover(coordinator, miner).await
    }

    async fn claimable(&self, coordinator: &AccountId, miner: &AccountId) -> Result<Balance, ChainError> {
        self.chain.claimable(coordinator, miner).await
    }

    async fn rating(&self, coordinator: &AccountId, miner: &AccountId) -> Result<Perbill, ChainError> {
        self.chain.rating(coordinator, miner).await
    }

    async fn settled(&self, key: &ChannelKey) -> Result<Settled, ChainError> {
        self.chain.settled(&key.coordinator, &key.miner, &key.channel).await
    }

    async fn debt(&self, coordinator: &AccountId, miner: &AccountId) -> Result<Debt, ChainError> {
        self.chain.debt(coordinator, miner).await
    }

    async fn debtors(&self) -> Result<Vec<AccountId>, ChainError> {
        self.chain.debtors().await
    }

    async fn fee(&self, call: &Call) -> Result<Balance, ChainError> {
        self.chain.fee(&self.signer, call).await
    }

    async fn submit(&self, call: Call) -> Result<BlockNumber, ChainError> {
        self.chain.submit(&self.signer, call).await.map(|inclusion| inclusion.block_number)
    }
}
