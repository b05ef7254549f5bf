//! Gateways and miners are killed at random moments under load, and every acknowledged result is paid exactly once.

use std::{
    collections::BTreeMap,
    ops::AddAssign,
    sync::{
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
        Arc,
    },
    time::{Duration, Instant},
};

use anyhow::{ensure, Context};
use cuckoo_primitives::{Balance, Role, CAI};
use cuckoo_testkit::{
    api::{chat, chat_stream},
    market::Market,
    models::{CHAT, EMBEDDING},
    wait::until,
    Answer, Api, ChainSpec, Founder, Gateway, Miner, Node,
};
use futures::future::{join_all, try_join, try_join_all};
use rand::{rngs::StdRng, Rng, SeedableRng};
use serde_json::{json, Value};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::books::{self, Journal};

/// How often something is killed, and with which random numbers; `cargo xtask crash-test` sets the variables.
const ROUNDS_ENV: &str = "CUCKOO_CRASH_ROUNDS";
const SEED_ENV: &str = "CUCKOO_CRASH_SEED";
const ROUNDS: u32 = 200;
/// Until something that was restarted serves again, or all is paid.
const LIMIT: Duration = Duration::from_secs(90);
/// Longest time from the moment at which all serve to a kill.
const KILL_WITHIN_MS: u64 = 400;
/// Stories that are left in the middle when nobody is killed any more.
const LEFT_IN_CALM: usize = 3;
/// Between two requests of one application.
const PAUSE: Duration = Duration::from_millis(20);

/// A coordinator with its two miners. Several of them work side by side on one chain: a restart is mostly waiting.
struct Cast {
    coordinator: &'static str,
    miners: [&'static str; 2],
    model: &'static str,
    /// So that a few answers are worth an account, and many less than what covers a miner.
    price: &'static str,
}

const CASTS: [Cast; 3] = [
    Cast { coordinator: "//Coordinator", miners: ["//Miner1", "//Miner2"], model: CHAT, price: "0.1:0.2" },
    Cast { coordinator: "//Coordinator2", miners: ["//Miner3", "//Miner4"], model: EMBEDDING, price: "0.5:1" },
    Cast { coordinator: "//Coordinator3", miners: ["//Miner5", "//Miner6"], model: EMBEDDING, price: "0.5:1" },
];

const COORDINATOR_STAKE: Balance = 2_500_000 * CAI;
const MINER_STAKE: Balance = 50_000 * CAI;
const ESCROW: Balance = 10_000 * CAI;
const FUNDS: Balance = 1_000 * CAI;

#[tokio::test]
async fn every_acknowledged_result_is_paid_exactly_once() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u32>().unwrap());
    let rounds = number(ROUNDS_ENV).unwrap_or(ROUNDS);
    let seed = number(SEED_ENV).unwrap_or_else(std::process::id);
    println!("{rounds} kills, {SEED_ENV}={seed}");
    let node = Node::alone(&chain().unwrap()).start().await.unwrap();
    let seed_of = |number: u64| u64::from(seed) * CASTS.len() as u64 + number;
    let sets = (0..).zip(&CASTS).map(|(number, cast)| Stage::set(&node, cast, !seed_of(number)));
    let mut stages = try_join_all(sets).await.unwrap();

    let began = Instant::now();
    let left = AtomicU32::new(rounds);
    let scenes = (0..).zip(&mut stages).map(|(number, stage)| {
        let random = StdRng::seed_from_u64(seed_of(number));
        let left = &left;
        async move { stage.suffer(left, random).await.with_context(|| stage.cast.coordinator) }
    });
    try_join_all(scenes).await.unwrap();
    println!("{rounds} kills in {:.0} s", began.elapsed().as_secs_f32());

    let market = Market::connect(&node).await.unwrap();
    let mut all = Figures::default();
    for figures in try_join_all(stages.into_iter().map(|stage| stage.close(&market))).await.unwrap() {
        all += figures;
    }
    println!("all was paid once, {:.0} s: {all:?}", began.elapsed().as_secs_f32());
    assert_eq!(all.kills.values().sum::<u32>(), rounds);
    assert!(all.answers > 0 && all.hung_up > 0, "{all:?}");
    assert!(all.left_paid > 0, "nothing was paid to whom clients left in the middle: {all:?}");
    assert!(all.receipts > all.answers, "{all:?}");
}

