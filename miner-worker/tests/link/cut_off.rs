//! The pay of work that is cut off.

use std::time::Duration;

use cuckoo_primitives::{settlement::Usage, Balance};
use cuckoo_wire::link::{miner_message::Message as FromMiner, CancelReason, FailureCode, Output, Task};
use miner_worker::settle::Trust;
use subxt_signer::sr25519::dev;

use crate::{
    coordinator::{completion, Peer},
    engine::CONTEXT_TOKENS,
    market::Market,
    paid::{asking, cut_links, paid, paid_task, price, refusal_of, result_of, with_one_slot},
    ready_in,
    receipts::{cost, verified},
};

/// So slow that nothing is forgiven during a test.
fn unforgiving() -> Trust {
    Trust { forgive: Duration::from_secs(604_800), ..Trust::default() }
}

fn endless(number: u8) -> Task {
    paid(completion(number, "forever"))
}

/// Cuts off an endless task, and returns what that costs.
async fn cancelled(market: &Market, peer: &mut Peer, number: u8) -> Balance {
    let task = endless(number);
    let (outputs, result) = peer.cut_off(task.clone(), 5, CancelReason::Client).await;
    let receipt = verified(market, &task, &outputs, &result);
    let cost = cost(&price(), &task, &outputs, &receipt);
    assert!(cost > 0);
    cost
}

/// Everything up to the next failure.
async fn failed(peer: &mut Peer) -> (Vec<Output>, FailureCode) {
    let mut outputs = Vec::new();
    loop {
        match peer.message().await {
            FromMiner::Output(output) => outputs.push(output),
            FromMiner::Failure(failure) => return (outputs, failure.code()),
            FromMiner::Result(result) => panic!("a result instead of a failure: {:?}", result.task_id),
            _ => {}
        }
    }
}

#[tokio::test]
async fn without_a_voucher_for_cancelled_work_the_miner_stops_after_one_step() {
    let trust = Trust { unpaid_limit: Duration::from_secs(1), ..unforgiving() };
    let (market, mut coordinator, mut peer) = ready_in(asking(1, trust)).await;
    let mut owed = 0;
    for number in 1..=2 {
        owed += cancelled(&market, &mut peer, number).await;
    }
    let (code, reason) = refusal_of(&mut peer, paid_task(3)).await;
    assert_eq!(code, FailureCode::Uncovered, "{reason}");
    peer.closing().await;
    market.until_link(&coordinator, "stay unpaid").await;
    drop(peer);
    let _again = coordinator.welcome(&dev::alice()).await;
    market.until_written_off(owed).await;
}

#[tokio::test]
async fn whoever_cancels_and_pays_is_served_on_and_on() {
    let (market, coordinator, mut peer) = ready_in(asking(1, unforgiving())).await;
    let mut owed = 0;
    for number in 1..=20 {
        owed += cancelled(&market, &mut peer, number).await;
        peer.promise(owed).await;
        market.until_paid(&peer.key(), owed).await;
    }
    result_of(&mut peer, paid_task(30)).await;
    assert_eq!(market.written_off(), 0);
    assert_eq!(market.report(&coordinator).cancelled, 20);
}

#[tokio::test]
async fn whoever_calls_each_answer_bad_gets_three_and_no_more() {
    let (market, _coordinator, mut peer) = ready_in(asking(1, unforgiving())).await;
    let mut lost = 0;
    for (number, reason) in [(1, CancelReason::Fault), (2, CancelReason::Unspecified), (3, CancelReason::Fault)] {
        let first = peer.begin(endless(number)).await;
        peer.cancel(number, reason).await;
        let (rest, code) = failed(&mut peer).await;
        assert_eq!(code, FailureCode::Cancelled);
        let completion_tokens = first.tokens + rest.iter().map(|output| output.tokens).sum::<u32>();
        let completion_tokens = completion_tokens.min(CONTEXT_TOKENS);
        lost += price().cost(&Usage { prompt_tokens: 2, completion_tokens, images: 0, audio_ms: 0 });
        assert_eq!(market.written_off(), lost);
    }
    let (code, reason) = refusal_of(&mut peer, paid_task(4)).await;
    assert_eq!(code, FailureCode::Uncovered);
    assert!(reason.contains("left unpaid"), "{reason}");
    // It is let in again by paying for all that.
    peer.promise(lost).await;
    market.until_paid(&peer.key(), lost).await;
    result_of(&mut peer, paid_task(5)).await;
    assert_eq!(market.written_off(), 0);
}

#[tokio::test]
async fn cutting_links_in_the_middle_of_answers_is_not_free() {
    let (market, mut coordinator, peer) = ready_in(asking(1, unforgiving())).await;
    let work = async |peer: &mut Peer, number| drop(peer.begin(endless(number)).await);
    cut_links(&market, &mut coordinator, peer, work).await;
    assert!(market.written_off() > 0);
}

#[tokio::test]
async fn a_coordinator_that_crashes_three_times_under_load_is_served_on() {
    let (market, mut coordinator, mut peer) = ready_in(asking(4, Trust::default())).await;
    let mut owed = 0;
    for number in 1..=4 {
        owed += result_of(&mut peer, paid(completion(number, "say one two three four five"))).await;
        peer.promise(owed).await;
        market.until_paid(&peer.key(), owed).await;
    }
    for crash in 1..=3 {
        for slot in 0..4 {
            peer.begin(paid(completion(crash * 10 + slot, "wait"))).await;
        }
        drop(peer);
        peer = coordinator.welcome(&dev::alice()).await;
        peer.offer().await;
    }
    assert!(market.written_off() > 0, "it is not forgotten");
    result_of(&mut peer, paid_task(90)).await;
}

#[tokio::test]
async fn what_the_miner_itself_breaks_off_is_nobodys_debt() {
    let (market, _coordinator, mut peer) = ready_in(with_one_slot()).await;
    peer.begin(paid(completion(1, "breaks"))).await;
    market.engine().release();
    assert_eq!(failed(&mut peer).await.1, FailureCode::Internal);
    assert_eq!(market.written_off(), 0);
}

#[tokio::test]
async fn what_the_miner_cannot_finish_before_it_stops_is_nobodys_debt() {
    let market = Market::with_drain_limit(Duration::from_millis(200));
    let (market, _coordinator, mut peer) = ready_in(market).await;
    peer.begin(endless(1)).await;
    market.stop();
    assert_eq!(failed(&mut peer).await.1, FailureCode::Draining);
    market.until_stopped().await;
    assert_eq!(market.written_off(), 0);
}
