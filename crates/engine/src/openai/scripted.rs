//! A server that says what a test wants.

use std::time::Duration;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

/// What the server does after it has read a request.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Sends this.
    Send(String),
    /// Sends this again and again, until the other side is gone.
    Repeat(String),
    /// Waits until the other side is gone, which it reports; at most this long.
    Hang(Duration),
}

/// A request that came.
#[derive(Debug)]
pub(super) struct Asked {
    /// Method, path and headers.
    pub(super) head: String,
    pub(super) json: Value,
}

/// The server: answers each connection by the next script, the last one again and again.
pub(super) struct Scripted {
    pub(super) url: String,
    pub(super) asked: mpsc::UnboundedReceiver<Asked>,
    /// A message for each connection that the other side closed while it was hung.
    pub(super) gone: mpsc::UnboundedReceiver<()>,
}

impl Scripted {
    pub(super) async fn start(mut scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let ((asked_sender, asked), (gone_sender, gone)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        tokio::spawn(async move {
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                let script = if scripts.len() > 1 { scripts.remove(0) } else { scripts[0].clone() };
                let (asked, gone) = (asked_sender.clone(), gone_sender.clone());
                tokio::spawn(async move {
                    let _ = asked.send(read(&mut connection).await);
                    for step in script {
                        match step {
                            Step::Send(text) => connection.write_all(text.as_bytes()).await.unwrap(),
                            Step::Repeat(text) => while connection.write_all(text.as_bytes()).await.is_ok() {},
                            Step::Hang(limit) => {
                                let mut more = [0];
                                if tokio::time::timeout(limit, connection.read(&mut more)).await.is_ok() {
                                    let _ = gone.send(());
                                }
                            }
                        }
                    }
                });
            }
        });
        Self { url, asked, gone }
    }
}

/// An answer of a given status and body.
pub(super) fn status(status: &str, body: &str) -> Vec<Step> {
    vec![Step::Send(format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()))]
}

/// The beginning of an answer that goes on until the connection ends.
pub(super) fn streamed(events: &[&str]) -> Vec<Step> {
    let events: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    vec![Step::Send(format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{events}"))]
}

async fn read(connection: &mut TcpStream) -> Asked {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Asked { head: head.to_owned(), json: serde_json::from_str(body).unwrap_or_default() };
            }
        }
        match connection.read(&mut buffer).await.unwrap() {
            0 => return Asked { head: text, json: Value::Null },
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}
