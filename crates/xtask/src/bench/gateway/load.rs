//! Applications that ask one question after the other.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use cuckoo_testkit::{api, models};
use futures::future::try_join_all;

use super::{connection::Connection, latencies::Latencies};

/// Characters of the question, that of a short chat.
const QUESTION_CHARS: usize = 512;

/// A gateway's HTTP API, and a key for it.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) key: String,
}

impl Target {
    /// A whole chat request as it goes over the connection.
    pub(super) fn request(&self) -> Vec<u8> {
        let body = api::chat(models::CHAT, &"question ".repeat(QUESTION_CHARS / 9), 16).to_string();
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            self.key,
            body.len()
        )
        .into_bytes()
    }
}

/// Asks over so many connections for so long, on each one question after the other.
pub(super) async fn run(target: &Target, connections: usize, duration: Duration) -> anyhow::Result<Latencies> {
    let start = Instant::now();
    let tasks = (0..connections).map(|_| {
        let target = target.clone();
        tokio::spawn(async move { ask(&target, start + duration).await })
    });
    let mut all = Vec::new();
    for latencies in try_join_all(tasks).await? {
        all.extend(latencies?);
    }
    Ok(Latencies::new(all, start.elapsed()))
}

async fn ask(target: &Target, until: Instant) -> anyhow::Result<Vec<Duration>> {
    let request = target.request();
    let mut connection = Connection::open(target.address).await?;
    let mut latencies = Vec::new();
    while Instant::now() < until {
        let start = Instant::now();
        connection.send(&request).await?;
        connection.receive().await?;
        latencies.push(start.elapsed());
    }
    Ok(latencies)
}