/// The `dev` chain with everybody on it.
fn chain() -> anyhow::Result<ChainSpec> {
    let mut spec = ChainSpec::dev()?;
    // The first coordinator and its miners are there.
    for cast in &CASTS[1..] {
        let coordinator = Founder::of_operator(cast.coordinator, Role::Coordinator, COORDINATOR_STAKE)?;
        spec = funded(spec, &coordinator)?.escrow(&coordinator.stash, ESCROW)?;
        for miner in cast.miners {
            spec = funded(spec, &Founder::of_operator(miner, Role::Miner, MINER_STAKE)?)?;
        }
    }
    Ok(spec)
}

fn funded(spec: ChainSpec, founder: &Founder) -> anyhow::Result<ChainSpec> {
    let spec = spec.funds(&founder.stash, founder.stake + ESCROW + FUNDS)?.funds(&founder.operator, FUNDS)?;
    spec.founder(founder)
}

/// What has happened.
#[derive(Debug, Default)]
struct Figures {
    /// How often each was killed.
    kills: BTreeMap<String, u32>,
    /// Wallets whose last record had been cut off by a kill.
    torn: usize,
    /// Answers that came whole.
    answers: usize,
    /// Clients that went away before.
    hung_up: u64,
    /// Those of them that had read something, and for how many of these there is a receipt.
    left: usize,
    left_paid: usize,
    receipts: usize,
    /// What they cost, and what was promised and settled, in planck.
    planck: Balance,
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        for (victim, kills) in other.kills {
            *self.kills.entry(victim).or_insert(0) += kills;
        }
        self.torn += other.torn;
        self.answers += other.answers;
        self.hung_up += other.hung_up;
        self.left += other.left;
        self.left_paid += other.left_paid;
        self.receipts += other.receipts;
        self.planck += other.planck;
    }
}

/// A cast whose programs run, and those who ask it.
struct Stage {
    cast: &'static Cast,
    load: Load,
    miners: Vec<Miner>,
    gateway: Gateway,
    kills: BTreeMap<String, u32>,
}

impl Stage {
    /// `seed` begins the random numbers of those who ask.
    async fn set(node: &Node, cast: &'static Cast, seed: u64) -> anyhow::Result<Self> {
        let gateway = Gateway::builder(node).operator(cast.coordinator).arg("--default-price").arg(cast.price);
        let gateway = gateway.start().await?;
        let miners = cast.miners.map(|operator| {
            // Whatever a killed gateway did not get to pay is forgiven at once.
            let miner = Miner::builder(node, operator).coordinator(&gateway).models(&[cast.model]).slots(2);
            miner.arg("--forgive").arg("0").arg("--threads").arg("1").start()
        });
        let miners = try_join_all(miners).await?;
        gateway.until_serving(miners.len()).await?;
        gateway.until_ready().await?;
        let load = Load::begin(gateway.api(), cast.model, seed);
        Ok(Self { cast, load, miners, gateway, kills: BTreeMap::new() })
    }

