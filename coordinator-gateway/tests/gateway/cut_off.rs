use std::{sync::Arc, time::Duration};

use cuckoo_primitives::{settlement::Solvency, task::Finish, CAI};
use cuckoo_wire::link::{CancelReason, FailureCode};
use serde_json::{json, Value};
use tokio::io::AsyncWriteExt;

use crate::{
    miner::{Miner, Step, ANSWER},
    settlement::Settlement,
    slow_readers::dial,
    stage::{chat, stash, until, Stage, EMBEDDER},
};

const MINER: (&str, u128) = ("//Miner1", 25_000);
/// Nearly all backing, so that it is drawn first.
const FIRST: (&str, u128) = ("//Miner1", 100_000_000_000);
const SECOND: (&str, u128) = ("//Miner2", 20_001);

/// Of 7 prompt tokens at 1 CAI, and so many completion tokens at 2 CAI, for 1,000.
fn cost(completion_tokens: u128) -> u128 {
    (7 + 2 * completion_tokens) * CAI / 1_000
}

fn stream() -> Value {
    let mut body = chat();
    body["stream"] = json!(true);
    body
}

/// Asks for a stream and reads it as far as this word; returns the task's id and what is left of the stream.
async fn read_up_to(stage: &Stage, key: &str, word: &str) -> (String, reqwest::Response) {
    let request = stage.client().post(stage.url("/v1/chat/completions")).bearer_auth(key).json(&stream());
    let mut response = request.send().await.unwrap();
    let task_id = response.headers()["x-cuckoo-task-id"].to_str().unwrap().to_owned();
    let mut text = String::new();
    while !text.contains(word) {
        text.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
    }
    (task_id, response)
}

/// Reads a stream as far as this word and hangs up; returns the task's id.
async fn hang_up_after(stage: &Stage, word: &str) -> String {
    read_up_to(stage, &stage.key, word).await.0
}

async fn until_paid(miner: &Miner, completion_tokens: u128) {
    let expected = (cost(completion_tokens), 1);
    until("the voucher", async || miner.promised().1 > 0).await;
    assert_eq!(miner.promised(), expected);
}

/// Waits until nothing runs and nothing is set aside, and checks that nothing has been paid.
async fn until_over_and_unpaid(stage: &Stage, miner: &Miner) {
    stage.until_free_slots(MINER.0, 1).await;
    until("the ceiling to be given back", async || headroom(stage).await == 10 * CAI).await;
    assert_eq!(miner.promised(), (0, 0));
}

/// What may still be promised to the miner.
async fn headroom(stage: &Stage) -> u128 {
    stage.miner(MINER.0).await["headroom"].as_str().unwrap().parse().unwrap()
}

async fn receipt_of(stage: &Stage, task_id: &str) -> Value {
    let path = format!("/v1/receipts/{task_id}");
    until("the receipt", async || stage.get(&path).await.status == 200).await;
    stage.get(&path).await.json["data"][0].clone()
}

