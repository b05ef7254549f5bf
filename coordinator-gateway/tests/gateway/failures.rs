use std::time::Duration;

use cuckoo_wire::link::FailureCode;
use serde_json::json;

use crate::{
    miner::{Miner, Step, ANSWER},
    stage::{account, chat, until, Stage, EMBEDDER},
};

/// Nearly all backing, so that it is drawn first.
const FIRST: (&str, u128) = ("//Miner1", 100_000_000_000);
const SECOND: (&str, u128) = ("//Miner2", 20_001);

#[tokio::test]
async fn a_miner_that_fails_before_the_first_token_is_replaced() {
    for step in [
        Step::Fail(FailureCode::Internal),
        Step::Fail(FailureCode::Busy),
        Step::Fail(FailureCode::Draining),
        Step::Fail(FailureCode::Uncovered),
        Step::Fail(FailureCode::Price),
        Step::Fail(FailureCode::Clock),
        Step::Fail(FailureCode::UnknownModel),
        Step::CutLink,
        Step::Forge(|receipt| receipt.completion_tokens = 9),
    ] {
        let stage = Stage::start(&[FIRST, SECOND]).await;
        let failing = Miner::link(&stage, FIRST.0, std::slice::from_ref(&step)).await;
        let _good = Miner::link(&stage, SECOND.0, &ANSWER).await;
        for answer in [stage.chat().await, stage.chat_stream().await] {
            assert_eq!(answer.status, 200, "{step:?}: {}", answer.text);
            assert_eq!(answer.header("x-cuckoo-miner"), account(SECOND.0).to_string(), "{step:?}");
        }
        assert!(failing.tasks() > 0, "{step:?}");
    }
}

#[tokio::test]
async fn a_whole_answer_survives_a_miner_that_breaks_off() {
    let stage = Stage::start(&[FIRST, SECOND]).await;
    let _failing = Miner::link(&stage, FIRST.0, &[Step::Say("Hello"), Step::CutLink]).await;
    let _good = Miner::link(&stage, SECOND.0, &ANSWER).await;
    let answer = stage.chat().await;
    assert_eq!(answer.content(), "Hello world", "{}", answer.text);
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_with_an_error_event() {
    let stage = Stage::start(&[FIRST]).await;
    // The word must have arrived before the link is gone.
    let script = [Step::Say("Hal"), Step::Pause(Duration::from_millis(100)), Step::CutLink];
    let _failing = Miner::link(&stage, FIRST.0, &script).await;
    let answer = stage.chat_stream().await;
    assert_eq!(answer.status, 200);
    let last: serde_json::Value = serde_json::from_str(answer.events().last().unwrap()).unwrap();
    assert_eq!(last["error"]["code"], "miners_failed", "{}", answer.text);
    assert!(!answer.text.contains("[DONE]"));
}

#[tokio::test]
async fn the_clients_own_faults_are_believed_when_two_miners_say_so() {
    for (code, expected) in
        [(FailureCode::ContextLength, "context_length_exceeded"), (FailureCode::InvalidRequest, "invalid_request")]
    {
        let stage = Stage::start(&[FIRST, SECOND]).await;
        let first = Miner::link(&stage, FIRST.0, &[Step::Fail(code)]).await;
        let second = Miner::link(&stage, SECOND.0, &[Step::Fail(code)]).await;
        let answer = stage.chat().await;
        assert_eq!((answer.status, answer.code()), (400, expected));
        assert_eq!((first.tasks(), second.tasks()), (1, 1));
        assert!(!answer.header("x-cuckoo-task-id").is_empty());
        assert_eq!(answer.param() == "messages", code == FailureCode::ContextLength);
        assert_eq!(stage.miner(FIRST.0).await["failed"], 0);
    }
}

#[tokio::test]
async fn a_single_miner_is_believed_that_the_client_is_at_fault() {
    let stage = Stage::start(&[FIRST]).await;
    let only = Miner::link(&stage, FIRST.0, &[Step::Fail(FailureCode::InvalidRequest)]).await;
    let answer = stage.chat().await;
    assert_eq!((answer.status, answer.code()), (400, "invalid_request"));
    assert_eq!(only.tasks(), 1);
}

#[tokio::test]
async fn a_miner_that_refuses_what_another_one_serves_is_left_alone_for_a_moment() {
    let stage = Stage::start(&[FIRST, SECOND]).await;
    let lying = Miner::link(&stage, FIRST.0, &[Step::Fail(FailureCode::InvalidRequest)]).await;
    let _good = Miner::link(&stage, SECOND.0, &ANSWER).await;
    for answer in [stage.chat().await, stage.chat_stream().await] {
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("x-cuckoo-miner"), account(SECOND.0).to_string());
    }
    // Servers differ in what they take: by asking for that nobody shall have them suspended.
    assert_eq!((lying.tasks(), &stage.miner(FIRST.0).await["failed"]), (1, &json!(0)));
}

