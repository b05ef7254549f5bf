//! The chain is in trouble, or the way to it: what is owed is reported, redeemed again, and paid once.

use std::{
    collections::BTreeMap,
    sync::{
        atomic::{AtomicBool, Ordering},
        Arc, Mutex,
    },
    time::Duration,
};

use anyhow::{ensure, Context};
use codec::Decode;
use cuckoo_chain_client::Call;
use cuckoo_primitives::{currency::EXISTENTIAL_DEPOSIT, AccountId, Balance, CAI};
use cuckoo_testkit::{
    gateway::GatewayBuilder,
    keys::{account, keypair},
    market::{stash_account, Market},
    miner::MinerBuilder,
    models::EMBEDDING,
    rpc::Rpc,
    transactions,
    wait::until,
    Api, ChainSpec, Miner, Network, Node,
};
use serde_json::json;
use tokio::{
    task::JoinHandle,
    time::{sleep, sleep_until, Instant},
};

use crate::books::{self, Journal};

const COORDINATOR: &str = "//Coordinator";
const MINER: &str = "//Miner1";
/// Eras of 30 slots, in each of which a miner redeems, are short with it.
const SLOT: Duration = Duration::from_millis(500);
/// After this long without a final block nobody acts on the last one.
const STALE: Duration = Duration::from_secs(10);
/// Blocks within which an ordinary transaction must be included.
const MORTAL_BLOCKS: u32 = 64;
/// The same where a fork has to grow.
const FORK_SLOT_MS: u64 = 250;
/// By so many blocks one fork outgrows the other, so that whoever is behind asks for it.
const FORK_BLOCKS: u32 = 30;
/// By so many blocks of primary slots it is better, by which forks are chosen. Some may be built while one side is not
/// seen: before it stands still, and until it has heard of the other.
const BETTER_BY: u32 = 6;
/// For what takes an era, a pause after a failure, and another era.
const LIMIT: Duration = Duration::from_secs(120);

#[tokio::test]
async fn a_redemption_whose_nonce_is_taken_is_made_again() {
    let mut stage = Stage::set(Ok).await.unwrap();
    let rpc = stage.network.node.rpc();
    let miner = stage.network.miners[0].process();
    let said = until(LIMIT, "a redemption that has lost its nonce", async || {
        // If a block has taken the redemption meanwhile, it is the next one's turn.
        if let Err(error) = take_nonce(rpc, &stage.market).await {
            println!("not taken: {error:#}");
        }
        let log = miner.log();
        let mut lines = log.lines();
        let said = lines.find(|line| line.contains("cannot redeem") && line.contains("usurped"));
        said.map(str::to_owned).context("every redemption has kept its nonce so far")
    })
    .await
    .unwrap();
    println!("{said}");
    stage.all_is_paid_once().await.unwrap();
}

/// If a redemption waits in the pool, has a transfer of the same account take its nonce.
async fn take_nonce(rpc: &Rpc, market: &Market) -> anyhow::Result<()> {
    if !redemption_waits(rpc).await? {
        return Ok(());
    }
    let next = rpc.call("system_accountNextIndex", json!([account(MINER)?])).await?;
    let nonce = next.as_u64().and_then(|next| next.checked_sub(1)).context("no nonce")?;
    // It is lighter, so that the pool prefers it.
    let transfer = Call::Transfer { to: account("//Alice")?, value: CAI };
    let transfer = market.chain().sign(&keypair(MINER)?, &transfer, nonce).await?;
    transactions::offer(rpc, &transfer).await.map(drop)
}

#[tokio::test]
async fn a_miner_that_cannot_pay_fees_says_so_and_redeems_once_it_can() {
    let operator = account(MINER).unwrap();
    let mut stage = Stage::set(|spec| spec.funds(&operator, EXISTENTIAL_DEPOSIT)).await.unwrap();
    let said = stage.until_trouble("pay some fees").await.unwrap();
    println!("{said}");
    assert!(said.contains(&operator.to_string()), "it does not say which account lacks funds: {said}");
    assert_eq!(stage.settled().await.unwrap(), 0);

    let transfer = Call::Transfer { to: operator, value: 10 * CAI };
    stage.market.submit("//Alice", transfer).await.unwrap();
    stage.all_is_paid_once().await.unwrap();
}

