//! A running gateway: how its parts are put together and how they end.

use std::{
    io::{self, Write},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use cuckoo_chain_client::{account_of, Chain, Keypair};
use cuckoo_primitives::{EraProgress, Hash};
use cuckoo_wire::limits::MAX_MESSAGE_BYTES;
use tokio::{
    net::TcpListener,
    signal::unix::{signal, SignalKind},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    audit::{self, AuditEngineError, AuditStores, AuditTerms, Auditor, OnChain, Statistics},
    auth::{Auth, Budgets},
    chain_guard::{ChainGuard, NotACoordinator},
    config::GatewayConfig,
    dispatch::{Dispatcher, Registry},
    link::{serve_links, Ending, KnownModels, LinkContext, LinkListener, Refused, Turns, UnprovenLinks},
    metrics,
    ranking::Ranking,
    request_memory::RequestMemory,
    router::router,
    server::{serve_http, ConnectionLimits},
    settle::{Adoption, EscrowWatch, Exposure, Prices, SettlementSource, TopUps, Vouchers},
    state::AppState,
    store::{Committed, FolderLock, Journal, KeyStore, Store, StoreError},
};

/// How often histograms are summed up.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);
/// How long attempts have to be paid for that their clients left when the gateway stopped: longer than a miner has for its
/// last message and the journal for a write that it has to try twice.
const ATTEMPTS_GRACE: Duration = Duration::from_secs(30);
/// How long miners have to read the last message when the gateway stops.
const LINKS_GRACE: Duration = Duration::from_secs(2);

/// What is around a task on the link is far smaller than the difference.
const MOST_BODY_BYTES: usize = MAX_MESSAGE_BYTES - 64 * 1024;
/// How long the journal may take to store what it was given until the gateway stopped.
const JOURNAL_GRACE: Duration = Duration::from_secs(25);

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The coordinator may not work.
    #[error(transparent)]
    NotACoordinator(#[from] NotACoordinator),
    /// Keys and receipts cannot be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An address cannot be listened on.
    #[error(
        "cannot listen on {address}: {source}; is another gateway running? name another port with --http-listen or \
         --link-listen, or 0 for any free one"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A body could become a task that no miner takes.
    #[error(
        "--max-body-bytes and --max-embedding-body-bytes can be at most {most}: a task must fit on the miners' link"
    )]
    BodyLimit {
        /// Most bytes.
        most: usize,
    },
    /// A deposit would never be made, or be none.
    #[error(
        "--escrow-low needs --escrow-target, which is not below it, and --escrow-per-day, the most that may be deposited in \
         a day"
    )]
    TopUps,
    /// A receipt would be gone while it can still convict.
    #[error(
        "--receipts-keep-days {keep} is too short: stake is liable for {liable_h} hours on this chain, and receipts are the \
         evidence; keep them for at least {least} days"
    )]
    ReceiptsTooShort {
        /// What was asked for, in days.
        keep: u32,
        /// How long stake is liable, in hours.
        liable_h: u64,
        /// Fewest days.
        least: u64,
    },
    /// Nobody can go through answers.
    #[error(transparent)]
    AuditEngine(#[from] AuditEngineError),
    /// The system does not tell us of signals.
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),
}

/// A running gateway.
pub struct Gateway {
    http: SocketAddr,
    link: SocketAddr,
    state: Arc<AppState>,
    store: Store,
    stop: CancellationToken,
    links_closed: CancellationToken,
    http_task: JoinHandle<()>,
    link_task: JoinHandle<()>,
    /// Held until all of this has ended, the journal's last write included.
    lock: Arc<FolderLock>,
}

/// Runs a gateway until SIGTERM or SIGINT, and then until what runs is done or a second signal comes. When it is ready,
/// it says so on stdout with one line of JSON that names its addresses.
///
/// # Errors
/// If the gateway cannot start; see [`Gateway::start`].
pub async fn serve(config: GatewayConfig, chain: Chain, key: Keypair) -> Result<(), StartError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::Signals)?;
    let gateway = Gateway::start(config, chain, key).await?;
    tracing::info!(target: "gateway", http = %gateway.http, link = %gateway.link, "ready");
    let ready = serde_json::json!({
        "event": "ready",
        "http": gateway.http.to_string(),
        "link": gateway.link.to_string(),
    });
    // Whoever started us may not be interested.
    drop(writeln!(io::stdout(), "{ready}"));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    let (journal, _lock) = (gateway.state.journal.clone(), gateway.lock.clone());
    tokio::select! {
        () = gateway.shutdown() => {}
        _ = terminate.recv() => tracing::warn!(target: "gateway", "asked twice to stop: running tasks are cut off"),
        _ = interrupt.recv() => tracing::warn!(target: "gateway", "asked twice to stop: running tasks are cut off"),
    }
    // However hasty: what miners have signed is paid.
    close(&journal).await;
    Ok(())
}

