//! The handle to the chain.

use std::{sync::Arc, time::Duration};

use cuckoo_primitives::{AccountId, Balance, BlockNumber, Candidate, EraProgress, Hash, StashOverview};
use subxt_signer::sr25519::Keypair;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    call::Call,
    config::ChainConfig,
    error::ChainError,
    follow::{self, Followed},
    reader,
    submit::{self, Inclusion},
    view::MarketView,
};

/// The chain, followed in the background for as long as any clone of this handle lives.
///
/// Must be used inside a tokio runtime.
#[derive(Clone)]
pub struct Chain(Arc<Inner>);

struct Inner {
    genesis: Hash,
    views: watch::Receiver<Arc<MarketView>>,
    source: Source,
}

/// Where views come from.
enum Source {
    /// From a node, by a task that ends with the last handle.
    Live { followed: Arc<Followed>, stale_after: Duration, _follower: AbortOnDropHandle<()> },
    /// From whoever made the handle.
    Detached,
}

impl Chain {
    /// Connects to the first endpoint that can be used and waits for the first complete view.
    ///
    /// Endpoints are tried in turn for about 20 seconds, since a node may just be starting. One that is up to date is
    /// preferred; if there is none, a node that still syncs is followed, and the view is stale until it has caught up.
    ///
    /// # Errors
    /// [`ChainError::NoEndpoint`] with the last reason of each endpoint; at once if no endpoint can become usable by
    /// waiting.
    pub async fn connect(config: ChainConfig) -> Result<Self, ChainError> {
        let stale_after = config.stale_after;
        let (followed, views, task) = follow::start(config).await?;
        let source = Source::Live { followed: followed.clone(), stale_after, _follower: AbortOnDropHandle::new(task) };
        Ok(Self(Arc::new(Inner { genesis: followed.genesis(), views, source })))
    }

    /// A handle that shows `views` and has no node behind it, for tests and benches.
    ///
    /// Requests and submissions end in [`ChainError::Disconnected`]; the handle is stale once the sender of `views` is
    /// gone.
    pub fn detached(genesis: Hash, views: watch::Receiver<Arc<MarketView>>) -> Self {
        Self(Arc::new(Inner { genesis, views, source: Source::Detached }))
    }

    /// Hash of the chain's first block: the chain's name, as it were.
    pub fn genesis(&self) -> Hash {
        self.0.genesis
    }

    /// The newest view. Without locks, and available while there is no connection too.
    pub fn view(&self) -> Arc<MarketView> {
        match &self.0.source {
            Source::Live { followed, .. } => followed.view(),
            Source::Detached => self.0.views.borrow().clone(),
        }
    }

    /// The views as they come: a new one when a block, or a run of them at once, becomes final.
    pub fn views(&self) -> watch::Receiver<Arc<MarketView>> {
        self.0.views.clone()
    }

    /// Whether no new block has become final, as far as this program knows, for the configured time, or the last one was
    /// made longer ago than that, by its own word, and the time that finality takes.
    pub fn is_stale(&self) -> bool {
        match &self.0.source {
            Source::Live { followed, stale_after, .. } => followed.view().is_stale(*stale_after),
            Source::Detached => self.0.views.has_changed().is_err(),
        }
    }

    /// The endpoint in use, without path and query, which may hold an access key; `None` while there is no connection.
    pub fn endpoint(&self) -> Option<String> {
        Some(self.followed().ok()?.node().ok()?.endpoint().to_string())
    }

    /// The candidate whose operator is `operator` as of the last finalised block.
    pub async fn candidate_of_operator(&self, operator: &AccountId) -> Result<Option<Candidate>, ChainError> {
        let followed = self.followed()?;
        reader::candidate_of_operator(&*followed.node()?, followed.view().hash, operator).await
    }

    /// The candidate that bonded from `stash` as of the last finalised block.
    pub async fn candidate(&self, stash: &AccountId) -> Result<Option<Candidate>, ChainError> {
        let followed = self.followed()?;
        reader::candidate(&*followed.node()?, followed.view().hash, stash).await
    }

    /// Bond and votes of `stash` as of the last finalised block; `None` if it has not bonded.
    pub async fn stash(&self, stash: &AccountId) -> Result<Option<StashOverview>, ChainError> {
        let followed = self.followed()?;
        reader::stash(&*followed.node()?, followed.view().hash, stash).await
    }

