//! Answers that are cut off: what was sent by then has a receipt, and nothing else has.

use std::time::Duration;

use cuckoo_primitives::task::Finish;
use cuckoo_wire::link::{CancelReason, FailureCode, Task};
use subxt_signer::sr25519::dev;

use crate::{
    coordinator::{completion, echoed, embedding, task_id},
    market::Market,
    paid::{paid, price},
    ready, ready_in,
    receipts::verified,
    LIMIT, MOMENT,
};

#[tokio::test]
async fn an_answer_that_is_cut_off_has_a_receipt_for_what_was_sent() {
    let (market, coordinator, mut peer) = ready().await;
    for (number, reason) in [(1, CancelReason::Client), (2, CancelReason::Deadline)] {
        let task = completion(number, "forever");
        let (outputs, result) = peer.cut_off(task.clone(), 5, reason).await;
        let receipt = verified(&market, &task, &outputs, &result);
        assert_eq!(receipt.finish, Finish::Cancelled);
        assert!(receipt.completion_tokens >= 5);
        assert_eq!(receipt.prompt_tokens, 2);
        market.engine().until_idle().await;
    }
    let report = market.report(&coordinator);
    assert_eq!((report.cancelled, report.served, report.failed), (2, 0, 0));
}

#[tokio::test]
async fn an_answer_whose_time_is_over_has_a_receipt_for_what_was_sent() {
    let (market, coordinator, mut peer) = ready().await;
    let task = Task { timeout_ms: 200, ..completion(1, "forever") };
    peer.give(task.clone()).await;
    let (outputs, result) = peer.answer().await;
    assert_eq!(verified(&market, &task, &outputs, &result).finish, Finish::Cancelled);
    market.engine().until_idle().await;
    assert_eq!(market.report(&coordinator).cancelled, 1);
}

#[tokio::test]
async fn tokens_that_were_not_sent_are_not_in_the_receipt() {
    let (market, _coordinator, mut peer) = ready().await;
    let task = completion(1, "unsaid");
    let first = peer.begin(task.clone()).await;
    // Tokens come that make no text, at least if this is long enough.
    tokio::time::sleep(MOMENT).await;
    peer.cancel(1, CancelReason::Client).await;
    let (rest, result) = peer.answer().await;
    assert!(rest.is_empty());
    assert_eq!(verified(&market, &task, &[first], &result).completion_tokens, 1);
}

#[tokio::test]
async fn vectors_that_were_sent_are_in_the_receipt_with_the_tokens_read_for_them() {
    let (market, _coordinator, mut peer) = ready().await;
    let task = embedding(1, &["a", "bb", "wait", "d"]);
    let (outputs, result) = peer.cut_off(task.clone(), 2, CancelReason::Client).await;
    let receipt = verified(&market, &task, &outputs, &result);
    assert_eq!((outputs.len(), receipt.finish), (2, Finish::Cancelled));
    assert_eq!((receipt.prompt_tokens, receipt.completion_tokens), (2, 0));
}

#[tokio::test]
async fn nothing_is_signed_when_nothing_was_sent() {
    let (market, coordinator, mut peer) = ready().await;
    for (number, reason) in [(1, CancelReason::Client), (2, CancelReason::Deadline)] {
        peer.give(completion(number, "silent")).await;
        peer.cancel(number, reason).await;
        assert_eq!(peer.failure().await.code(), FailureCode::Cancelled);
    }
    // A prompt that is repeated is part of the answer that has not begun.
    peer.give(echoed(3, "silent")).await;
    peer.cancel(3, CancelReason::Client).await;
    assert_eq!(peer.failure().await.code(), FailureCode::Cancelled);
    market.engine().until_idle().await;
    let report = market.report(&coordinator);
    assert_eq!((report.cancelled, report.failed), (0, 3));
}

#[tokio::test]
async fn whoever_will_not_pay_gets_no_receipt() {
    let (_market, _coordinator, mut peer) = ready().await;
    for (number, reason) in [(1, CancelReason::Fault), (2, CancelReason::Unspecified)] {
        peer.begin(completion(number, "forever")).await;
        peer.cancel(number, reason).await;
        assert_eq!(peer.failure().await.code(), FailureCode::Cancelled);
    }
}

