use std::time::Duration;

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
