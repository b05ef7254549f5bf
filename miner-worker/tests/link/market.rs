//! A chain that says what the test wants, and a miner that follows it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use cuckoo_chain_client::{account_of, Chain, Keypair, MarketView};
use cuckoo_primitives::{
    settlement::Price, AccountId, Balance, Candidate, CandidateInfo, CandidateStatus, EraProgress, Hash, Role, CAI,
};
use miner_worker::{
    asks::Asks,
    kept::Kept,
    link::{serve, Coordinators, LinkReport, Miner},
    settle::{Settlement, Trust},
    wallet::{ChannelKey, Wallet},
};
use subxt_signer::sr25519::dev;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{coordinator::FakeCoordinator, engine::FakeEngine, source::FakeSource, LIMIT};

/// Somebody on the chain: an operator key, and a stash that never signs anything here.
#[derive(Clone, Copy)]
pub(crate) struct Party(fn() -> Keypair);

pub(crate) const COORDINATOR: Party = Party(dev::alice);
pub(crate) const MINER: Party = Party(dev::bob);
pub(crate) const OTHER: Party = Party(dev::charlie);
/// Registered as a miner.
pub(crate) const RIVAL: Party = Party(dev::dave);
/// Registered nowhere.
pub(crate) const STRANGER: Party = Party(dev::ferdie);

impl Party {
    pub(crate) fn account(self) -> AccountId {
        account_of(&(self.0)())
    }

    pub(crate) fn stash(self) -> AccountId {
        stash_of(self.account())
    }
}

/// The stash of an operator.
pub(crate) fn stash_of(operator: AccountId) -> AccountId {
    let operator: [u8; 32] = operator.into();
    AccountId::from(operator.map(|byte| byte ^ 0xff))
}

/// A candidate with this backing in millions of CAI.
pub(crate) fn candidate(party: Party, role: Role, backing: u128, status: CandidateStatus) -> Candidate {
    Candidate {
        stash: party.stash(),
        operator: party.account(),
        role,
        info: CandidateInfo::default(),
        own_stake: backing * 1_000_000 * CAI,
        backing: backing * 1_000_000 * CAI,
        next_backing: backing * 1_000_000 * CAI,
        commission: Default::default(),
        status,
    }
}

/// The chain and the miner.
pub(crate) struct Market {
    views: Mutex<Option<watch::Sender<Arc<MarketView>>>>,
    miner: Arc<Miner>,
    engine: FakeEngine,
    drain_limit: Duration,
    stop: CancellationToken,
    served: Mutex<Option<JoinHandle<()>>>,
    source: FakeSource,
    /// Of the wallet, and of what is kept.
    folder: tempfile::TempDir,
}

/// Attempts that a link carries here: enough, and quicker to make shares for.
const ATTEMPTS_PER_LINK: usize = 2_000;
/// What may be kept: enough for all slots.
const KEPT_BYTES: u64 = 256 << 20;

impl Market {
    pub(crate) fn new() -> Self {
        Self::with_slots(4)
    }

    pub(crate) fn with_slots(slots: u32) -> Self {
        Self::build(slots, None, |miner| miner)
    }

    pub(crate) fn with_drain_limit(drain_limit: Duration) -> Self {
        let mut market = Self::new();
        market.drain_limit = drain_limit;
        market
    }

    pub(crate) fn with_attempts_per_link(attempts: usize) -> Self {
        Self::build(4, None, |miner| miner.attempts_per_link(attempts))
    }

    /// Its miner gives up coordinators that read nothing for so long.
    pub(crate) fn with_read_limit(price: Price, limit: Duration) -> Self {
        Self::build_asking(price, Trust::default(), 4, None, KEPT_BYTES, |miner| miner.read_limit(limit))
    }

    pub(crate) fn blocking(account: AccountId) -> Self {
        Self::build(4, Some(account), |miner| miner)
    }

