//! HTTP connections: how many, how long they may be silent, and how they end.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    by_address::ByAddress,
    client::{until_hung_up, Client},
};

/// Pause after the system refused to accept, for instance for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Largest head of a request, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Bounds on connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionLimits {
    /// At once; further ones wait in the system's queue.
    pub(crate) most: usize,
    /// The same for one address; further ones are closed at once.
    pub(crate) most_per_ip: usize,
    /// Longest wait for a request's head, the first or the next.
    pub(crate) head_timeout: Duration,
    /// Longest wait for a peer that does not read what waits for it.
    pub(crate) write_timeout: Duration,
    /// How long running requests have to be answered after the end.
    pub(crate) drain: Duration,
}

/// Serves until `stop`, then until every running request has been answered or is cut off, as if its client had hung up.
/// When this returns, none runs any more.
pub(crate) async fn serve_http(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(limits.most.clamp(1, Semaphore::MAX_PERMITS)));
    let by_address = ByAddress::new(limits.most_per_ip);
    let mut connections = JoinSet::new();
    let service = TowerToHyperService::new(router);
    loop {
        let next = async {
            // The semaphore is never closed.
            let place = places.clone().acquire_owned().await.ok()?;
            Some((accept(&listener).await, place))
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => None,
            accepted = next => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Some(((stream, peer), place)) = accepted else { break };
        let Some(counted) = by_address.admit(peer.ip()) else {
            metrics::counter!("gateway_connections_refused_total", "reason" => "too_many_of_address").increment(1);
            continue;
        };
        let (service, stop) = (service.clone(), stop.clone());
        connections.spawn(async move {
            serve_connection(stream, service, limits, stop).await;
            drop((place, counted));
        });
    }
    drop(listener);
    let all_answered = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain, all_answered).await.is_err() {
        tracing::warn!(target: "gateway::http", drain_ms = limits.drain.as_millis() as u64, "some tasks did not end in time");
        connections.shutdown().await;
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
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
    limits: ConnectionLimits,
    stop: CancellationToken,
) {
    // Tokens are small and must not wait for each other.
    drop(stream.set_nodelay(true));
    // The protocol's buffers are large compared to a connection on which nothing has been said.
    let first_bytes = tokio::time::timeout(limits.head_timeout, stream.readable());
    if !matches!(stop.run_until_cancelled(first_bytes).await, Some(Ok(Ok(())))) {
        return;
    }
    let client = Client::new(stream, limits.write_timeout);
    let line = client.line();
    let mut connection = pin!(http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        // Whether the client is still there is watched below.
        .half_close(true)
        .serve_connection(TokioIo::new(client), service));
    let served = async {
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    match until_hung_up(&line, served).await {
        Some(Ok(())) => {}
        Some(Err(error)) => tracing::debug!(target: "gateway::http", %error, "connection ended"),
        None => tracing::debug!(target: "gateway::http", "the client hung up"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::io::AsyncWriteExt;

    /// Counts itself while it lives.
    struct Running(Arc<AtomicUsize>);

    impl Running {
        fn new(count: &Arc<AtomicUsize>) -> Self {
            count.fetch_add(1, Ordering::SeqCst);
            Self(count.clone())
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn when_it_has_ended_no_request_runs_any_more() {
        const PATIENCE: Duration = Duration::from_secs(10);
        const MANY: usize = 50;
        let running = Arc::new(AtomicUsize::new(0));
        let seen = running.clone();
        let endless = move || {
            let running = Running::new(&seen);
            async move {
                std::future::pending::<()>().await;
                drop(running);
            }
        };
        let limits = ConnectionLimits {
            most: MANY,
            most_per_ip: MANY,
            head_timeout: PATIENCE,
            write_timeout: PATIENCE,
            drain: Duration::from_millis(50),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let router = Router::new().route("/", get(endless));
        let serving = tokio::spawn(serve_http(listener, router, limits, stop.clone()));
        let mut clients = Vec::new();
        for _ in 0..MANY {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
            clients.push(client);
        }
        let all_run = async {
            while running.load(Ordering::SeqCst) < MANY {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, all_run).await.unwrap();
        stop.cancel();
        tokio::time::timeout(PATIENCE, serving).await.unwrap().unwrap();
        assert_eq!(running.load(Ordering::SeqCst), 0);
    }
}
