//! What the keeper does when the chain, or the way to it, is in trouble.

use std::{sync::Arc, time::Duration};

use cuckoo_chain_client::{Chain, ChainError, MarketView};
use cuckoo_primitives::Perbill;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::{sync::watch, time::Instant};

use super::{
    errand::Errand,
    fixture::UNIT,
    stage::{key, view, view_at, Stage, COORDINATOR},
    Source,
};
use crate::wallet::fixture::{account, voucher, GENESIS};

/// A redemption that is on its way, and the view in which it was sent.
async fn send(stage: &mut Stage) -> (Errand, MarketView) {
    let turn = view_at(7, 600);
    stage.keeper.look(&turn).await;
    (stage.keeper.next(&turn).await.expect("nothing to send"), turn)
}

#[tokio::test]
async fn a_redemption_that_worked_is_no_refusal_because_the_chain_could_not_be_read() {
    let mut stage = Stage::new(&[100]);
    let (errand, turn) = send(&mut stage).await;
    stage.source.change(|state| state.block = turn.number + 1);
    let outcome = stage.source.submit(errand.call()).await;
    stage.source.change(|state| state.unreadable.insert(account(COORDINATOR)));
    stage.keeper.ended(&errand, outcome, &turn).await;
    assert!(stage.refused().is_empty());
    assert!(stage.report().reading_trouble.is_some());
    assert!(stage.within(&view_at(7, 700)).await.is_empty(), "nobody knows yet what became of it");
    stage.source.change(|state| state.unreadable.clear());
    stage.promise(1, 150);
    assert_eq!(stage.at(8, 600).await, [1], "not twice as much");
    assert_eq!(stage.settled(1), 150);
}

#[tokio::test]
async fn what_became_of_a_call_is_read_in_its_block_or_later() {
    let mut stage = Stage::new(&[100, 50]);
    let (errand, turn) = send(&mut stage).await;
    stage.source.change(|state| (state.lags, state.block) = (true, turn.number + 2));
    let outcome = stage.source.submit(errand.call()).await;
    stage.keeper.ended(&errand, outcome, &turn).await;
    assert!(stage.within(&view(turn.number + 1, 7)).await.is_empty(), "its block is not read yet");
    stage.source.change(|state| state.refused.insert(key(2)));
    stage.source.go_on();
    // One was paid. The other was passed over, and is sent alone now.
    assert_eq!(stage.within(&view(turn.number + 2, 7)).await, [1]);
    assert_eq!((stage.settled(1), stage.settled(2)), (100, 0));
    assert_eq!(stage.refused().len(), 1);
}

#[tokio::test]
async fn an_older_reading_takes_nothing_back() {
    let mut stage = Stage::new(&[100]);
    assert_eq!(stage.at(7, 600).await, [1]);
    stage.source.change(|state| state.settled.clear());
    stage.promise(1, 150);
    stage.keeper.look(&view_at(7, 700)).await;
    assert_eq!(stage.report().coordinators[0].settled, (100 * UNIT).to_string());
}

#[tokio::test]
async fn what_a_coordinator_thinks_of_the_work_is_shown() {
    let mut stage = Stage::new(&[100]);
    for (percent, at) in [(100, 700), (35, 710), (0, 720)] {
        stage.source.change(|state| state.rating = Perbill::from_percent(percent));
        stage.keeper.look(&view_at(7, at)).await;
        assert_eq!(stage.report().coordinators[0].rating_percent, Some(percent));
    }
}

#[tokio::test]
async fn whoever_was_forestalled_pays_one_fee() {
    let mut stage = Stage::new(&[100]);
    let (errand, turn) = send(&mut stage).await;
    // Somebody has seen the voucher and sent it first, in a block that is not read yet.
    let (pallet, error, docs) = ("Settlement".into(), "NothingDue".into(), "All is settled.".into());
    stage.source.change(|state| state.failures = vec![ChainError::Dispatch { pallet, error, docs }]);
    let outcome = stage.source.submit(errand.call()).await;
    stage.keeper.ended(&errand, outcome, &turn).await;
    assert!(stage.within(&turn).await.is_empty());
    stage.promise(1, 150);
    stage.source.change(|state| state.settled.insert(key(1), 100 * UNIT));
    assert!(stage.within(&view(turn.number + 1, 7)).await.is_empty(), "what is left waits for the next era");
    assert!(stage.refused().is_empty());
    assert_eq!(stage.calls().len(), 1);
    assert_eq!(stage.at(8, 600).await, [1]);
}

