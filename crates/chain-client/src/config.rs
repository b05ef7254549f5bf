//! Where to find the chain, and how long to trust what was heard of it.

use std::{fmt, time::Duration};

use crate::endpoint::shown;

/// After this long without a new finalised block a view is stale, unless configured otherwise.
pub const DEFAULT_STALE_AFTER: Duration = Duration::from_secs(30);

/// Where to find the chain, and how long to trust what was heard of it.
#[derive(Clone)]
pub struct ChainConfig {
    /// WebSocket URLs of nodes (`ws://` or `wss://`), tried in turn. All must serve the same chain.
    pub endpoints: Vec<String>,
    /// A view is stale when no new finalised block has arrived for this long, or when the last one is older than this
    /// (and the few slots that finality takes) by its own time. After twice this time the connection is given up and the
    /// next endpoint tried.
    pub stale_after: Duration,
}

impl ChainConfig {
    /// A configuration with these endpoints and [`DEFAULT_STALE_AFTER`].
    pub fn new(endpoints: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { endpoints: endpoints.into_iter().map(Into::into).collect(), stale_after: DEFAULT_STALE_AFTER }
    }

    /// The endpoints for people to read: scheme, host and port, since the rest may hold access keys.
    pub fn shown_endpoints(&self) -> String {
        self.endpoints.iter().map(|url| shown(url)).collect::<Vec<_>>().join(", ")
    }
}

// By hand, since URLs may hold access keys.
impl fmt::Debug for ChainConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainConfig")
            .field("endpoints", &self.shown_endpoints())
            .field("stale_after", &self.stale_after)
            .finish()
    }
}
