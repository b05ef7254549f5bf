//! What the gateway reads of settlement on the chain, and does there.

use cuckoo_chain_client::{Call, Chain, ChainError, Keypair};
use cuckoo_primitives::{
    settlement::{ChannelId, Debt, Settled, Solvency},
    AccountId, Balance,
};
use futures::future::BoxFuture;

use super::at::At;

/// Channels of one coordinator by the miner's stash, and how far each has been settled.
pub type SettledChannels = Vec<((AccountId, ChannelId), Settled)>;

/// What a gateway reads of settlement as of the last finalised block, and does there. [`Chain`] does so through a node;
/// tests answer as they like.
pub trait SettlementSource: Send + Sync + 'static {
    /// What stands behind the vouchers of the coordinator with this stash.
    fn solvency<'a>(&'a self, coordinator: &'a AccountId) -> BoxFuture<'a, Result<At<Solvency>, ChainError>>;

    /// How much of its stake answers for vouchers of the miner with this stash, in planck, besides debts on record.
    fn cover<'a>(
        &'a self,
        coordinator: &'a AccountId,
        miner: &'a AccountId,
    ) -> BoxFuture<'a, Result<At<Balance>, ChainError>>;

    /// How far a channel has been settled.
    fn settled<'a>(
        &'a self,
        coordinator: &'a AccountId,
        miner: &'a AccountId,
        channel: &'a ChannelId,
    ) -> BoxFuture<'a, Result<Settled, ChainError>>;

    /// How far each of its channels has been settled, by the miner's stash and channel.
    fn channels<'a>(&'a self, coordinator: &'a AccountId) -> BoxFuture<'a, Result<SettledChannels, ChainError>>;

    /// What it owes by debts on record, by the miner's stash.
    fn debts<'a>(&'a self, coordinator: &'a AccountId) -> BoxFuture<'a, Result<Vec<(AccountId, Debt)>, ChainError>>;

    /// How many transactions of this account the chain has.
    fn nonce<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<At<u64>, ChainError>>;

    /// Adds so many planck of the signer's to the coordinator's escrow, and waits until that is final. If its fate is not
    /// known ([`ChainError::Lost`], [`ChainError::TimedOut`]), it may still be included for
    /// [`MORTAL_BLOCKS`](cuckoo_chain_client::MORTAL_BLOCKS); after any other error it never will be.
    fn deposit<'a>(
        &'a self,
        signer: &'a Keypair,
        coordinator: &'a AccountId,
        amount: Balance,
    ) -> BoxFuture<'a, Result<(), ChainError>>;

    /// Has a debt paid, and waits until that is final. To do so twice costs a fee and does no other harm.
    fn collect<'a>(
        &'a self,
        signer: &'a Keypair,
        coordinator: &'a AccountId,
        miner: &'a AccountId,
    ) -> BoxFuture<'a, Result<(), ChainError>>;
}

impl SettlementSource for Chain {
    fn solvency<'a>(&'a self, coordinator: &'a AccountId) -> BoxFuture<'a, Result<At<Solvency>, ChainError>> {
        Box::pin(async move {
            let (block, value) = self.solvency_at(coordinator).await?;
            Ok(At { block, value })
        })
    }

    fn cover<'a>(
        &'a self,
        coordinator: &'a AccountId,
        miner: &'a AccountId,
    ) -> BoxFuture<'a, Result<At<Balance>, ChainError>> {
        Box::pin(async move {
            let (block, value) = self.cover_at(coordinator, miner).await?;
            Ok(At { block, value })
        })
    }

    fn settled<'a>(
        &'a self,
        coordinator: &'a AccountId,
        miner: &'a AccountId,
        channel: &'a ChannelId,
    ) -> BoxFuture<'a, Result<Settled, ChainError>> {
        Box::pin(Chain::settled(self, coordinator, miner, channel))
    }

    fn channels<'a>(&'a self, coordinator: &'a AccountId) -> BoxFuture<'a, Result<SettledChannels, ChainError>> {
        Box::pin(Chain::channels(self, coordinator))
    }

    fn debts<'a>(&'a self, coordinator: &'a AccountId) -> BoxFuture<'a, Result<Vec<(AccountId, Debt)>, ChainError>> {
        Box::pin(Chain::debts(self, coordinator))
    }

    fn nonce<'a>(&'a self, account: &'a AccountId) -> BoxFuture<'a, Result<At<u64>, ChainError>> {
        Box::pin(async move {
            let (block, value) = self.nonce_at(account).await?;
            Ok(At { block, value })
        })
    }

    fn deposit<'a>(
        &'a self,
        signer: &'a Keypair,
        coordinator: &'a AccountId,
        amount: Balance,
    ) -> BoxFuture<'a, Result<(), ChainError>> {
        let call = Call::Deposit { coordinator: coordinator.clone(), amount };
        Box::pin(async move { self.submit(signer, call).await.map(drop) })
    }

    fn collect<'a>(
        &'a self,
        signer: &'a Keypair,
        coordinator: &'a AccountId,
        miner: &'a AccountId,
    ) -> BoxFuture<'a, Result<(), ChainError>> {
        let call = Call::Collect { coordinator: coordinator.clone(), miner: miner.clone() };
        Box::pin(async move { self.submit(signer, call).await.map(drop) })
    }
}