    /// Is killed until no kills are left, sometimes the gateway, sometimes miners, sometimes several of them, each at a
    /// moment of its own.
    async fn suffer(&mut self, left: &AtomicU32, mut random: StdRng) -> anyhow::Result<()> {
        loop {
            self.load.until_answered().await?;
            self.gateway.until_serving(self.miners.len()).await?;
            let mut moments = self.moments(&mut random);
            let wanted = moments.iter().flatten().count() as u32;
            let had = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(wanted)));
            let mut granted = had.unwrap_or_default().min(wanted);
            if granted == 0 {
                return Ok(());
            }
            for moment in moments.iter_mut().filter(|moment| moment.is_some()) {
                match granted.checked_sub(1) {
                    Some(rest) => granted = rest,
                    None => *moment = None,
                }
            }
            self.kill(&moments).await?;
        }
    }

    /// For the gateway, then for each miner: after how long it is killed, if it is; at least one is.
    fn moments(&self, random: &mut StdRng) -> Vec<Option<Duration>> {
        let victims = 1 + self.miners.len();
        let chosen = random.random_range(1..1u32 << victims);
        let moment = |victim: usize| {
            let within = Duration::from_millis(random.random_range(0..KILL_WITHIN_MS));
            (chosen & (1u32 << victim) != 0).then_some(within)
        };
        (0..victims).map(moment).collect()
    }

    async fn kill(&mut self, moments: &[Option<Duration>]) -> anyhow::Result<()> {
        let Self { gateway, miners, kills, cast, .. } = self;
        let (first, others) = moments.split_first().context("nobody to kill")?;
        let names = std::iter::once("gateway").chain(cast.miners.map(|_| "miner"));
        for (name, _) in names.zip(moments).filter(|(_, moment)| moment.is_some()) {
            *kills.entry(name.to_owned()).or_insert(0) += 1;
        }
        let gateway = async {
            if let Some(moment) = first {
                sleep(*moment).await;
                gateway.kill().await?;
                gateway.restart().await?;
            }
            anyhow::Ok(())
        };
        let miners = miners.iter_mut().zip(others).map(|(miner, moment)| async move {
            if let Some(moment) = moment {
                sleep(*moment).await;
                miner.kill().await?;
                miner.restart().await?;
            }
            anyhow::Ok(())
        });
        try_join(gateway, try_join_all(miners)).await?;
        Ok(())
    }

    /// Ends the load, has everything redeemed, and compares the books.
    async fn close(mut self, market: &Market) -> anyhow::Result<Figures> {
        let Ended { tasks, left, hung_up } = self.load.end().await;
        self.gateway.until_serving(self.miners.len()).await?;
        let calm = match self.cast.model {
            CHAT => until(LIMIT, "stories to be left", async || leave_stories(self.gateway.api()).await).await?,
            _ => Vec::new(),
        };
        let journal: Journal = until(LIMIT, "all to be paid", async || {
            // However it ends: what counts is read below.
            join_all(self.miners.iter().map(|miner| miner.wallet(&["redeem"]))).await;
            let journal = books::agreed(market, self.cast.coordinator, &self.gateway, &self.miners).await?;
            for task in &calm {
                let receipts = journal.tasks.get(task).copied().unwrap_or(0);
                ensure!(receipts == 1, "task {task}, which its client left, has {receipts} receipts");
            }
            Ok(journal)
        })
        .await
        .context(self.cast.coordinator)?;
        for task in &tasks {
            let receipts = journal.tasks.get(task).copied().unwrap_or(0);
            ensure!(receipts == 1, "the answer of task {task} has {receipts} receipts");
        }
        // Of these some were lost with a program that was killed.
        let left_paid = left.iter().filter_map(|task| journal.tasks.get(task));
        ensure!(left_paid.clone().all(|receipts| *receipts == 1), "a task that its client left was paid twice");
        let left_paid = left_paid.count();
        Ok(Figures {
            kills: self.kills,
            torn: self.miners.iter_mut().map(torn).sum::<usize>(),
            answers: tasks.len(),
            hung_up,
            left: left.len(),
            left_paid,
            receipts: journal.tasks.len(),
            planck: journal.cost,
        })
    }
}

/// How often a miner found the last record of its wallet cut off.
fn torn(miner: &mut Miner) -> usize {
    let log = std::fs::read_to_string(miner.process().log_path()).unwrap_or_default();
    log.matches("the last write to the wallet was cut short").count()
}

/// Applications that ask all the time: two that wait for their answers, and one that mostly does not.
struct Load {
    answers: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    patient: Vec<JoinHandle<Vec<String>>>,
    fickle: JoinHandle<Ended>,
}

/// What the applications have seen.
struct Ended {
    /// Tasks whose answers came whole.
    tasks: Vec<String>,
    /// Those that one left when it had read something.
    left: Vec<String>,
    /// How often one went away before.
    hung_up: u64,
}

/// How a task ended for the application.
enum End {
    Whole(String),
    /// It was left after the first words.
    Left(String),
    /// It was left before them.
    Nothing,
}

