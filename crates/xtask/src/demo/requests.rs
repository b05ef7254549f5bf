//! What the demo asks.

use std::{collections::HashMap, io::Write};

use anyhow::{ensure, Context};
use cuckoo_testkit::{api, models, sse, Api};
use futures::{stream, StreamExt, TryStreamExt};
use reqwest::header::HeaderMap;
use serde_json::Value;

/// Small requests with which the shares are shown.
pub(super) const SMALL: usize = 40;
/// How many of them run at once.
pub(super) const AT_ONCE: usize = 2;
/// The header in which the gateway names the miner that answers.
const MINER: &str = "x-cuckoo-miner";

/// What was answered, by operator.
#[derive(Default)]
pub(super) struct Served(HashMap<String, Work>);

/// What one miner did.
#[derive(Clone, Copy, Default)]
pub(super) struct Work {
    /// Answered requests.
    pub(super) tasks: usize,
    /// Tokens that it read.
    pub(super) prompt: u64,
    /// Tokens that it produced.
    pub(super) completion: u64,
}

impl Served {
    /// One answer of `operator` with OpenAI's `usage`.
    pub(super) fn add(&mut self, operator: String, usage: &Value) {
        let work = self.0.entry(operator).or_default();
        work.tasks += 1;
        work.prompt += usage["prompt_tokens"].as_u64().unwrap_or(0);
        work.completion += usage["completion_tokens"].as_u64().unwrap_or(0);
    }

    /// All that `operator` did.
    pub(super) fn by(&self, operator: &str) -> Work {
        self.0.get(operator).copied().unwrap_or_default()
    }
}

/// Prints the answer to `question` as it streams in, and what is known of it.
pub(super) async fn ask(api: &Api, question: &str, served: &mut Served) -> anyhow::Result<()> {
    let body = api::chat_stream(models::CHAT, question, 64);
    let (headers, mut events) = api.stream("/v1/chat/completions", &body).await?;
    let (mut usage, mut answered) = (Value::Null, false);
    print!("\n  ");
    while let Some(event) = events.next().await? {
        let piece = sse::text_of(std::slice::from_ref(&event));
        print!("{piece}");
        std::io::stdout().flush()?;
        answered |= !piece.is_empty();
        if event["usage"].is_object() {
            usage = event["usage"].clone();
        }
    }
    println!("\n");
    ensure!(answered, "the answer is empty");
    let task = header(&headers, "x-cuckoo-task-id")?;
    let receipt = api.get(&format!("/v1/receipts/{task}")).await?.ok()?;
    let miner = header(&headers, MINER)?;
    println!("  {} tokens from the miner {miner}", usage["completion_tokens"]);
    served.add(miner, &usage);
    println!("  its receipt, from /v1/receipts/{task}:");
    for field in ["model", "model_root", "request_hash", "output_hash", "signature"] {
        println!("    {field:<13} {}", receipt.body["data"][0][field].as_str().unwrap_or("-"));
    }
    println!();
    Ok(())
}

/// Sends the small requests and counts who answered.
pub(super) async fn small(api: &Api, served: &mut Served) -> anyhow::Result<()> {
    let answers: Vec<(String, Value)> = stream::iter(0..SMALL)
        .map(|number| async move {
            let body = api::chat(models::CHAT, &format!("What is {number} and 1?"), 4);
            let answer = api.post("/v1/chat/completions", &body).await?.ok()?;
            Ok::<_, anyhow::Error>((header(&answer.headers, MINER)?, answer.body["usage"].clone()))
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    for (miner, usage) in answers {
        served.add(miner, &usage);
    }
    Ok(())
}

fn header(headers: &HeaderMap, name: &str) -> anyhow::Result<String> {
    let value = headers.get(name).with_context(|| format!("the answer has no header {name}"))?;
    Ok(value.to_str().with_context(|| format!("the header {name} is not text"))?.to_owned())
}