    /// Where the chain stands in its era as of the last finalised block.
    pub async fn era(&self) -> Result<EraProgress, ChainError> {
        let followed = self.followed()?;
        reader::era(&*followed.node()?, followed.view().hash).await
    }

    /// What `account` holds freely, in planck, as of the last finalised block. Bonded stake is not part of it.
    pub async fn free_balance(&self, account: &AccountId) -> Result<Balance, ChainError> {
        let followed = self.followed()?;
        let view = followed.view();
        reader::free_balance(&*followed.node()?, view.number, view.hash, account).await
    }

    /// How many transactions of `account` the chain has, and the height of the finalised block after which it was so. Each
    /// that is included makes it one more, whatever becomes of its call; it begins anew if the account ceases to exist.
    pub async fn nonce_at(&self, account: &AccountId) -> Result<(BlockNumber, u64), ChainError> {
        let followed = self.followed()?;
        let view = followed.view();
        let nonce = reader::nonce(&*followed.node()?, view.number, view.hash, account).await?;
        Ok((view.number, nonce))
    }

    /// Signs `call` with `signer`, submits it and waits until it is final, for at most a minute. When it returns
    /// successfully, [`Chain::view`] shows the effect.
    ///
    /// Several submissions at once, for one account too, do not get into each other's way.
    ///
    /// # Errors
    /// [`ChainError::Rejected`] if the transaction had no effect, [`ChainError::Dispatch`] if it is on the chain but
    /// its call was refused, [`ChainError::TimedOut`] or [`ChainError::Lost`] if its fate is unknown.
    pub async fn submit(&self, signer: &Keypair, call: Call) -> Result<Inclusion, ChainError> {
        submit::submit(self.followed()?, self.views(), signer, &call).await
    }

    /// What `call` would cost `signer` now, in planck, without a tip.
    pub async fn fee(&self, signer: &Keypair, call: &Call) -> Result<Balance, ChainError> {
        submit::fee(self.followed()?, signer, call).await
    }

    /// A transaction with `call`, signed by `signer` with this nonce, as bytes that any node takes: for whoever submits it
    /// in another way. It can be included for as long as one that [`Chain::submit`] makes now.
    pub async fn sign(&self, signer: &Keypair, call: &Call, nonce: u64) -> Result<Vec<u8>, ChainError> {
        submit::encoded(self.followed()?, signer, call, nonce).await
    }

    pub(crate) fn followed(&self) -> Result<&Arc<Followed>, ChainError> {
        match &self.0.source {
            Source::Live { followed, .. } => Ok(followed),
            Source::Detached => Err(ChainError::Disconnected),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::ERA;

    fn view(number: u32) -> Arc<MarketView> {
        Arc::new(MarketView::from_candidates(number, Hash::repeat_byte(1), ERA, []))
    }

    #[tokio::test]
    async fn a_detached_handle_shows_views_and_refuses_requests() {
        let (sender, views) = watch::channel(view(1));
        let chain = Chain::detached(Hash::repeat_byte(7), views);
        assert_eq!((chain.genesis(), chain.view().number, chain.endpoint()), (Hash::repeat_byte(7), 1, None));
        sender.send_replace(view(2));
        assert_eq!(chain.view().number, 2);
        assert!(!chain.is_stale());
        assert!(matches!(chain.era().await, Err(ChainError::Disconnected)));
        let alice = subxt_signer::sr25519::dev::alice();
        assert!(matches!(chain.submit(&alice, Call::Chill).await, Err(ChainError::Disconnected)));
        assert!(matches!(chain.sign(&alice, &Call::Chill, 0).await, Err(ChainError::Disconnected)));
        drop(sender);
        assert!(chain.is_stale());
        assert_eq!(chain.view().number, 2);
    }

    #[tokio::test]
    async fn endpoints_that_can_never_work_are_refused_at_once() {
        let error = Chain::connect(ChainConfig::new(["http://127.0.0.1:9944", "127.0.0.1"])).await.err().unwrap();
        let ChainError::NoEndpoint { tried } = &error else { panic!("{error}") };
        assert_eq!(tried.len(), 2);
        assert!(error.to_string().contains("http://127.0.0.1:9944: not a WebSocket URL"), "{error}");
        let none = Chain::connect(ChainConfig::new(Vec::<String>::new())).await.err().unwrap();
        assert_eq!(
            none.to_string(),
            "no chain endpoint can be used: none is configured; start a node, or name one with --chain-url"
        );
    }
}
