//! Tasks that are refused, cancelled or go wrong, and the slots that they take.

use cuckoo_wire::link::{CancelReason, FailureCode, Task};

use crate::{
    coordinator::{completion, dated, embedding, now_ms, task_id},
    engine::EMBEDDING,
    linked, ready,
};

#[tokio::test]
async fn a_cancelled_task_stops_and_frees_its_slot() {
    let (market, _coordinator, mut peer) = ready().await;
    peer.begin(completion(1, "forever")).await;
    peer.cancel(1, CancelReason::Client).await;
    peer.result().await;
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
    assert_eq!(failure.task_id.to_vec(), task_id(5));
}

#[tokio::test]
async fn a_slot_is_free_for_whoever_has_read_the_result() {
    let (_market, _coordinator, mut peer) = ready().await;
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
    let (market, _coordinator, mut peer) = ready().await;
    peer.give(Task { timeout_ms: 200, ..completion(1, "silent") }).await;
    assert_eq!(peer.failure().await.code(), FailureCode::Timeout);
    market.engine().until_idle().await;
}

#[tokio::test]
async fn a_task_ends_soon_after_its_deadline_whatever_its_timeout() {
    let (market, _coordinator, mut peer) = ready().await;
    // Almost so late that it would be refused.
    let now_ms = now_ms();
    let task_id = dated(now_ms - 60_000, 1).to_vec().into();
    let late = Task { task_id, deadline_ms: now_ms - 26_000, timeout_ms: 3_600_000, ..completion(1, "silent") };
    peer.give(late.clone()).await;
    assert_eq!(peer.failure().await.code(), FailureCode::Timeout);
    assert!(peer.watched().is_accepted(&late));
    market.engine().until_idle().await;
}

#[tokio::test]
async fn bad_tasks_are_refused_and_the_link_lives() {
    let (_market, _coordinator, mut peer) = ready().await;
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
    let (_market, _coordinator, mut peer) = ready().await;
    peer.give(completion(1, "panic")).await;
    assert_eq!(peer.failure().await.code(), FailureCode::Internal);
    peer.give(completion(2, "say x")).await;
    peer.result().await;
}

#[tokio::test]
async fn a_task_from_another_time_is_refused_and_the_link_lives() {
    let (market, coordinator, mut peer) = ready().await;
    let now_ms = now_ms();
    let hour_ms = 3_600_000;
    let of = |number, began_ms| Task {
        task_id: dated(began_ms, number).to_vec().into(),
        deadline_ms: began_ms + hour_ms,
        ..completion(number, "say x")
    };
    for (number, began_ms) in [(1, now_ms - 2 * hour_ms), (2, now_ms + hour_ms)] {
        peer.give(of(number, began_ms)).await;
        let failure = peer.failure().await;
        assert_eq!(failure.code(), FailureCode::Clock);
        assert!(failure.reason.contains("clock"), "{}", failure.reason);
    }
    peer.give(Task { task_id: vec![3; 16].into(), ..completion(3, "say x") }).await;
    assert_eq!(peer.failure().await.code(), FailureCode::InvalidRequest);
    for (number, began_ms) in [(4, now_ms - hour_ms), (5, now_ms + 300_000)] {
        peer.give(of(number, began_ms)).await;
        peer.result().await;
    }
    assert_eq!(market.report(&coordinator).refused_clock, 3);
}
