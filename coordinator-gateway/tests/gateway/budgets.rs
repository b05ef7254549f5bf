use std::time::Duration;

use cuckoo_primitives::CAI;
use serde_json::{json, Value};

use crate::{
    miner::{Miner, Step, ANSWER},
    stage::{chat, until, Answer, Stage},
};

const MINER: (&str, u128) = ("//Miner1", 25_000);

/// 7 prompt tokens at 1 CAI and 2 completion tokens at 2 CAI for 1,000.
const COST: u128 = 11 * CAI / 1_000;

/// What a task of the tests may cost: 64 tokens of context for the prompt, 8 for the answer.
const CEILING: u128 = (64 + 2 * 8) * CAI / 1_000;

fn short_chat() -> Value {
    let mut body = chat();
    body["max_tokens"] = json!(8);
    body
}

async fn ask(stage: &Stage, key: &str) -> Answer {
    let request = stage.client().post(stage.url("/v1/chat/completions")).bearer_auth(key).json(&short_chat());
    stage.send(request).await
}

async fn usage(stage: &Stage, key: &str) -> Value {
    stage.send(stage.client().get(stage.url("/v1/usage")).bearer_auth(key)).await.json
}

#[tokio::test]
async fn a_key_spends_no_more_than_its_budget() {
    let stage = Stage::paying(&[MINER]).await;
    let miner = Miner::link(&stage, MINER.0, &ANSWER).await;
    let keys = stage.gateway.keys();
    let key = keys.create_with_budget("app", Some(CEILING + COST)).await.unwrap();
    assert_eq!(ask(&stage, &key.secret).await.status, 200);
    assert_eq!(ask(&stage, &key.secret).await.status, 200, "what the first did not use is there again");
    let refused = ask(&stage, &key.secret).await;
    assert_eq!((refused.status, refused.code()), (429, "insufficient_quota"), "{}", refused.text);
    assert!(refused.text.contains("max_tokens"), "{}", refused.text);
    assert_eq!(refused.header("x-should-retry"), "false");
    assert_eq!(miner.tasks(), 2);
    assert_eq!(stage.chat().await.status, 200, "other keys are not concerned");
    keys.set_budget(&key.id, None).await.unwrap();
    until("the budget to be lifted", async || ask(&stage, &key.secret).await.status == 200).await;
}

#[tokio::test]
async fn tasks_at_once_do_not_spend_a_budget_twice() {
    let stage = Stage::paying(&[MINER]).await;
    let script = [Step::Pause(Duration::from_millis(300)), Step::Say("Hello"), Step::Finish];
    let miner = Miner::with_slots(&stage, MINER.0, 8, &script).await;
    let key = stage.gateway.keys().create_with_budget("app", Some(3 * CEILING)).await.unwrap().secret;
    let answers = futures::future::join_all((0..8).map(|_| ask(&stage, &key))).await;
    let served = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((served, miner.tasks()), (3, 3));
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.code() == "insufficient_quota"));
    stage.until_free_slots(MINER.0, 8).await;
}

#[tokio::test]
async fn usage_is_shown_to_its_key_and_survives_a_restart() {
    let stage = Stage::paying(&[MINER]).await;
    let miner = Miner::link(&stage, MINER.0, &ANSWER).await;
    let key = stage.gateway.keys().create_with_budget("app", Some(CAI)).await.unwrap().secret;
    assert_eq!(usage(&stage, &key).await["spent"]["planck"], "0");
    assert_eq!(ask(&stage, &key).await.status, 200);
    assert_eq!(stage.chat().await.status, 200);
    drop(miner);
    let check = async |stage: &Stage| {
        let shown = usage(stage, &key).await;
        assert_eq!(shown["budget"]["cai"], "1");
        assert_eq!(shown["spent"]["planck"], COST.to_string());
        assert_eq!(shown["reserved"]["planck"], "0", "{shown}");
        let day = &shown["data"][0];
        assert_eq!((&day["model"], &day["tasks"]), (&json!("chatty"), &json!(1)));
        assert_eq!((&day["prompt_tokens"], &day["completion_tokens"]), (&json!(7), &json!(2)));
        assert_eq!(day["cost"]["cai"], "0.011");
        assert_eq!(shown["data"].as_array().unwrap().len(), 1, "of others nothing is shown");
    };
    check(&stage).await;
    let stage = stage.restart().await;
    check(&stage).await;
    let listed = stage.gateway.keys().list().await.unwrap();
    let spent: Vec<_> = listed.iter().filter(|key| key.name == "app").map(|key| (key.budget, key.spent)).collect();
    assert_eq!(spent, [(Some(CAI), COST)]);
}

#[tokio::test]
async fn a_task_whose_key_is_revoked_while_it_waits_is_not_handed_out() {
    let stage = Stage::paying(&[MINER]).await;
    let script = [Step::Pause(Duration::from_secs(3)), Step::Say("Hello"), Step::Finish];
    let miner = Miner::link(&stage, MINER.0, &script).await;
    let keys = stage.gateway.keys();
    let key = keys.create_with_budget("app", Some(CAI)).await.unwrap();
    let (first, waited) = tokio::join!(stage.chat(), async {
        until("the miner to be busy", async || miner.tasks() == 1).await;
        let waiting = ask(&stage, &key.secret);
        let revoke = async {
            // Only once it is let in.
            until("it to wait", async || stage.gateway.waiting_tasks() == 1).await;
            keys.revoke(&key.id).await.unwrap();
        };
        tokio::join!(waiting, revoke).0
    });
    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!((waited.status, waited.code()), (401, "invalid_api_key"), "{}", waited.text);
    assert!(waited.text.contains("revoked"), "{}", waited.text);
    assert_eq!(miner.tasks(), 1);
    stage.until_free_slots(MINER.0, 1).await;
}
