use std::time::Duration;

use codec::DecodeAll;
use cuckoo_primitives::{signing::Statement, task::Receipt, AccountId, Hash, Signature};
use serde_json::Value;

use crate::{
    miner::{Miner, Step, ANSWER},
    stage::{account, chat, genesis, until, Stage},
};

#[tokio::test]
async fn the_receipt_is_there_when_the_answer_ends() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let _miner = Miner::link(&stage, "//Miner1", &ANSWER).await;
    for answer in [stage.chat().await, stage.chat_stream().await] {
        let task_id = answer.header("x-cuckoo-task-id");
        let listed = stage.get(&format!("/v1/receipts/{task_id}")).await;
        let entry = &listed.json["data"][0];
        assert_eq!(entry["miner"], account("//Miner1").to_string(), "{}", listed.text);
        assert_eq!((&entry["prompt_tokens"], &entry["completion_tokens"]), (&7.into(), &2.into()));
        let receipt = Receipt::decode_all(&mut hex_of(entry, "encoded").as_slice()).unwrap();
        let signature: Signature = hex_of(entry, "signature").try_into().unwrap();
        assert!(receipt.is_signed_by(&genesis(), &account("//Miner1"), &signature));
    }
}

#[tokio::test]
async fn receipts_are_shown_to_the_key_that_set_the_task_only() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let _miner = Miner::link(&stage, "//Miner1", &ANSWER).await;
    let task_id = stage.chat().await.header("x-cuckoo-task-id").to_owned();
    let other = stage.gateway.keys().create("other").await.unwrap().secret;
    let url = stage.url(&format!("/v1/receipts/{task_id}"));
    let answer = stage.send(stage.client().get(url).bearer_auth(other)).await;
    assert_eq!((answer.status, answer.code()), (404, "receipt_not_found"));
}

#[tokio::test]
async fn who_hangs_up_after_the_last_word_has_a_receipt_too() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let script = [Step::Say("Hello"), Step::Pause(Duration::from_millis(200)), Step::Finish];
    let _miner = Miner::link(&stage, "//Miner1", &script).await;
    let mut body = chat();
    body["stream"] = true.into();
    let mut response = stage.request("/v1/chat/completions", &body).send().await.unwrap();
    let task_id = response.headers()["x-cuckoo-task-id"].to_str().unwrap().to_owned();
    let mut text = String::new();
    while !text.contains("Hello") {
        text.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
    }
    drop(response);
    let path = format!("/v1/receipts/{task_id}");
    until("the receipt", async || stage.get(&path).await.status == 200).await;
}

#[tokio::test]
async fn forged_receipts_are_no_answers() {
    let forgeries: [Step; 7] = [
        Step::Forge(|receipt| receipt.output_hash = Hash::zero()),
        Step::Forge(|receipt| receipt.spec.request_hash = Hash::zero()),
        Step::Forge(|receipt| receipt.spec.model_root = Hash::zero()),
        Step::Forge(|receipt| receipt.completion_tokens += 1),
        Step::Forge(|receipt| receipt.spec.attempt += 1),
        Step::Forge(|receipt| receipt.spec.coordinator = AccountId::from([0; 32])),
        Step::SignWith("//Miner2"),
    ];
    for forgery in forgeries {
        let stage = Stage::start(&[("//Miner1", 25_000)]).await;
        let _miner = Miner::link(&stage, "//Miner1", &[Step::Say("Hello"), forgery.clone()]).await;
        let answer = stage.chat().await;
        assert!(answer.status >= 500, "{forgery:?}: {}", answer.text);
        let task_id = answer.header("x-cuckoo-task-id");
        assert_eq!(stage.get(&format!("/v1/receipts/{task_id}")).await.status, 404);
        assert_eq!(stage.miner("//Miner1").await["failed"], 1, "{forgery:?}");
    }
}

fn hex_of(entry: &Value, field: &str) -> Vec<u8> {
    let text = entry[field].as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
