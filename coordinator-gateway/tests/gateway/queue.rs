use std::time::Duration;

use crate::{
    miner::{Miner, Step},
    stage::{until, Stage},
};

const SLOW: [Step; 3] = [Step::Pause(Duration::from_millis(200)), Step::Say("done"), Step::Finish];

#[tokio::test]
async fn tasks_wait_for_a_free_slot() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let miner = Miner::link(&stage, "//Miner1", &SLOW).await;
    let answers = futures::future::join_all((0..5).map(|_| stage.chat())).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert_eq!(miner.tasks(), 5);
    stage.until_free_slots("//Miner1", 1).await;
}

#[tokio::test]
async fn the_queue_and_the_wait_are_bounded() {
    let stage = Stage::with_limits(&[("//Miner1", 25_000)], |limits| {
        limits.max_queue = 1;
        limits.queue_wait_ms = 300;
    })
    .await;
    let miner = Miner::link(&stage, "//Miner1", &[Step::Hang]).await;
    let running = tokio::spawn(stage.request("/v1/chat/completions", &crate::stage::chat()).send());
    until("the slot to be taken", async || miner.tasks() == 1).await;
    let (waiting, refused) = tokio::join!(stage.chat(), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stage.chat().await
    });
    assert_eq!((refused.status, refused.code()), (429, "queue_full"));
    assert_eq!(refused.header("retry-after"), "2");
    assert_eq!((waiting.status, waiting.code()), (503, "all_miners_busy"));
    running.abort();
}

#[tokio::test]
async fn a_miner_that_joins_serves_those_who_wait() {
    let stage = Stage::start(&[("//Miner1", 25_000), ("//Miner2", 25_000)]).await;
    let busy = Miner::link(&stage, "//Miner1", &[Step::Hang]).await;
    let running = tokio::spawn(stage.request("/v1/chat/completions", &crate::stage::chat()).send());
    until("the slot to be taken", async || busy.tasks() == 1).await;
    let (answer, _miner) = tokio::join!(stage.chat(), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        // It gets work before it can be seen idle.
        let (outbox, inbox, ..) =
            crate::miner::shake_hands(&stage.link_url(), &crate::stage::key_of("//Miner2"), |_| {}).await.unwrap();
        crate::miner::send(&outbox, cuckoo_wire::link::miner_message::Message::Offer(crate::miner::offer(1))).await;
        let mut inbox = inbox;
        let task = inbox.message().await.unwrap().unwrap().message.unwrap();
        let cuckoo_wire::link::coordinator_message::Message::Task(task) = task else { panic!("{task:?}") };
        let failure = cuckoo_wire::link::Failure {
            task_id: task.task_id,
            attempt: task.attempt,
            code: cuckoo_wire::link::FailureCode::InvalidRequest.into(),
            reason: "seen".into(),
        };
        crate::miner::send(&outbox, cuckoo_wire::link::miner_message::Message::Failure(failure)).await;
        (outbox, inbox)
    });
    assert_eq!(answer.code(), "invalid_request");
    running.abort();
}

#[tokio::test]
async fn those_who_wait_are_told_when_the_last_miner_leaves() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let miner = Miner::link(&stage, "//Miner1", &[Step::Hang]).await;
    let running = tokio::spawn(stage.request("/v1/chat/completions", &crate::stage::chat()).send());
    until("the slot to be taken", async || miner.tasks() == 1).await;
    let (answer, ()) = tokio::join!(stage.chat(), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(miner);
    });
    assert_eq!((answer.status, answer.code()), (503, "no_miner_available"));
    let first = running.await.unwrap().unwrap();
    assert_eq!(first.status(), 503);
}