#[tokio::test]
async fn a_full_pool_delays_a_redemption_and_loses_nothing() {
    let mut stage = Stage::set(Ok).await.unwrap();
    // A pool without a place is always full.
    stage.network.node.restart_with(&["--pool-limit", "0"]).await.unwrap();
    let said = stage.until_trouble("mmediately").await.unwrap();
    println!("{said}");

    stage.network.node.restart().await.unwrap();
    stage.all_is_paid_once().await.unwrap();
}

#[tokio::test]
async fn a_chain_that_stands_still_for_long_loses_nothing() {
    let mut stage = Stage::set(Ok).await.unwrap();
    let rpc = stage.network.node.rpc().clone();
    until(LIMIT, "a redemption under way", async || {
        ensure!(redemption_waits(&rpc).await?, "none waits in the pool");
        Ok(())
    })
    .await
    .unwrap();
    stage.network.node.process().pause().unwrap();
    let stopped = Instant::now();
    let before = stage.asking.so_far();

    let said = stage.network.miners[0].process().until_log(LIMIT, "cannot redeem").await.unwrap();
    println!("after {:.0} s: {said}", stopped.elapsed().as_secs_f32());
    until(LIMIT, "tasks to be refused", async || {
        let refused = stage.asking.so_far().get("503 chain_stale").copied().unwrap_or(0);
        ensure!(refused > 0, "none is");
        Ok(())
    })
    .await
    .unwrap();
    // Longer than anything here waits for a block. Mortality, which is counted in blocks, does not run out meanwhile.
    sleep_until(stopped + SLOT * (MORTAL_BLOCKS + 1)).await;
    let meanwhile = stage.asking.so_far();
    assert!(meanwhile[ANSWERED] > before[ANSWERED], "what was known of the chain did not serve on for a while");
    stage.network.node.process().resume().unwrap();
    println!("stood still for {:.0} s: before {before:?}, then {meanwhile:?}", stopped.elapsed().as_secs_f32());

    stage.network.gateway.until_ready().await.unwrap();
    stage.network.gateway.until_serving(1).await.unwrap();
    stage.all_is_paid_once().await.unwrap();
}

#[tokio::test]
async fn a_redemption_on_a_fork_that_is_left_is_paid_once() {
    let dir = tempfile::tempdir().unwrap();
    let spec = ChainSpec::dev().unwrap().slot_ms(FORK_SLOT_MS).unwrap().validator("//Bob", 200_000 * CAI).unwrap();
    let chain = spec.write(dir.path()).unwrap();
    // Each goes on without the other.
    let validator = |name| Node::validator(&chain, name).keys_of(name).arg("--force-authoring");
    let alice = validator("alice").start().await.unwrap();
    let mut bob = validator("bob").bootnode(alice.bootnode().await.unwrap()).start().await.unwrap();
    alice.until_finalised(2, LIMIT).await.unwrap();
    let mut stage = Stage::on(alice).await.unwrap();
    stage.until_answered().await.unwrap();

    // What Alice builds alone is not final.
    bob.terminate().await.unwrap();
    let Network { node: alice, miners, .. } = &mut stage.network;
    let fork = async {
        let rpc = alice.rpc().clone();
        let (mut seen, _) = rpc.finalised().await?;
        let (height, hash) = until(LIMIT, "a redemption in a block", async || {
            let (best, _) = rpc.best().await?;
            while seen < best {
                let hash = rpc.block_hash(seen + 1).await?;
                seen += 1;
                if any_redeems(&transactions::in_block(&rpc, &hash).await?)? && seen > rpc.finalised().await?.0 {
                    return Ok((seen, hash));
                }
            }
            anyhow::bail!("none up to {best}")
        })
        .await?;
        // Bob, who cannot hear of it as long as she stands still, builds more than she has.
        let (shared, _) = rpc.finalised().await?;
        let rival = primary_blocks(&rpc, shared).await?;
        alice.process().pause()?;
        bob.restart().await?;
        until(LIMIT, "a longer fork", async || {
            let (best, _) = bob.rpc().best().await?;
            ensure!(best >= height + FORK_BLOCKS, "it has {best} blocks, the other {height}");
            let primary = primary_blocks(bob.rpc(), shared).await?;
            ensure!(primary >= rival + BETTER_BY, "it has {primary} blocks of primary slots, the other {rival}");
            Ok(())
        })
        .await?;
        alice.process().resume()?;
        // So that he looks for her at once.
        bob.restart().await?;
        let instead = until(LIMIT, "the fork to be left", async || {
            let instead = rpc.block_hash(height).await?;
            ensure!(instead != hash, "{hash} still counts");
            Ok(instead)
        })
        .await?;
        anyhow::Ok((height, hash, instead))
    };
    // However the command ends: what counts is what is paid.
    let (redeemed, forked) = tokio::join!(miners[0].wallet(&["redeem"]), fork);
    let (height, hash, instead) = forked.unwrap();
    println!("block {height} with a redemption was {hash} and is {instead}; the command: {}", redeemed.unwrap().status);
    stage.all_is_paid_once().await.unwrap();
}

