//! Answers that one miner breaks off and another one goes on with.

use cuckoo_primitives::{
    fixture::{drawing, leaves},
    task::{seed::Seed, Drawing},
    CAI,
};
use cuckoo_wire::link::{
    task::{Seed as SeedOf, Work},
    FailureCode, Task,
};
use serde_json::{json, Value};

use crate::{
    miner::{Miner, Step},
    stage::{chat, until, Answer, Stage, MODEL},
};

/// Nearly all backing, so that it is drawn first.
const FIRST: (&str, u128) = ("//Miner1", 100_000_000_000);
const SECOND: (&str, u128) = ("//Miner2", 20_001);

const STORY: &str = "Once upon a time there was.";
const TOKENS: u32 = 7;

/// Seven messages: most have a token, one has text whose tokens come later, and one ends the text.
fn story() -> Vec<Step> {
    vec![
        Step::Say("Once"),
        Step::Say(" upon"),
        Step::SayTokens(" a ti", 0),
        Step::SayTokens("me", 2),
        Step::Say(" there"),
        Step::Say(" was"),
        Step::SayLast(".", 1),
    ]
}

/// A miner that says so many messages of the story and no more.
async fn breaks_off(stage: &Stage, after: usize) -> Miner {
    let said = story().into_iter().take(after).chain([Step::Fail(FailureCode::Internal)]);
    let script = if after == 0 { vec![Step::Fail(FailureCode::Internal)] } else { said.collect() };
    Miner::link(stage, FIRST.0, &script).await
}

fn all_of(story: Vec<Step>) -> Vec<Step> {
    story.into_iter().chain([Step::Finish]).collect()
}

fn with(mut body: Value, extra: Value) -> Value {
    extra.as_object().unwrap().iter().for_each(|(name, value)| body[name] = value.clone());
    body
}

/// An answer as its client puts it together.
#[derive(Debug, PartialEq)]
struct Seen {
    text: String,
    logprobs: Vec<Value>,
    finish: Value,
    usage: Value,
}

fn seen_of(chunks: &[Value]) -> Seen {
    let choices: Vec<&Value> = chunks.iter().map(|chunk| &chunk["choices"][0]).collect();
    let text = |choice: &&Value| {
        let texts = [&choice["message"]["content"], &choice["delta"]["content"], &choice["text"]];
        texts.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned()
    };
    Seen {
        text: choices.iter().map(text).collect(),
        logprobs: choices.iter().filter_map(|it| it["logprobs"]["content"].as_array().cloned()).flatten().collect(),
        finish: choices.iter().map(|it| &it["finish_reason"]).find(|it| it.is_string()).unwrap().clone(),
        usage: chunks.iter().map(|chunk| &chunk["usage"]).find(|it| it.is_object()).unwrap().clone(),
    }
}

fn whole(answer: &Answer) -> Seen {
    assert_eq!(answer.status, 200, "{}", answer.text);
    seen_of(std::slice::from_ref(&answer.json))
}

fn streamed(answer: &Answer) -> Seen {
    assert_eq!(answer.events().last(), Some(&"[DONE]"), "{}", answer.text);
    let chunks = answer.events().into_iter().filter_map(|event| serde_json::from_str(event).ok());
    seen_of(&chunks.collect::<Vec<_>>())
}

fn as_stream(body: &Value) -> Value {
    with(body.clone(), json!({"stream": true, "stream_options": {"include_usage": true}}))
}

fn tasks_of(miner: &Miner) -> Vec<Task> {
    miner.seen.lock().unwrap().tasks.clone()
}

/// The numbers of the first tokens that are drawn from this seed.
fn drawn(seed: Seed, count: u32) -> Vec<u32> {
    leaves(&Drawing { seed, ..drawing() }, count).iter().map(|leaf| leaf.token).collect()
}