/// Waits until all that the journal was given is stored.
async fn close(journal: &Journal) {
    if tokio::time::timeout(JOURNAL_GRACE, journal.close()).await.is_err() {
        let limit_s = JOURNAL_GRACE.as_secs();
        tracing::error!(target: "gateway", limit_s, "the journal did not store its last receipts in time; they are lost");
    }
}

async fn start(
    config: GatewayConfig,
    chain: Chain,
    key: Keypair,
    source: Arc<dyn SettlementSource>,
) -> Result<Gateway, StartError> {
    if config.limits.max_body_bytes.max(config.limits.max_embedding_body_bytes) > MOST_BODY_BYTES {
        return Err(StartError::BodyLimit { most: MOST_BODY_BYTES });
    }
    let terms = config.top_ups();
    if terms.low > 0 && (terms.target < terms.low || terms.per_day == 0) {
        return Err(StartError::TopUps);
    }
    let guard = Arc::new(ChainGuard::new(chain.clone(), account_of(&key))?);
    receipts_outlive_liability(&config, &guard.view().era)?;
    let lock = Arc::new(FolderLock::take(&config.data_dir)?);
    let statistics = audit::engine::start(&config).await?;
    let own = statistics.as_ref().map(Statistics::models).unwrap_or_default();
    let known = KnownModels::new(&config.model_roots, own, &config.unverified_models);
    let store = Store::open(&config.data_dir, config.journal_sync).await?;
    store.claim(guard.genesis(), guard.stash()).await?;
    let exposure = Exposure::new(store.promises().await?);
    let vouchers = Vouchers::new(key.clone(), guard.stash().clone(), guard.genesis(), exposure.clone());
    let budgets = Arc::new(Budgets::default());
    let ears = pass_on(exposure.clone(), vouchers.clone(), budgets.clone());
    let journal = store.journal(config.receipts_keep(), ears).await?;
    let prices = Arc::new(Prices::new(config.default_price, &config.prices));
    let stop = CancellationToken::new();
    let links_closed = CancellationToken::new();
    let (audits, limits) = (config.audits(), config.limits);
    let registry = Registry::new(
        guard.genesis(),
        guard.view().hash,
        limits.max_queue,
        prices.clone(),
        exposure.clone(),
        budgets.clone(),
    );
    tokio::spawn(registry.clone().ask_those_aside(links_closed.clone()));
    let court = OnChain::new(chain.clone(), key.clone(), guard.stash().clone());
    let audits = (guard.genesis(), audits, statistics);
    let auditor = start_audits(audits, &store, registry.clone(), court, &links_closed).await?;
    let payer = (!prices.are_free()).then(|| source.clone());
    let adoption = Adoption::new(&guard, payer, journal.clone(), exposure.clone());
    if !prices.are_free() {
        let coordinator = guard.stash().clone();
        let watch = EscrowWatch::new(source.clone(), coordinator.clone(), exposure.clone(), registry.clone());
        let top_ups = TopUps::resume(source, key.clone(), coordinator, store.clone(), terms).await?;
        mind_escrow(watch, top_ups, &chain, &links_closed).await;
    }
    tokio::spawn(vouchers.clone().run(links_closed.clone()));
    let state = Arc::new(AppState {
        auth: Auth::start(store.keys(), budgets.clone(), config.allow_anonymous, links_closed.clone()).await?,
        dispatcher: Dispatcher::new(
            registry.clone(),
            guard.clone(),
            journal.clone(),
            store.evidence(),
            auditor.clone(),
            budgets.clone(),
            limits.clone(),
        ),
        auditor,
        budgets,
        registry: registry.clone(),
        guard: guard.clone(),
        journal,
        prices,
        exposure,
        metrics: metrics::start(),
        memory: RequestMemory::new(limits.max_request_memory_bytes),
        ranking: Ranking::default(),
        limits: limits.clone(),
    });
    let (http_listener, http) = listen(config.http_listen).await?;
    let (link_listener, link) = listen(config.link_listen).await?;

    tokio::spawn(follow_chain(chain, guard.clone(), registry.clone(), links_closed.clone()));
    tokio::spawn(keep_metrics(state.clone(), links_closed.clone()));
    let max_links = limits.max_links;
    let turns = Turns::default();
    let context = LinkContext { key, guard, registry, known, turns, adoption, vouchers, max_links, stop: stop.clone() };
    let unproven = UnprovenLinks::new(limits.max_unproven_links, limits.max_unproven_links_per_ip);
    let links = serve_links(Arc::new(context), LinkListener::new(link_listener, unproven), links_closed.clone());
    let link_task = tokio::spawn(async move {
        if let Err(error) = links.await {
            tracing::error!(target: "gateway::link", %error, "the miners' port failed");
        }
    });
    let connections = ConnectionLimits {
        most: limits.max_connections,
        most_per_ip: limits.max_connections_per_ip,
        head_timeout: Duration::from_millis(limits.head_timeout_ms),
        write_timeout: Duration::from_millis(limits.write_timeout_ms),
        drain: Duration::from_millis(limits.drain_ms),
    };
    let http_task = tokio::spawn(serve_http(http_listener, router(state.clone()), connections, stop.clone()));
    Ok(Gateway { http, link, state, store, stop, links_closed, http_task, link_task, lock })
}