#[tokio::test]
async fn one_coordinator_that_cannot_be_read_keeps_nobody_from_the_others() {
    let mut stage = Stage::new(&[100]);
    let other = COORDINATOR + 1;
    // It is no candidate any more, which is urgent.
    stage.keep(voucher(other, 1, 100 * UNIT));
    stage.source.change(|state| state.silent.insert(account(COORDINATOR)));
    stage.keeper.observed.one_limit = Duration::from_millis(20);
    assert_eq!(stage.within(&view_at(7, 600)).await, [1]);
    let reading_trouble = stage.report().reading_trouble.unwrap();
    assert!(reading_trouble.contains(&account(COORDINATOR).to_string()), "{reading_trouble}");
    stage.source.change(|state| state.silent.clear());
    stage.keeper.observed.one_limit = Duration::from_secs(60);
    assert_eq!(stage.within(&view_at(7, 610)).await, [1]);
    assert_eq!(stage.settled(1), 100);
    assert_eq!(stage.report().reading_trouble, None);
}

#[tokio::test]
async fn a_coordinator_of_many_channels_is_read_all_the_same() {
    let mut stage = Stage::new(&[30; 40]);
    // One after the other they would take four seconds.
    stage.source.change(|state| state.channel_takes = Duration::from_millis(100));
    stage.keeper.observed.one_limit = Duration::from_secs(3);
    assert_eq!(stage.within(&view_at(7, 600)).await, [4; 10]);
    assert_eq!(stage.report().reading_trouble, None);
}

#[tokio::test]
async fn what_cannot_be_read_of_small_channels_does_not_hold_up_the_large_ones() {
    let mut stage = Stage::new(&[30, 30, 30, 30, 30, 30, 30, 30, 30, 100]);
    stage.source.change(|state| state.silent_channels.extend((1..=9).map(key)));
    stage.keeper.observed.one_limit = Duration::from_millis(400);
    assert_eq!(stage.within(&view_at(7, 600)).await, [1]);
    assert_eq!(stage.settled(10), 100);
    let reading_trouble = stage.report().reading_trouble.unwrap();
    assert!(reading_trouble.contains("not all of its channels"), "{reading_trouble}");
    stage.source.change(|state| state.silent_channels.clear());
    assert_eq!(stage.within(&view_at(7, 610)).await, [4, 4, 1]);
    assert_eq!(stage.report().reading_trouble, None);
}

#[tokio::test]
async fn a_redemption_is_not_judged_by_a_channel_that_was_not_read() {
    let mut stage = Stage::new(&[100]);
    let (errand, turn) = send(&mut stage).await;
    stage.source.change(|state| state.block = turn.number + 1);
    let outcome = stage.source.submit(errand.call()).await;
    // All else can be read of the coordinator.
    stage.source.change(|state| state.silent_channels.insert(key(1)));
    stage.keeper.observed.one_limit = Duration::from_millis(100);
    stage.keeper.ended(&errand, outcome, &turn).await;
    assert!(stage.within(&view_at(7, 700)).await.is_empty(), "nobody knows yet what became of it");
    assert!(stage.refused().is_empty());
    stage.source.change(|state| state.silent_channels.clear());
    stage.promise(1, 150);
    assert_eq!(stage.at(8, 600).await, [1]);
    assert_eq!(stage.settled(1), 150);
}

