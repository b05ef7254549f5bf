//! A connection to a coordinator, and how long it lives.

use std::future::Future;

use cuckoo_wire::link::miner_link_client::MinerLinkClient;
use hyper::rt::Executor;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Channel;

/// A connection on which nothing has been said yet.
pub struct Connection {
    pub(super) client: MinerLinkClient<Channel>,
    pub(super) lifeline: Lifeline,
}

/// Holds a connection. Without it the connection ends at once, with all that waits to be sent.
///
/// By itself it would last as long as the coordinator answers pings: one that reads nothing could have a miner pile up
/// connections until it can open no more.
pub(super) struct Lifeline {
    _guard: DropGuard,
}

/// Runs what a connection does in the background, as long as it lives.
pub(super) struct Background(CancellationToken);

impl Background {
    /// The background of a connection, and what holds that.
    pub(super) fn new() -> (Self, Lifeline) {
        let ended = CancellationToken::new();
        (Self(ended.clone()), Lifeline { _guard: ended.drop_guard() })
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Background {
    fn execute(&self, task: F) {
        let ended = self.0.clone();
        tokio::spawn(async move { ended.run_until_cancelled(task).await });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::sync::oneshot;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn nothing_goes_on_without_the_lifeline() {
        let (background, lifeline) = Background::new();
        let (sender, mut receiver) = oneshot::channel::<()>();
        background.execute(async move {
            let _held = sender;
            std::future::pending::<()>().await
        });
        let waited = tokio::time::timeout(Duration::from_millis(50), &mut receiver).await;
        assert!(waited.is_err(), "it runs as long as the lifeline is there");
        drop(lifeline);
        assert!(tokio::time::timeout(LIMIT, receiver).await.expect("it goes on").is_err());
    }
}
