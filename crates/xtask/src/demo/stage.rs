//! The chain, the coordinator and the two miners of the demo.

use std::time::{Duration, Instant};

use cuckoo_primitives::AccountId;
use cuckoo_testkit::{
    market::{stash_account, Market},
    models, Api, Gateway, Miner, Node, Process,
};
use serde_json::Value;

use super::{requests::AT_ONCE, step, QUESTION};

/// Operators whose stashes the genesis of `dev` has registered, with backing 1 : 3.
const MINERS: [&str; 2] = ["//Miner1", "//Miner2"];
/// The operator of the gateway.
const COORDINATOR: &str = "//Coordinator";
/// One more than ever run at once, so that nobody is passed over because it is busy.
const SLOTS: u32 = AT_ONCE as u32 + 1;
const FIRST_BLOCK_LIMIT: Duration = Duration::from_secs(60);

/// Everything that runs. Dropped in this order: nobody loses its peer before it ends.
pub(super) struct Stage {
    market: Market,
    miners: Vec<Miner>,
    gateway: Gateway,
    node: Node,
}

impl Stage {
    /// Starts everything on free ports.
    pub(super) async fn set(start: Instant) -> anyhow::Result<Self> {
        step(start, "starting a chain with one validator");
        let node = Node::dev().start().await?;
        let height = node.until_finalised(1, FIRST_BLOCK_LIMIT).await?;
        step(start, &format!("block {height} is final; starting the coordinator's gateway"));
        let gateway = Gateway::builder(&node).operator(COORDINATOR).audit_models(&models::dir(&[models::CHAT])?);
        let gateway = gateway.start().await?;
        let mut miners = Vec::new();
        for operator in MINERS {
            step(start, &format!("starting the miner {operator}"));
            miners.push(Miner::builder(&node, operator).coordinator(&gateway).slots(SLOTS).start().await?);
        }
        gateway.until_connected(MINERS.len()).await?;
        gateway.until_ready().await?;
        step(start, "both have proven their keys and stakes to the coordinator, and it to them");
        let market = Market::connect(&node).await?;
        Ok(Self { market, miners, gateway, node })
    }

    /// The coordinator's HTTP API, with a key.
    pub(super) fn api(&self) -> &Api {
        self.gateway.api()
    }

    /// The chain.
    pub(super) fn market(&self) -> &Market {
        &self.market
    }

    /// The miners' programs.
    pub(super) fn workers(&self) -> &[Miner] {
        &self.miners
    }

    /// The coordinator's stash.
    pub(super) fn coordinator(&self) -> anyhow::Result<AccountId> {
        stash_account(COORDINATOR)
    }

    /// The miners' stashes, in the order of [`Stage::workers`].
    pub(super) fn stashes(&self) -> anyhow::Result<Vec<AccountId>> {
        MINERS.into_iter().map(stash_account).collect()
    }

    /// What the gateway knows of each miner, with the miner's name.
    pub(super) async fn miners(&self) -> anyhow::Result<Vec<(&'static str, Value)>> {
        let mut found = Vec::new();
        for operator in MINERS {
            found.push((operator, self.gateway.miner(operator).await?));
        }
        Ok(found)
    }

    /// Ends everything, miners first.
    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        for miner in &mut self.miners {
            miner.terminate().await?;
        }
        self.gateway.terminate().await?;
        self.node.terminate().await?;
        Ok(())
    }

    fn processes(&mut self) -> impl Iterator<Item = &Process> {
        let programs = [self.gateway.process(), self.node.process()];
        self.miners.iter_mut().map(Miner::process).chain(programs).map(|process| &*process)
    }

    /// Where each program keeps what it has.
    fn folders(&mut self) -> Vec<String> {
        self.processes().filter_map(|process| Some(process.log_path().parent()?.display().to_string())).collect()
    }

    /// Leaves everything running, and says how to use it, how to end it and what it leaves.
    pub(super) fn keep(mut self) {
        let pids: Vec<String> = self.processes().map(|process| process.pid().to_string()).collect();
        let (url, key) = (self.gateway.http_url(), self.gateway.api().key().unwrap_or_default());
        println!("\nEverything is left running:");
        println!("  API for applications    {url}/v1 (document: {url}/openapi.json)");
        println!("  API key                 {key}");
        println!("  link for miners         {}", self.gateway.link_url());
        println!("  chain (JSON-RPC)        {}", self.node.rpc_url());
        println!("Ask it something:");
        println!("  curl -N {url}/v1/chat/completions -H 'authorization: Bearer {key}' \\");
        println!("    -H 'content-type: application/json' -d '{}'", curl_body());
        println!("End it:");
        println!("  kill {}", pids.join(" "));
        println!("Its folders (operator keys, data, logs) stay; when it has ended, remove them:");
        println!("  rm -r {}", self.folders().join(" "));
        self.miners.into_iter().for_each(Miner::detach);
        self.gateway.detach();
        self.node.detach();
    }
}

fn curl_body() -> Value {
    serde_json::json!({
        "model": models::CHAT,
        "stream": true,
        "max_tokens": 64,
        "temperature": 0,
        "messages": [{ "role": "user", "content": QUESTION }],
    })
}
