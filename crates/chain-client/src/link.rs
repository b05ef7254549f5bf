//! A node's finalised blocks, turned into views.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use cuckoo_primitives::{AccountId, BlockNumber, Candidate, Hash};
use futures::stream::{self, StreamExt, TryStreamExt};
use subxt::rpcs::client::RpcSubscription;

use crate::{
    changes::{self, Changes},
    endpoint::Endpoint,
    error::ChainError,
    head::Head,
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
    /// Whether no node has continued the view for so long that a node may be followed whose chain goes on differently.
    pub(crate) may_restart: bool,
    /// A block that was made longer ago is no reason to give up what is known.
    pub(crate) stale_after: Duration,
}

impl Known<'_> {
    /// Makes sure that `node`, whose last finalised block is `head`, continues the chain.
    async fn check(&self, node: &Node, head: &Head) -> Result<(), ChainError> {
        if node.genesis() != self.genesis {
            return Err(ChainError::WrongChain { expected: self.genesis, found: node.genesis() });
        }
        let theirs = if head.number < self.view.number { None } else { node.hash_of(self.view.number).await? };
        let Err(error) = self.check_continues(head, theirs) else { return Ok(()) };
        if !self.may_start_over(head) {
            return Err(error);
        }
        tracing::warn!(
            target: "chain::follow",
            endpoint = %node.endpoint(),
            %error,
            "no node continues the chain as known so far; starting over with this one"
        );
        Ok(())
    }

    /// Whether a chain with the final block `head`, and with the block `theirs` at the height of the view if it has one
    /// there, continues the view.
    fn check_continues(&self, head: &Head, theirs: Option<Hash>) -> Result<(), ChainError> {
        let number = self.view.number;
        if head.number < number {
            return Err(ChainError::Behind { node: head.number, known: number });
        }
        match theirs {
            Some(found) if found != self.view.hash => {
                Err(ChainError::Conflict { number, expected: self.view.hash, found })
            }
            _ => Ok(()),
        }
    }

    /// Whether a node that does not continue the view may be followed all the same. One that is behind on the same chain
    /// has blocks that are older than the view; it must catch up first. Only a chain that really started over, as one for
    /// development may, makes newer blocks that do not continue it.
    fn may_start_over(&self, head: &Head) -> bool {
        self.may_restart && head.time_ms > self.view.time_ms && !head.is_old(self.stale_after)
    }
}

impl Link {
    /// Connects to `endpoint`, which must continue the chain that is `known`, if there is one, and reads all candidates.
    pub(crate) async fn open(endpoint: &Endpoint, known: Option<Known<'_>>) -> Result<Opened, ChainError> {
        let node = Node::connect(endpoint).await?;
        // Listens before it reads, so that no block falls between.
        let heads = node.finalised_heads().await?;
        let (number, hash) = node.finalised_head().await?;
        let head = reader::head(&node, number, hash).await?;
        if let Some(known) = &known {
            known.check(&node, &head).await?;
        }
        let spec_version = node.at(number, hash).await?.spec_version();
        let all = reader::all_candidates(&node, hash).await?;
        let view = match known {
            Some(known) => known.view.replaced(head, all),
            None => MarketView::first(head, all),
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
        let head = reader::head(&self.node, number, hash).await?;
        // When an era starts, what voters decided during the last one begins to count, for all candidates at once.
        let changes = match head.era.era == view.era.era {
            true => self.changes_since(view.number, number, hash).await?,
            false => Changes::Unclear,
        };
        match changes {
            Changes::Of(stashes) => {
                let updates = read(&self.node, stashes, hash).await?;
                Ok(view.updated(head, updates))
            }
            Changes::Unclear => {
                let all = reader::all_candidates(&self.node, hash).await?;
                Ok(view.replaced(head, all))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::{now_ms, ERA};

    const STALE_AFTER: Duration = Duration::from_secs(30);
    const MINUTE_MS: u64 = 60_000;
    /// A block of the chain that is known to go on from `hash`.
    fn head(number: BlockNumber, minutes_ago: u64) -> Head {
        let hash = Hash::from_low_u64_be(number.into());
        Head { number, hash, time_ms: now_ms() - minutes_ago * MINUTE_MS, era: ERA }
    }

    fn view() -> MarketView {
        MarketView::first(head(100, 10), [])
    }

    fn known(view: &MarketView) -> Known<'_> {
        Known { genesis: Hash::zero(), view, may_restart: true, stale_after: STALE_AFTER }
    }

    #[test]
    fn a_node_that_is_behind_is_not_followed_however_long_nothing_was_heard() {
        let view = view();
        let behind = head(90, 11);
        assert!(matches!(
            known(&view).check_continues(&behind, None),
            Err(ChainError::Behind { node: 90, known: 100 })
        ));
        assert!(!known(&view).may_start_over(&behind));
    }

    #[test]
    fn a_node_that_syncs_another_chain_is_not_followed_before_it_is_up_to_date() {
        let view = view();
        let theirs = Some(Hash::repeat_byte(9));
        let syncing = head(120, 5);
        assert!(matches!(known(&view).check_continues(&syncing, theirs), Err(ChainError::Conflict { .. })));
        assert!(!known(&view).may_start_over(&syncing));
    }

    #[test]
    fn a_chain_that_started_over_is_followed_once_no_other_was_heard_of_for_long() {
        let view = view();
        for restarted in [head(7, 0), head(200, 0)] {
            assert!(known(&view).may_start_over(&restarted));
            assert!(!Known { may_restart: false, ..known(&view) }.may_start_over(&restarted));
        }
    }

    #[test]
    fn a_node_that_continues_the_view_is_followed() {
        let view = view();
        known(&view).check_continues(&head(100, 10), Some(view.hash)).unwrap();
        known(&view).check_continues(&head(101, 9), Some(view.hash)).unwrap();
        known(&view).check_continues(&head(500, 0), None).unwrap();
    }
}
