//! Keeping a view of the market up to date with the finalised blocks of one of several nodes.

use std::{collections::HashMap, sync::Arc, time::Duration};

use arc_swap::{ArcSwap, ArcSwapOption};
use cuckoo_primitives::Hash;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout_at, Instant},
};

use crate::{
    backoff::Backoff,
    config::ChainConfig,
    endpoint::{shown, Endpoint},
    error::ChainError,
    link::{Known, Link, Opened},
    node::Node,
    nonces::Nonces,
    view::MarketView,
};

/// How long [`start`] keeps trying.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// A connection is given at least this long to show a finalised block.
const SHORTEST_PATIENCE: Duration = Duration::from_secs(2);

/// What the follower shares with handles.
pub(crate) struct Followed {
    genesis: Hash,
    view: ArcSwap<MarketView>,
    node: ArcSwapOption<Node>,
    nonces: Nonces,
}

impl Followed {
    pub(crate) fn genesis(&self) -> Hash {
        self.genesis
    }

    pub(crate) fn view(&self) -> Arc<MarketView> {
        self.view.load_full()
    }

    /// The node in use.
    pub(crate) fn node(&self) -> Result<Arc<Node>, ChainError> {
        self.node.load_full().ok_or(ChainError::Disconnected)
    }

    pub(crate) fn nonces(&self) -> &Nonces {
        &self.nonces
    }
}

type Views = watch::Receiver<Arc<MarketView>>;

/// Makes the first view, and starts the task that keeps it up to date.
pub(crate) async fn start(config: ChainConfig) -> Result<(Arc<Followed>, Views, JoinHandle<()>), ChainError> {
    let mut refused = HashMap::new();
    let mut endpoints = Vec::new();
    for url in &config.endpoints {
        match Endpoint::parse(url) {
            Ok(endpoint) => endpoints.push(endpoint),
            Err(reason) => {
                refused.insert(shown(url), reason);
            }
        }
    }
    let (used, Opened { link, view }) = first_link(&endpoints, config.stale_after, &mut refused)
        .await
        .ok_or_else(|| ChainError::NoEndpoint { tried: listed(&config.endpoints, &refused) })?;

    let view = Arc::new(view);
    let (sender, views) = watch::channel(view.clone());
    let followed = Arc::new(Followed {
        genesis: link.node().genesis(),
        view: ArcSwap::new(view),
        node: ArcSwapOption::new(Some(link.node().clone())),
        nonces: Nonces::default(),
    });
    endpoints.rotate_left(used);
    let follower = Follower {
        patience: config.stale_after.saturating_mul(2).max(SHORTEST_PATIENCE),
        stale_after: config.stale_after,
        endpoints,
        followed: followed.clone(),
        views: sender,
        backoff: Backoff::default(),
    };
    Ok((followed, views, tokio::spawn(follower.run(link))))
}

/// Tries the endpoints in turn until one can be used, none ever will, or the time is up. `refused` is given the last
/// reason of each. Of several that can be used but are not up to date, the one that has come furthest is taken.
async fn first_link(
    endpoints: &[Endpoint],
    stale_after: Duration,
    refused: &mut HashMap<String, String>,
) -> Option<(usize, Opened)> {
    let deadline = Instant::now() + START_TIMEOUT;
    let mut backoff = Backoff::default();
    loop {
        let mut hopeless = true;
        let mut furthest: Option<(usize, Opened)> = None;
        for (index, endpoint) in endpoints.iter().enumerate() {
            let error = match timeout_at(deadline, Link::open(endpoint, None)).await {
                Ok(Ok(opened)) if !opened.view.head().is_old(stale_after) => return Some((index, opened)),
                Ok(Ok(opened)) => {
                    if furthest.as_ref().is_none_or(|(_, other)| other.view.time_ms < opened.view.time_ms) {
                        furthest = Some((index, opened));
                    }
                    continue;
                }
                Ok(Err(error)) => error,
                Err(_) => ChainError::Node("no time left to try it".into()),
            };
            tracing::debug!(target: "chain::follow", %endpoint, %error, "cannot use endpoint");
            hopeless &= matches!(error, ChainError::NotCuckoo | ChainError::Decode { .. });
            // What was said before the time was up tells more.
            let slot = refused.entry(endpoint.to_string());
            if Instant::now() < deadline {
                slot.insert_entry(error.to_string());
            } else {
                slot.or_insert(error.to_string());
            }
        }
        if furthest.is_some() {
            return furthest;
        }
        let wait = backoff.next();
        if hopeless || Instant::now() + wait >= deadline {
            return None;
        }
        sleep(wait).await;
    }
}

