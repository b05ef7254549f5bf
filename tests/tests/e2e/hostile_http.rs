//! Bad input from applications: each gets a clear error, and the gateway lives.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{ensure, Context};
use cuckoo_testkit::{
    api::chat,
    models::{CHAT, EMBEDDING},
    open_files, Answer, Api, Gateway, Network, Node,
};
use futures::{stream, StreamExt};
use serde_json::{json, Value};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn bad_requests_are_named_and_the_gateway_lives() {
    let network = Network::start(&[("//Miner1", 1)]).await.unwrap();
    let api = network.gateway.api();

    let good = chat(CHAT, "Say hello.", 2);
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    let bad = [
        ("temperature", with("temperature", json!("hot"))),
        ("temperature", with("temperature", json!(-1))),
        ("temperature", with("temperature", json!(1e300))),
        ("top_p", with("top_p", json!(-0.5))),
        ("top_p", with("top_p", json!(2))),
        ("max_tokens", with("max_tokens", json!(-5))),
        ("max_tokens", with("max_tokens", json!("many"))),
        ("max_tokens", with("max_tokens", json!(1e18))),
        ("n", with("n", json!(-1))),
        ("n", with("n", json!(1_000_000))),
        ("stop", with("stop", json!(vec!["x"; 100]))),
        ("messages", with("messages", json!([]))),
        ("messages", with("messages", json!("hello"))),
        ("messages", with("messages", json!([{ "role": "user", "content": 5 }]))),
        ("messages", with("messages", json!([{ "role": "wizard", "content": "hello" }]))),
        ("model", with("model", json!(7))),
        ("stream", with("stream", json!("yes"))),
    ];
    for (param, body) in bad {
        let answer = api.post("/v1/chat/completions", &body).await.unwrap();
        expect_error(&answer, 400, &format!("{param} in {body}"));
        let (message, ..) = answer.error();
        assert!(message.contains(param) || answer.body["error"]["param"] == param, "{body}: {message}");
    }
    let no_model = api.post("/v1/chat/completions", &json!({ "messages": [] })).await.unwrap();
    expect_error(&no_model, 400, "no model");
    for body in [json!({ "model": EMBEDDING, "input": [] }), json!({ "model": EMBEDDING, "input": { "a": 1 } })] {
        expect_error(&api.post("/v1/embeddings", &body).await.unwrap(), 400, "embeddings input");
    }
    let long = api.post("/v1/chat/completions", &chat(CHAT, &"word ".repeat(20_000), 2)).await.unwrap();
    expect_error(&long, 400, "a prompt longer than the context");

    broken_bodies_are_refused(api).await;
    unknown_things_are_refused(api).await;
    assert_eq!(network.gateway.miner("//Miner1").await.unwrap()["free_slots"], 1);
    api.post("/v1/chat/completions", &good).await.unwrap().ok().unwrap();
}

async fn broken_bodies_are_refused(api: &Api) {
    let nested = "[".repeat(100_000);
    for body in ["", "{", "null", "[]", "\u{0}", r#"{"model":"#, nested.as_str()] {
        let answer = api.post_text("/v1/chat/completions", body.into()).await.unwrap();
        expect_error(&answer, 400, &format!("{:.20?}", body));
    }
    for path in ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"] {
        let body = json!({ "model": CHAT, "prompt": "x".repeat(64 * 1024 * 1024) }).to_string();
        // The gateway may answer before it has read everything and close, which a client can see as a broken pipe.
        match api.post_text(path, body).await {
            Ok(answer) => expect_error(&answer, 413, path),
            Err(error) => assert!(error.downcast_ref::<reqwest::Error>().is_some_and(|e| e.is_request()), "{error:#}"),
        }
    }
}

async fn unknown_things_are_refused(api: &Api) {
    for id in ["0", "zz", "../../etc/passwd", "%00", &"f".repeat(32), &"f".repeat(10_000)] {
        let answer = api.get(&format!("/v1/receipts/{id}")).await.unwrap();
        assert!([400, 404, 414].contains(&answer.status), "{id:.40}: {}", answer.status);
    }
    expect_error(&api.get("/v1/no-such-route").await.unwrap(), 404, "no such route");
    expect_error(&api.get("/v1/chat/completions").await.unwrap(), 405, "wrong method");
    for key in [None, Some("sk-wrong"), Some("")] {
        let answer = api.with_key(key).post("/v1/chat/completions", &chat(CHAT, "Say hello.", 2)).await.unwrap();
        expect_error(&answer, 401, "no valid key");
        assert!(!answer.text.contains("sk-wrong"), "the error repeats the key");
    }
}