/// Has attempts audited from now on, and brings before the chain what they and earlier runs have found.
async fn start_audits(
    (genesis, terms, statistics): (Hash, AuditTerms, Option<Statistics>),
    store: &Store,
    registry: Arc<Registry>,
    court: OnChain,
    stop: &CancellationToken,
) -> Result<Arc<Auditor>, StoreError> {
    let (waiting, chosen) = audit::queue();
    let (evidence, demands) = (store.evidence(), store.demands());
    let stores = AuditStores { evidence: evidence.clone(), audits: store.audits(), demands: demands.clone() };
    let auditor = Arc::new(Auditor::new(genesis, registry, stores, waiting, statistics, terms).await?);
    tokio::spawn(auditor.clone().run(chosen, stop.clone()));
    let court = Arc::new(court);
    tokio::spawn(audit::reporter::run(evidence, court.clone(), stop.clone()));
    tokio::spawn(audit::challenger::run(demands, court.clone(), stop.clone()));
    tokio::spawn(audit::rater::run(auditor.clone(), court, stop.clone()));
    Ok(auditor)
}

/// Follows the escrow, and fills it. It is read once before this returns, so that the first task does not find the gateway
/// without means.
async fn mind_escrow(mut watch: EscrowWatch, top_ups: TopUps, chain: &Chain, stop: &CancellationToken) {
    let (views, steady) = (chain.views(), watch.steady());
    watch.look(chain.view().era.era).await;
    tokio::spawn(watch.run(views, stop.clone()));
    tokio::spawn(top_ups.run(steady, stop.clone()));
}

/// What is done with what the journal has stored: everybody sees it, and those to whom more is promised are sent vouchers.
fn pass_on(
    exposure: Arc<Exposure>,
    vouchers: Arc<Vouchers>,
    budgets: Arc<Budgets>,
) -> impl Fn(Committed) + Send + Sync + 'static {
    move |Committed { promises, spent }| {
        promises.iter().for_each(|(key, promise)| exposure.set_promised(key, *promise));
        vouchers.have_grown(promises.into_iter().map(|(key, _)| key));
        budgets.set_spent(spent);
    }
}

