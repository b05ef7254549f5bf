//! Links against a coordinator that speaks the real protocol in this process, with an engine that answers at once.

mod coordinator;
mod engine;
mod market;

use std::time::Duration;

use codec::DecodeAll;
use coordinator::{completion, embedding, FakeCoordinator, Peer};
use cuckoo_primitives::{
    signing::Statement,
    task::{Finish, OutputHasher, Receipt},
    CandidateStatus, Role, Signature,
};
use cuckoo_wire::{
    link::{
        coordinator_message::Message as ToMiner, Cancel, Closing, FailureCode, Refusal, RefusalCode, Task, Welcome,
    },
    request::request_hash,
};
use engine::{CHAT, EMBEDDING};
use market::{candidate, Market, COORDINATOR, MINER, OTHER, STRANGER};
use miner_worker::link::LinkState;
use subxt_signer::sr25519::dev;

/// Longer than anything here should take.
const LIMIT: Duration = Duration::from_secs(20);
/// Long enough for a message that should not come.
const MOMENT: Duration = Duration::from_millis(300);

/// A market with one coordinator, a miner with four slots that serves it, and the link between them.
async fn linked() -> (Market, FakeCoordinator, Peer) {
    let market = Market::new();
    let mut coordinator = FakeCoordinator::start(&market).await;
    market.serve(&[&coordinator]);
    let peer = coordinator.welcome(&dev::alice()).await;
    (market, coordinator, peer)
}

fn id(number: u8) -> Vec<u8> {
    vec![number; 16]
}

#[tokio::test]
async fn a_task_is_answered_and_the_receipt_verifies() {
    let (market, _coordinator, mut peer) = linked().await;
    let offer = peer.offer().await;
    assert_eq!(offer.slots, 4);
    assert_eq!(offer.models.len(), 2);

    let task = completion(1, "say one two three");
    peer.give(task.clone()).await;
    let (outputs, result) = peer.answer().await;
    let text: String = outputs.iter().map(|output| output.text.as_str()).collect();
    assert_eq!(text, "one two three ");

    let receipt = Receipt::decode_all(&mut &result.receipt[..]).unwrap();
    let mut hasher = OutputHasher::default();
    outputs.iter().for_each(|output| hasher.update(output.text.as_bytes()));
    assert_eq!(receipt.output_hash, hasher.finish());
    assert_eq!(receipt.request_hash, request_hash(&task));
    assert_eq!(receipt.completion_tokens, outputs.iter().map(|output| output.tokens).sum::<u32>());
    assert_eq!((receipt.task_id, receipt.attempt), ([1; 16], 0));
    assert_eq!(receipt.coordinator, COORDINATOR.account());
    assert_eq!(receipt.finish, Finish::Stop);
    let root = &offer.models.iter().find(|model| model.id == CHAT).unwrap().model_root;
    assert_eq!(receipt.model_root.as_bytes(), &root[..]);
    let signature: Signature = result.signature[..].try_into().unwrap();
    assert!(receipt.is_signed_by(&market.genesis(), &MINER.account(), &signature));
}

#[tokio::test]
async fn tokens_without_text_are_counted_in_the_outputs() {
    let (_market, _coordinator, mut peer) = linked().await;
    peer.offer().await;
    peer.give(completion(1, "hidden")).await;
    let (outputs, result) = peer.answer().await;
    let receipt = Receipt::decode_all(&mut &result.receipt[..]).unwrap();
    assert_eq!(outputs.iter().map(|output| output.tokens).sum::<u32>(), 3);
    assert_eq!(receipt.completion_tokens, 3);
}

#[tokio::test]
async fn an_echoed_prompt_comes_before_the_completion() {
    let (_market, _coordinator, mut peer) = linked().await;
    peer.offer().await;
    peer.give(coordinator::echoed(1, "say yes")).await;
    let (outputs, _) = peer.answer().await;
    let text: String = outputs.iter().map(|output| output.text.as_str()).collect();
    assert_eq!(text, "say yesyes ");
}

