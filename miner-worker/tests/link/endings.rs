//! How links end and come back.

use std::time::Duration;

use cuckoo_primitives::CandidateStatus;
use cuckoo_wire::link::{coordinator_message::Message as ToMiner, CancelReason, Closing, FailureCode};
use subxt_signer::sr25519::dev;

use crate::{
    coordinator::{completion, Peer},
    market::{Market, COORDINATOR},
    paid::{paid_task, result_of, with_one_slot},
    ready, ready_in, MOMENT,
};

async fn finishes_what_waits_and_takes_no_more(market: &Market, peer: &mut Peer) {
    peer.closing().await;
    peer.give(completion(2, "say x")).await;
    assert_eq!(peer.failure().await.code(), FailureCode::Draining);
    market.engine().release();
    peer.result().await;
    peer.until_ended().await;
}

#[tokio::test]
async fn a_chilled_coordinator_is_left_when_its_tasks_are_done() {
    let (market, mut coordinator, mut peer) = ready().await;
    peer.begin(completion(1, "wait")).await;
    market.set(&[(COORDINATOR, 1, CandidateStatus::Chilled)]);
    finishes_what_waits_and_takes_no_more(&market, &mut peer).await;
    market.until_link(&coordinator, "chilled").await;
    // And served again as soon as the chain lets it work.
    market.set(&[(COORDINATOR, 1, CandidateStatus::Active)]);
    coordinator.welcome(&dev::alice()).await.offer().await;
}

#[tokio::test]
async fn a_stop_finishes_running_tasks_and_takes_no_new_ones() {
    let (market, _coordinator, mut peer) = ready().await;
    peer.begin(completion(1, "wait")).await;
    market.stop();
    finishes_what_waits_and_takes_no_more(&market, &mut peer).await;
    market.until_stopped().await;
}

#[tokio::test]
async fn a_stop_gives_up_what_does_not_finish_in_time() {
    let (market, _coordinator, mut peer) = ready_in(Market::with_drain_limit(Duration::from_millis(200))).await;
    peer.begin(completion(1, "forever")).await;
    market.stop();
    assert_eq!(peer.failure().await.code(), FailureCode::Draining);
    market.until_stopped().await;
}

#[tokio::test]
async fn a_closing_coordinator_gets_its_answers_and_no_slots() {
    let (market, mut coordinator, mut peer) = ready().await;
    peer.begin(completion(1, "wait")).await;
    peer.send(ToMiner::Closing(Closing { reason: "restart".into() })).await;
    tokio::time::sleep(MOMENT).await;
    market.engine().release();
    peer.result().await;
    peer.until_ended().await;
    coordinator.welcome(&dev::alice()).await.offer().await;
}

#[tokio::test]
async fn a_lost_link_cancels_its_tasks_and_is_dialled_again() {
    let (market, mut coordinator, mut peer) = ready().await;
    peer.begin(completion(1, "forever")).await;
    drop(peer);
    market.engine().until_idle().await;
    let mut again = coordinator.welcome(&dev::alice()).await;
    assert_eq!(again.offer().await.slots, 4);
    // The attempt that was lost was never signed for, so it may be tried again.
    again.give(completion(1, "say x")).await;
    again.result().await;
}

#[tokio::test]
async fn a_link_is_renewed_when_it_has_carried_all_that_it_may() {
    let (_market, mut coordinator, mut peer) = ready_in(Market::with_attempts_per_link(2)).await;
    peer.begin(completion(1, "forever")).await;
    peer.cancel(1, CancelReason::Fault).await;
    assert_eq!(peer.failure().await.code(), FailureCode::Cancelled);
    // Attempts that came to nothing count, too.
    peer.give(completion(2, "say x")).await;
    peer.closing().await;
    peer.result().await;
    peer.until_ended().await;
    coordinator.welcome(&dev::alice()).await.offer().await;
}

#[tokio::test]
async fn the_last_results_are_paid_before_the_link_ends() {
    for is_ours in [true, false] {
        let (market, _coordinator, mut peer) = ready_in(with_one_slot()).await;
        let cost = result_of(&mut peer, paid_task(1)).await;
        match is_ours {
            true => {
                market.stop();
                peer.closing().await;
            }
            false => peer.send(ToMiner::Closing(Closing { reason: "restart".into() })).await,
        }
        tokio::time::sleep(MOMENT).await;
        peer.promise(cost).await;
        market.until_paid(&peer.key(), cost).await;
        peer.until_ended().await;
    }
}

#[tokio::test]
async fn a_voucher_that_crosses_the_end_of_the_link_is_kept() {
    let (market, _coordinator, mut peer) = ready_in(with_one_slot()).await;
    market.stop();
    peer.until_ended().await;
    peer.promise(7).await;
    market.until_paid(&peer.key(), 7).await;
    market.until_stopped().await;
}

#[tokio::test]
async fn nobody_waits_for_ever_for_the_last_voucher() {
    let (market, _coordinator, mut peer) = ready_in(with_one_slot()).await;
    result_of(&mut peer, paid_task(1)).await;
    market.stop();
    market.until_stopped().await;
}