    /// Its miner asks that much for all its models.
    pub(crate) fn asking(price: Price, slots: u32, trust: Trust) -> Self {
        Self::build_asking(price, trust, slots, None, KEPT_BYTES, |miner| miner)
    }

    /// Its miner works for nothing.
    fn build(slots: u32, blocked: Option<AccountId>, configure: impl FnOnce(Miner) -> Miner) -> Self {
        Self::build_asking(Price::default(), Trust::default(), slots, blocked, KEPT_BYTES, configure)
    }

    /// Its miner may keep that much.
    pub(crate) fn with_kept_bytes(bytes: u64) -> Self {
        Self::build_asking(Price::default(), Trust::default(), 4, None, bytes, |miner| miner)
    }

    /// The folder of what its miner keeps.
    pub(crate) fn kept_folder(&self) -> std::path::PathBuf {
        self.folder.path().join("kept")
    }

    fn build_asking(
        price: Price,
        trust: Trust,
        slots: u32,
        blocked: Option<AccountId>,
        kept_bytes: u64,
        configure: impl FnOnce(Miner) -> Miner,
    ) -> Self {
        let coordinator = candidate(COORDINATOR, Role::Coordinator, 1, CandidateStatus::Active);
        let (views, receiver) = watch::channel(view(1, vec![coordinator], CandidateStatus::Active));
        let chain = Chain::detached(Hash::repeat_byte(7), receiver);
        let engine = FakeEngine::default();
        let shared = Arc::new(engine.clone());
        let folder = tempfile::tempdir().unwrap();
        let wallet = Arc::new(Wallet::open(folder.path(), &chain.genesis()).unwrap());
        let source = FakeSource::new();
        let asks = Asks::new(price, []);
        let settlement = Arc::new(Settlement::new(wallet, Arc::new(source.clone()), asks, trust));
        let kept = Kept::open(&folder.path().join("kept"), kept_bytes).unwrap();
        let miner = Miner::new(dev::bob(), chain, shared, slots, blocked, settlement, kept);
        let miner = configure(miner.attempts_per_link(ATTEMPTS_PER_LINK));
        Self {
            views: Mutex::new(Some(views)),
            miner: Arc::new(miner),
            engine,
            drain_limit: LIMIT,
            stop: CancellationToken::new(),
            served: Mutex::default(),
            source,
            folder,
        }
    }

    pub(crate) fn genesis(&self) -> Hash {
        self.miner.chain().genesis()
    }

    pub(crate) fn miner(&self) -> &Miner {
        &self.miner
    }

    /// What the chain says about settlement.
    pub(crate) fn source(&self) -> &FakeSource {
        &self.source
    }

