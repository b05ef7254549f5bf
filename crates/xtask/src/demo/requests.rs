//! What the demo asks.

use std::{collections::HashMap, io::Write};

use anyhow::{ensure, Context};
use cuckoo_testkit::{api, models, sse, Api};
use futures::{stream, StreamExt, TryStreamExt};
use reqwest::header::HeaderMap;

/// Small requests with which the shares are shown.
pub(super) const SMALL: usize = 40;
/// How many of them run at once.
pub(super) const AT_ONCE: usize = 2;
/// The header in which the gateway names the miner that answers.
const MINER: &str = "x-cuckoo-miner";

/// Prints the answer to `question` as it streams in, and what is known of it.
pub(super) async fn ask(api: &Api, question: &str) -> anyhow::Result<()> {
    let body = api::chat_stream(models::CHAT, question, 64);
    let (headers, mut events) = api.stream("/v1/chat/completions", &body).await?;
    let (mut tokens, mut answered) = (None, false);
    print!("\n  ");
    while let Some(event) = events.next().await? {
        let piece = sse::text_of(std::slice::from_ref(&event));
        print!("{piece}");
        std::io::stdout().flush()?;
        answered |= !piece.is_empty();
        tokens = event["usage"]["completion_tokens"].as_u64().or(tokens);
    }
    println!("\n");
    ensure!(answered, "the answer is empty");
    let task = header(&headers, "x-cuckoo-task-id")?;
    let receipt = api.get(&format!("/v1/receipts/{task}")).await?.ok()?;
    println!("  {} tokens from the miner {}", tokens.unwrap_or(0), header(&headers, MINER)?);
    println!("  its receipt, from /v1/receipts/{task}:");
    for field in ["model", "model_root", "request_hash", "output_hash", "signature"] {
        println!("    {field:<13} {}", receipt.body["data"][0][field].as_str().unwrap_or("-"));
    }
    println!();
    Ok(())
}

/// Sends the small requests and counts by miner who answered.
pub(super) async fn small(api: &Api) -> anyhow::Result<HashMap<String, usize>> {
    let answers: Vec<String> = stream::iter(0..SMALL)
        .map(|number| async move {
            let body = api::chat(models::CHAT, &format!("What is {number} and 1?"), 4);
            let answer = api.post("/v1/chat/completions", &body).await?.ok()?;
            header(&answer.headers, MINER)
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let mut served = HashMap::new();
    for miner in answers {
        *served.entry(miner).or_default() += 1;
    }
    Ok(served)
}

fn header(headers: &HeaderMap, name: &str) -> anyhow::Result<String> {
    let value = headers.get(name).with_context(|| format!("the answer has no header {name}"))?;
    Ok(value.to_str().with_context(|| format!("the header {name} is not text"))?.to_owned())
}