/// Evidence counts for less time than unbonding takes: whoever keeps receipts longer loses none that matters.
fn receipts_outlive_liability(config: &GatewayConfig, era: &EraProgress) -> Result<(), StartError> {
    let slots = u64::from(era.sessions_per_era).saturating_mul(era.session_blocks.into());
    let liable_ms = slots.saturating_mul(era.slot_ms).saturating_mul(era.bonding_eras.into());
    let liable = Duration::from_millis(liable_ms);
    match config.receipts_keep() > liable {
        true => Ok(()),
        false => Err(StartError::ReceiptsTooShort {
            keep: config.receipts_keep_days,
            liable_h: liable.as_secs() / 3600,
            least: liable.as_secs() / 86_400 + 1,
        }),
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let refused = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}

/// Acts on every finalised block: our own right to work, the miners' backing, and who is cut off.
async fn follow_chain(chain: Chain, guard: Arc<ChainGuard>, registry: Arc<Registry>, stop: CancellationToken) {
    let mut views = chain.views();
    loop {
        let view = views.borrow_and_update().clone();
        guard.apply(&view);
        for (link, unfit) in registry.apply_view(&view) {
            let refused = Refused::from(unfit);
            link.end(Ending::Refused { code: refused.code, reason: refused.reason });
        }
        match stop.run_until_cancelled(views.changed()).await {
            Some(Ok(())) => {}
            // The gateway ends, or the chain's own task has; then views become stale and no new task is accepted.
            Some(Err(_)) | None => return,
        }
    }
}

async fn keep_metrics(state: Arc<AppState>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(METRICS_UPKEEP)).await.is_some() {
        state.metrics.run_upkeep();
    }
}

impl Gateway {
    /// Starts a gateway for the coordinator whose operator key is `key`.
    ///
    /// # Errors
    /// If the coordinator may not work, the data folder cannot be used, or an address is taken.
    pub async fn start(config: GatewayConfig, chain: Chain, key: Keypair) -> Result<Self, StartError> {
        let source = Arc::new(chain.clone());
        start(config, chain, key, source).await
    }

    /// The same, with what the chain says of settlement from elsewhere, for tests.
    ///
    /// # Errors
    /// As [`Gateway::start`].
    pub async fn start_with(
        config: GatewayConfig,
        chain: Chain,
        key: Keypair,
        source: Arc<dyn SettlementSource>,
    ) -> Result<Self, StartError> {
        start(config, chain, key, source).await
    }

    /// Where applications connect.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where miners connect.
    pub fn link(&self) -> SocketAddr {
        self.link
    }

    /// How many tasks wait for a slot. The metric of that name is of the process, whichever gateway in it said so last.
    pub fn waiting_tasks(&self) -> usize {
        self.state.dispatcher.load().1
    }

    /// The API keys.
    pub fn keys(&self) -> KeyStore {
        self.store.keys()
    }

    /// Accepts nothing new, finishes what runs within the configured time, and closes all links.
    pub async fn shutdown(self) {
        tracing::info!(target: "gateway", "stopping: no new tasks, running ones are finished");
        self.state.dispatcher.close();
        self.stop.cancel();
        // No request runs after this, so no attempt begins any more: what ran too long was cut off as if its client had hung
        // up, and what was sent of it is paid for.
        drop(self.http_task.await);
        if tokio::time::timeout(ATTEMPTS_GRACE, self.state.dispatcher.finish()).await.is_err() {
            tracing::error!(target: "gateway", "some attempts did not end, and will not be paid for");
        }
        // Only now: until here, waiting tasks could still go to miners.
        self.state.registry.links().iter().for_each(|link| link.end(Ending::Drained));
        let all_left = async {
            while self.state.registry.load().0 > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        drop(tokio::time::timeout(LINKS_GRACE, all_left).await);
        self.links_closed.cancel();
        drop(self.link_task.await);
        close(&self.state.journal).await;
        self.store.close().await;
        tracing::info!(target: "gateway", "stopped");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_that_would_go_before_stake_is_free_are_refused() {
        // Days of 24 sessions of an hour, as on `testnet`; unbonding takes a week.
        let era = EraProgress {
            era: 1,
            sessions_done: 0,
            sessions_per_era: 24,
            session_blocks: 600,
            slot_ms: 6_000,
            bonding_eras: 7,
        };
        let kept = |days| GatewayConfig { receipts_keep_days: days, ..GatewayConfig::on_free_ports("data".into()) };
        receipts_outlive_liability(&kept(8), &era).unwrap();
        receipts_outlive_liability(&GatewayConfig::on_free_ports("data".into()), &era).unwrap();
        let error = receipts_outlive_liability(&kept(7), &era).unwrap_err().to_string();
        assert!(error.contains("168 hours") && error.contains("at least 8 days"), "{error}");
    }
}