#[tokio::test]
async fn embeddings_are_one_vector_for_each_input() {
    let (_market, _coordinator, mut peer) = linked().await;
    peer.offer().await;
    peer.give(embedding(1, &["a", "bb"])).await;
    let (outputs, result) = peer.answer().await;
    let vectors: Vec<Vec<u8>> = outputs.iter().map(|output| output.vector.to_vec()).collect();
    assert_eq!(vectors, [1.0_f32.to_le_bytes().to_vec(), 2.0_f32.to_le_bytes().to_vec()]);
    let receipt = Receipt::decode_all(&mut &result.receipt[..]).unwrap();
    let mut hasher = OutputHasher::default();
    vectors.iter().for_each(|vector| hasher.update(vector));
    assert_eq!(receipt.output_hash, hasher.finish());
    assert_eq!((receipt.prompt_tokens, receipt.completion_tokens), (2, 0));
}

#[tokio::test]
async fn a_cancelled_task_stops_and_frees_its_slot() {
    let (market, _coordinator, mut peer) = linked().await;
    peer.offer().await;
    peer.give(completion(1, "forever")).await;
    peer.output().await;
    peer.send(ToMiner::Cancel(Cancel { task_id: id(1).into(), attempt: 0 })).await;
    assert_eq!(peer.failure().await.code(), FailureCode::Cancelled);
    market.engine().until_idle().await;
    for number in 2..6 {
        peer.give(completion(number, "forever")).await;
    }
    peer.stays_without_failure().await;
}

#[tokio::test]
async fn tasks_above_the_offered_slots_are_busy() {
    let (_market, _coordinator, mut peer) = linked().await;
    assert_eq!(peer.offer().await.slots, 4);
    for number in 1..=5 {
        peer.give(completion(number, "forever")).await;
    }
    let failure = peer.failure().await;
    assert_eq!(failure.code(), FailureCode::Busy);
    assert_eq!(failure.task_id.to_vec(), id(5));
}

#[tokio::test]
async fn a_slot_is_free_for_whoever_has_read_the_result() {
    let (_market, _coordinator, mut peer) = linked().await;
    peer.offer().await;
    for number in 1..4 {
        peer.give(completion(number, "forever")).await;
    }
    for number in 10..60 {
        peer.give(completion(number, "say x")).await;
        peer.result().await;
    }
}

#[tokio::test]
async fn a_task_ends_when_its_time_is_over() {
    let (market, _coordinator, mut peer) = linked().await;
    peer.offer().await;
    peer.give(Task { timeout_ms: 200, ..completion(1, "forever") }).await;
    assert_eq!(peer.failure().await.code(), FailureCode::Timeout);
    market.engine().until_idle().await;
}

#[tokio::test]
async fn an_attempt_is_answered_once() {
    let (_market, _coordinator, mut peer) = linked().await;
    peer.offer().await;
    peer.give(completion(1, "say x")).await;
    peer.result().await;
    peer.give(completion(1, "say y")).await;
    assert_eq!(peer.failure().await.code(), FailureCode::InvalidRequest);
    peer.give(Task { attempt: 1, ..completion(1, "say y") }).await;
    peer.result().await;
}

#[tokio::test]
async fn bad_tasks_are_refused_and_the_link_lives() {
    let (_market, _coordinator, mut peer) = linked().await;
    peer.offer().await;
    let other_model = Task { model: "gpt-7".into(), ..completion(1, "x") };
    let wrong_kind = Task { model: EMBEDDING.into(), ..completion(2, "x") };
    let no_work = Task { work: None, ..completion(3, "x") };
    for (task, code) in [
        (other_model, FailureCode::UnknownModel),
        (wrong_kind, FailureCode::UnknownModel),
        (no_work, FailureCode::InvalidRequest),
        (embedding(4, &[]), FailureCode::InvalidRequest),
        (completion(5, "too long"), FailureCode::ContextLength),
        (completion(6, "broken"), FailureCode::Internal),
    ] {
        peer.give(task).await;
        assert_eq!(peer.failure().await.code(), code);
    }
    peer.give(completion(7, "say x")).await;
    peer.result().await;
}

