//! Which miners may work, and what becomes of tasks when one goes.

use std::{
    collections::BTreeMap,
    sync::{
        atomic::{AtomicUsize, Ordering},
        Arc,
    },
    time::{Duration, Instant},
};

use anyhow::{ensure, Context};
use cuckoo_chain_client::Call;
use cuckoo_testkit::{
    api::chat_stream,
    dialler::{self, Dialler},
    gateway::GatewayBuilder,
    keys::{account, stash_of},
    market::Market,
    models::CHAT,
    until, Api, Gateway, Miner, Network,
};
use cuckoo_wire::link::{miner_message::Message, RefusalCode};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_miner_without_stake_is_refused() {
    let network = Network::start(&[("//Miner1", 1)]).await.unwrap();
    let genesis = Market::connect(&network.node).await.unwrap().chain().genesis();

    // What the gateway says to a miner that does not look before it dials.
    let url = network.gateway.link_url();
    let hello = dialler::hello(&genesis, &account("//Miner3").unwrap(), [1; 32]);
    let refusal = Dialler::dial(&url, Message::Hello(hello)).await.unwrap().refusal().await.unwrap();
    assert_eq!(refusal.code(), RefusalCode::NotRegistered);
    assert!(refusal.reason.contains("register"), "the reason does not say how to mend it: {}", refusal.reason);

    // What the program of such a miner says to its operator.
    let builder = Miner::builder(&network.node, "//Miner3").coordinator(&network.gateway).models(&[CHAT]);
    let mut stranger = builder.start_unready().unwrap();
    let said = stranger.process().until_log(LIMIT, "refuses this miner").await.unwrap();
    assert!(said.contains("NOT_REGISTERED") && said.contains("to mend it"), "{said}");
    println!("refused: {} / {said}", refusal.reason);

    let miners = network.gateway.miners().await.unwrap();
    assert_eq!(connected(&miners), 1, "{miners:?}");
    let metrics = network.gateway.api().get("/metrics").await.unwrap().text;
    let counted = metrics.lines().find(|line| line.contains("refused") && line.contains("NOT_REGISTERED"));
    println!("counted: {}", counted.expect("the gateway's metrics do not count the refusal"));
}

#[tokio::test]
async fn a_chilled_miner_is_cut_off_within_two_finalised_blocks() {
    let network = Network::start(&[("//Miner1", 1), ("//Miner2", 1)]).await.unwrap();
    let market = Market::connect(&network.node).await.unwrap();
    let rpc = network.node.rpc();

    let stash = stash_of("//Miner1");
    let (cut_off_at, inclusion) =
        tokio::join!(block_of_cut_off(network.gateway.api()), market.submit(&stash, Call::Chill));
    let (cut_off_at, inclusion) = (cut_off_at.unwrap(), inclusion.unwrap());
    let chilled_in = rpc.height(&format!("{:?}", inclusion.block_hash)).await.unwrap();
    assert!(cut_off_at <= chilled_in + 2, "chilled in block {chilled_in}, cut off only when {cut_off_at} was final");
    println!("chilled in block {chilled_in}, cut off when {cut_off_at} was the last final block");

    // It is told why, gets no task, and comes back by itself once it may.
    let entry = network.gateway.miner("//Miner1").await.unwrap();
    assert!(entry.to_string().contains("chilled"), "{entry}");
    network.gateway.api().chat(CHAT, "Say hello.", 2).await.unwrap();
    market.submit(&stash, Call::Validate).await.unwrap();
    network.gateway.until_serving(2).await.unwrap();
}

/// The last final block, as the gateway knows it, when it first shows that one of two miners is gone.
async fn block_of_cut_off(api: &Api) -> anyhow::Result<u32> {
    until(LIMIT, "the miner to be cut off", async || {
        let list = api.get("/v1/miners").await?.ok()?.body;
        ensure!(list["connected"] == 1, "{} miners are connected", list["connected"]);
        Ok(u32::try_from(list["block"].as_u64().context("no block")?)?)
    })
    .await
}

/// What a client saw of one request.
struct Outcome {
    pieces: usize,
    error: Option<String>,
}