#[tokio::test]
async fn who_hangs_up_pays_for_what_was_sent() {
    let stage = Stage::paying(&[MINER]).await;
    let miner = Miner::link(&stage, MINER.0, &[Step::Say("Hello"), Step::Say(" world"), Step::Hang]).await;
    let key = stage.gateway.keys().create_with_budget("app", Some(CAI)).await.unwrap().secret;
    let (task_id, rest) = read_up_to(&stage, &key, "world").await;
    drop(rest);
    until_paid(&miner, 2).await;
    assert_eq!(miner.cancel_reasons(), [CancelReason::Client]);
    let with_key = async |path: String| stage.send(stage.client().get(stage.url(&path)).bearer_auth(&key)).await.json;
    let receipt = with_key(format!("/v1/receipts/{task_id}")).await["data"][0].clone();
    assert_eq!((&receipt["finish"], &receipt["completion_tokens"]), (&json!("cancelled"), &json!(2)));
    assert_eq!(receipt["cost"]["planck"], cost(2).to_string());
    until("the reservation to end", async || with_key("/v1/usage".into()).await["reserved"]["planck"] == "0").await;
    let usage = with_key("/v1/usage".into()).await;
    assert_eq!(usage["spent"]["planck"], cost(2).to_string());
    assert_eq!((&usage["data"][0]["tasks"], &usage["data"][0]["cost"]["cai"]), (&json!(1), &json!("0.011")));
    stage.until_free_slots(MINER.0, 1).await;
    assert_eq!(stage.miner(MINER.0).await["failed"], 0);
    let metrics = stage.get("/metrics").await.text;
    assert!(metrics.contains(r#"gateway_attempts_cut_off_total{by="client",paid="yes"}"#), "{metrics}");
}

#[tokio::test]
async fn who_hangs_up_on_a_whole_answer_pays_for_what_was_sent() {
    let stage = Stage::paying(&[MINER]).await;
    let miner = Miner::link(&stage, MINER.0, &[Step::Say("Hello"), Step::Hang]).await;
    let request = stage.request("/v1/chat/completions", &chat()).timeout(Duration::from_millis(300));
    assert!(request.send().await.is_err(), "it hung up");
    until_paid(&miner, 1).await;
    assert_eq!(miner.cancel_reasons(), [CancelReason::Client]);
}

#[tokio::test]
async fn who_hangs_up_on_embeddings_pays_for_those_that_were_made() {
    let stage = Stage::paying(&[MINER]).await;
    let slow = [Step::EmbedSlowly(vec![1.0, 2.0], Duration::from_millis(100)), Step::Finish];
    let miner = Miner::link(&stage, MINER.0, &slow).await;
    let body = json!({"model": EMBEDDER, "input": vec!["a"; 60]});
    let request = stage.request("/v1/embeddings", &body).timeout(Duration::from_millis(500));
    assert!(request.send().await.is_err(), "it hung up");
    until_paid(&miner, 0).await;
    assert_eq!(miner.cancel_reasons(), [CancelReason::Client]);
    assert_eq!(stage.miner(MINER.0).await["failed"], 0);
}

#[tokio::test]
async fn who_hangs_up_before_anything_was_sent_pays_nothing() {
    let stage = Stage::paying(&[MINER]).await;
    let miner = Miner::link(&stage, MINER.0, &[Step::Hang]).await;
    for (n, body) in [chat(), stream()].into_iter().enumerate() {
        let request = stage.request("/v1/chat/completions", &body).timeout(Duration::from_millis(200));
        assert!(request.send().await.is_err(), "it hung up");
        until("the cancellation", async || miner.cancels() == n + 1).await;
        until_over_and_unpaid(&stage, &miner).await;
    }
    assert_eq!(miner.cancel_reasons(), [CancelReason::Client; 2]);
    assert_eq!(stage.miner(MINER.0).await["failed"], 0);
}

#[tokio::test]
async fn a_miner_that_is_silent_when_told_to_stop_is_not_waited_for_long() {
    let stage = Stage::paying(&[MINER]).await;
    let miner = Miner::link(&stage, MINER.0, &[Step::Persist, Step::Say("Hello"), Step::Hang]).await;
    hang_up_after(&stage, "Hello").await;
    until("the cancellation", async || miner.cancels() == 1).await;
    assert_eq!(stage.miner(MINER.0).await["free_slots"], 0);
    until_over_and_unpaid(&stage, &miner).await;
    assert_eq!(stage.miner(MINER.0).await["failed"], 0, "nobody knows what became of its receipt");
}

#[tokio::test]
async fn a_receipt_that_a_stalled_connection_holds_up_is_paid() {
    let stage = Stage::paying(&[MINER]).await;
    let stall = Step::Pause(Duration::from_secs(5));
    let miner = Miner::link(&stage, MINER.0, &[Step::Persist, Step::Say("Hello"), stall, Step::Finish]).await;
    hang_up_after(&stage, "Hello").await;
    until_paid(&miner, 1).await;
    until("the rest to be given back", async || headroom(&stage).await == 10 * CAI - cost(1)).await;
}

#[tokio::test]
async fn a_result_that_crosses_the_cancellation_is_paid_in_full() {
    let stage = Stage::paying(&[MINER]).await;
    let pause = Step::Pause(Duration::from_millis(200));
    let script = [Step::Persist, Step::Say("Hello"), pause, Step::Say(" world"), Step::Finish];
    let miner = Miner::link(&stage, MINER.0, &script).await;
    let task_id = hang_up_after(&stage, "Hello").await;
    until_paid(&miner, 2).await;
    assert_eq!(miner.cancel_reasons(), [CancelReason::Client]);
    assert_eq!(receipt_of(&stage, &task_id).await["finish"], "stop");
    until("the rest to be given back", async || headroom(&stage).await == 10 * CAI - cost(2)).await;
    let miner = stage.miner(MINER.0).await;
    assert_eq!((&miner["served"], &miner["failed"]), (&json!(0), &json!(0)), "neither credit nor blame");
}

#[tokio::test]
async fn a_miner_that_goes_on_and_on_when_told_to_stop_is_not_paid() {
    let stage = Stage::paying(&[MINER]).await;
    let pause = Step::Pause(Duration::from_millis(200));
    let on_and_on: &str = " and on".repeat(300).leak();
    let script = [Step::Persist, Step::Say("Hello"), pause, Step::SayTokens(on_and_on, 300), Step::Finish];
    let miner = Miner::link(&stage, MINER.0, &script).await;
    miner.offer_context(1 << 11).await;
    hang_up_after(&stage, "Hello").await;
    until("the blame", async || stage.miner(MINER.0).await["failed"] == 1).await;
    until_over_and_unpaid(&stage, &miner).await;
    assert_eq!(stage.chat().await.status, 200, "who waits for all of it pays for all of it");
    until_paid(&miner, 301).await;
}

#[tokio::test]
async fn a_violation_after_the_client_has_gone_is_not_paid() {
    let stage = Stage::paying(&[MINER]).await;
    let pause = Step::Pause(Duration::from_millis(200));
    let script = [Step::Persist, Step::Say("Hello"), pause, Step::SayTokens("far too much", 64), Step::Finish];
    let miner = Miner::link(&stage, MINER.0, &script).await;
    hang_up_after(&stage, "Hello").await;
    until("the blame", async || stage.miner(MINER.0).await["failed"] == 1).await;
    until_over_and_unpaid(&stage, &miner).await;
}

/// Tasks have this much time.
async fn hurried(task_timeout_ms: u64) -> Stage {
    let settlement = Settlement::default();
    settlement.books().solvency = Solvency { escrow: 100 * CAI, ..Default::default() };
    settlement.books().covers.insert(stash(MINER.0), 20 * CAI);
    Stage::paying_with(&[MINER], Arc::new(settlement), |config| config.limits.task_timeout_ms = task_timeout_ms).await
}

#[tokio::test]
async fn at_the_deadline_what_was_sent_is_paid_for() {
    let stage = hurried(500).await;
    let miner = Miner::link(&stage, MINER.0, &[Step::Say("Hello"), Step::Hang]).await;
    let answer = stage.chat().await;
    assert_eq!((answer.status, answer.code()), (504, "deadline_exceeded"));
    until_paid(&miner, 1).await;
    let answer = stage.chat_stream().await;
    let last: Value = serde_json::from_str(answer.events().last().unwrap()).unwrap();
    assert_eq!(last["error"]["code"], "deadline_exceeded", "{}", answer.text);
    until("the second voucher", async || miner.promised() == (2 * cost(1), 2)).await;
    assert_eq!(miner.cancel_reasons(), [CancelReason::Deadline; 2]);
    assert_eq!(stage.miner(MINER.0).await["failed"], 0);
}

#[tokio::test]
async fn a_miner_whose_clock_is_a_little_ahead_is_paid_too() {
    let stage = hurried(800).await;
    let out_of_time = Step::Forge(|receipt| receipt.finish = Finish::Cancelled);
    let script = [Step::Say("Hello"), Step::Pause(Duration::from_millis(400)), out_of_time];
    let miner = Miner::link(&stage, MINER.0, &script).await;
    let answer = stage.chat().await;
    assert_eq!((answer.status, answer.code()), (504, "deadline_exceeded"), "{}", answer.text);
    until_paid(&miner, 1).await;
    assert_eq!(stage.miner(MINER.0).await["failed"], 0);
}

#[tokio::test]
async fn an_answer_that_nobody_cut_off_is_no_answer() {
    let stage = Stage::paying(&[MINER]).await;
    let script = [Step::Say("Hello"), Step::Forge(|receipt| receipt.finish = Finish::Cancelled)];
    let miner = Miner::link(&stage, MINER.0, &script).await;
    assert!(stage.chat().await.status >= 500);
    assert_eq!(stage.miner(MINER.0).await["failed"], 1);
    until_over_and_unpaid(&stage, &miner).await;
}

#[tokio::test]
async fn a_receipt_for_nothing_is_not_paid() {
    let stage = Stage::paying(&[MINER]).await;
    let nothing = Step::Forge(|receipt| receipt.finish = Finish::Cancelled);
    let script = [Step::Persist, Step::Pause(Duration::from_millis(400)), nothing];
    let miner = Miner::link(&stage, MINER.0, &script).await;
    let request = stage.request("/v1/chat/completions", &chat()).timeout(Duration::from_millis(200));
    assert!(request.send().await.is_err(), "it hung up");
    until("the blame", async || stage.miner(MINER.0).await["failed"] == 1).await;
    until_over_and_unpaid(&stage, &miner).await;
}

#[tokio::test]
async fn a_miner_at_fault_is_told_so_and_not_paid_for_what_it_signs_later() {
    let stage = Stage::paying(&[MINER]).await;
    let pause = Step::Pause(Duration::from_millis(100));
    let script = [Step::Persist, Step::SayTokens("too much", 4), pause, Step::Finish];
    let miner = Miner::link(&stage, MINER.0, &script).await;
    let mut short = chat();
    short["max_tokens"] = json!(3);
    assert!(stage.post("/v1/chat/completions", &short).await.status >= 500);
    until_over_and_unpaid(&stage, &miner).await;
    assert_eq!(miner.cancel_reasons(), [CancelReason::Fault]);
    assert_eq!(stage.miner(MINER.0).await["failed"], 1);
}

#[tokio::test]
async fn pieces_of_nothing_end_an_attempt() {
    let stage = Stage::start(&[FIRST, SECOND]).await;
    let empty = Miner::link(&stage, FIRST.0, &[Step::SayTokens("", 0), Step::Say("Hello"), Step::Finish]).await;
    let _good = Miner::link(&stage, SECOND.0, &ANSWER).await;
    assert_eq!(stage.chat().await.content(), "Hello world");
    assert_eq!(stage.miner(FIRST.0).await["failed"], 1);
    assert_eq!(empty.tasks(), 1);
}

#[tokio::test]
async fn tokens_without_text_keep_no_task_alive() {
    let stage = Stage::with_limits(&[FIRST, SECOND], |limits| limits.token_timeout_ms = 400).await;
    let mut script = vec![Step::Say("Hal")];
    (0..10).for_each(|_| script.extend([Step::Pause(Duration::from_millis(150)), Step::SayTokens("", 1)]));
    script.push(Step::Finish);
    let _mumbling = Miner::link(&stage, FIRST.0, &script).await;
    let _good = Miner::unlike(&stage, SECOND.0, &ANSWER).await;
    assert_eq!(stage.chat().await.content(), "Hello world");
    assert_eq!(stage.miner(FIRST.0).await["failed"], 1);
}

#[tokio::test]
async fn a_client_that_reads_nothing_pays_for_what_was_sent() {
    const PIECES: usize = 40_000;
    let settlement = Settlement::default();
    settlement.books().solvency = Solvency { escrow: 10_000 * CAI, ..Default::default() };
    settlement.books().covers.insert(stash(MINER.0), 10_000 * CAI);
    let stage = Stage::paying_from(&[MINER], Arc::new(settlement)).await;
    // As chunks of the stream they are far more than the system keeps for a client that does not read.
    let mut script = vec![Step::Say("word"); PIECES];
    script.push(Step::Finish);
    let miner = Miner::link(&stage, MINER.0, &script).await;
    miner.offer_context(1 << 17).await;
    let mut body = stream();
    body["max_tokens"] = json!(PIECES);
    let mut silent = dial(stage.gateway.http()).await;
    silent.write_all(stage.raw_chat(&body.to_string()).as_bytes()).await.unwrap();
    until("the voucher", async || miner.promised().1 == 1).await;
    assert_eq!(miner.cancel_reasons(), [CancelReason::Client], "it was not let finish");
    let sent = (miner.promised().0 * 1_000 / CAI - 7) / 2;
    assert!((4_096..=PIECES as u128).contains(&sent), "{sent}");
    stage.until_free_slots(MINER.0, 1).await;
    assert_eq!(stage.miner(MINER.0).await["failed"], 0);
    drop(silent);
}

#[tokio::test]
async fn what_a_task_may_cost_is_set_aside_until_its_pay_is_stored() {
    let stage = Stage::paying(&[MINER]).await;
    let pause = Step::Pause(Duration::from_millis(500));
    let miner = Miner::link(&stage, MINER.0, &[Step::Persist, Step::Say("Hello"), pause, Step::Finish]).await;
    let key = stage.gateway.keys().create_with_budget("app", Some(CAI)).await.unwrap().secret;
    let reserved = async || {
        let usage = stage.send(stage.client().get(stage.url("/v1/usage")).bearer_auth(&key)).await;
        usage.json["reserved"]["planck"].as_str().unwrap().parse::<u128>().unwrap()
    };
    let file = sqlx::SqlitePool::connect(&format!("sqlite:{}", stage.journal_file().display())).await.unwrap();
    let mut lock = file.acquire().await.unwrap();
    let (_, rest) = read_up_to(&stage, &key, "Hello").await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *lock).await.unwrap();
    drop(rest);
    // Its last message has come then; the journal waits for us.
    stage.until_free_slots(MINER.0, 1).await;
    for _ in 0..20 {
        assert!(headroom(&stage).await < 10 * CAI - cost(1), "what covers the miner");
        assert!(reserved().await > cost(1), "what the client may spend");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(miner.promised(), (0, 0));
    sqlx::query("ROLLBACK").execute(&mut *lock).await.unwrap();
    until_paid(&miner, 1).await;
    until("the rest to be given back", async || headroom(&stage).await == 10 * CAI - cost(1)).await;
    until("and to the client", async || reserved().await == 0).await;
}

#[tokio::test]
async fn a_miner_that_boasts_of_its_context_does_not_use_up_a_budget() {
    let settlement = Settlement::default();
    settlement.books().solvency = Solvency { escrow: 1_000_000 * CAI, ..Default::default() };
    let covers = [FIRST.0, SECOND.0].map(|suri| (stash(suri), 100_000 * CAI));
    settlement.books().covers = covers.into_iter().collect();
    let stage = Stage::paying_from(&[FIRST, SECOND], Arc::new(settlement)).await;
    let boasting = Miner::link(&stage, FIRST.0, &ANSWER).await;
    boasting.offer_context(1 << 20).await;
    let modest = Miner::link(&stage, SECOND.0, &ANSWER).await;
    // A task without a limit may cost 0.192 CAI with a context of 64, and over 2,000 CAI with the other.
    let key = stage.gateway.keys().create_with_budget("app", Some(CAI / 4)).await.unwrap().secret;
    let ask = async || {
        let request = stage.client().post(stage.url("/v1/chat/completions")).bearer_auth(&key).json(&chat());
        stage.send(request).await
    };
    for _ in 0..3 {
        let answer = ask().await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    assert_eq!((boasting.tasks(), modest.tasks()), (0, 3));
    assert_eq!(stage.chat().await.status, 200, "who can afford it is served by it");
    assert_eq!(boasting.tasks(), 1);
    drop(modest);
    let failing = Miner::link(&stage, SECOND.0, &[Step::Fail(FailureCode::Internal)]).await;
    let failed = ask().await;
    assert_eq!((failed.status, failed.code()), (503, "no_miner_available"), "{}", failed.text);
    assert_eq!((boasting.tasks(), failing.tasks()), (1, 1));
    drop(failing);
    until("it to be gone", async || stage.miner(SECOND.0).await["connected"] == false).await;
    let refused = ask().await;
    assert_eq!((refused.status, refused.code()), (429, "insufficient_quota"), "{}", refused.text);
}

#[tokio::test]
async fn what_a_client_left_is_paid_for_though_the_gateway_stops() {
    let stage = Stage::paying(&[MINER]).await;
    let pause = Step::Pause(Duration::from_millis(500));
    let miner = Miner::link(&stage, MINER.0, &[Step::Persist, Step::Say("Hello"), pause, Step::Finish]).await;
    hang_up_after(&stage, "Hello").await;
    until("the cancellation", async || miner.cancels() == 1).await;
    stage.gateway.shutdown().await;
    until_paid(&miner, 1).await;
}

#[tokio::test]
async fn a_task_that_outlasts_the_gateway_is_paid_for_what_was_sent() {
    let settlement = Settlement::default();
    settlement.books().solvency = Solvency { escrow: 100 * CAI, ..Default::default() };
    settlement.books().covers.insert(stash(MINER.0), 20 * CAI);
    let stage = Stage::paying_with(&[MINER], Arc::new(settlement), |config| config.limits.drain_ms = 200).await;
    let miner = Miner::link(&stage, MINER.0, &[Step::Say("Hello"), Step::Hang]).await;
    let (_, mut rest) = read_up_to(&stage, &stage.key, "Hello").await;
    stage.gateway.shutdown().await;
    until_paid(&miner, 1).await;
    assert_eq!(miner.cancel_reasons(), [CancelReason::Client]);
    while let Ok(Some(_)) = rest.chunk().await {}
}
