//! Log-probabilities, and what else a client may ask of how its answer is made.

use cuckoo_wire::link::{self, sampling::Format, task::Work};
use serde_json::{json, Value};

use crate::{
    miner::{reported, Miner, Step, ANSWER},
    stage::{chat, Stage, MODEL},
};

/// Nearly all backing, so that it is drawn first.
const FIRST: (&str, u128) = ("//Miner1", 100_000_000_000);
const SECOND: (&str, u128) = ("//Miner2", 20_001);

fn chat_with(extra: Value) -> Value {
    let mut body = chat();
    extra.as_object().unwrap().iter().for_each(|(name, value)| body[name] = value.clone());
    body
}

fn chunks(events: &[&str]) -> Vec<Value> {
    events.iter().filter_map(|event| serde_json::from_str(event).ok()).collect()
}

#[tokio::test]
async fn a_chat_has_them_whole_and_streamed() {
    let stage = Stage::start(&[FIRST]).await;
    let _miner = Miner::link(&stage, FIRST.0, &ANSWER).await;
    let mut body = chat_with(json!({"logprobs": true, "top_logprobs": 2}));
    let whole = stage.post("/v1/chat/completions", &body).await;
    let content = &whole.json["choices"][0]["logprobs"]["content"];
    let world: Vec<u8> = " world".into();
    let alternatives = json!([
        {"token": " world", "logprob": -0.5, "bytes": world}, {"token": " world", "logprob": -1.5, "bytes": world}]);
    assert_eq!(content[1], json!({"token": " world", "logprob": -0.5, "bytes": world, "top_logprobs": alternatives}));
    assert_eq!(content.as_array().unwrap().len(), 2, "{}", whole.text);

    body["stream"] = json!(true);
    let streamed = stage.post("/v1/chat/completions", &body).await;
    let tokens: Vec<Value> = chunks(&streamed.events())
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["logprobs"]["content"].as_array().cloned())
        .flatten()
        .collect();
    assert_eq!(json!(tokens), *content);
    let without = stage.chat().await;
    assert_eq!(without.json["choices"][0]["logprobs"], json!(null));
}

#[tokio::test]
async fn a_completion_has_them_whole_and_streamed() {
    let stage = Stage::start(&[FIRST]).await;
    let _miner = Miner::link(&stage, FIRST.0, &ANSWER).await;
    let mut body = json!({"model": MODEL, "prompt": "Once", "logprobs": 1});
    let whole = stage.post("/v1/completions", &body).await;
    let expected = json!({
        "tokens": ["Hello", " world"], "token_logprobs": [-0.5, -0.5],
        "top_logprobs": [{"Hello": -0.5}, {" world": -0.5}], "text_offset": [0, 5],
    });
    assert_eq!(whole.json["choices"][0]["logprobs"], expected, "{}", whole.text);

    body["stream"] = json!(true);
    let streamed = stage.post("/v1/completions", &body).await;
    let offsets: Vec<Value> = chunks(&streamed.events())
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["logprobs"]["text_offset"].as_array().cloned())
        .flatten()
        .collect();
    assert_eq!(offsets, [0, 5]);
}

#[tokio::test]
async fn what_a_client_asks_of_sampling_reaches_the_miner() {
    let stage = Stage::start(&[FIRST]).await;
    let miner = Miner::link(&stage, FIRST.0, &ANSWER).await;
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
    let body = chat_with(json!({
        "top_k": 40, "frequency_penalty": 0.5, "presence_penalty": -1.0, "repetition_penalty": 1.5, "logprobs": true,
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": schema}},
    }));
    assert_eq!(stage.post("/v1/chat/completions", &body).await.status, 200);
    let object = chat_with(json!({"response_format": {"type": "json_object"}}));
    assert_eq!(stage.post("/v1/chat/completions", &object).await.status, 200);

    let tasks = miner.seen.lock().unwrap().tasks.clone();
    let sampling = |task: &link::Task| match &task.work {
        Some(Work::Chat(chat)) => chat.sampling.clone().unwrap(),
        other => panic!("{other:?}"),
    };
    let first = sampling(&tasks[0]);
    assert_eq!((first.top_k, first.logprobs), (40, Some(0)));
    assert_eq!((first.frequency_penalty, first.presence_penalty, first.repetition_penalty), (0.5, -1.0, 1.5));
    let Some(Format::JsonSchema(text)) = first.format else { panic!("no schema") };
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), schema);
    assert_eq!(sampling(&tasks[1]).format, Some(Format::JsonObject(link::AnyObject {})));
}

#[tokio::test]
async fn log_probabilities_that_are_none_are_a_violation() {
    let positive = link::TokenLogprob { bytes: vec![b'a'].into(), logprob: 0.5 };
    for lie in [
        vec![],
        vec![reported("a", 0), reported("a", 0)],
        vec![reported("a", 2)],
        vec![link::TokenLogprobs { chosen: Some(positive), top: vec![] }],
    ] {
        let stage = Stage::start(&[FIRST, SECOND]).await;
        let _lying = Miner::link(&stage, FIRST.0, &[Step::Report("a", lie.clone()), Step::Finish]).await;
        let _good = Miner::link(&stage, SECOND.0, &ANSWER).await;
        let answer = stage.post("/v1/chat/completions", &chat_with(json!({"logprobs": true, "top_logprobs": 1}))).await;
        assert_eq!(answer.content(), "Hello world", "{lie:?}");
        assert_eq!(stage.miner(FIRST.0).await["failed"], 1, "{lie:?}");
    }
}

#[tokio::test]
async fn log_probabilities_that_nobody_asked_for_are_a_violation() {
    let stage = Stage::start(&[FIRST, SECOND]).await;
    let _eager = Miner::link(&stage, FIRST.0, &[Step::Report("a", vec![reported("a", 0)]), Step::Finish]).await;
    let _good = Miner::link(&stage, SECOND.0, &ANSWER).await;
    assert_eq!(stage.chat().await.content(), "Hello world");
    assert_eq!(stage.miner(FIRST.0).await["failed"], 1);
}
