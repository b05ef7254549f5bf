//! A node's finalised blocks, turned into views.

use std::{collections::BTreeSet, sync::Arc};

use cuckoo_primitives::{AccountId, BlockNumber, Candidate, Hash};
use futures::stream::{self, StreamExt, TryStreamExt};
use subxt::rpcs::client::RpcSubscription;

use crate::{
    changes::{self, Changes},
    endpoint::Endpoint,
    error::ChainError,
    node::{node_error, number_and_hash, Header, Node},
    reader,
    view::MarketView,
};

/// Past this many blocks at once it is cheaper to read all candidates than the events of each block.
const MAX_GAP: BlockNumber = 64;
/// Past this many changed candidates likewise.
const MAX_SINGLE_READS: usize = 256;
/// Requests under way at once.
const READS_AT_ONCE: usize = 16;

/// A connection whose finalised blocks are being listened to.
pub(crate) struct Link {
    node: Arc<Node>,
    heads: RpcSubscription<Header>,
    /// Version of the runtime after the last block.
    spec_version: u32,
}

/// A new link, and the view as of the node's last finalised block.
pub(crate) struct Opened {
    pub(crate) link: Link,
    pub(crate) view: MarketView,
}

/// What this program knows of the chain before it connects to another node.
pub(crate) struct Known<'a> {
    /// Genesis hash of the chain.
    pub(crate) genesis: Hash,
    /// The newest view.
    pub(crate) view: &'a MarketView,
    /// Whether to follow a node whose finalised blocks do not continue the view.
    pub(crate) may_restart: bool,
}

impl Known<'_> {
    /// Makes sure that `node`, whose last finalised block is at height `head`, continues the chain.
    async fn check(&self, node: &Node, head: BlockNumber) -> Result<(), ChainError> {
        if node.genesis() != self.genesis {
            return Err(ChainError::WrongChain { expected: self.genesis, found: node.genesis() });
        }
        match self.check_continues(node, head).await {
            Err(error @ (ChainError::Behind { .. } | ChainError::Conflict { .. })) if self.may_restart => {
                tracing::warn!(
                    target: "chain::follow",
                    endpoint = %node.endpoint(),
                    %error,
                    "no node continues the chain as known so far; starting over with this one"
                );
                Ok(())
            }
            result => result,
        }
    }

    async fn check_continues(&self, node: &Node, head: BlockNumber) -> Result<(), ChainError> {
        let number = self.view.number;
        if head < number {
            return Err(ChainError::Behind { node: head, known: number });
        }
        match node.hash_of(number).await? {
            Some(found) if found != self.view.hash => {
                Err(ChainError::Conflict { number, expected: self.view.hash, found })
            }
            _ => Ok(()),
        }
    }
}

impl Link {
    /// Connects to `endpoint`, which must continue the chain that is `known`, if there is one, and reads all candidates.
    pub(crate) async fn open(endpoint: &Endpoint, known: Option<Known<'_>>) -> Result<Opened, ChainError> {
        let node = Node::connect(endpoint).await?;
        // Listens before it reads, so that no block falls between.
        let heads = node.finalised_heads().await?;
        let (number, hash) = node.finalised_head().await?;
        if let Some(known) = &known {
            known.check(&node, number).await?;
        }
        let spec_version = node.at(number, hash).await?.spec_version();
        let (era, all) = tokio::try_join!(reader::era(&node, hash), reader::all_candidates(&node, hash))?;
        let view = match known {
            Some(known) => known.view.replaced(number, hash, era, all),
            None => MarketView::from_candidates(number, hash, era, all),
        };
        Ok(Opened { link: Self { node: Arc::new(node), heads, spec_version }, view })
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Waits for a finalised block after that of `view`, and returns the view of it.
    pub(crate) async fn next(&mut self, view: &MarketView) -> Result<MarketView, ChainError> {
        loop {
            let header = match self.heads.next().await {
                Some(header) => header.map_err(node_error)?,
                None => return Err(ChainError::Node("the connection was closed".into())),
            };
            let (number, hash) = number_and_hash(&header)?;
            if number > view.number {
                return self.advance(view, number, hash).await;
            }
        }
    }

    async fn advance(&mut self, view: &MarketView, number: BlockNumber, hash: Hash) -> Result<MarketView, ChainError> {
        let era = reader::era(&self.node, hash).await?;
        // When an era starts, what voters decided during the last one begins to count, for all candidates at once.
        let changes = match era.era == view.era.era {
            true => self.changes_since(view.number, number, hash).await?,
            false => Changes::Unclear,
        };
        match changes {
            Changes::Of(stashes) => {
                let updates = read(&self.node, stashes, hash).await?;
                Ok(view.updated(number, hash, era, updates))
            }
            Changes::Unclear => {
                let all = reader::all_candidates(&self.node, hash).await?;
                Ok(view.replaced(number, hash, era, all))
            }
        }
    }

    /// What the blocks after `last`, up to the one at `number` with `hash`, changed.
    async fn changes_since(
        &mut self,
        last: BlockNumber,
        number: BlockNumber,
        hash: Hash,
    ) -> Result<Changes, ChainError> {
        if number.saturating_sub(last) > MAX_GAP {
            return Ok(Changes::Unclear);
        }
        let mut all = BTreeSet::new();
        for height in last.saturating_add(1)..=number {
            let block = if height == number { Some(hash) } else { self.node.hash_of(height).await? };
            let Some(block) = block else { return Ok(Changes::Unclear) };
            let (changes, spec_version) = changes::of_block(&self.node, height, block).await?;
            // The block of an upgrade holds events of the old runtime but leaves the new one behind, whose metadata
            // might make sense of them in a wrong way.
            let upgraded = std::mem::replace(&mut self.spec_version, spec_version) != spec_version;
            match changes {
                Changes::Of(stashes) if !upgraded => all.extend(stashes),
                _ => return Ok(Changes::Unclear),
            }
        }
        Ok(if all.len() > MAX_SINGLE_READS { Changes::Unclear } else { Changes::Of(all) })
    }
}

/// The candidates of `stashes` as they are after the block `at`.
async fn read(
    node: &Node,
    stashes: BTreeSet<AccountId>,
    at: Hash,
) -> Result<Vec<(AccountId, Option<Candidate>)>, ChainError> {
    stream::iter(stashes)
        .map(|stash| async move {
            let now = reader::candidate(node, at, &stash).await?;
            Ok((stash, now))
        })
        .buffer_unordered(READS_AT_ONCE)
        .try_collect()
        .await
}