#[tokio::test]
async fn a_miner_whose_context_is_too_short_has_not_failed() {
    let stage = Stage::start(&[FIRST, SECOND]).await;
    let short = Miner::link(&stage, FIRST.0, &[Step::Fail(FailureCode::ContextLength)]).await;
    let long = Miner::link(&stage, SECOND.0, &ANSWER).await;
    long.offer_context(1024).await;
    assert_eq!(stage.chat().await.status, 200);
    assert_eq!((short.tasks(), &stage.miner(FIRST.0).await["failed"]), (1, &json!(0)));
}

#[tokio::test]
async fn a_miner_whose_pay_or_clock_is_not_as_it_should_be_has_not_failed() {
    for code in [FailureCode::Uncovered, FailureCode::Price, FailureCode::Clock] {
        let stage = Stage::start(&[FIRST, SECOND]).await;
        let refusing = Miner::link(&stage, FIRST.0, &[Step::Fail(code)]).await;
        let _good = Miner::link(&stage, SECOND.0, &ANSWER).await;
        for _ in 0..5 {
            assert_eq!(stage.chat().await.status, 200);
        }
        assert!((1..5).contains(&refusing.tasks()), "it is left alone for a moment");
        assert_eq!(stage.miner(FIRST.0).await["failed"], 0);
    }
}

#[tokio::test]
async fn whoever_fails_at_what_nobody_serves_has_not_failed() {
    let stage = Stage::start(&[FIRST, SECOND]).await;
    let first = Miner::link(&stage, FIRST.0, &[Step::Fail(FailureCode::Internal)]).await;
    let second = Miner::link(&stage, SECOND.0, &[Step::Fail(FailureCode::Internal)]).await;
    for n in 1..=5 {
        assert_eq!(stage.chat().await.status, 503);
        assert_eq!((first.tasks(), second.tasks()), (n, n), "neither is suspended");
    }
    for miner in [FIRST, SECOND] {
        assert_eq!(stage.miner(miner.0).await["failed"], 0);
    }
}

#[tokio::test]
async fn a_miner_that_answers_nothing_is_replaced_and_has_failed() {
    for nothing in [vec![Step::Finish], vec![Step::SayTokens("", 3), Step::Finish]] {
        let stage = Stage::start(&[FIRST, SECOND]).await;
        let idle = Miner::link(&stage, FIRST.0, &nothing).await;
        let _good = Miner::link(&stage, SECOND.0, &ANSWER).await;
        for answer in [stage.chat().await, stage.chat_stream().await] {
            assert_eq!(answer.status, 200, "{nothing:?}: {}", answer.text);
            assert_eq!(answer.header("x-cuckoo-miner"), account(SECOND.0).to_string(), "{nothing:?}");
        }
        assert_eq!((idle.tasks(), &stage.miner(FIRST.0).await["failed"]), (2, &json!(2)), "{nothing:?}");
    }
}

