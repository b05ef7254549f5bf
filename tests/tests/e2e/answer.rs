//! Questions answered by real models, and the receipts for it.

use anyhow::Context;
use codec::DecodeAll;
use cuckoo_primitives::{
    signing::Statement,
    task::{OutputHasher, Receipt},
    Signature,
};
use cuckoo_testkit::{
    api::{chat, chat_stream},
    keys::account,
    market::Market,
    models::{CHAT, EMBEDDING},
    sse::text_of,
    Api, Network,
};
use serde_json::{json, Value};

const QUESTION: &str = "Name the capital of France.";

#[tokio::test]
async fn questions_are_answered_and_receipts_prove_it() {
    let network = Network::start(&[("//Miner1", 2)]).await.unwrap();
    let market = Market::connect(&network.node).await.unwrap();
    let api = network.gateway.api();

    models_are_listed(api).await;
    let plain = a_chat_is_answered(api).await;
    let task_id = a_streamed_chat_is_the_same(api, &plain).await;
    a_completion_continues_the_prompt(api).await;
    a_seed_repeats_a_sampled_answer(api).await;
    similar_sentences_are_closer(api).await;
    a_receipt_is_signed_by_the_miner(api, &market, &task_id, &plain).await;
    receipts_of_others_are_not_shown(&network, &task_id).await;
}

async fn models_are_listed(api: &Api) {
    let listed = api.get("/v1/models").await.unwrap().ok().unwrap();
    let ids: Vec<&str> =
        listed.body["data"].as_array().unwrap().iter().filter_map(|model| model["id"].as_str()).collect();
    assert!(ids.contains(&CHAT) && ids.contains(&EMBEDDING), "{ids:?}");
    let one = api.get(&format!("/v1/models/{CHAT}")).await.unwrap().ok().unwrap();
    assert_eq!(one.body["id"], CHAT);
    let none = api.get("/v1/models/no-such-model").await.unwrap();
    assert_eq!((none.status, none.error().2), (404, "model_not_found"));
}

async fn a_chat_is_answered(api: &Api) -> String {
    let answer = api.post("/v1/chat/completions", &chat(CHAT, QUESTION, 24)).await.unwrap().ok().unwrap();
    let choice = &answer.body["choices"][0];
    let text = choice["message"]["content"].as_str().unwrap();
    assert!(text.contains("Paris"), "{text}");
    assert_eq!(choice["finish_reason"], "stop");
    let usage = &answer.body["usage"];
    let tokens = |name: &str| usage[name].as_u64().unwrap();
    assert_eq!(tokens("total_tokens"), tokens("prompt_tokens") + tokens("completion_tokens"));
    assert!(answer.header("x-request-id").is_some(), "no x-request-id");
    println!("{QUESTION} {text:?} {usage}");
    text.to_owned()
}

async fn a_streamed_chat_is_the_same(api: &Api, plain: &str) -> String {
    let (headers, events) = api.stream("/v1/chat/completions", &chat_stream(CHAT, QUESTION, 24)).await.unwrap();
    let events = events.collect().await.unwrap();
    assert_eq!(text_of(&events), plain);
    let pieces = events.iter().filter(|event| event["choices"][0]["delta"]["content"].is_string()).count();
    assert!(pieces > 2, "{pieces} pieces are no stream");
    let finish = events.iter().find_map(|event| event["choices"][0]["finish_reason"].as_str());
    assert_eq!(finish, Some("stop"));
    let usage = &events.last().unwrap()["usage"];
    assert!(usage["completion_tokens"].as_u64().unwrap() > 2, "no usage in the last event: {usage}");
    headers["x-cuckoo-task-id"].to_str().unwrap().to_owned()
}

async fn a_completion_continues_the_prompt(api: &Api) {
    let body = json!({ "model": CHAT, "prompt": "The capital of France is", "max_tokens": 6, "temperature": 0 });
    let answer = api.post("/v1/completions", &body).await.unwrap().ok().unwrap();
    let text = answer.body["choices"][0]["text"].as_str().unwrap();
    assert!(text.contains("Paris"), "{text}");
    assert_eq!(answer.body["choices"][0]["finish_reason"], "length");
    assert_eq!(answer.body["usage"]["completion_tokens"], 6);
}