#[tokio::test]
async fn a_killed_miner_loses_no_request_before_its_first_token() {
    const REQUESTS: usize = 50;
    // Fifty requests wait for a few slots; how long, depends on the machine and is not the question here.
    let patient = |gateway: GatewayBuilder| gateway.arg("--queue-wait-ms=240000");
    let mut network = Network::start_with(&[("//Miner1", 4), ("//Miner2", 4)], patient).await.unwrap();
    let answered = Arc::new(AtomicUsize::new(0));
    let asked: Vec<_> = (0..REQUESTS)
        .map(|number| tokio::spawn(ask(network.gateway.api().clone(), number, answered.clone())))
        .collect();

    let running = until(LIMIT, "a few answers, and tasks at the second miner", async || {
        let begun = answered.load(Ordering::Relaxed);
        let running = running(&network.gateway.miner("//Miner2").await?)?;
        ensure!(begun >= 5 && running >= 2, "{begun} answers have begun, {running} tasks run at the second miner");
        Ok(running)
    })
    .await
    .unwrap();
    network.miners[1].kill().await.unwrap();

    let mut outcomes = BTreeMap::new();
    for asked in asked {
        let Outcome { pieces, error } = asked.await.unwrap();
        match error {
            None => *outcomes.entry("completed".to_owned()).or_insert(0) += 1,
            Some(error) => {
                assert!(pieces > 0, "lost before its first token: {error}");
                *outcomes.entry(format!("broken after its first token: {error}")).or_insert(0) += 1;
            }
        }
    }
    println!("killed with {running} tasks running: {outcomes:?}");
    let completed = outcomes.get("completed").copied().unwrap_or_default();
    assert!(completed >= REQUESTS - 4, "more requests broke than the killed miner had slots: {outcomes:?}");
    network.gateway.until_connected(1).await.unwrap();
}

async fn ask(api: Api, number: usize, answered: Arc<AtomicUsize>) -> Outcome {
    let mut pieces = 0;
    let body = chat_stream(CHAT, &format!("Tell me about the number {number}."), 16);
    let result: anyhow::Result<()> = async {
        let (_, mut events) = api.stream("/v1/chat/completions", &body).await?;
        while let Some(event) = events.next().await? {
            ensure!(event["error"].is_null(), "{}", event["error"]["message"]);
            if event["choices"][0]["delta"]["content"].as_str().is_some_and(|text| !text.is_empty()) {
                pieces += 1;
                if pieces == 1 {
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        Ok(())
    }
    .await;
    Outcome { pieces, error: result.err().map(|error| format!("{error:#}")) }
}

#[tokio::test]
async fn a_client_that_hangs_up_frees_the_slot() {
    let network = Network::start(&[("//Miner1", 1)]).await.unwrap();
    let api = network.gateway.api();
    let long = chat_stream(CHAT, "Write a very long story about a lighthouse keeper and the sea.", 1_000);
    let (headers, mut events) = api.stream("/v1/chat/completions", &long).await.unwrap();
    for _ in 0..3 {
        events.next().await.unwrap().expect("the story ended after a few words");
    }
    assert_eq!(free_slots(&network.gateway).await.unwrap(), 0);

    drop(events);
    let hung_up = Instant::now();
    until(Duration::from_secs(3), "the slot to be free", async || {
        let free = free_slots(&network.gateway).await?;
        ensure!(free == 1, "{free} slots are free");
        Ok(())
    })
    .await
    .unwrap();
    let freed = hung_up.elapsed();

    // The miner itself has stopped too: its only slot takes the next task at once.
    let asked = Instant::now();
    api.chat(CHAT, "Say hello.", 2).await.unwrap();
    let task_id = headers["x-cuckoo-task-id"].to_str().unwrap();
    let receipt = api.get(&format!("/v1/receipts/{task_id}")).await.unwrap();
    assert_eq!(receipt.status, 200, "what was told is paid for: {}", receipt.text);
    let receipt: Value = serde_json::from_str(&receipt.text).unwrap();
    let [told] = receipt["data"].as_array().unwrap().as_slice() else { panic!("{receipt}") };
    assert_eq!(told["finish"], "cancelled", "the story was told to its end: {told}");
    assert!((1..500).contains(&told["completion_tokens"].as_u64().unwrap()), "{told}");
    println!("slot free after {freed:?}, next task done after {:?}", asked.elapsed());
}

fn connected(miners: &[Value]) -> usize {
    miners.iter().filter(|miner| miner["connected"] == true).count()
}

async fn free_slots(gateway: &Gateway) -> anyhow::Result<u64> {
    gateway.miner("//Miner1").await?["free_slots"].as_u64().context("no free_slots")
}

fn running(miner: &Value) -> anyhow::Result<u64> {
    let slots = miner["slots"].as_u64().context("no slots")?;
    Ok(slots - miner["free_slots"].as_u64().context("no free_slots")?)
}