#[tokio::test]
async fn a_panic_of_the_engine_ends_one_task_only() {
    let (_market, _coordinator, mut peer) = linked().await;
    peer.offer().await;
    peer.give(completion(1, "panic")).await;
    assert_eq!(peer.failure().await.code(), FailureCode::Internal);
    peer.give(completion(2, "say x")).await;
    peer.result().await;
}

#[tokio::test]
async fn garbage_ends_the_link_and_the_miner_dials_again() {
    let short_id = Task { task_id: vec![1; 3].into(), ..completion(1, "x") };
    let garbage = [Some(ToMiner::Task(short_id)), Some(ToMiner::Welcome(Welcome::default())), None];
    // At the same time, since the miner is in no hurry to come back.
    let links = garbage.map(|garbage| async move {
        let (_market, mut coordinator, mut peer) = linked().await;
        peer.offer().await;
        peer.send_raw(garbage).await;
        peer.until_ended().await;
        coordinator.welcome(&dev::alice()).await.offer().await;
    });
    futures::future::join_all(links).await;
}

#[tokio::test]
async fn a_coordinator_without_the_right_key_is_refused() {
    let market = Market::new();
    let mut coordinator = FakeCoordinator::start(&market).await;
    market.serve(&[&coordinator]);
    let mut peer = coordinator.next().await;
    // It says that it is the coordinator, and signs with another key.
    peer.challenge_as(COORDINATOR.account(), &dev::eve()).await;
    peer.until_ended().await;
    market.until_link(&coordinator, "did not prove").await;
}

#[tokio::test]
async fn a_coordinator_that_is_not_registered_or_not_active_is_refused() {
    let market = Market::new();
    let mut coordinator = FakeCoordinator::start(&market).await;
    market.serve(&[&coordinator]);
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
        let market = Market::blocking(blocked);
        let mut coordinator = FakeCoordinator::start(&market).await;
        market.serve(&[&coordinator]);
        let mut peer = coordinator.next().await;
        peer.challenge_as(COORDINATOR.account(), &dev::alice()).await;
        peer.until_ended().await;
        market.until_link(&coordinator, "block list").await;
    }
}

#[tokio::test]
async fn a_refusal_is_reported_with_how_to_mend_it() {
    let market = Market::new();
    let mut coordinator = FakeCoordinator::start(&market).await;
    market.serve(&[&coordinator]);
    let mut peer = coordinator.next().await;
    peer.hello().await;
    let refusal = Refusal { code: RefusalCode::NotRegistered.into(), reason: "no such\nminer".into() };
    peer.send(ToMiner::Refusal(refusal)).await;
    let report = market.until_link(&coordinator, "no such miner").await;
    assert_eq!(report.state, LinkState::Waiting);
    assert!(report.mend.unwrap().contains("register"));
}

#[tokio::test]
async fn a_chilled_coordinator_is_left_when_its_tasks_are_done() {
    let (market, mut coordinator, mut peer) = linked().await;
    peer.offer().await;
    peer.give(completion(1, "wait")).await;
    peer.output().await;
    market.set(&[(COORDINATOR, 1, CandidateStatus::Chilled)]);
    peer.closing().await;
    peer.give(completion(2, "say x")).await;
    assert_eq!(peer.failure().await.code(), FailureCode::Draining);
    market.engine().release();
    peer.result().await;
    peer.until_ended().await;
    market.until_link(&coordinator, "chilled").await;
    // And served again as soon as the chain lets it work.
    market.set(&[(COORDINATOR, 1, CandidateStatus::Active)]);
    coordinator.welcome(&dev::alice()).await.offer().await;
}

