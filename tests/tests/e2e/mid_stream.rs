//! A miner is killed in the middle of a stream, and the client reads what it would have read.

use std::time::{Duration, Instant};

use anyhow::{ensure, Context};
use cuckoo_testkit::{api::chat_stream, models::CHAT, sse::text_of, until, Gateway, Network};
use serde_json::Value;

/// How often a miner is killed.
const KILLS_ENV: &str = "CUCKOO_MID_STREAM_KILLS";
const KILLS: u32 = 8;
/// Until a miner that was restarted is in the draw again.
const LIMIT: Duration = Duration::from_secs(120);
const MINERS: [(&str, u32); 2] = [("//Miner1", 1), ("//Miner2", 1)];
const TOKENS: u32 = 96;

#[tokio::test]
async fn the_text_is_that_of_an_uninterrupted_stream() {
    let kills = std::env::var(KILLS_ENV).ok().map_or(KILLS, |text| text.parse().unwrap());
    let mut network = Network::start(&MINERS).await.unwrap();
    let (mut killed, mut tried, mut delays) = (0, 0, Vec::new());
    while killed < kills {
        tried += 1;
        assert!(tried <= 4 * kills, "most answers end before anybody is killed");
        let question = question(tried);
        let expected = network.gateway.api().stream(PATH, &question).await.unwrap().1.collect().await.unwrap();
        let Some(cut) = cut_off(&mut network, &question, tried).await.unwrap() else { continue };
        killed += u32::from(cut.has_gone_on);
        assert_eq!(text_of(&cut.events), text_of(&expected), "seed {tried}");
        assert_eq!(end_of(&cut.events), end_of(&expected), "seed {tried}");
        delays.extend(cut.has_gone_on.then_some(cut.pause));
        network.miners[cut.victim].restart().await.unwrap();
        until(LIMIT, "both miners to be drawn again", async || {
            for (operator, _) in MINERS {
                let miner = network.gateway.miner(operator).await?;
                ensure!(miner["not_chosen_because"].is_null() && miner["connected"] == true, "{miner}");
            }
            Ok(())
        })
        .await
        .unwrap();
    }
    delays.sort();
    let (middle, longest) = (delays[delays.len() / 2], delays[delays.len() - 1]);
    println!("{killed} of {killed} streams went on as if nobody had been killed; longest pause {middle:?} (median), {longest:?} (most)");
}

const PATH: &str = "/v1/chat/completions";

fn question(seed: u32) -> Value {
    let mut question = chat_stream(CHAT, "Tell a long story about a lighthouse keeper and a whale.", TOKENS);
    question["temperature"] = 1.0.into();
    question["seed"] = seed.into();
    question
}

struct CutOff {
    events: Vec<Value>,
    victim: usize,
    /// Longest wait for an event after the kill.
    pause: Duration,
    /// Whether another miner has signed for the end: the one that was killed may have been done by then.
    has_gone_on: bool,
}

/// Asks, and kills whoever answers when some of it is there; `None` if it was complete by then.
async fn cut_off(network: &mut Network, question: &Value, seed: u32) -> anyhow::Result<Option<CutOff>> {
    let (headers, mut stream) = network.gateway.api().stream(PATH, question).await?;
    let mut events = Vec::new();
    for _ in 0..2 + seed * 7 % 40 {
        let Some(event) = stream.next().await? else { return Ok(None) };
        events.push(event);
    }
    let Some(victim) = serving(&network.gateway).await? else { return Ok(None) };
    network.miners[victim].kill().await?;
    let (mut last, mut pause) = (Instant::now(), Duration::ZERO);
    while let Some(event) = stream.next().await? {
        events.push(event);
        pause = pause.max(last.elapsed());
        last = Instant::now();
    }
    let task_id = headers.get("x-cuckoo-task-id").context("the stream names no task")?.to_str()?;
    let receipts = network.gateway.api().get(&format!("/v1/receipts/{task_id}")).await?.ok()?.body;
    let attempt = receipts["data"][0]["attempt"].as_u64().with_context(|| format!("no receipt: {receipts}"))?;
    Ok(Some(CutOff { events, victim, pause, has_gone_on: attempt > 0 }))
}

/// Who is at a task.
async fn serving(gateway: &Gateway) -> anyhow::Result<Option<usize>> {
    for (place, (operator, slots)) in MINERS.into_iter().enumerate() {
        let free = gateway.miner(operator).await?["free_slots"].as_u64().context("no free slots are named")?;
        if free < u64::from(slots) {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

/// Why it ended.
fn end_of(events: &[Value]) -> Option<Value> {
    events.iter().filter_map(|event| Some(event["choices"].get(0)?["finish_reason"].clone())).find(|it| !it.is_null())
}