#[tokio::test]
async fn whoever_was_not_reached_in_time_comes_first_the_next_time() {
    let mut stage = Stage::new(&[100]);
    for silent in 1..=40 {
        assert!(account(silent) < account(COORDINATOR));
        stage.keep(voucher(silent, 1, 100 * UNIT));
        stage.source.change(|state| state.silent.insert(account(silent)));
    }
    stage.keeper.observed.one_limit = Duration::from_millis(20);
    stage.keeper.observed.all_limit = Duration::from_millis(50);
    for round in 0..20 {
        stage.within(&view(view_at(7, 600).number + round, 7)).await;
    }
    assert_eq!(stage.settled(1), 100);
}

#[tokio::test]
async fn a_call_that_was_lost_from_sight_is_judged_by_the_chain() {
    let mut stage = Stage::new(&[100]);
    let lost = || Some(ChainError::Lost { reason: "the node was restarted".into() });
    stage.source.change(|state| state.said = lost());
    assert_eq!(stage.at(7, 600).await, [1]);
    assert_eq!(stage.report().redeeming_trouble, None, "it was final after all");
    assert!(stage.at(7, 800).await.is_empty());
    assert_eq!(stage.settled(1), 100);
}

#[tokio::test]
async fn a_call_whose_fate_is_unknown_is_sent_again_when_it_will_hardly_come_any_more() {
    let mut stage = Stage::new(&[100]);
    stage.source.change(|state| state.stands_still = true);
    let (errand, turn) = send(&mut stage).await;
    let outcome = stage.source.submit(errand.call()).await;
    assert!(matches!(outcome, Err(ChainError::TimedOut { .. })), "{outcome:?}");
    stage.keeper.ended(&errand, outcome, &turn).await;
    // The pool has forgotten it.
    stage.source.change(|state| state.pool.clear());
    stage.source.go_on();
    stage.wait();
    assert!(stage.within(&view(turn.number + 15, 7)).await.is_empty(), "it may still come");
    assert_eq!(stage.within(&view(turn.number + 16, 7)).await, [1]);
    assert_eq!((stage.settled(1), stage.calls().len()), (100, 2));
}

#[tokio::test]
async fn calls_that_are_lost_again_and_again_are_repeated_more_and_more_rarely() {
    let mut stage = Stage::new(&[100]);
    stage.source.change(|state| state.stands_still = true);
    let first = view_at(7, 600).number;
    let mut sent = Vec::new();
    for later in 0..4_000 {
        if !stage.within(&view(first + later, 7)).await.is_empty() {
            sent.push(later);
        }
        stage.wait();
    }
    // Each may be included for 2,048 blocks, and then costs a fee.
    assert_eq!(sent, [0, 16, 80, 336, 1_360, 3_408]);
    // The first that comes is paid, and ends it.
    stage.source.go_on();
    assert!(stage.within(&view(first + 4_000, 7)).await.is_empty());
    assert_eq!(stage.settled(1), 100);
}

#[tokio::test]
async fn what_one_coordinator_is_refused_does_not_hold_up_the_others() {
    let mut stage = Stage::new(&[100]);
    stage.source.change(|state| state.refused.insert(key(1)));
    assert_eq!(stage.within(&view_at(7, 600)).await, [1]);
    assert!(stage.report().redeeming_trouble.unwrap().contains("Uncovered"), "it is said all the same");
    stage.keep(voucher(COORDINATOR + 1, 1, 100 * UNIT));
    assert_eq!(stage.within(&view_at(7, 610)).await, [1]);
}

#[tokio::test]
async fn a_call_that_fails_is_tried_again_after_a_pause_that_grows() {
    let mut stage = Stage::new(&[100]);
    stage.source.change(|state| state.is_down = true);
    let mut last = Duration::ZERO;
    for _ in 0..3 {
        assert_eq!(stage.at(7, 600).await, [1]);
        let pause = stage.keeper.not_before.unwrap() - Instant::now();
        assert!(pause > last + Duration::from_secs(5), "{pause:?} after {last:?}");
        last = pause;
        assert!(stage.report().redeeming_trouble.is_some());
        assert!(stage.at(7, 600).await.is_empty(), "before the pause is over");
        stage.wait();
    }
    stage.source.change(|state| state.is_down = false);
    assert_eq!(stage.at(7, 600).await, [1]);
    assert_eq!(stage.settled(1), 100);
    assert_eq!(stage.report().redeeming_trouble, None);
}

