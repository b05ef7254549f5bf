//! An application's connection, as cheap as can be: on two cores a full HTTP client would take the gateway's time.

use std::net::SocketAddr;

use anyhow::{bail, ensure, Context};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Longest answer that is taken, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// A kept-alive HTTP/1.1 connection.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// Sends a whole request without waiting for its answer.
    pub(super) async fn send(&mut self, request: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(request).await.context("the gateway hung up")
    }

    /// Reads one answer; any status but 200 is an error.
    pub(super) async fn receive(&mut self) -> anyhow::Result<()> {
        self.buffer.clear();
        loop {
            if let Some(end) = answer_end(&self.buffer)? {
                if self.buffer.len() >= end {
                    break;
                }
            }
            ensure!(self.buffer.len() <= MAX_ANSWER, "the answer has more than {MAX_ANSWER} bytes");
            let read = self.stream.read_buf(&mut self.buffer).await.context("the gateway hung up")?;
            ensure!(read > 0, "the gateway hung up in the middle of an answer");
        }
        if !self.buffer.starts_with(b"HTTP/1.1 200 ") {
            bail!("the gateway answered {}", String::from_utf8_lossy(&self.buffer));
        }
        Ok(())
    }

    /// Whether nothing has come since the request was sent, not even the end of the connection.
    pub(super) fn is_waiting(&self) -> bool {
        let mut byte = [0];
        matches!(self.stream.try_read(&mut byte), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    }
}

/// Where an answer of which `read` is the beginning ends, once its head is complete.
fn answer_end(read: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(head) = read.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&read[..head]).context("the answer's head is not text")?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
    });
    let length = length.with_context(|| format!("the answer has no content-length: {text}"))??;
    Ok(Some(head + 4 + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_known_once_the_head_is_there() {
        assert_eq!(answer_end(b"HTTP/1.1 200 OK\r\nContent-Le").unwrap(), None);
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        assert_eq!(answer_end(answer).unwrap(), Some(answer.len()));
        assert_eq!(answer_end(&answer[..answer.len() - 2]).unwrap(), Some(answer.len()));
    }

    #[test]
    fn an_answer_without_a_length_is_refused() {
        assert!(answer_end(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