/// How many blocks above this height, on the best chain, were built in primary slots, which their author has drawn. Of
/// two forks the one with more of them counts; other slots are taken in turns.
async fn primary_blocks(rpc: &Rpc, above: u32) -> anyhow::Result<u32> {
    /// A digest item that says in which slot a block was built: its kind, and for which consensus it is.
    const SLOT_OF_BABE: [u8; 5] = [6, b'B', b'A', b'B', b'E'];
    const PRIMARY: u8 = 1;
    let (best, _) = rpc.best().await?;
    let mut primary = 0;
    for height in above + 1..=best {
        let header = rpc.call("chain_getHeader", json!([rpc.block_hash(height).await?])).await?;
        for item in header["digest"]["logs"].as_array().context("a header without a digest")? {
            let item = hex::decode(item.as_str().unwrap_or_default().trim_start_matches("0x"))?;
            let Some(mut slot) = item.strip_prefix(&SLOT_OF_BABE) else { continue };
            let slot = Vec::<u8>::decode(&mut slot)?;
            primary += u32::from(slot.first() == Some(&PRIMARY));
        }
    }
    Ok(primary)
}

/// Whether one of these is of the miner and names the coordinator.
fn any_redeems(transactions: &[Vec<u8>]) -> anyhow::Result<bool> {
    let (miner, coordinator) = (account(MINER)?, stash_account(COORDINATOR)?);
    let names = |transaction: &[u8], who: &AccountId| {
        transaction.windows(32).any(|bytes| bytes == AsRef::<[u8; 32]>::as_ref(who))
    };
    Ok(transactions.iter().any(|transaction| names(transaction, &miner) && names(transaction, &coordinator)))
}

async fn redemption_waits(rpc: &Rpc) -> anyhow::Result<bool> {
    any_redeems(&transactions::waiting(rpc).await?)
}

/// A network with one miner, which is asked all the time. Each answer is worth a redemption.
struct Stage {
    asking: Asking,
    market: Market,
    network: Network,
    /// The coordinator's escrow and the free balance of the miner's stash when it began.
    escrow: Balance,
    free: Balance,
}

impl Stage {
    async fn set(change: impl FnOnce(ChainSpec) -> anyhow::Result<ChainSpec>) -> anyhow::Result<Self> {
        let spec = change(ChainSpec::dev()?.slot_ms(SLOT.as_millis() as u64)?)?;
        Self::on(Node::alone(&spec).start().await?).await
    }

    async fn on(node: Node) -> anyhow::Result<Self> {
        let dear = |gateway: GatewayBuilder| {
            let gateway = gateway.arg("--default-price").arg("10:20");
            gateway.arg("--chain-stale-ms").arg(&STALE.as_millis().to_string())
        };
        let small = |miner: MinerBuilder| {
            miner.models(&[EMBEDDING]).status_page().arg("--stale-after").arg(&STALE.as_secs().to_string())
        };
        let network = Network::around(node, &[(MINER, 2)], dear, small).await?;
        let market = Market::connect(&network.node).await?;
        let escrow = market.chain().solvency(&stash_account(COORDINATOR)?).await?.escrow;
        let free = market.chain().free_balance(&stash_account(MINER)?).await?;
        Ok(Self { asking: Asking::begin(network.gateway.api()), market, network, escrow, free })
    }

    /// Waits until the miner's status page says why its last redemption failed, and that has to do with `about`.
    async fn until_trouble(&mut self, about: &str) -> anyhow::Result<String> {
        let miner = &mut self.network.miners[0];
        until(LIMIT, &format!("trouble about {about:?}"), async || {
            let trouble = trouble(miner).await?.context("none is shown")?;
            ensure!(trouble.contains(about), "only {trouble:?}");
            Ok(trouble)
        })
        .await
    }

