use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    miner::{Miner, Step},
    stage::{chat, until, Stage},
};

const PATIENCE: Duration = Duration::from_secs(10);

/// All that the gateway sends until it closes the connection.
async fn rest(connection: &mut TcpStream) -> String {
    let mut all = Vec::new();
    // An end by a reset shows in what is missing.
    drop(tokio::time::timeout(PATIENCE, connection.read_to_end(&mut all)).await.expect("it is closed"));
    String::from_utf8(all).unwrap()
}

#[tokio::test]
async fn who_hangs_up_frees_the_slot_after_a_byte_too_many_too() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let miner = Miner::link(&stage, "//Miner1", &[Step::Hang]).await;
    let request = stage.raw_chat(&chat().to_string());
    for (n, too_much) in ["", "\n", "GET /healthz HTTP/1.1\r\n"].into_iter().enumerate() {
        let mut connection = TcpStream::connect(stage.gateway.http()).await.unwrap();
        connection.write_all(format!("{request}{too_much}").as_bytes()).await.unwrap();
        until("the task", async || miner.tasks() == n + 1).await;
        drop(connection);
        until("the cancellation", async || miner.cancels() == n + 1).await;
    }
    stage.until_free_slots("//Miner1", 1).await;
}

#[tokio::test]
async fn a_key_whose_applications_hang_up_before_the_first_piece_again_and_again_is_not_served() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let miner = Miner::with_slots(&stage, "//Miner1", 40, &[Step::Hang]).await;
    let ask = |key: &str| {
        let request = stage.client().post(stage.url("/v1/chat/completions")).bearer_auth(key).json(&chat());
        tokio::spawn(request.send())
    };
    let first: Vec<_> = (0..30).map(|_| ask(&stage.key)).collect();
    until("the tasks", async || miner.tasks() == 30).await;
    first.iter().for_each(|request| request.abort());
    until("the cancellations", async || miner.cancels() == 30).await;
    let begun = Instant::now();
    let refused = loop {
        // The miner's last words may be under way, and where that takes long one more is forgiven.
        assert!(begun.elapsed() < PATIENCE, "it is served again and again");
        let (before, request) = (miner.tasks(), ask(&stage.key));
        until("what becomes of it", async || request.is_finished() || miner.tasks() > before).await;
        match request.is_finished() {
            true => break request.await.unwrap().unwrap(),
            false => request.abort(),
        }
    };
    assert_eq!(refused.status(), 429);
    assert!(["1", "2"].contains(&refused.headers()["retry-after"].to_str().unwrap()));
    assert!(refused.text().await.unwrap().contains("too_many_hang_ups"));
    let other = stage.gateway.keys().create("other").await.unwrap().secret;
    let (before, request) = (miner.tasks(), ask(&other));
    until("the task of another key", async || miner.tasks() > before).await;
    request.abort();
}

#[tokio::test]
async fn a_byte_too_many_that_comes_late_does_not_hide_the_hang_up() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let miner = Miner::link(&stage, "//Miner1", &[Step::Hang]).await;
    let mut connection = TcpStream::connect(stage.gateway.http()).await.unwrap();
    connection.write_all(stage.raw_chat(&chat().to_string()).as_bytes()).await.unwrap();
    until("the task", async || miner.tasks() == 1).await;
    connection.write_all(b"\n").await.unwrap();
    drop(connection);
    until("the cancellation", async || miner.cancels() == 1).await;
}

#[tokio::test]
async fn what_was_sent_before_the_end_is_answered_if_it_can_be_at_once() {
    let stage = Stage::start(&[]).await;
    let mut connection = TcpStream::connect(stage.gateway.http()).await.unwrap();
    connection.write_all("GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(20).as_bytes()).await.unwrap();
    connection.shutdown().await.unwrap();
    assert_eq!(rest(&mut connection).await.matches("HTTP/1.1 200 OK").count(), 20);

    // More than is read in one go.
    let mut connection = TcpStream::connect(stage.gateway.http()).await.unwrap();
    connection.write_all(stage.raw_chat(&" ".repeat(900_000)).as_bytes()).await.unwrap();
    connection.shutdown().await.unwrap();
    assert!(rest(&mut connection).await.contains("invalid_json"));

    let mut connection = TcpStream::connect(stage.gateway.http()).await.unwrap();
    let broken_off = stage.raw_chat(&chat().to_string());
    connection.write_all(&broken_off.as_bytes()[..broken_off.len() - 1]).await.unwrap();
    connection.shutdown().await.unwrap();
    assert!(rest(&mut connection).await.contains("incomplete_body"));
}