/// The reasons in the order of configuration.
fn listed(endpoints: &[String], refused: &HashMap<String, String>) -> Vec<(String, String)> {
    endpoints
        .iter()
        .map(|url| shown(url))
        .map(|url| (url.clone(), refused.get(&url).cloned().unwrap_or_default()))
        .collect()
}

/// The task that follows the chain.
struct Follower {
    /// How long a connection may go without a recent finalised block.
    patience: Duration,
    stale_after: Duration,
    /// The one in use comes first.
    endpoints: Vec<Endpoint>,
    followed: Arc<Followed>,
    views: watch::Sender<Arc<MarketView>>,
    backoff: Backoff,
}

impl Follower {
    /// Runs until it is aborted, or nobody looks at its views any more when the connection fails.
    async fn run(mut self, mut link: Link) {
        loop {
            self.announce(&link);
            let error = self.follow(&mut link).await;
            self.followed.node.store(None);
            // A program that ends closes connections before it gets round to aborting this task.
            if self.views.is_closed() {
                return;
            }
            tracing::warn!(target: "chain::follow", endpoint = %link.node().endpoint(), %error, "lost the chain, reconnecting");
            link = self.relink().await;
        }
    }

    fn announce(&self, link: &Link) {
        let endpoint = link.node().endpoint();
        tracing::info!(target: "chain::follow", %endpoint, "following the chain");
        let head = self.followed.view().head();
        if head.is_first() {
            tracing::info!(target: "chain::follow", %endpoint, "waiting for the chain's first block to become final");
        } else if head.is_old(self.stale_after) {
            tracing::warn!(
                target: "chain::follow",
                %endpoint,
                block.number = head.number,
                block.age_s = head.age().as_secs(),
                "the node's last finalised block is old; wait until the node has synced, or set this machine's clock"
            );
        }
    }

    /// Follows one connection until it fails, or shows nothing recent for too long: another node may be up to date.
    async fn follow(&mut self, link: &mut Link) -> ChainError {
        let mut deadline = Instant::now() + self.patience;
        loop {
            let view = match timeout_at(deadline, link.next(&self.followed.view())).await {
                Err(_) => return ChainError::Node(format!("no recent finalised block for {:?}", self.patience)),
                Ok(Err(error)) => return error,
                Ok(Ok(view)) => view,
            };
            let is_recent = !view.head().is_old(self.stale_after);
            self.publish(view);
            self.backoff.reset();
            if is_recent {
                deadline = Instant::now() + self.patience;
            }
        }
    }

    /// Tries the endpoints in turn, beginning with the one after that which was lost, until one can be used. Waits
    /// before each round.
    async fn relink(&mut self) -> Link {
        loop {
            sleep(self.backoff.next()).await;
            self.endpoints.rotate_left(1);
            for index in 0..self.endpoints.len() {
                if let Some(link) = self.reopen(&self.endpoints[index]).await {
                    self.endpoints.rotate_left(index);
                    return link;
                }
            }
        }
    }

    /// Goes on with the node at `endpoint`, if it can be used.
    async fn reopen(&self, endpoint: &Endpoint) -> Option<Link> {
        let known = self.followed.view();
        // A development chain whose validator lost its last blocks, or all, goes on differently. To insist on the old
        // one for ever would help nobody, but another endpoint may have it.
        let may_restart = known.received.elapsed() > self.patience;
        let known = Known { genesis: self.followed.genesis, view: &known, may_restart, stale_after: self.stale_after };
        match Link::open(endpoint, Some(known)).await {
            Ok(Opened { link, view }) => {
                self.followed.node.store(Some(link.node().clone()));
                // The same block again is no news, and must not make a stale view look fresh.
                if view.hash != self.followed.view().hash {
                    self.publish(view);
                }
                Some(link)
            }
            Err(error) => {
                tracing::warn!(target: "chain::follow", %endpoint, %error, "cannot use endpoint");
                None
            }
        }
    }

    fn publish(&self, view: MarketView) {
        tracing::debug!(
            target: "chain::follow",
            era = view.era.era,
            block.number = view.number,
            candidates = view.len(),
            revision = view.revision(),
            "new finalised block"
        );
        let view = Arc::new(view);
        self.followed.view.store(view.clone());
        self.views.send_replace(view);
    }
}
