//! HTTP connections: how many, how long they may be silent, and how they end.

use std::{pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Pause after the system refused to accept, for instance for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Largest head of a request, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Bounds on connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionLimits {
    /// At once; further ones wait in the system's queue.
    pub(crate) most: usize,
    /// Longest wait for a request's head, the first or the next.
    pub(crate) head_timeout: Duration,
}

/// Serves until `stop`, then until every running request has been answered.
pub(crate) async fn serve_http(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(limits.most.clamp(1, Semaphore::MAX_PERMITS)));
    let connections = TaskTracker::new();
    let service = TowerToHyperService::new(router);
    loop {
        let accepted = stop.run_until_cancelled(async {
            // The semaphore is never closed.
            let place = places.clone().acquire_owned().await.ok()?;
            Some((accept(&listener).await, place))
        });
        let Some(Some((stream, place))) = accepted.await else { break };
        let (service, stop) = (service.clone(), stop.clone());
        connections.spawn(async move {
            serve_connection(stream, service, limits.head_timeout, stop).await;
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(target: "gateway::http", %error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_connection(
    stream: TcpStream,
    service: TowerToHyperService<Router>,
    head_timeout: Duration,
    stop: CancellationToken,
) {
    // Tokens are small and must not wait for each other.
    drop(stream.set_nodelay(true));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(target: "gateway::http", %error, "connection ended");
    }
}
