use std::{net::SocketAddr, time::Duration};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::{
    miner::{Miner, Step},
    stage::{until, Stage, MODEL},
};

/// More than the system buffers for a client that does not read: 512 pieces of this size are 8 MiB.
const PIECE_BYTES: usize = 16 * 1024;
const PIECES: usize = 512;

/// A client with a small buffer.
pub(crate) async fn dial(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    socket.connect(address).await.unwrap()
}

#[tokio::test]
async fn a_client_that_never_reads_its_stream_gives_its_place_back() {
    let stage = Stage::with_limits(&[("//Miner1", 25_000)], |limits| {
        limits.max_tasks = 1;
        limits.write_timeout_ms = 500;
    })
    .await;
    let piece: &'static str = "x".repeat(PIECE_BYTES).leak();
    let mut script = vec![Step::Say(piece); PIECES];
    script.push(Step::Finish);
    let miner = Miner::link(&stage, "//Miner1", &script).await;
    miner.offer_context(1 << 17).await;

    let body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "stream": true}).to_string();
    let mut silent = dial(stage.gateway.http()).await;
    silent.write_all(stage.raw_chat(&body).as_bytes()).await.unwrap();
    until("the task", async || miner.tasks() == 1).await;
    let refused = stage.chat().await;
    assert_eq!((refused.status, refused.code()), (503, "overloaded"));
    until("the place to be free", async || stage.chat().await.status == 200).await;
    assert!(stage.get("/metrics").await.text.contains("gateway_connections_stalled_total"), "for this reason");
    drop(silent);
}

#[tokio::test]
async fn a_client_that_asks_much_and_reads_nothing_is_cut_off() {
    let stage = Stage::with_limits(&[], |limits| limits.write_timeout_ms = 300).await;
    let mut silent = dial(stage.gateway.http()).await;
    // Pipelined, until the gateway takes no more; then it waits for us, and then no longer.
    let requests = "GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(2_000);
    let cut_off = tokio::time::timeout(Duration::from_secs(8), async {
        while silent.write_all(requests.as_bytes()).await.is_ok() {}
    });
    cut_off.await.expect("the connection ends");
}

#[tokio::test]
async fn one_address_cannot_take_all_places() {
    let stage = Stage::with_limits(&[], |limits| {
        limits.max_connections = 8;
        limits.max_connections_per_ip = 3;
    })
    .await;
    let mut first = dial(stage.gateway.http()).await;
    let _others = [dial(stage.gateway.http()).await, dial(stage.gateway.http()).await];
    let mut refused = dial(stage.gateway.http()).await;
    let closed = tokio::time::timeout(Duration::from_secs(5), refused.read(&mut [0; 16])).await.expect("it is closed");
    assert!(matches!(closed, Ok(0) | Err(_)));
    first.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(first.read(&mut [0; 16]).await.unwrap() > 0, "those that were let in are served");
}