async fn a_seed_repeats_a_sampled_answer(api: &Api) {
    let ask = async |seed: u64| {
        let mut body = chat(CHAT, "Write a line about the sea.", 12);
        body["temperature"] = json!(1.0);
        body["seed"] = json!(seed);
        let answer = api.post("/v1/chat/completions", &body).await.unwrap().ok().unwrap();
        answer.body["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
    };
    let (first, again, other) = (ask(7).await, ask(7).await, ask(8).await);
    assert_eq!(first, again);
    assert_ne!(first, other);
}

async fn similar_sentences_are_closer(api: &Api) {
    let inputs = ["A cat sleeps on the sofa.", "A kitten naps on the couch.", "The stock market fell sharply today."];
    let body = json!({ "model": EMBEDDING, "input": inputs });
    let answer = api.post("/v1/embeddings", &body).await.unwrap().ok().unwrap();
    let vectors: Vec<Vec<f64>> = answer.body["data"].as_array().unwrap().iter().map(vector).collect();
    let (similar, unrelated) = (cosine(&vectors[0], &vectors[1]), cosine(&vectors[0], &vectors[2]));
    println!("cosine of similar sentences {similar:.3}, of unrelated ones {unrelated:.3}");
    assert!(similar > 0.6 && unrelated < 0.2, "similar {similar}, unrelated {unrelated}");
}

fn vector(item: &Value) -> Vec<f64> {
    item["embedding"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

async fn a_receipt_is_signed_by_the_miner(api: &Api, market: &Market, task_id: &str, text: &str) {
    let answer = api.get(&format!("/v1/receipts/{task_id}")).await.unwrap().ok().unwrap();
    let (receipt, signature) = only_receipt(&answer.body).unwrap();
    let genesis = market.chain().genesis();
    assert_eq!(receipt.spec.miner, account("//Miner1").unwrap());
    assert_eq!(receipt.spec.coordinator, account("//Coordinator").unwrap());
    assert!(receipt.is_signed_by(&genesis, &receipt.spec.miner, &signature), "the signature does not verify");
    assert!(!receipt.is_signed_by(&genesis, &receipt.spec.coordinator, &signature));

    let mut forged = receipt.clone();
    forged.completion_tokens += 1;
    assert!(!forged.is_signed_by(&genesis, &receipt.spec.miner, &signature), "a changed receipt verifies");
    // Whoever has the answer can check that the receipt is for it.
    let mut answered = OutputHasher::default();
    answered.update(text.as_bytes());
    assert_eq!(receipt.output_hash, answered.finish(), "the receipt is for another text");
    println!(
        "receipt: {} + {} tokens, signed by {}",
        receipt.prompt_tokens, receipt.completion_tokens, receipt.spec.miner
    );
}

/// The one receipt of a task that was tried once, as the miner signed it.
pub(crate) fn only_receipt(list: &Value) -> anyhow::Result<(Receipt, Signature)> {
    let field = |name: &str| -> anyhow::Result<Vec<u8>> {
        let text = list["data"][0][name].as_str().with_context(|| format!("no {name} in {list}"))?;
        Ok(hex::decode(text)?)
    };
    let receipt = Receipt::decode_all(&mut field("encoded")?.as_slice())?;
    let signature = Signature::try_from(field("signature")?).ok().context("the signature does not have 64 bytes")?;
    Ok((receipt, signature))
}

async fn receipts_of_others_are_not_shown(network: &Network, task_id: &str) {
    let other = network.gateway.create_key("another application").unwrap();
    let api = network.gateway.api().with_key(Some(&other));
    let answer = api.get(&format!("/v1/receipts/{task_id}")).await.unwrap();
    assert_eq!(answer.status, 404, "{}", answer.text);
}