fn fixed(task: &Task) -> Seed {
    match &task.seed {
        Some(SeedOf::Fixed(seed)) => seed[..].try_into().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn max_tokens(task: &Task) -> u32 {
    match &task.work {
        Some(Work::Chat(chat)) => chat.sampling.as_ref().unwrap().max_tokens,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn wherever_a_miner_breaks_off_the_client_sees_one_answer() {
    let stage = Stage::start(&[SECOND]).await;
    let _alone = Miner::link(&stage, SECOND.0, &all_of(story())).await;
    let body = with(chat(), json!({"logprobs": true, "top_logprobs": 1}));
    let uninterrupted = whole(&stage.post("/v1/chat/completions", &body).await);
    assert_eq!((uninterrupted.text.as_str(), uninterrupted.logprobs.len()), (STORY, TOKENS as usize));

    // How many tokens are gone on from: without stop strings, and where any token may end the text.
    let firm = [(0, 0), (1, 0), (2, 1), (2, 2), (4, 2), (5, 4), (6, 5), (6, 6)];
    for (after, (without_stops, with_stops)) in firm.into_iter().enumerate() {
        for (stop, firm) in [(json!(null), without_stops), (json!(["END"]), with_stops)] {
            let stage = Stage::start(&[FIRST, SECOND]).await;
            let first = breaks_off(&stage, after).await;
            let second = Miner::link(&stage, SECOND.0, &all_of(story())).await;
            let body = with(body.clone(), json!({"stop": stop}));
            let one = whole(&stage.post("/v1/chat/completions", &body).await);
            let other = streamed(&stage.post("/v1/chat/completions", &as_stream(&body)).await);
            assert_eq!((&one, &other), (&uninterrupted, &uninterrupted), "broken off after {after}, {stop}");
            assert_eq!((first.tasks(), second.tasks()), (2, 2));
            for task in tasks_of(&second) {
                match after {
                    0 => assert!(matches!(task.seed, Some(SeedOf::Nonce(_))) && task.resumed.is_empty()),
                    _ => assert_eq!(task.resumed, drawn(fixed(&task), firm), "broken off after {after}, {stop}"),
                }
            }
            assert_eq!(stage.miner(FIRST.0).await["failed"], 2);
        }
    }
}

#[tokio::test]
async fn a_repeated_prompt_is_repeated_once() {
    let prompt = [Step::SayTokens("Long ", 0), Step::SayTokens("ago. ", 0)];
    let story = || prompt.iter().cloned().chain(story()).collect::<Vec<_>>();
    let body = json!({"model": MODEL, "prompt": "Long ago. ", "echo": true});
    for after in 1..=9 {
        let stage = Stage::start(&[FIRST, SECOND]).await;
        let script = story().into_iter().take(after).chain([Step::Fail(FailureCode::Internal)]).collect::<Vec<_>>();
        let _first = Miner::link(&stage, FIRST.0, &script).await;
        let second = Miner::link(&stage, SECOND.0, &all_of(story())).await;
        let one = whole(&stage.post("/v1/completions", &body).await);
        let other = streamed(&stage.post("/v1/completions", &as_stream(&body)).await);
        let expected = format!("Long ago. {STORY}");
        assert_eq!((one.text, other.text), (expected.clone(), expected), "broken off after {after}");
        assert_eq!(second.tasks(), 2);
    }
}

#[tokio::test]
async fn a_link_that_is_lost_breaks_off_too() {
    let stage = Stage::start(&[FIRST, SECOND]).await;
    let script: Vec<_> = story().into_iter().take(2).chain([Step::Hang]).collect();
    let _first = Miner::link(&stage, FIRST.0, &script).await;
    let second = Miner::link(&stage, SECOND.0, &all_of(story())).await;
    let mut response = stage.request("/v1/chat/completions", &as_stream(&chat())).send().await.unwrap();
    let mut text = String::new();
    while !text.contains(" upon") {
        text.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
    }
    stage.chill(FIRST.0);
    while let Some(chunk) = response.chunk().await.unwrap() {
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    let answer = Answer { status: 200, headers: Default::default(), text, json: Value::Null };
    assert_eq!(streamed(&answer).text, STORY);
    assert_eq!(tasks_of(&second)[0].resumed.len(), 2);
}

#[tokio::test]
async fn each_attempt_is_paid_for_what_it_has_a_receipt_for() {
    let stage = Stage::paying(&[FIRST, SECOND]).await;
    let first = breaks_off(&stage, 4).await;
    let second = Miner::link(&stage, SECOND.0, &all_of(story())).await;
    let answer = stage.post("/v1/chat/completions", &as_stream(&chat())).await;
    assert_eq!(streamed(&answer).usage["prompt_tokens"], 7);
    assert_eq!(streamed(&answer).usage["completion_tokens"], TOKENS);
    // It has read seven tokens of the prompt and four of the first one's, and written three.
    let cost = (7 + 4 + 2 * 3) * CAI / 1_000;
    until("the voucher", async || second.promised() == (cost, 1)).await;
    assert_eq!(first.promised(), (0, 0));
    let task_id = answer.header("x-cuckoo-task-id");
    let receipts = stage.get(&format!("/v1/receipts/{task_id}")).await;
    assert_eq!(receipts.json["data"].as_array().unwrap().len(), 1, "{}", receipts.text);
    let receipt = &receipts.json["data"][0];
    assert_eq!((&receipt["attempt"], &receipt["prompt_tokens"]), (&json!(1), &json!(11)));
    until("the reservations to end", async || stage.get("/v1/usage").await.json["reserved"]["planck"] == "0").await;
    assert_eq!(stage.get("/v1/usage").await.json["spent"]["planck"], cost.to_string());
}

#[tokio::test]
async fn whoever_goes_on_writes_what_is_left_to_be_written() {
    let stage = Stage::start(&[FIRST, SECOND]).await;
    let first = breaks_off(&stage, 5).await;
    let second = Miner::link(&stage, SECOND.0, &all_of(story())).await;
    let body = with(chat(), json!({"max_tokens": TOKENS, "seed": 7}));
    assert_eq!(whole(&stage.post("/v1/chat/completions", &body).await).text, STORY);
    let (before, after) = (&tasks_of(&first)[0], &tasks_of(&second)[0]);
    assert_eq!((max_tokens(before), max_tokens(after), after.resumed.len()), (TOKENS, TOKENS - 5, 5));
    assert_eq!((fixed(before), before.attempt), (fixed(after), after.attempt - 1));
}

#[tokio::test]
async fn nothing_may_be_left_but_the_end() {
    let stage = Stage::start(&[FIRST, SECOND]).await;
    let _first = breaks_off(&stage, 6).await;
    let end = story().into_iter().take(6).chain([Step::SayLast("", 0), Step::Finish]).collect::<Vec<_>>();
    let second = Miner::link(&stage, SECOND.0, &end).await;
    let one = whole(&stage.chat().await);
    let other = streamed(&stage.post("/v1/chat/completions", &as_stream(&chat())).await);
    assert_eq!([one.text.as_str(), &other.text], ["Once upon a time there was"; 2]);
    assert_eq!([&one.usage, &other.usage].map(|usage| &usage["completion_tokens"]), [&json!(6); 2]);
    assert_eq!((second.tasks(), &stage.miner(SECOND.0).await["failed"]), (2, &json!(0)));
}

#[tokio::test]
async fn only_a_miner_of_the_same_class_goes_on() {
    let stage = Stage::start(&[FIRST, SECOND]).await;
    let _first = breaks_off(&stage, 2).await;
    let other = Miner::unlike(&stage, SECOND.0, &all_of(story())).await;
    let broken_off = stage.post("/v1/chat/completions", &as_stream(&chat())).await;
    let last: Value = serde_json::from_str(broken_off.events().last().unwrap()).unwrap();
    assert_eq!(last["error"]["code"], "miners_failed", "{}", broken_off.text);
    assert_eq!(other.tasks(), 0);
    // Of an answer that nobody has seen any other miner may say all.
    assert_eq!(whole(&stage.chat().await).text, STORY);
    let begun = &tasks_of(&other)[0];
    assert!(begun.resumed.is_empty() && matches!(begun.seed, Some(SeedOf::Nonce(_))));
}

#[tokio::test]
async fn whoever_would_say_something_else_does_not_go_on() {
    let stage = Stage::start(&[FIRST, SECOND]).await;
    let _first = breaks_off(&stage, 1).await;
    let second = Miner::link(&stage, SECOND.0, &[Step::Say("Twice"), Step::Finish]).await;
    let body = as_stream(&with(chat(), json!({"stop": "END"})));
    let answer = stage.post("/v1/chat/completions", &body).await;
    assert!(answer.text.contains("Once") && !answer.text.contains("Twice"), "{}", answer.text);
    let last: Value = serde_json::from_str(answer.events().last().unwrap()).unwrap();
    assert_eq!(last["error"]["code"], "miners_failed", "{}", answer.text);
    // The first one's word stands against the second one's.
    assert_eq!((second.tasks(), &stage.miner(SECOND.0).await["failed"]), (1, &json!(0)));
}

#[tokio::test]
async fn a_busy_miner_is_waited_for() {
    let stage = Stage::start(&[FIRST, SECOND]).await;
    let busy = [Step::Pause(std::time::Duration::from_millis(500))].into_iter().chain(all_of(story()));
    let second = Miner::link(&stage, SECOND.0, &busy.collect::<Vec<_>>()).await;
    let other_task = tokio::spawn(stage.request("/v1/chat/completions", &chat()).send());
    until("the other task", async || second.tasks() == 1).await;
    let first = breaks_off(&stage, 2).await;
    let answer = stage.post("/v1/chat/completions", &as_stream(&chat())).await;
    assert_eq!(streamed(&answer).text, STORY);
    assert_eq!((first.tasks(), second.tasks()), (1, 2));
    assert_eq!(other_task.await.unwrap().unwrap().status(), 200);
}
