use serde_json::{json, Value};

use crate::{
    miner::{Miner, Step, ANSWER},
    stage::{account, Stage, EMBEDDER, MODEL},
};

#[tokio::test]
async fn a_chat_is_answered_whole() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let _miner = Miner::link(&stage, "//Miner1", &ANSWER).await;
    let answer = stage.chat().await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.content(), "Hello world");
    assert_eq!(answer.json["object"], "chat.completion");
    assert_eq!(answer.json["choices"][0]["finish_reason"], "stop");
    assert_eq!(answer.json["usage"], json!({"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}));
    assert_eq!(answer.header("x-cuckoo-miner"), account("//Miner1").to_string());
    assert_eq!(answer.header("x-cuckoo-class"), "scripted");
    assert_eq!(answer.json["id"], format!("chatcmpl-{}", answer.header("x-cuckoo-task-id")));
    assert!(!answer.header("x-request-id").is_empty());
}

#[tokio::test]
async fn a_chat_is_streamed_with_usage() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let _miner = Miner::link(&stage, "//Miner1", &ANSWER).await;
    let body = json!({
        "model": MODEL, "messages": [{"role": "user", "content": "hi"}],
        "stream": true, "stream_options": {"include_usage": true},
    });
    let answer = stage.post("/v1/chat/completions", &body).await;
    assert_eq!(answer.header("content-type"), "text/event-stream");
    assert_eq!(answer.header("x-cuckoo-miner"), account("//Miner1").to_string());
    let events = answer.events();
    assert_eq!(events.last(), Some(&"[DONE]"));
    let chunks: Vec<Value> =
        events[..events.len() - 1].iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    let text: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "Hello world");
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(chunks[chunks.len() - 2]["choices"][0]["finish_reason"], "stop");
    assert_eq!(chunks[chunks.len() - 1]["choices"], json!([]));
    assert_eq!(chunks[chunks.len() - 1]["usage"]["total_tokens"], 9);
    assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk" && chunk["id"] == chunks[0]["id"]));
}

#[tokio::test]
async fn a_text_is_continued_whole_and_streamed() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let miner = Miner::link(&stage, "//Miner1", &ANSWER).await;
    let mut body = json!({"model": MODEL, "prompt": "Once", "max_tokens": 5, "seed": 1, "stop": "end", "echo": true});
    let answer = stage.post("/v1/completions", &body).await;
    assert_eq!(answer.json["choices"][0]["text"], "Hello world", "{}", answer.text);
    assert_eq!(answer.json["object"], "text_completion");
    body["stream"] = json!(true);
    let streamed = stage.post("/v1/completions", &body).await;
    let text: String = streamed
        .events()
        .iter()
        .filter_map(|event| Some(serde_json::from_str::<Value>(event).ok()?["choices"][0]["text"].as_str()?.to_owned()))
        .collect();
    assert_eq!(text, "Hello world");
    let task = miner.seen.lock().unwrap().tasks[0].clone();
    let Some(cuckoo_wire::link::task::Work::Completion(completion)) = task.work else { panic!() };
    let sampling = completion.sampling.unwrap();
    assert_eq!((completion.prompt.as_str(), completion.echo), ("Once", true));
    assert_eq!((sampling.max_tokens, sampling.stop), (5, vec!["end".to_owned()]));
    assert!(task.timeout_ms > 500_000, "the task's time is sent along");
}

#[tokio::test]
async fn texts_are_embedded_in_both_encodings() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let _miner = Miner::link(&stage, "//Miner1", &[Step::Embed(vec![0.5, -1.0]), Step::Finish]).await;
    let floats = stage.post("/v1/embeddings", &json!({"model": EMBEDDER, "input": ["a", "b"]})).await;
    assert_eq!(floats.status, 200, "{}", floats.text);
    assert_eq!(floats.json["data"][1]["index"], 1);
    assert_eq!(floats.json["data"][1]["embedding"], json!([0.5, -1.0]));
    assert_eq!(floats.json["usage"], json!({"prompt_tokens": 7, "total_tokens": 7}));
    let body = json!({"model": EMBEDDER, "input": "a", "encoding_format": "base64"});
    assert_eq!(stage.post("/v1/embeddings", &body).await.json["data"][0]["embedding"], "AAAAPwAAgL8=");
}

#[tokio::test]
async fn models_are_listed_while_somebody_serves_them() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    assert_eq!(stage.get("/v1/models").await.json["data"], json!([]));
    let miner = Miner::link(&stage, "//Miner1", &ANSWER).await;
    let listed = stage.get("/v1/models").await.json;
    assert_eq!(listed["data"][0]["id"], MODEL);
    assert_eq!(listed["data"][1]["id"], EMBEDDER);
    assert_eq!(stage.get("/v1/models/chatty").await.json["object"], "model");
    let unknown = stage.get("/v1/models/none").await;
    assert_eq!((unknown.status, unknown.code()), (404, "model_not_found"));
    drop(miner);
    crate::stage::until("no models", async || stage.get("/v1/models").await.json["data"] == json!([])).await;
}
