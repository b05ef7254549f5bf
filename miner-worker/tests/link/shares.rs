//! How slots follow the chain.

use cuckoo_primitives::CandidateStatus;
use cuckoo_wire::link::FailureCode;
use subxt_signer::sr25519::dev;

use crate::{
    coordinator::{completion, FakeCoordinator},
    linked,
    market::{Market, COORDINATOR, OTHER},
};

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
async fn a_silent_chain_takes_the_slots_away() {
    let (market, _coordinator, mut peer) = linked().await;
    assert_eq!(peer.offer().await.slots, 4);
    market.fall_silent();
    assert_eq!(peer.offer().await.slots, 0);
    peer.give(completion(1, "say x")).await;
    assert_eq!(peer.failure().await.code(), FailureCode::Busy);
}