impl Load {
    fn begin(api: &Api, model: &'static str, seed: u64) -> Self {
        let (answers, ended) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let patient = |_: u32| tokio::spawn(wait_for_answers(api.clone(), model, answers.clone(), ended.clone()));
        let patient = (0..2).map(patient).collect();
        let fickle = tokio::spawn(hang_up(api.clone(), model, seed, ended.clone()));
        Self { answers, ended, patient, fickle }
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

    /// Ends it when what has been asked is answered.
    async fn end(&mut self) -> Ended {
        self.ended.store(true, Ordering::Relaxed);
        let mut all = (&mut self.fickle).await.unwrap();
        for client in &mut self.patient {
            all.tasks.extend(client.await.unwrap());
        }
        all
    }
}

/// What an application asks.
fn question(model: &str) -> (&'static str, Value) {
    if model == CHAT {
        return ("/v1/chat/completions", chat(CHAT, "Say hello.", 4));
    }
    let inputs = ["The tide comes in twice a day.", "Nobody lives in the lighthouse any more."];
    ("/v1/embeddings", json!({ "model": model, "input": inputs }))
}

/// Asks and waits. What fails is asked again: programs are being killed.
async fn wait_for_answers(
    api: Api,
    model: &'static str,
    answers: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
) -> Vec<String> {
    let mut tasks = Vec::new();
    let (path, body) = question(model);
    while !ended.load(Ordering::Relaxed) {
        if let Ok(answer) = api.post(path, &body).await.and_then(Answer::ok) {
            tasks.push(answer.task_id().unwrap());
            answers.fetch_add(1, Ordering::Relaxed);
        }
        sleep(PAUSE).await;
    }
    tasks
}

/// Asks for much, and goes away before it has all of it, unless that comes fast.
async fn hang_up(api: Api, model: &'static str, seed: u64, ended: Arc<AtomicBool>) -> Ended {
    let mut random = StdRng::seed_from_u64(seed);
    let mut seen = Ended { tasks: Vec::new(), left: Vec::new(), hung_up: 0 };
    while !ended.load(Ordering::Relaxed) {
        let done = match model {
            CHAT => tell_a_story(&api, random.random_range(0..8)).await,
            _ => embed_much(&api, Duration::from_millis(random.random_range(1..150))).await,
        };
        match done {
            Ok(End::Whole(task)) => seen.tasks.push(task),
            Ok(End::Left(task)) => {
                seen.left.push(task);
                seen.hung_up += 1;
            }
            Ok(End::Nothing) => seen.hung_up += 1,
            // Programs are being killed.
            Err(_) => {}
        }
        sleep(PAUSE).await;
    }
    seen
}

/// Reads so many pieces of a story that have words, and leaves it, unless it is over by then.
async fn tell_a_story(api: &Api, pieces: u32) -> anyhow::Result<End> {
    let body = chat_stream(CHAT, "Write a long story about a lighthouse keeper.", 24);
    let (headers, mut events) = api.stream("/v1/chat/completions", &body).await?;
    let task = headers.get("x-cuckoo-task-id").context("no task id")?.to_str()?.to_owned();
    let mut read = 0;
    while read < pieces {
        let Some(event) = events.next().await? else { return Ok(End::Whole(task)) };
        ensure!(event["error"].is_null(), "{}", event["error"]);
        let text = event["choices"][0]["delta"]["content"].as_str().unwrap_or_default();
        read += u32::from(!text.is_empty());
    }
    Ok(if read > 0 { End::Left(task) } else { End::Nothing })
}

/// Leaves some stories after the first words, and returns their tasks.
async fn leave_stories(api: &Api) -> anyhow::Result<Vec<String>> {
    let mut left = Vec::new();
    while left.len() < LEFT_IN_CALM {
        match tell_a_story(api, 1).await? {
            End::Left(task) => left.push(task),
            End::Whole(task) => anyhow::bail!("task {task} has no words"),
            End::Nothing => {}
        }
    }
    Ok(left)
}

/// Waits so long for many embeddings; their task if they came.
async fn embed_much(api: &Api, patience: Duration) -> anyhow::Result<End> {
    let inputs: Vec<_> = (0..16).map(|number| format!("{number} ships have passed the lighthouse today.")).collect();
    let body = json!({ "model": EMBEDDING, "input": inputs });
    match timeout(patience, api.post("/v1/embeddings", &body)).await {
        Ok(answer) => answer?.ok()?.task_id().map(End::Whole),
        Err(_) => Ok(End::Nothing),
    }
}
