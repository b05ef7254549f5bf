//! The URL of a node.

use std::fmt;

/// The WebSocket URL of a node. Shown without user, path and query, since those may hold an access key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Endpoint(String);

impl Endpoint {
    /// Takes `url` if it is one of a WebSocket.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let url = url.trim();
        match url.split_once("://") {
            Some(("ws" | "wss", rest)) if !rest.is_empty() => Ok(Self(url.into())),
            _ => Err("not a WebSocket URL; it must begin with ws:// or wss://".into()),
        }
    }

    /// All of it, for whoever connects.
    pub(crate) fn url(&self) -> &str {
        &self.0
    }
}

/// Scheme, host and port of `url`.
pub(crate) fn shown(url: &str) -> String {
    let (scheme, rest) = url.trim().split_once("://").unwrap_or(("", url.trim()));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if scheme.is_empty() {
        host.into()
    } else {
        format!("{scheme}://{host}")
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.0))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_keys_are_not_shown() {
        let endpoint = Endpoint::parse("wss://user:pass@node.example:443/secret?key=secret").unwrap();
        assert_eq!(endpoint.to_string(), "wss://node.example:443");
        assert_eq!(format!("{endpoint:?}"), "wss://node.example:443");
        assert!(endpoint.url().contains("key=secret"));
    }

    #[test]
    fn only_websockets_are_endpoints() {
        assert!(Endpoint::parse("ws://127.0.0.1:9944").is_ok());
        for url in ["", "http://127.0.0.1:9944", "127.0.0.1:9944", "ws://"] {
            assert!(Endpoint::parse(url).is_err(), "{url}");
        }
    }
}
