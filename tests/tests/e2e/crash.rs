//! Gateway and miners are killed at random moments under load: every acknowledged result is paid exactly once.

use std::{
    collections::BTreeMap,
    path::Path,
    process::Command,
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        Arc,
    },
    time::{Duration, Instant},
};

use anyhow::{ensure, Context};
use cuckoo_primitives::Balance;
use cuckoo_testkit::{
    api::chat,
    market::{stash_account, Market},
    models::CHAT,
    setup,
    wait::until,
    Api, Gateway, Miner, Node,
};
use rand::{rngs::StdRng, Rng, SeedableRng};
use serde_json::Value;
use tokio::task::JoinHandle;

const COORDINATOR: &str = "//Coordinator";
const MINERS: [&str; 2] = ["//Miner1", "//Miner2"];
/// How often something is killed; `cargo xtask crash-test --rounds` sets the variable.
const ROUNDS_ENV: &str = "CUCKOO_CRASH_ROUNDS";
const ROUNDS: u32 = 24;
/// Applications that ask at the same time.
const CLIENTS: usize = 4;
/// Until something that was restarted serves again, or all is paid.
const LIMIT: Duration = Duration::from_secs(90);
/// Longest time from an answer to the next kill.
const KILL_WITHIN_MS: u64 = 400;

#[tokio::test]
async fn every_acknowledged_result_is_paid_exactly_once() {
    let rounds = std::env::var(ROUNDS_ENV).map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let seed = std::process::id().into();
    println!("{rounds} rounds, random seed {seed}");
    let (node, mut gateway, mut miners) = start().await.unwrap();
    let load = Load::begin(gateway.api());

    let mut random = StdRng::seed_from_u64(seed);
    let mut kills = BTreeMap::new();
    let began = Instant::now();
    for round in 0..rounds {
        load.until_answered().await.unwrap_or_else(|error| panic!("round {round}: {error:#}"));
        tokio::time::sleep(Duration::from_millis(random.random_range(0..KILL_WITHIN_MS))).await;
        let victim = random.random_range(0..=miners.len());
        match miners.get_mut(victim) {
            Some(miner) => {
                *kills.entry(miner.operator().to_owned()).or_insert(0) += 1;
                miner.kill().await.unwrap();
                miner.restart().await.unwrap();
            }
            None => {
                *kills.entry("gateway".to_owned()).or_insert(0) += 1;
                gateway.kill().await.unwrap();
                gateway.restart().await.unwrap();
            }
        }
    }
    load.until_answered().await.unwrap();
    let acknowledged = load.end().await;
    println!("{} answers, kills: {kills:?}, {:.0} s", acknowledged.len(), began.elapsed().as_secs_f32());
    gateway.until_serving(miners.len()).await.unwrap();

    let journal = all_is_paid(&node, &gateway, &miners).await.unwrap();
    for task in &acknowledged {
        let receipts = journal.tasks.get(task).copied().unwrap_or(0);
        assert_eq!(receipts, 1, "the answer of task {task} has {receipts} receipts");
    }
    println!("{} receipts, {} planck, all of it settled", journal.tasks.len(), journal.cost);
}

async fn start() -> anyhow::Result<(Node, Gateway, Vec<Miner>)> {
    let node = Node::dev().start().await?;
    let gateway = Gateway::builder(&node).start().await?;
    let mut miners = Vec::new();
    for operator in MINERS {
        // Whatever a killed gateway did not get to pay is forgiven at once.
        let miner = Miner::builder(&node, operator).coordinator(&gateway).models(&[CHAT]).slots(2);
        miners.push(miner.arg("--forgive").arg("0").start().await?);
    }
    gateway.until_serving(miners.len()).await?;
    gateway.until_ready().await?;
    Ok((node, gateway, miners))
}

/// Applications that ask all the time.
struct Load {
    answers: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Vec<String>>>,
}