#[tokio::test]
async fn slots_follow_the_backing_of_two_coordinators() {
    let market = Market::with_slots(8);
    market.set(&[(COORDINATOR, 1, CandidateStatus::Active), (OTHER, 3, CandidateStatus::Active)]);
    let mut first = FakeCoordinator::start(&market).await;
    let mut second = FakeCoordinator::start(&market).await;
    market.serve(&[&first, &second]);
    let mut one = first.welcome(&dev::alice()).await;
    let mut other = second.welcome(&dev::charlie()).await;
    one.until_offered(2).await;
    other.until_offered(6).await;

    market.set(&[(COORDINATOR, 3, CandidateStatus::Active), (OTHER, 1, CandidateStatus::Active)]);
    one.until_offered(6).await;
    other.until_offered(2).await;

    // What runs above a share that has shrunk goes on; new tasks do not fit.
    for number in 1..=2 {
        other.give(completion(number, "forever")).await;
        other.output().await;
    }
    market.set(&[(COORDINATOR, 7, CandidateStatus::Active), (OTHER, 1, CandidateStatus::Active)]);
    other.until_offered(1).await;
    other.give(completion(3, "say x")).await;
    assert_eq!(other.failure().await.code(), FailureCode::Busy);
    other.output().await;

    // Whoever leaves gives its slots to the other.
    drop(other);
    drop(second);
    one.until_offered(8).await;
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
async fn a_stop_finishes_running_tasks_and_takes_no_new_ones() {
    let (market, _coordinator, mut peer) = linked().await;
    peer.offer().await;
    peer.give(completion(1, "wait")).await;
    peer.output().await;
    market.stop();
    peer.closing().await;
    peer.give(completion(2, "say x")).await;
    assert_eq!(peer.failure().await.code(), FailureCode::Draining);
    market.engine().release();
    peer.result().await;
    peer.until_ended().await;
    market.until_stopped().await;
}

#[tokio::test]
async fn a_stop_gives_up_what_does_not_finish_in_time() {
    let market = Market::with_drain_limit(Duration::from_millis(200));
    let mut coordinator = FakeCoordinator::start(&market).await;
    market.serve(&[&coordinator]);
    let mut peer = coordinator.welcome(&dev::alice()).await;
    peer.offer().await;
    peer.give(completion(1, "forever")).await;
    peer.output().await;
    market.stop();
    market.until_stopped().await;
}

#[tokio::test]
async fn a_closing_coordinator_gets_its_answers_and_no_slots() {
    let (market, mut coordinator, mut peer) = linked().await;
    peer.offer().await;
    peer.give(completion(1, "wait")).await;
    peer.output().await;
    peer.send(ToMiner::Closing(Closing { reason: "restart".into() })).await;
    tokio::time::sleep(MOMENT).await;
    market.engine().release();
    peer.result().await;
    peer.until_ended().await;
    coordinator.welcome(&dev::alice()).await.offer().await;
}

#[tokio::test]
async fn a_lost_link_cancels_its_tasks_and_is_dialled_again() {
    let (market, mut coordinator, mut peer) = linked().await;
    peer.offer().await;
    peer.give(completion(1, "forever")).await;
    peer.output().await;
    drop(peer);
    market.engine().until_idle().await;
    let mut again = coordinator.welcome(&dev::alice()).await;
    assert_eq!(again.offer().await.slots, 4);
    // The attempt that was lost was never signed for, so it may be tried again.
    again.give(completion(1, "say x")).await;
    again.result().await;
}

#[tokio::test]
async fn a_silent_chain_takes_the_slots_away() {
    let (market, _coordinator, mut peer) = linked().await;
    assert_eq!(peer.offer().await.slots, 4);
    market.fall_silent();
    assert_eq!(peer.offer().await.slots, 0);
    peer.give(completion(1, "say x")).await;
    assert_eq!(peer.failure().await.code(), FailureCode::Busy);
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
