//! What the chain says of escrow, vouchers and debts, each as of the last finalised block.

use codec::{Decode, Encode};
use cuckoo_primitives::{
    settlement::{ChannelId, Debt, Settled, SettlementTerms, Solvency, MAX_SETTLED_PER_PAGE},
    AccountId, Balance, BlockNumber, Perbill,
};

use crate::{chain::Chain, error::ChainError, reader};

/// More channels or debts of one coordinator than this are not believed.
const MAX_ENTRIES: usize = 1_000_000;

impl Chain {
    /// The rules of settlement.
    pub async fn settlement_terms(&self) -> Result<SettlementTerms, ChainError> {
        self.ask_settlement("terms", ()).await
    }

    /// What stands behind the vouchers of the coordinator with this stash.
    pub async fn solvency(&self, coordinator: &AccountId) -> Result<Solvency, ChainError> {
        self.ask_settlement("solvency", coordinator).await
    }

    /// The same, and the height of the block after which it was so.
    pub async fn solvency_at(&self, coordinator: &AccountId) -> Result<(BlockNumber, Solvency), ChainError> {
        self.ask_settlement_at("solvency", coordinator).await
    }

    /// What of the coordinator's stake will still answer to the miner when new work is redeemed, in planck.
    pub async fn cover(&self, coordinator: &AccountId, miner: &AccountId) -> Result<Balance, ChainError> {
        self.ask_settlement("cover", (coordinator, miner)).await
    }

    /// The same, and the height of the block after which it was so.
    pub async fn cover_at(
        &self,
        coordinator: &AccountId,
        miner: &AccountId,
    ) -> Result<(BlockNumber, Balance), ChainError> {
        self.ask_settlement_at("cover", (coordinator, miner)).await
    }

    /// What of the coordinator's stake answers to the miner now, in planck: as much of what a voucher is due beyond
    /// escrow becomes a debt.
    pub async fn claimable(&self, coordinator: &AccountId, miner: &AccountId) -> Result<Balance, ChainError> {
        self.ask_settlement("claimable", (coordinator, miner)).await
    }

    /// The part of what the coordinator pays the miner that counts for mining rewards: what it thinks of its work.
    pub async fn rating(&self, coordinator: &AccountId, miner: &AccountId) -> Result<Perbill, ChainError> {
        self.ask_settlement("rating", (coordinator, miner)).await
    }

    /// How far a channel has been settled.
    pub async fn settled(
        &self,
        coordinator: &AccountId,
        miner: &AccountId,
        channel: &ChannelId,
    ) -> Result<Settled, ChainError> {
        self.ask_settlement("settled", (coordinator, miner, channel)).await
    }

    /// How far every channel of the coordinator has been settled; those of which nothing has been are not among them.
    pub async fn channels(
        &self,
        coordinator: &AccountId,
    ) -> Result<Vec<((AccountId, ChannelId), Settled)>, ChainError> {
        self.all_pages("channels", coordinator).await
    }

    /// What the coordinator owes to this miner; nothing is open if there is no debt.
    pub async fn debt(&self, coordinator: &AccountId, miner: &AccountId) -> Result<Debt, ChainError> {
        self.ask_settlement("debt", (coordinator, miner)).await
    }

    /// The miners to whom the coordinator owes, or lately paid from its stake.
    pub async fn debts(&self, coordinator: &AccountId) -> Result<Vec<(AccountId, Debt)>, ChainError> {
        self.all_pages("debts", coordinator).await
    }

    /// The stashes of all coordinators that have debts on record, also of those that are no candidates any more.
    pub async fn debtors(&self) -> Result<Vec<AccountId>, ChainError> {
        let followed = self.followed()?;
        let view = followed.view();
        reader::debtors(&*followed.node()?, view.number, view.hash).await
    }

    async fn ask_settlement<T: Decode>(&self, method: &'static str, arguments: impl Encode) -> Result<T, ChainError> {
        self.ask_settlement_at(method, arguments).await.map(|(_, answer)| answer)
    }

    async fn ask_settlement_at<T: Decode>(
        &self,
        method: &'static str,
        arguments: impl Encode,
    ) -> Result<(BlockNumber, T), ChainError> {
        let followed = self.followed()?;
        let node = followed.node()?;
        let view = followed.view();
        Ok((view.number, node.settlement(method, &arguments.encode(), view.hash).await?))
    }

    /// All entries of a method that lists those of a coordinator by key, as of one block.
    async fn all_pages<K: Decode + Encode, V: Decode>(
        &self,
        method: &'static str,
        coordinator: &AccountId,
    ) -> Result<Vec<(K, V)>, ChainError> {
        let followed = self.followed()?;
        let node = followed.node()?;
        let at = followed.view().hash;
        let mut all: Vec<(K, V)> = Vec::new();
        loop {
            let after = all.last().map(|(key, _)| key);
            let arguments = (coordinator, after, MAX_SETTLED_PER_PAGE).encode();
            let page: Vec<(K, V)> = node.settlement(method, &arguments, at).await?;
            let is_last = page.len() < MAX_SETTLED_PER_PAGE as usize;
            all.extend(page);
            if is_last {
                return Ok(all);
            }
            if all.len() > MAX_ENTRIES {
                return Err(ChainError::Node(format!("it lists {method} without end")));
            }
        }
    }
}