    /// Waits until the wallet has that much written down for this channel.
    pub(crate) async fn until_paid(&self, key: &ChannelKey, amount: Balance) {
        let wallet = self.miner.settlement().wallet();
        let paid = async {
            while wallet.paid(key) != amount {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let waited = tokio::time::timeout(LIMIT, paid).await;
        waited.unwrap_or_else(|_| panic!("the wallet holds {}, not {amount}", wallet.paid(key)));
    }

    pub(crate) fn engine(&self) -> &FakeEngine {
        &self.engine
    }

    /// Lets the miner serve these coordinators.
    pub(crate) fn serve(&self, coordinators: &[&FakeCoordinator]) {
        let urls = coordinators.iter().map(|coordinator| coordinator.url().parse().unwrap());
        self.start(Coordinators::At(urls.collect()));
    }

    /// Lets the miner serve those that it finds on chain.
    pub(crate) fn serve_on_chain(&self) {
        self.start(Coordinators::OnChain);
    }

    fn start(&self, coordinators: Coordinators) {
        let serving = serve(self.miner.clone(), coordinators, self.drain_limit, self.stop.clone());
        *self.served.lock().unwrap() = Some(tokio::spawn(serving));
    }

    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    pub(crate) async fn until_stopped(&self) {
        let served = self.served.lock().unwrap().take().unwrap();
        tokio::time::timeout(LIMIT, served).await.expect("the miner does not stop").unwrap();
    }

    /// Finalises a block with these coordinators, their backing in millions of CAI.
    pub(crate) fn set(&self, coordinators: &[(Party, u128, CandidateStatus)]) {
        let candidates =
            coordinators.iter().map(|&(party, backing, status)| candidate(party, Role::Coordinator, backing, status));
        self.publish(candidates.collect());
    }

    /// Finalises a block with these candidates besides the miners.
    pub(crate) fn publish(&self, candidates: Vec<Candidate>) {
        self.send(candidates, CandidateStatus::Active);
    }

    /// Chills the miner in one block and lets it work again in the next, which is news to whoever waits for some.
    pub(crate) fn nudge(&self) {
        let candidates: Vec<Candidate> =
            self.miner.chain().view().of_role(Role::Coordinator).map(|candidate| (**candidate).clone()).collect();
        self.send(candidates.clone(), CandidateStatus::Chilled);
        let views = self.views.lock().unwrap().clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(200)).await;
            if let Some(views) = views {
                views.send_replace(view(9, candidates, CandidateStatus::Active));
            }
        });
    }

    fn send(&self, candidates: Vec<Candidate>, miner: CandidateStatus) {
        let views = self.views.lock().unwrap();
        let views = views.as_ref().expect("the chain is silent");
        let number = views.borrow().number + 1;
        views.send_replace(view(number, candidates, miner));
    }

    /// No more blocks come.
    pub(crate) fn fall_silent(&self) {
        *self.views.lock().unwrap() = None;
    }

    /// How the link to this coordinator stands.
    pub(crate) fn report(&self, coordinator: &FakeCoordinator) -> LinkReport {
        let reports = self.miner.board().reports();
        reports.into_iter().find(|report| report.url == coordinator.url()).expect("no such link")
    }

    /// What the only coordinator has left unpaid, in planck.
    pub(crate) fn written_off(&self) -> Balance {
        let coordinators = self.miner.settlement().report().coordinators;
        assert_eq!(coordinators.len(), 1);
        coordinators[0].written_off.parse().unwrap()
    }

    /// Waits until the only coordinator has left that much unpaid.
    pub(crate) async fn until_written_off(&self, amount: Balance) {
        let written_off = async {
            while self.written_off() != amount {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(LIMIT, written_off).await;
        waited.unwrap_or_else(|_| panic!("{} is unpaid, not {amount}", self.written_off()));
    }

    /// Waits until the link's report gives a reason that contains `text`.
    pub(crate) async fn until_link(&self, coordinator: &FakeCoordinator, text: &str) -> LinkReport {
        let url = coordinator.url();
        let found = async {
            loop {
                let reports = self.miner.board().reports();
                let report = reports.into_iter().find(|report| report.url == url);
                let says_so = |report: &LinkReport| report.reason.as_ref().is_some_and(|reason| reason.contains(text));
                if let Some(report) = report.filter(says_so) {
                    return report;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(LIMIT, found).await;
        waited.unwrap_or_else(|_| panic!("no link says {text:?}: {:?}", self.miner.board().reports()))
    }
}

impl Drop for Market {
    fn drop(&mut self) {
        if let Some(served) = self.served.lock().unwrap().take() {
            served.abort();
        }
    }
}

fn view(number: u32, mut candidates: Vec<Candidate>, miner: CandidateStatus) -> Arc<MarketView> {
    let era = EraProgress {
        era: 1,
        sessions_done: 0,
        sessions_per_era: 3,
        session_blocks: 10,
        slot_ms: 1_000,
        bonding_eras: 2,
    };
    candidates.push(candidate(MINER, Role::Miner, 1, miner));
    candidates.push(candidate(RIVAL, Role::Miner, 1, CandidateStatus::Active));
    Arc::new(MarketView::from_candidates(number, Hash::repeat_byte(number as u8), era, candidates))
}
