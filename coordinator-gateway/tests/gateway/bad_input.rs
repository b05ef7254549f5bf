use std::time::Duration;

use serde_json::{json, Value};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    miner::{Miner, ANSWER},
    stage::{chat, Stage, EMBEDDER, MODEL},
};

#[tokio::test]
async fn wrong_parameters_are_named() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let miner = Miner::link(&stage, "//Miner1", &ANSWER).await;
    let cases: [(&str, Value); 15] = [
        ("temperature", json!("hot")),
        ("temperature", json!(-1)),
        ("temperature", json!(1e300)),
        ("top_p", json!(0)),
        ("max_tokens", json!(-5)),
        ("max_tokens", json!(0)),
        ("max_completion_tokens", json!(1.5)),
        ("messages", json!([])),
        ("messages", json!([{"role": "user", "content": 5}])),
        ("stop", json!(["a", "b", "c", "d", "e"])),
        ("stream_options", json!({"include_usage": true})),
        ("n", json!(2)),
        ("top_logprobs", json!(3)),
        ("frequency_penalty", json!(2.5)),
        ("top_k", json!(-2)),
    ];
    for (param, value) in cases {
        let mut body = chat();
        body[param] = value;
        let answer = stage.post("/v1/chat/completions", &body).await;
        assert_eq!((answer.status, answer.param()), (400, param), "{body}: {}", answer.text);
        assert_eq!(answer.json["error"]["type"], "invalid_request_error");
    }
    assert_eq!(miner.tasks(), 0);
    assert_eq!(stage.chat().await.status, 200);
}

#[tokio::test]
async fn unknown_models_and_wrong_kinds_are_told_apart() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let _miner = Miner::link(&stage, "//Miner1", &ANSWER).await;
    let mut body = chat();
    body["model"] = json!("gpt-7");
    let answer = stage.post("/v1/chat/completions", &body).await;
    assert_eq!((answer.status, answer.code(), answer.param()), (404, "model_not_found", "model"));
    assert!(answer.text.contains(MODEL), "what there is is said: {}", answer.text);
    body["model"] = json!(EMBEDDER);
    let answer = stage.post("/v1/chat/completions", &body).await;
    assert_eq!((answer.status, answer.code()), (400, "model_not_supported"));
    assert!(answer.text.contains("/v1/embeddings"), "{}", answer.text);
}

#[tokio::test]
async fn bodies_that_are_no_json_or_too_large_are_refused() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let post =
        |body: Vec<u8>| stage.client().post(stage.url("/v1/chat/completions")).bearer_auth(&stage.key).body(body);
    for body in [&b"{\"model\":"[..], b"", b"null", b"\xff\xfe"] {
        let answer = stage.send(post(body.to_vec())).await;
        assert_eq!((answer.status, answer.code()), (400, "invalid_json"));
    }
    let answer = stage.send(post(vec![b' '; 2 * 1024 * 1024])).await;
    assert_eq!((answer.status, answer.code()), (413, "request_too_large"));
}

#[tokio::test]
async fn urls_and_methods_are_refused_in_the_same_shape() {
    let stage = Stage::start(&[]).await;
    let answer = stage.get("/v1/nothing").await;
    assert_eq!((answer.status, answer.code()), (404, "unknown_url"));
    let answer = stage.get("/v1/chat/completions").await;
    assert_eq!((answer.status, answer.code()), (405, "method_not_allowed"));
    for path in ["/v1/miners?limit=-1", "/v1/models/%ff", "/v1/receipts/%ff"] {
        let answer = stage.get(path).await;
        assert!([400, 404].contains(&answer.status) && !answer.code().is_empty(), "{path}: {}", answer.text);
    }
    assert_eq!(stage.get("/v1/receipts/zz").await.code(), "receipt_not_found");
}

#[tokio::test]
async fn request_ids_are_taken_over_if_they_are_sane() {
    let stage = Stage::start(&[]).await;
    let ask = async |id: &str| {
        let request = stage.client().get(stage.url("/healthz")).header("x-request-id", id);
        stage.send(request).await.header("x-request-id").to_owned()
    };
    assert_eq!(ask("mine-1").await, "mine-1");
    assert!(ask(&"x".repeat(500)).await.starts_with("req_"));
}

#[tokio::test]
async fn silent_connections_are_closed() {
    let stage = Stage::with_limits(&[], |limits| limits.head_timeout_ms = 300).await;
    for bytes in [&b""[..], b"GET /healthz HTTP/1.1\r\nHost: x\r\n"] {
        let mut connection = TcpStream::connect(stage.gateway.http()).await.unwrap();
        connection.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(5), connection.read_to_end(&mut answer)).await;
        assert!(closed.is_ok(), "still open after {bytes:?}");
    }
}

#[tokio::test]
async fn many_connections_do_not_keep_others_out() {
    let stage = Stage::start(&[]).await;
    let mut connections = Vec::new();
    for _ in 0..400 {
        connections.push(TcpStream::connect(stage.gateway.http()).await.unwrap());
    }
    assert_eq!(stage.get("/healthz").await.status, 200);
}