/// Everything that a node says of a call that has not reached the chain.
fn troubles() -> [(ChainError, &'static str); 6] {
    let rejected = |reason: &str| ChainError::Rejected { reason: reason.into() };
    [
        (rejected("Invalid Transaction: Inability to pay some fees"), "send a little CAI to the operator's account"),
        (rejected("Invalid Transaction: Transaction is outdated"), "outdated"),
        (rejected("Immediately Dropped: The transaction couldn't enter the pool because of the limit"), "the limit"),
        (ChainError::Lost { reason: "its block is not becoming final".into() }, "not becoming final"),
        (ChainError::TimedOut { after: Duration::from_secs(60) }, "not in a finalised block"),
        (ChainError::Disconnected, "not connected"),
    ]
}

#[test]
fn whatever_fails_is_reported_retried_and_paid_once() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (trouble, said) in troubles() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let shown = |outcome: &str| {
            let line = format!("cuckoo_miner_settlement_calls_total{{outcome=\"{outcome}\"}} 1");
            recorder.handle().render().contains(&line)
        };
        let attempt = async {
            let mut stage = Stage::new(&[100]);
            stage.source.change(|state| state.failures = vec![trouble]);
            assert_eq!(stage.at(7, 600).await, [1]);
            let report = stage.report();
            assert!(report.redeeming_trouble.as_ref().is_some_and(|why| why.contains(said)), "{report:?}");
            assert!(shown("failed") && !shown("final"));
            assert!(stage.refused().is_empty(), "nobody has refused it");
            assert!(stage.within(&view_at(7, 980)).await.is_empty(), "before the pause is over");
            stage.wait();
            assert_eq!(stage.within(&view_at(7, 990)).await, [1], "{said}");
            assert_eq!((stage.calls().len(), stage.settled(1)), (2, 100));
            assert_eq!(stage.report().redeeming_trouble, None);
            assert!(shown("final"));
        };
        metrics::with_local_recorder(&recorder, || runtime.block_on(attempt));
    }
}

#[tokio::test]
async fn a_chain_that_stands_still_for_ten_minutes_costs_nothing() {
    let mut stage = Stage::new(&[100]);
    stage.source.change(|state| {
        // Which is urgent.
        state.solvency.withdrawing = 1;
        state.stands_still = true;
    });
    let last = view_at(7, 0);
    let mut calls = 0;
    // As often as it looks in ten minutes, whatever pause it would make after a failure.
    for _ in 0..300 {
        calls += stage.within(&last).await.len();
        stage.wait();
    }
    assert_eq!((calls, stage.settled(1)), (1, 0));
    assert!(stage.report().redeeming_trouble.unwrap().contains("not in a finalised block"));
    // What was in the pool all the time comes with the third block.
    for number in 1..40 {
        if number == 3 {
            stage.source.go_on();
        }
        assert!(stage.within(&view(last.number + number, 7)).await.is_empty(), "for one fee");
        stage.wait();
    }
    assert_eq!(stage.settled(1), 100, "what was due is paid");
    assert_eq!(stage.report().redeeming_trouble, None);
}

#[tokio::test]
async fn nothing_is_sent_while_nobody_knows_how_the_chain_stands() {
    let mut stage = Stage::new(&[100]);
    stage.source.change(|state| state.solvency.withdrawing = 1);
    let (views, receiver) = watch::channel(Arc::new(view_at(7, 0)));
    let chain = Chain::detached(GENESIS, receiver);
    assert!(stage.keeper.tick(&chain, true).await.is_none(), "one call at a time");
    assert!(stage.keeper.tick(&chain, false).await.is_some());
    // Without anybody who sends views the last one is stale.
    drop(views);
    assert!(stage.keeper.tick(&chain, false).await.is_none());
}
