//! A gateway, its chain, and a client.

use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use coordinator_gateway::{
    config::{GatewayConfig, JournalSync, Limits},
    Gateway,
};
use cuckoo_chain_client::{account_of, Chain, Keypair, MarketView};
use cuckoo_primitives::{
    settlement::Solvency, AccountId, Balance, Candidate, CandidateInfo, CandidateStatus, EraProgress, Hash, Role, CAI,
};
use reqwest::header::HeaderMap;
use serde_json::{json, Value};
use tokio::sync::watch;

use crate::settlement::{Books, Settlement};

pub(crate) const MODEL: &str = "chatty";
pub(crate) const EMBEDDER: &str = "embedder";
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn genesis() -> Hash {
    Hash::repeat_byte(0x77)
}

pub(crate) fn key_of(suri: &str) -> Keypair {
    Keypair::from_uri(&suri.parse().unwrap()).unwrap()
}

pub(crate) fn account(suri: &str) -> AccountId {
    account_of(&key_of(suri))
}

/// Stash of the candidate with this operator.
pub(crate) fn stash(suri: &str) -> AccountId {
    account(&format!("{suri}//stash"))
}

pub(crate) struct Stage {
    pub(crate) gateway: Gateway,
    pub(crate) config: GatewayConfig,
    dir: tempfile::TempDir,
    pub(crate) settlement: Arc<Settlement>,
    pub(crate) key: String,
    market: Mutex<Market>,
    http: reqwest::Client,
}

struct Market {
    views: Option<watch::Sender<Arc<MarketView>>>,
    candidates: Vec<Candidate>,
    number: u32,
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.json["error"]["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn param(&self) -> &str {
        self.json["error"]["param"].as_str().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn content(&self) -> &str {
        self.json["choices"][0]["message"]["content"].as_str().unwrap_or_default()
    }

    /// The data of all server-sent events.
    pub(crate) fn events(&self) -> Vec<&str> {
        self.text.split("\n\n").filter_map(|event| event.strip_prefix("data: ")).collect()
    }
}

impl Stage {
    /// With these miners on chain: operator and backing in CAI.
    pub(crate) async fn start(miners: &[(&str, u128)]) -> Self {
        Self::with_limits(miners, |_| {}).await
    }

    pub(crate) async fn with_limits(miners: &[(&str, u128)], change: impl FnOnce(&mut Limits)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = GatewayConfig::on_free_ports(dir.path().join("data"));
        config.journal_sync = JournalSync::Normal;
        change(&mut config.limits);
        Self::with_config(miners, config, dir).await
    }

    /// Pays 1 CAI for 1,000 prompt tokens and 2 CAI for 1,000 completion tokens, with an escrow of 100 CAI and a cover of
    /// 20 CAI for each miner.
    pub(crate) async fn paying(miners: &[(&str, u128)]) -> Self {
        let settlement = Arc::new(Settlement::default());
        settlement.books().solvency = Solvency { escrow: 100 * CAI, ..Default::default() };
        settlement.books().covers = miners.iter().map(|(suri, _)| (stash(suri), 20 * CAI)).collect();
        Self::paying_from(miners, settlement).await
    }

    pub(crate) async fn paying_from(miners: &[(&str, u128)], settlement: Arc<Settlement>) -> Self {
        Self::paying_with(miners, settlement, |_| {}).await
    }

    pub(crate) async fn paying_with(
        miners: &[(&str, u128)],
        settlement: Arc<Settlement>,
        change: impl FnOnce(&mut GatewayConfig),
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = GatewayConfig::on_free_ports(dir.path().join("data"));
        config.journal_sync = JournalSync::Normal;
        config.default_price = "1:2".parse().unwrap();
        change(&mut config);
        Self::begin(candidates(miners), config, dir, settlement).await
    }

    pub(crate) async fn with_config(miners: &[(&str, u128)], config: GatewayConfig, dir: tempfile::TempDir) -> Self {
        Self::begin(candidates(miners), config, dir, Arc::default()).await
    }

    async fn begin(
        candidates: Vec<Candidate>,
        config: GatewayConfig,
        dir: tempfile::TempDir,
        settlement: Arc<Settlement>,
    ) -> Self {
        let (views, view) = watch::channel(Arc::new(view(1, &candidates)));
        let chain = Chain::detached(genesis(), view);
        let key = key_of("//Coordinator");
        let gateway = Gateway::start_with(config.clone(), chain, key, settlement.clone()).await.unwrap();
        let key = gateway.keys().create("test").await.unwrap().secret;
        let market = Mutex::new(Market { views: Some(views), candidates, number: 1 });
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { gateway, config, dir, settlement, key, market, http }
    }

