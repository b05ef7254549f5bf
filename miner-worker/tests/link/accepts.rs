//! What the miner promises before it begins, and what it does not begin.

use cuckoo_wire::link::{miner_message::Message as FromMiner, task, FailureCode, Task};

use crate::{
    coordinator::{completion, dated, embedding, fronted, now_ms, sampled, seeded, Peer},
    engine::{CONTEXT_TOKENS, EMBEDDING},
    market::Market,
    ready, ready_in,
};

async fn refusal_of(peer: &mut Peer, task: Task) -> FailureCode {
    peer.give(task.clone()).await;
    let failure = peer.failure().await;
    assert_eq!(failure.task_id, task.task_id);
    assert!(!peer.watched().is_accepted(&task), "{}", failure.reason);
    failure.code()
}

#[tokio::test]
async fn an_attempt_is_accepted_before_anything_else_of_it() {
    let (_market, _coordinator, mut peer) = ready().await;
    let tasks = [completion(1, "say x"), fronted(completion(2, "say x")), embedding(3, &["a"])];
    for (task, is_drawn) in tasks.into_iter().zip([true, false, false]) {
        peer.give(task.clone()).await;
        let FromMiner::Accept(accept) = peer.message().await else { panic!("no promise comes first") };
        assert_eq!((&accept.task_id, accept.attempt), (&task.task_id, 0));
        peer.result().await;
        let spec = &peer.watched().attempt(&task).spec;
        assert_eq!((spec.drawing.is_some(), spec.deadline_ms), (is_drawn, task.deadline_ms));
    }
}

#[tokio::test]
async fn shares_come_in_the_order_of_the_tasks() {
    let (market, _coordinator, mut peer) = ready_in(Market::with_slots(40)).await;
    // Some finish at once, some wait, some take no share, and one is refused amid them.
    for number in 0..40 {
        let task = completion(number, if number % 3 == 0 { "wait" } else { "say x" });
        peer.give(match number {
            7 | 20 => seeded(task, [number; 32]),
            13 => Task { timeout_ms: 0, ..task },
            _ => task,
        })
        .await;
    }
    let mut ended = 0;
    while ended < 40 {
        match peer.message().await {
            FromMiner::Result(_) | FromMiner::Failure(_) => ended += 1,
            _ => {}
        }
        // All but those that wait for this.
        if ended == 26 {
            market.engine().release();
        }
    }
    let accepted: Vec<u8> = (0..40).filter(|number| *number != 13).collect();
    assert_eq!(peer.watched().order(), accepted);
}

#[tokio::test]
async fn the_seed_is_the_one_that_the_task_fixes_or_hangs_on_the_share() {
    let (_market, _coordinator, mut peer) = ready().await;
    let fixed = seeded(completion(1, "say x"), [7; 32]);
    let shared = [completion(2, "say x"), Task { attempt: 1, ..completion(2, "say x") }];
    let mut seeds = Vec::new();
    for task in [&fixed, &shared[0], &shared[1]] {
        peer.give(task.clone()).await;
        peer.result().await;
        seeds.push(peer.watched().attempt(task).spec.drawing.unwrap().seed);
    }
    assert_eq!(seeds[0], [7; 32]);
    assert_ne!(seeds[1], seeds[2], "the same nonce with another share");
}

#[tokio::test]
async fn tasks_without_a_whole_seed_are_refused_and_use_up_no_share() {
    let (_market, _coordinator, mut peer) = ready().await;
    let broken = [
        None,
        Some(task::Seed::Nonce(vec![1; 31].into())),
        Some(task::Seed::Nonce(vec![].into())),
        Some(task::Seed::Fixed(vec![1; 33].into())),
    ];
    for (number, seed) in (1..).zip(broken) {
        for task in [completion(number, "say x"), fronted(completion(number, "say x"))] {
            let task = Task { seed: seed.clone(), ..task };
            assert_eq!(refusal_of(&mut peer, task).await, FailureCode::InvalidRequest);
        }
    }
    // Nothing was signed for, so the attempt may come again. That its share is the first is seen to elsewhere.
    peer.give(completion(1, "say x")).await;
    peer.result().await;
}

#[tokio::test]
async fn deadlines_that_make_no_sense_are_refused() {
    let (market, coordinator, mut peer) = ready().await;
    let (now_ms, hour_ms, minute_ms) = (now_ms(), 3_600_000, 60_000);
    let of = |number, began_ms: u64, deadline_ms: u64| Task {
        task_id: dated(began_ms, number).to_vec().into(),
        deadline_ms,
        ..completion(number, "say x")
    };
    let refused = [
        of(1, now_ms, 0),
        of(2, now_ms, now_ms),
        of(3, now_ms, now_ms + hour_ms + 1),
        of(4, now_ms, u64::MAX),
        of(5, now_ms - 30 * minute_ms, now_ms - minute_ms),
    ];
    for task in refused {
        assert_eq!(refusal_of(&mut peer, task).await, FailureCode::Clock);
    }
    for task in [of(6, now_ms, now_ms + hour_ms), of(7, now_ms, now_ms + 1)] {
        peer.give(task).await;
        peer.result().await;
    }
    assert_eq!(market.report(&coordinator).refused_clock, 5);
}

#[tokio::test]
async fn no_more_is_resumed_than_the_context_holds() {
    let (_market, _coordinator, mut peer) = ready().await;
    let resumed = |number, count| Task { resumed: vec![1; count], ..completion(number, "say x") };
    let too_much = resumed(1, CONTEXT_TOKENS as usize + 1);
    assert_eq!(refusal_of(&mut peer, too_much).await, FailureCode::ContextLength);
    let vectors = Task { resumed: vec![1], ..embedding(2, &["a"]) };
    assert_eq!(vectors.model, EMBEDDING);
    assert_eq!(refusal_of(&mut peer, vectors).await, FailureCode::InvalidRequest);
    peer.give(resumed(3, CONTEXT_TOKENS as usize)).await;
    peer.result().await;
}

#[tokio::test]
async fn what_could_not_be_kept_is_not_begun() {
    // Room for a few hundred tokens.
    let (market, coordinator, mut peer) = ready_in(Market::with_kept_bytes(1 << 20)).await;
    assert_eq!(refusal_of(&mut peer, completion(1, "say x")).await, FailureCode::Busy);
    assert_eq!(market.report(&coordinator).refused_room, 1);
    let short = |number, prompt| sampled(completion(number, prompt), |sampling| sampling.max_tokens = 100);
    peer.give(short(2, "say x")).await;
    peer.result().await;
    // What takes no room is taken on.
    for task in [fronted(completion(3, "say x")), embedding(4, &["a"])] {
        peer.give(task).await;
        peer.result().await;
    }
}
