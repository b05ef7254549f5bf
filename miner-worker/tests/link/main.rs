//! Links against a coordinator that speaks the real protocol in this process, with an engine that answers at once.

mod accepts;
mod answers;
mod cancelled;
mod commits;
mod coordinator;
mod cut_off;
mod endings;
mod engine;
mod market;
mod opened;
mod paid;
mod receipts;
mod shares;
mod source;
mod tasks;
mod trust;
mod watched;

use std::time::Duration;

use coordinator::{FakeCoordinator, Peer};
use market::Market;
use subxt_signer::sr25519::dev;

/// Longer than anything here should take.
const LIMIT: Duration = Duration::from_secs(20);
/// Long enough for a message that should not come.
const MOMENT: Duration = Duration::from_millis(300);

/// A coordinator, and the miner of this market that dials it.
async fn serving(market: Market) -> (Market, FakeCoordinator) {
    let coordinator = FakeCoordinator::start(&market).await;
    market.serve(&[&coordinator]);
    (market, coordinator)
}

/// The same with the link between them.
async fn linked_in(market: Market) -> (Market, FakeCoordinator, Peer) {
    let (market, mut coordinator) = serving(market).await;
    let peer = coordinator.welcome(&dev::alice()).await;
    (market, coordinator, peer)
}

/// The same when the miner has offered its slots.
async fn ready_in(market: Market) -> (Market, FakeCoordinator, Peer) {
    let (market, coordinator, mut peer) = linked_in(market).await;
    peer.offer().await;
    (market, coordinator, peer)
}

/// A link in a market with one coordinator and a miner with four slots, before its first offer.
async fn linked() -> (Market, FakeCoordinator, Peer) {
    linked_in(Market::new()).await
}

/// The same after it.
async fn ready() -> (Market, FakeCoordinator, Peer) {
    ready_in(Market::new()).await
}