    /// Stops the gateway and starts another on the same folder and chain.
    pub(crate) async fn restart(self) -> Self {
        let Self { gateway, config, dir, settlement, market, .. } = self;
        gateway.shutdown().await;
        Self::begin(market.into_inner().unwrap().candidates, config, dir, settlement).await
    }

    /// The gateway's database.
    pub(crate) fn journal_file(&self) -> std::path::PathBuf {
        self.config.data_dir.join("gateway.sqlite")
    }

    /// Everybody who is registered.
    pub(crate) fn candidates(&self) -> Vec<Candidate> {
        self.market.lock().unwrap().candidates.clone()
    }

    /// Changes what the chain says of settlement, and finalises a block.
    pub(crate) fn settle(&self, change: impl FnOnce(&mut Books)) {
        change(&mut self.settlement.books());
        self.change("//Coordinator", |_| {});
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.gateway.http())
    }

    pub(crate) fn link_url(&self) -> String {
        format!("http://{}", self.gateway.link())
    }

    /// Changes the candidate with this operator, and finalises a block.
    pub(crate) fn change(&self, suri: &str, change: impl FnOnce(&mut Candidate)) {
        let mut market = self.market.lock().unwrap();
        let operator = account(suri);
        change(market.candidates.iter_mut().find(|candidate| candidate.operator == operator).unwrap());
        market.number += 1;
        let next = Arc::new(view(market.number, &market.candidates));
        market.views.as_ref().unwrap().send_replace(next);
    }

    pub(crate) fn chill(&self, suri: &str) {
        self.change(suri, |candidate| candidate.status = CandidateStatus::Chilled);
    }

    /// The chain is not heard of any more.
    pub(crate) fn lose_chain(&self) {
        self.market.lock().unwrap().views = None;
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.http.get(self.url(path)).bearer_auth(&self.key)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(path, body)).await
    }

    pub(crate) fn request(&self, path: &str, body: &Value) -> reqwest::RequestBuilder {
        self.http.post(self.url(path)).bearer_auth(&self.key).json(body)
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.http
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap_or_else(|error| format!("broken off: {error}"));
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answer { status, headers, text, json }
    }

    pub(crate) async fn chat(&self) -> Answer {
        self.post("/v1/chat/completions", &chat()).await
    }

    /// A chat request with this body as it goes over a connection.
    pub(crate) fn raw_chat(&self, body: &str) -> String {
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.key,
            body.len()
        )
    }

    pub(crate) async fn chat_stream(&self) -> Answer {
        let mut body = chat();
        body["stream"] = json!(true);
        self.post("/v1/chat/completions", &body).await
    }

    /// What `/v1/miners` says of a miner.
    pub(crate) async fn miner(&self, suri: &str) -> Value {
        let miners = self.get("/v1/miners").await.json;
        let operator = account(suri).to_string();
        miners["data"].as_array().unwrap().iter().find(|miner| miner["operator"] == operator).unwrap().clone()
    }

    pub(crate) async fn until_free_slots(&self, suri: &str, slots: u32) {
        until(&format!("{slots} free slots"), async || self.miner(suri).await["free_slots"] == slots).await;
    }
}

pub(crate) fn chat() -> Value {
    json!({"model": MODEL, "messages": [{"role": "user", "content": "hi"}]})
}

/// Waits until `holds`.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The coordinator and these miners.
fn candidates(miners: &[(&str, u128)]) -> Vec<Candidate> {
    let mut candidates = vec![candidate("//Coordinator", Role::Coordinator, 2_500_000)];
    candidates.extend(miners.iter().map(|(suri, backing)| candidate(suri, Role::Miner, *backing)));
    candidates
}

fn candidate(suri: &str, role: Role, cai: u128) -> Candidate {
    let stake: Balance = cai * CAI;
    Candidate {
        stash: stash(suri),
        operator: account(suri),
        role,
        info: CandidateInfo::default(),
        own_stake: stake,
        backing: stake,
        next_backing: stake,
        commission: Default::default(),
        status: CandidateStatus::Active,
    }
}

/// The market after the block at height `number`.
pub(crate) fn view(number: u32, candidates: &[Candidate]) -> MarketView {
    let era = EraProgress {
        era: 1,
        sessions_done: 0,
        sessions_per_era: 3,
        session_blocks: 10,
        slot_ms: 1_000,
        bonding_eras: 2,
    };
    MarketView::from_candidates(number, Hash::from_low_u64_be(number.into()), era, candidates.iter().cloned())
}
