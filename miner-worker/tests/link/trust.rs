//! Whom the miner links to, and whom not.

use cuckoo_primitives::{CandidateStatus, Role};
use cuckoo_wire::link::{coordinator_message::Message as ToMiner, Refusal, RefusalCode, Task, Welcome};
use miner_worker::link::LinkState;
use subxt_signer::sr25519::dev;

use crate::{
    coordinator::{completion, FakeCoordinator},
    market::{candidate, Market, COORDINATOR, OTHER, STRANGER},
    ready, serving,
};

#[tokio::test]
async fn garbage_ends_the_link_and_the_miner_dials_again() {
    let short_id = Task { task_id: vec![1; 3].into(), ..completion(1, "x") };
    let garbage = [Some(ToMiner::Task(short_id)), Some(ToMiner::Welcome(Welcome::default())), None];
    // At the same time, since the miner is in no hurry to come back.
    let links = garbage.map(|garbage| async move {
        let (_market, mut coordinator, mut peer) = ready().await;
        peer.send_raw(garbage).await;
        peer.until_ended().await;
        coordinator.welcome(&dev::alice()).await.offer().await;
    });
    futures::future::join_all(links).await;
}

#[tokio::test]
async fn a_coordinator_without_the_right_key_is_refused() {
    let (market, mut coordinator) = serving(Market::new()).await;
    let mut peer = coordinator.next().await;
    // It says that it is the coordinator, and signs with another key.
    peer.challenge_as(COORDINATOR.account(), &dev::eve()).await;
    peer.until_ended().await;
    market.until_link(&coordinator, "did not prove").await;
}

#[tokio::test]
async fn a_coordinator_that_is_not_registered_or_not_active_is_refused() {
    let (market, mut coordinator) = serving(Market::new()).await;
    // Registered nowhere, registered as a miner, and this miner itself.
    for (key, reason) in
        [(dev::ferdie(), "not registered"), (dev::dave(), "registered as a miner"), (dev::bob(), "own operator key")]
    {
        let mut peer = coordinator.next().await;
        peer.challenge_as(cuckoo_chain_client::account_of(&key), &key).await;
        peer.until_ended().await;
        market.until_link(&coordinator, reason).await;
        // The chain's news end the long wait.
        market.nudge();
    }
}

#[tokio::test]
async fn a_blocked_coordinator_is_never_served() {
    for blocked in [COORDINATOR.account(), COORDINATOR.stash()] {
        let (market, mut coordinator) = serving(Market::blocking(blocked)).await;
        let mut peer = coordinator.next().await;
        peer.challenge_as(COORDINATOR.account(), &dev::alice()).await;
        peer.until_ended().await;
        market.until_link(&coordinator, "block list").await;
    }
}

#[tokio::test]
async fn a_refusal_is_reported_with_how_to_mend_it() {
    let (market, mut coordinator) = serving(Market::new()).await;
    let mut peer = coordinator.next().await;
    peer.hello().await;
    let refusal = Refusal { code: RefusalCode::NotRegistered.into(), reason: "no such\nminer".into() };
    peer.send(ToMiner::Refusal(refusal)).await;
    let report = market.until_link(&coordinator, "no such miner").await;
    assert_eq!(report.state, LinkState::Waiting);
    assert!(report.mend.unwrap().contains("register"));
}

#[tokio::test]
async fn a_coordinator_is_linked_once_even_at_two_urls() {
    let market = Market::new();
    let mut first = FakeCoordinator::start(&market).await;
    let mut second = FakeCoordinator::start(&market).await;
    market.serve(&[&first, &second]);
    let mut peer = first.welcome(&dev::alice()).await;
    peer.offer().await;
    // Not even a proof is sent, since the coordinator would take it for a newer link.
    let mut twin = second.next().await;
    twin.challenge_as(COORDINATOR.account(), &dev::alice()).await;
    twin.until_ended().await;
    market.until_link(&second, "linked already").await;
    peer.give(completion(1, "say x")).await;
    peer.result().await;
}

#[tokio::test]
async fn coordinators_are_found_on_chain() {
    let market = Market::new();
    let mut coordinator = FakeCoordinator::start(&market).await;
    let mut registered = candidate(COORDINATOR, Role::Coordinator, 1, CandidateStatus::Active);
    registered.info.endpoint = coordinator.url().into_bytes().try_into().unwrap();
    market.publish(vec![registered.clone()]);
    market.serve_on_chain();
    let mut peer = coordinator.welcome(&dev::alice()).await;
    peer.offer().await;

    // Another operator at that endpoint is not served, even if it is a coordinator itself.
    let mut moved = registered;
    moved.operator = STRANGER.account();
    market.publish(vec![moved, candidate(OTHER, Role::Coordinator, 1, CandidateStatus::Active)]);
    peer.closing().await;
    let mut peer = coordinator.next().await;
    peer.challenge_as(OTHER.account(), &dev::charlie()).await;
    peer.until_ended().await;
    market.until_link(&coordinator, "another operator").await;
}