impl Load {
    fn begin(api: &Api) -> Self {
        let (answers, ended) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let clients = (0..CLIENTS).map(|_| tokio::spawn(ask(api.clone(), answers.clone(), ended.clone()))).collect();
        Self { answers, ended, clients }
    }

    /// Waits for an answer that comes from now on.
    async fn until_answered(&self) -> anyhow::Result<()> {
        let before = self.answers.load(Ordering::Relaxed);
        until(LIMIT, "an answer", async || {
            ensure!(self.answers.load(Ordering::Relaxed) > before, "none since {before}");
            Ok(())
        })
        .await
    }

    /// Ends it when what has been asked is answered; returns the tasks whose answers came whole.
    async fn end(self) -> Vec<String> {
        self.ended.store(true, Ordering::Relaxed);
        let mut tasks = Vec::new();
        for client in self.clients {
            tasks.extend(client.await.unwrap());
        }
        tasks
    }
}

/// One application. What fails is asked again: programs are being killed.
async fn ask(api: Api, answers: Arc<AtomicU64>, ended: Arc<AtomicBool>) -> Vec<String> {
    let mut tasks = Vec::new();
    while !ended.load(Ordering::Relaxed) {
        match api.post("/v1/chat/completions", &chat(CHAT, "Say hello.", 4)).await {
            Ok(answer) if answer.status == 200 => {
                tasks.push(answer.task_id().unwrap());
                answers.fetch_add(1, Ordering::Relaxed);
            }
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    tasks
}

/// What a gateway's journal says.
struct Journal {
    /// How many receipts each task has.
    tasks: BTreeMap<String, u64>,
    /// What all of them cost, in planck.
    cost: Balance,
    /// What was promised to each miner's stash over all channels, in planck.
    promised: BTreeMap<String, Balance>,
}

impl Journal {
    /// Read with another program's SQLite.
    fn read(data_dir: &Path) -> anyhow::Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("journal/read.py");
        let output = Command::new(setup::python()?).arg(script).arg(data_dir.join("gateway.sqlite")).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said: Value = serde_json::from_slice(&output.stdout)?;
        let planck = |value: &Value| -> anyhow::Result<Balance> { Ok(value.as_str().context("no amount")?.parse()?) };
        let mut promised = BTreeMap::new();
        for (miner, amount) in said["promised"].as_object().context("no promises")? {
            promised.insert(miner.clone(), planck(amount)?);
        }
        let mut tasks = BTreeMap::new();
        for (task, receipts) in said["tasks"].as_object().context("no tasks")? {
            tasks.insert(task.clone(), receipts.as_u64().context("no count")?);
        }
        Ok(Self { tasks, cost: planck(&said["cost"])?, promised })
    }
}

/// Has the miners redeem until the chain has settled, for each, what the journal promised; and the journal promised what
/// its receipts cost.
async fn all_is_paid(node: &Node, gateway: &Gateway, miners: &[Miner]) -> anyhow::Result<Journal> {
    let market = Market::connect(node).await?;
    let coordinator = stash_account(COORDINATOR)?;
    until(LIMIT, "all to be paid", async || {
        for miner in miners {
            // However it ends: what counts is read below.
            miner.wallet(&["redeem"]).await?;
        }
        let journal = Journal::read(&gateway.data_dir())?;
        let promised: Balance = journal.promised.values().sum();
        ensure!(promised == journal.cost, "receipts cost {}, {promised} is promised", journal.cost);
        let channels = market.chain().channels(&coordinator).await?;
        for operator in MINERS {
            let stash = stash_account(operator)?;
            let settled: Balance =
                channels.iter().filter(|((miner, _), _)| *miner == stash).map(|(_, settled)| settled.amount).sum();
            let promised = journal.promised.get(&hex::encode(&stash)).copied().unwrap_or(0);
            ensure!(settled == promised, "{operator}: {promised} promised, {settled} settled");
        }
        Ok(journal)
    })
    .await
}