#[tokio::test]
async fn an_answer_without_text_is_believed_when_nobody_says_more() {
    for miners in [&[FIRST, SECOND][..], &[FIRST]] {
        let stage = Stage::start(miners).await;
        let mut linked = Vec::new();
        for miner in miners {
            linked.push(Miner::link(&stage, miner.0, &[Step::Finish]).await);
        }
        for answer in [stage.chat().await, stage.chat_stream().await] {
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        for (miner, linked) in miners.iter().zip(linked) {
            assert_eq!((linked.tasks(), &stage.miner(miner.0).await["failed"]), (2, &json!(0)));
        }
        let receipts = stage.get("/v1/usage").await;
        assert_eq!(receipts.json["data"], json!([]), "it costs nothing and is not counted");
    }
}

#[tokio::test]
async fn when_nobody_is_left_the_client_is_told() {
    let stage = Stage::start(&[FIRST, SECOND]).await;
    let none = stage.chat().await;
    assert_eq!((none.status, none.code()), (404, "model_not_found"), "no miner has ever offered it");
    let first = Miner::link(&stage, FIRST.0, &[Step::Fail(FailureCode::Internal)]).await;
    let answer = stage.chat().await;
    assert_eq!((answer.status, answer.code()), (503, "no_miner_available"), "{}", answer.text);
    assert_eq!(answer.header("x-should-retry"), "true");
    assert!(!answer.header("retry-after").is_empty());
    drop(first);
    until("the link to be gone", async || stage.miner(FIRST.0).await["connected"] == false).await;
    let answer = stage.chat().await;
    assert_eq!((answer.status, answer.code()), (503, "no_miner_available"), "the model is known, its miner gone");
}

#[tokio::test]
async fn a_silent_miner_is_replaced_and_told_to_stop() {
    let stage = Stage::with_limits(&[FIRST, SECOND], |limits| limits.first_token_timeout_ms = 200).await;
    let silent = Miner::link(&stage, FIRST.0, &[Step::Hang]).await;
    let _good = Miner::link(&stage, SECOND.0, &ANSWER).await;
    assert_eq!(stage.chat().await.content(), "Hello world");
    until("the cancellation", async || silent.cancels() == 1).await;
    stage.until_free_slots(FIRST.0, 1).await;
}

#[tokio::test]
async fn a_large_embedding_is_waited_for_as_long_as_vectors_come() {
    let stage = Stage::with_limits(&[FIRST, SECOND], |limits| {
        (limits.first_token_timeout_ms, limits.token_timeout_ms) = (2_000, 2_000);
    })
    .await;
    let slow = [Step::EmbedSlowly(vec![1.0], Duration::from_millis(300)), Step::Finish];
    let slow = Miner::link(&stage, FIRST.0, &slow).await;
    let other = Miner::link(&stage, SECOND.0, &ANSWER).await;
    let body = json!({"model": EMBEDDER, "input": vec!["a"; 10]});
    let answer = stage.post("/v1/embeddings", &body).await;
    assert_eq!((answer.status, answer.json["data"].as_array().unwrap().len()), (200, 10), "{}", answer.text);
    assert_eq!((slow.tasks(), other.tasks(), &stage.miner(FIRST.0).await["failed"]), (1, 0, &json!(0)));
}

#[tokio::test]
async fn a_task_has_a_deadline() {
    let stage = Stage::with_limits(&[FIRST], |limits| limits.task_timeout_ms = 300).await;
    let _silent = Miner::link(&stage, FIRST.0, &[Step::Hang]).await;
    let answer = stage.chat().await;
    assert_eq!((answer.status, answer.code()), (504, "deadline_exceeded"));
}

#[tokio::test]
async fn a_client_that_hangs_up_frees_the_slot() {
    let stage = Stage::start(&[FIRST]).await;
    let miner = Miner::link(&stage, FIRST.0, &[Step::Say("Hal"), Step::Hang]).await;
    let mut body = chat();
    for (n, stream) in [true, false].into_iter().enumerate() {
        body["stream"] = json!(stream);
        let request = stage.request("/v1/chat/completions", &body).timeout(Duration::from_millis(300));
        let hung_up = match request.send().await {
            Ok(response) => response.bytes().await.is_err(),
            Err(_) => true,
        };
        assert!(hung_up);
        until("the cancellation", async || miner.cancels() == n + 1).await;
        stage.until_free_slots(FIRST.0, 1).await;
    }
}

#[tokio::test]
async fn a_miner_that_keeps_failing_is_left_alone_for_a_while() {
    let stage = Stage::start(&[FIRST, SECOND]).await;
    let failing = Miner::link(&stage, FIRST.0, &[Step::Fail(FailureCode::Internal)]).await;
    let _good = Miner::link(&stage, SECOND.0, &ANSWER).await;
    for _ in 0..10 {
        assert_eq!(stage.chat().await.status, 200);
    }
    assert_eq!(failing.tasks(), 3, "two failures are forgiven, the third suspends");
    let listed = stage.miner(FIRST.0).await;
    assert_eq!(listed["failed"], 3);
    assert!(listed["not_chosen_because"].as_str().unwrap().contains("left alone"));
    assert!(listed["passed_over"]["suspended"].as_u64().unwrap() > 0);
    until("the suspension to end", async || stage.miner(FIRST.0).await["not_chosen_because"].is_null()).await;
    // It is in the draw a moment later.
    until("another task of it", async || stage.chat().await.status == 200 && failing.tasks() > 3).await;
    assert_eq!(failing.tasks(), 4);
}

#[tokio::test]
async fn token_counts_that_the_texts_do_not_show_are_no_fault_and_not_shown() {
    let claims = [Step::SayTokens("x", 40_000), Step::Forge(|receipt| receipt.prompt_tokens = 40_000)];
    let stage = Stage::start(&[FIRST]).await;
    let miner = Miner::link(&stage, FIRST.0, &claims).await;
    miner.offer_context(1 << 17).await;
    let answer = stage.chat().await;
    assert_eq!(answer.content(), "x", "{}", answer.text);
    let shown = |tokens: &str| answer.json["usage"][tokens].as_u64().unwrap();
    assert!(shown("prompt_tokens") < 150, "{}", answer.text);
    assert_eq!(shown("completion_tokens"), 1 + 8, "{}", answer.text);
    assert_eq!(shown("total_tokens"), shown("prompt_tokens") + shown("completion_tokens"));
    assert_eq!(stage.miner(FIRST.0).await["failed"], 0);
}

#[tokio::test]
async fn an_answer_longer_than_its_tokens_is_a_violation() {
    let stage = Stage::start(&[FIRST, SECOND]).await;
    let mut script = vec![Step::SayTokens("x".repeat(16 * 1024).leak(), 0); 16];
    script.push(Step::Finish);
    let flooding = Miner::link(&stage, FIRST.0, &script).await;
    let _good = Miner::link(&stage, SECOND.0, &ANSWER).await;
    assert_eq!(stage.chat().await.content(), "Hello world");
    assert_eq!(stage.miner(FIRST.0).await["failed"], 1);
    until("the cancellation", async || flooding.cancels() == 1).await;
}

#[tokio::test]
async fn more_tokens_than_asked_for_are_a_violation() {
    let stage = Stage::start(&[FIRST, SECOND]).await;
    let _babbling = Miner::link(&stage, FIRST.0, &[Step::SayTokens("too much", 4), Step::Finish]).await;
    let _good = Miner::link(&stage, SECOND.0, &ANSWER).await;
    let mut body = chat();
    body["max_tokens"] = json!(3);
    let answer = stage.post("/v1/chat/completions", &body).await;
    assert_eq!(answer.content(), "Hello world");
    assert_eq!(stage.miner(FIRST.0).await["failed"], 1);
}