#[tokio::test]
async fn an_attempt_is_signed_for_once_whatever_is_said_afterwards() {
    let (market, _coordinator, mut peer) = ready().await;
    let task = completion(1, "forever");
    peer.give(task.clone()).await;
    let mut outputs = vec![peer.output().await];
    for reason in [CancelReason::Client, CancelReason::Fault, CancelReason::Deadline, CancelReason::Client] {
        peer.cancel(1, reason).await;
    }
    let (rest, result) = peer.answer().await;
    outputs.extend(rest);
    assert_eq!(verified(&market, &task, &outputs, &result).finish, Finish::Cancelled);
    // Neither for that one nor for one that was answered to the end does another result come, or a failure.
    for number in 2..5 {
        peer.cancel(number - 1, CancelReason::Client).await;
        peer.cancel(number - 1, CancelReason::Fault).await;
        let task = completion(number, "say x");
        peer.give(task.clone()).await;
        let (outputs, result) = peer.answer().await;
        assert_eq!(verified(&market, &task, &outputs, &result).finish, Finish::Stop);
    }
}

#[tokio::test]
async fn a_coordinator_that_reads_slowly_gets_its_receipt_at_the_end() {
    let cancelled = async {
        let (market, _coordinator, mut peer) = ready().await;
        let task = completion(1, "flood");
        peer.give(task.clone()).await;
        market.engine().until_held_up().await;
        peer.cancel(1, CancelReason::Client).await;
        market.engine().until_idle().await;
        let (outputs, result) = peer.answer().await;
        assert_eq!(verified(&market, &task, &outputs, &result).finish, Finish::Cancelled);
    };
    let late = async {
        let (market, _coordinator, mut peer) = ready().await;
        let task = Task { timeout_ms: 200, ..completion(1, "flood") };
        peer.give(task.clone()).await;
        market.engine().until_held_up().await;
        market.engine().until_idle().await;
        let (outputs, result) = peer.answer().await;
        assert_eq!(verified(&market, &task, &outputs, &result).finish, Finish::Cancelled);
    };
    tokio::join!(cancelled, late);
}

#[tokio::test]
async fn a_slot_is_in_use_until_the_receipt_is_on_its_way() {
    let (market, coordinator, mut peer) = ready_in(Market::with_slots(1)).await;
    peer.give(completion(1, "flood")).await;
    market.engine().until_held_up().await;
    peer.cancel(1, CancelReason::Client).await;
    market.engine().until_idle().await;
    // Or tasks could pile up behind receipts that nobody reads.
    peer.give(completion(2, "say x")).await;
    let refused = async {
        while market.report(&coordinator).refused_busy == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, refused).await.expect("the task is taken");
    assert_eq!(peer.result().await.task_id.to_vec(), task_id(1));
    assert_eq!(peer.failure().await.code(), FailureCode::Busy);
}

#[tokio::test]
async fn a_coordinator_that_reads_a_message_now_and_then_loses_its_link() {
    let market = Market::with_read_limit(price(), Duration::from_secs(3));
    let (market, coordinator, mut peer) = ready_in(market).await;
    peer.give(paid(completion(1, "flood"))).await;
    // Never does it read nothing for so long, and it would go on for as long as the task may take.
    let reading = peer.read_slowly(Duration::from_millis(20));
    let report = tokio::join!(market.until_link(&coordinator, "did not read"), reading).0;
    assert_eq!(report.failed, 1);
    assert!(market.written_off() > 0, "what was sent is not for nothing");
}

#[tokio::test]
async fn a_coordinator_that_reads_nothing_loses_its_link() {
    let in_the_middle = async {
        let market = Market::with_read_limit(price(), Duration::from_secs(1));
        let (market, coordinator, peer) = ready_in(market).await;
        peer.give(paid(completion(1, "flood"))).await;
        peer.until_dropped().await;
        market.until_link(&coordinator, "did not read").await;
        assert!(market.written_off() > 0, "what was sent is not for nothing");
    };
    let at_the_end = async {
        // Time enough to cancel before the next piece is given up.
        let market = Market::with_read_limit(price(), Duration::from_secs(6));
        let (market, mut coordinator, peer) = ready_in(market).await;
        peer.give(paid(completion(1, "flood"))).await;
        market.engine().until_held_up().await;
        peer.cancel(1, CancelReason::Client).await;
        peer.until_dropped().await;
        market.until_link(&coordinator, "did not read").await;
        assert_eq!(market.written_off(), 0, "it was signed for and may still be paid");
        coordinator.welcome(&dev::alice()).await.offer().await;
        assert!(market.written_off() > 0);
    };
    tokio::join!(in_the_middle, at_the_end);
}
