//! Memory of a gateway with all miners connected and many requests that wait.

use std::time::Duration;

use anyhow::ensure;
use cuckoo_testkit::{fake_miner::Reply, until, FakeLink};
use futures::{stream, StreamExt, TryStreamExt};

use super::{connection::Connection, market, MeasuredGateway};

/// Requests that wait: one runs at each miner, the others queue.
const REQUESTS: usize = 10_000;
/// Handshakes and connections at once; the gateway limits those that have proven nothing.
const AT_ONCE: usize = 32;
const LIMIT: Duration = Duration::from_secs(120);

/// Links all registered miners, which will keep whatever task they get.
pub(super) async fn link_all(gateway: &MeasuredGateway) -> anyhow::Result<Vec<FakeLink>> {
    stream::iter(0..market::MINERS)
        .map(|number| gateway.connect(number, 1, Reply::Never))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// Resident memory in MiB when every request is sent, read, and at a miner or in the queue.
pub(super) async fn loaded_mib(gateway: &MeasuredGateway, links: &[FakeLink]) -> anyhow::Result<f64> {
    let request = gateway.target.request();
    let connections: Vec<Connection> = stream::iter(0..REQUESTS)
        .map(|_| async {
            let mut connection = Connection::open(gateway.target.address).await?;
            connection.send(&request).await?;
            anyhow::Ok(connection)
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    until(LIMIT, "every request to wait", async || {
        let running: u64 = links.iter().map(FakeLink::received).sum();
        let queued = gateway.gauge("gateway_tasks_waiting").await?;
        ensure!(
            running == u64::from(market::MINERS) && queued == REQUESTS as u64 - running,
            "{running} requests are at miners, {queued} in the queue"
        );
        Ok(())
    })
    .await?;
    let waiting = connections.iter().filter(|connection| connection.is_waiting()).count();
    ensure!(waiting == REQUESTS, "{waiting} of {REQUESTS} requests wait, the others were answered");
    gateway.resident_mib()
}