    /// Waits until there is something to redeem.
    async fn until_answered(&self) -> anyhow::Result<()> {
        until(LIMIT, "an answer", async || {
            ensure!(self.asking.so_far().contains_key(ANSWERED), "none so far: {:?}", self.asking.so_far());
            Ok(())
        })
        .await
    }

    /// What has left the escrow.
    async fn settled(&self) -> anyhow::Result<Balance> {
        let now = self.market.chain().solvency(&stash_account(COORDINATOR)?).await?.escrow;
        self.escrow.checked_sub(now).context("the escrow has grown")
    }

    /// Nobody asks any more, the miner redeems what is left by itself, and the books are compared to the planck.
    async fn all_is_paid_once(mut self) -> anyhow::Result<()> {
        let outcomes = self.asking.end().await;
        let clean = |outcome: &String| outcome == ANSWERED || outcome.starts_with("503 ");
        ensure!(outcomes.keys().all(clean), "not all were answered or refused in good order: {outcomes:?}");
        let miner = &mut self.network.miners[0];
        until(LIMIT, "nothing to be due", async || {
            let status = miner.status().await?;
            let pay = &status["pay"]["coordinators"][0];
            ensure!(pay["due"] == "0" && pay["unpaid"] == "0", "{pay}");
            ensure!(status["pay"]["redeeming_trouble"].is_null(), "trouble that is over is shown: {}", status["pay"]);
            Ok(())
        })
        .await?;
        let Network { gateway, miners, .. } = &self.network;
        let journal: Journal = until(LIMIT, "the books to agree", async || {
            books::agreed(&self.market, COORDINATOR, gateway, miners).await
        })
        .await?;
        let answered = outcomes.get(ANSWERED).copied().unwrap_or(0);
        ensure!(journal.tasks.values().all(|receipts| *receipts == 1), "a task was paid twice: {:?}", journal.tasks);
        ensure!(journal.tasks.len() == answered, "{answered} answers, {} receipts", journal.tasks.len());
        let settled = self.settled().await?;
        ensure!(settled == journal.cost, "{settled} left the escrow, {} was owed", journal.cost);
        // 5 % are the protocol's, rounded up with each payment.
        let free = self.market.chain().free_balance(&stash_account(MINER)?).await?;
        let (earned, most) = (free - self.free, settled * 95 / 100);
        ensure!(earned <= most && earned + 64 >= most, "{earned} of {settled}");
        println!("{outcomes:?}; {settled} planck paid once");
        Ok(())
    }
}

/// Why a miner's last redemption failed, as its status page shows it.
async fn trouble(miner: &mut Miner) -> anyhow::Result<Option<String>> {
    Ok(miner.status().await?["pay"]["redeeming_trouble"].as_str().map(str::to_owned))
}

const ANSWERED: &str = "answered";

/// How often requests ended in which way: [`ANSWERED`], or status and code of the error.
type Outcomes = BTreeMap<String, usize>;

/// An application that asks again and again.
struct Asking {
    outcomes: Arc<Mutex<Outcomes>>,
    ended: Arc<AtomicBool>,
    client: JoinHandle<()>,
}

impl Asking {
    fn begin(api: &Api) -> Self {
        let (outcomes, ended) = (Arc::<Mutex<Outcomes>>::default(), Arc::<AtomicBool>::default());
        let client = tokio::spawn(ask(api.clone(), outcomes.clone(), ended.clone()));
        Self { outcomes, ended, client }
    }

    fn so_far(&self) -> Outcomes {
        self.outcomes.lock().unwrap().clone()
    }

    async fn end(&mut self) -> Outcomes {
        self.ended.store(true, Ordering::Relaxed);
        (&mut self.client).await.unwrap();
        self.so_far()
    }
}

async fn ask(api: Api, outcomes: Arc<Mutex<Outcomes>>, ended: Arc<AtomicBool>) {
    let body = json!({ "model": EMBEDDING, "input": "The tide comes in twice a day." });
    while !ended.load(Ordering::Relaxed) {
        let outcome = match api.post("/v1/embeddings", &body).await {
            Ok(answer) if answer.status == 200 => ANSWERED.to_owned(),
            Ok(answer) => format!("{} {}", answer.status, answer.error().2),
            Err(error) => format!("{error:#}"),
        };
        *outcomes.lock().unwrap().entry(outcome).or_insert(0) += 1;
        sleep(Duration::from_millis(250)).await;
    }
}