fn expect_error(answer: &Answer, status: u16, what: &str) {
    assert_eq!(answer.status, status, "{what:.200}: {:.500}", answer.text);
    let (message, kind, code) = answer.error();
    assert!(!message.is_empty() && !kind.is_empty() && !code.is_empty(), "{what:.200}: no error body: {}", answer.text);
}

#[tokio::test]
async fn ten_thousand_connections_do_not_stop_the_gateway() {
    const WANTED: usize = 10_000;
    // Both ends of every connection are files of a process of their own; some are needed besides.
    let files = open_files::raise_limit().unwrap();
    let count = WANTED.min(files.saturating_sub(500) as usize);
    assert!(count >= 3_000, "only {files} open files are allowed here; raise the hard limit (`ulimit -Hn`)");

    let network = Network::start(&[("//Miner1", 1)]).await.unwrap();
    let address = address_of(network.gateway.api());
    let began = Instant::now();
    let opened: Vec<_> =
        stream::iter(0..count).map(|_| TcpStream::connect(address)).buffer_unordered(256).collect().await;
    let mut connections: Vec<TcpStream> = opened.into_iter().filter_map(Result::ok).collect();
    println!("{} of {WANTED} connections open after {:?}", connections.len(), began.elapsed());
    assert!(connections.len() >= count * 99 / 100, "{} of {count} were opened", connections.len());

    // While they are open, and half of them have begun a request, the gateway serves.
    for connection in connections.iter_mut().step_by(2) {
        let _ = connection.write_all(b"GET /healthz HTTP/1.1\r\nHost: gateway\r\n").await;
    }
    let asked = Instant::now();
    network.gateway.api().chat(CHAT, "Say hello.", 2).await.unwrap();
    println!("a question amid them took {:?}", asked.elapsed());

    // They are no empty shells: finished requests are answered.
    let mut answered = 0;
    for connection in connections.iter_mut().step_by(2).take(100) {
        let text = finish_request(connection).await.unwrap_or_default();
        answered += usize::from(text.starts_with("HTTP/1.1 200"));
    }
    assert_eq!(answered, 100, "of 100 finished requests");
    drop(connections);
    network.gateway.api().chat(CHAT, "Say hello.", 2).await.unwrap();
}

async fn finish_request(connection: &mut TcpStream) -> anyhow::Result<String> {
    connection.write_all(b"Connection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    tokio::time::timeout(LIMIT, connection.read_to_end(&mut answer)).await??;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn slow_clients_are_cut_off() {
    let node = Node::dev().start().await.unwrap();
    let gateway = Gateway::builder(&node).arg("--head-timeout-ms=2000").arg("--body-timeout-ms=2000");
    let gateway = gateway.start().await.unwrap();
    let address = address_of(gateway.api());

    // A head that grows by a byte now and then, one that never comes, a body that never comes.
    let key = gateway.api().key().unwrap_or_default();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{"
    );
    let (dripping, silent, no_body) =
        tokio::join!(drip(address), until_closed(address, ""), until_closed(address, &head));
    let (dripping, (silent, _), (no_body, answer)) = (dripping.unwrap(), silent.unwrap(), no_body.unwrap());
    println!("cut off: dripping head after {dripping:?}, silence after {silent:?}, missing body after {no_body:?}");
    assert!(answer.contains("408"), "no 408 for a missing body: {answer}");
    assert_eq!(gateway.api().get("/healthz").await.unwrap().status, 200);
}

/// Sends a head byte by byte until the gateway closes.
async fn drip(address: SocketAddr) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let (mut reading, mut writing) = TcpStream::connect(address).await?.into_split();
    writing.write_all(b"GET /healthz HTTP/1.1\r\nX-Slow: ").await?;
    let dripping = tokio::spawn(async move {
        while writing.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let closed = tokio::time::timeout(LIMIT, reading.read_to_end(&mut Vec::new())).await;
    dripping.abort();
    ensure!(closed.is_ok(), "still open after {LIMIT:?}");
    Ok(began.elapsed())
}

/// Sends `text` and waits until the gateway closes; how long that took, and its answer.
async fn until_closed(address: SocketAddr, text: &str) -> anyhow::Result<(Duration, String)> {
    let began = Instant::now();
    let mut connection = TcpStream::connect(address).await?;
    connection.write_all(text.as_bytes()).await?;
    let mut answer = Vec::new();
    // A reset is an end too.
    let _ = tokio::time::timeout(LIMIT, connection.read_to_end(&mut answer)).await.context("still open")?;
    Ok((began.elapsed(), String::from_utf8_lossy(&answer).into_owned()))
}

fn address_of(api: &Api) -> SocketAddr {
    api.url().trim_start_matches("http://").parse().unwrap()
}
