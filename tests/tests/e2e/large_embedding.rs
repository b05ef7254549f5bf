//! A large embedding request through everything, and a small one beside it.

use std::time::{Duration, Instant};

use cuckoo_testkit::{models::EMBEDDING, Api, Network};
use serde_json::{json, Value};

/// More words than count, so that every input is as long as one can be.
fn long_inputs(count: usize) -> Value {
    let inputs = (0..count).map(|at| format!("Boat {at}. {}", "The river rose slowly in the spring. ".repeat(40)));
    json!({ "model": EMBEDDING, "input": inputs.collect::<Vec<_>>(), "encoding_format": "base64" })
}

/// Applications wait this long by default.
const CLIENT_PATIENCE: Duration = Duration::from_secs(600);

async fn embed(api: &Api, body: &Value) -> (usize, Duration) {
    let begun = Instant::now();
    let http = reqwest::Client::builder().timeout(CLIENT_PATIENCE).no_proxy().build().unwrap();
    let request = http.post(format!("{}/embeddings", api.openai_url())).bearer_auth(api.key().unwrap()).json(body);
    let answer = request.send().await.unwrap();
    let (status, body): (_, Value) = (answer.status(), answer.json().await.unwrap());
    assert_eq!(status, 200, "{body}");
    (body["data"].as_array().unwrap().len(), begun.elapsed())
}

/// Has the miner compute `count` inputs, and small requests meanwhile; the gateway's patience with a silent miner is a
/// fraction of what the large one takes.
async fn large_beside_small(count: usize, patience: Duration) {
    let patience_ms = patience.as_millis().to_string();
    let network = Network::start_with(&[("//Miner1", 2)], |gateway| {
        let limits = ["--first-token-timeout-ms", "--token-timeout-ms"];
        limits.into_iter().fold(gateway, |gateway, limit| gateway.arg(limit).arg(&patience_ms))
    })
    .await
    .unwrap();
    let api = network.gateway.api();
    let small = json!({ "model": EMBEDDING, "input": "A cat sleeps on the sofa." });
    let (_, alone) = embed(api, &small).await;
    let beside = async {
        // By now the large request has arrived.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut slowest = Duration::ZERO;
        for _ in 0..5 {
            slowest = slowest.max(embed(api, &small).await.1);
        }
        (slowest, Instant::now())
    };
    let large = async {
        let (vectors, took) = embed(api, &long_inputs(count)).await;
        (vectors, took, Instant::now())
    };
    let ((vectors, took, large_ended), (slowest, small_ended)) = tokio::join!(large, beside);
    println!(
        "{count} inputs: {:.1} s; a small request: {} ms alone, {} ms at most beside it",
        took.as_secs_f64(),
        alone.as_millis(),
        slowest.as_millis()
    );
    assert_eq!(vectors, count);
    assert!(small_ended < large_ended, "the small requests waited for the large one");
    let miner = network.gateway.miner("//Miner1").await.unwrap();
    assert_eq!((&miner["failed"], &miner["served"]), (&json!(0), &json!(7)), "{miner}");
}

#[tokio::test]
async fn a_large_embedding_is_served_and_keeps_nobody_waiting() {
    large_beside_small(192, Duration::from_secs(10)).await;
}
