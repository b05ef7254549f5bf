//! Opening the connection to a coordinator.

use std::{error::Error, time::Duration};

use cuckoo_wire::{limits::MAX_MESSAGE_BYTES, link::miner_link_client::MinerLinkClient};
use tonic::transport::{ClientTlsConfig, Endpoint};

use super::{
    connection::{Background, Connection},
    error::LinkError,
};
use crate::config::CoordinatorUrl;

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A silent connection is asked this often whether it still lives; the answer may take as long again.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Longest text of somebody else's that is kept.
pub(super) const MAX_FOREIGN_TEXT: usize = 300;

/// Connects to the gateway at `url`.
pub async fn dial(url: &CoordinatorUrl) -> Result<Connection, LinkError> {
    let unreachable = |error: tonic::transport::Error| LinkError::Unreachable(format!("{url}: {}", causes(&error)));
    let (background, lifeline) = Background::new();
    let mut endpoint = Endpoint::from_shared(url.as_str().to_owned())
        .map_err(unreachable)?
        .executor(background)
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true);
    if url.is_https() {
        endpoint = endpoint.tls_config(ClientTlsConfig::new().with_native_roots()).map_err(unreachable)?;
    }
    // The timeout above covers one TCP connection only, not name resolution nor TLS.
    let connecting = tokio::time::timeout(2 * CONNECT_TIMEOUT, endpoint.connect());
    let channel = connecting.await.map_err(|_| LinkError::TimedOut("accept a connection"))?.map_err(unreachable)?;
    let client = MinerLinkClient::new(channel)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    Ok(Connection { client, lifeline })
}

/// An error with its causes: transport errors say little by themselves.
pub(super) fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Somebody else's text, made fit for a log line.
pub(super) fn foreign(text: &str) -> String {
    text.chars().take(MAX_FOREIGN_TEXT).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_closed_port_is_unreachable_and_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let error = dial(&url.parse().unwrap()).await.err().unwrap();
        assert_eq!(error.label(), "unreachable");
        assert!(error.to_string().contains(&url), "{error}");
    }

    #[test]
    fn foreign_text_cannot_forge_log_lines() {
        assert_eq!(foreign("a\nb\u{1b}[31m"), "a b [31m");
        assert_eq!(foreign(&"x".repeat(1_000)).len(), MAX_FOREIGN_TEXT);
    }
}
