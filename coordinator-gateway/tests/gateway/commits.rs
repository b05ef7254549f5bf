//! What miners take on, sign for and open.

use cuckoo_primitives::Hash;
use cuckoo_wire::link;
use serde_json::Value;

use crate::{
    miner::{Miner, Step, ANSWER},
    stage::{account, chat, until, Stage},
};

const MINER: (&str, u128) = ("//Miner1", 25_000);

async fn newest_audit(stage: &Stage) -> Option<Value> {
    stage.get("/v1/audits").await.json["data"].get(0).cloned()
}

#[tokio::test]
async fn honest_answers_pass_their_audits_and_earn_trust() {
    let stage = Stage::start(&[MINER]).await;
    let _miner = Miner::link(&stage, MINER.0, &ANSWER).await;
    assert_eq!(stage.chat().await.status, 200);
    until("an audit", async || newest_audit(&stage).await.is_some()).await;
    let audit = newest_audit(&stage).await.unwrap();
    assert_eq!((&audit["outcome"], &audit["tokens"]), (&"passed".into(), &2.into()), "{audit}");
    assert_eq!(audit["miner"], account(MINER.0).to_string());
    let standing = stage.miner(MINER.0).await["audits"].clone();
    assert_eq!((&standing["audited"], &standing["streak"], &standing["rate"]), (&1.into(), &1.into(), &1.0.into()));
}

#[tokio::test]
async fn a_token_that_was_not_drawn_is_found() {
    let stage = Stage::start(&[MINER]).await;
    let other = Step::Misdraw(|leaf| leaf.candidates.truncate(60));
    let _miner = Miner::link(&stage, MINER.0, &[other, Step::Say("Hello"), Step::Finish]).await;
    assert_eq!(stage.chat().await.status, 200);
    until("an audit", async || newest_audit(&stage).await.is_some()).await;
    assert_eq!(newest_audit(&stage).await.unwrap()["outcome"], "fault");
    assert_eq!(stage.miner(MINER.0).await["audits"]["failed"], 1);
}

#[tokio::test]
async fn days_are_committed_to_before_they_come() {
    let stage = Stage::start(&[]).await;
    let days = stage.get("/v1/audits").await.json["days"].clone();
    assert_eq!(days.as_array().unwrap().len(), 2, "{days}");
    assert!(days[0]["secret"].is_null() && days[1]["secret"].is_null());
    assert_ne!(days[0]["commitment"], days[1]["commitment"]);
    let wrong = stage.get("/v1/audits?miner=nobody").await;
    assert_eq!((wrong.status, wrong.code()), (400, "invalid_value"));
}

#[tokio::test]
async fn pieces_that_do_not_commit_are_no_answers() {
    let tampers: [fn(&mut link::Output); 5] = [
        |output| output.token_ids.clear(),
        |output| output.token_ids.push(7),
        |output| output.signature.clear(),
        |output| output.signature = vec![0; 63].into(),
        |output| (output.token_ids, output.signature) = (vec![], vec![].into()),
    ];
    for (index, tamper) in tampers.into_iter().enumerate() {
        let stage = Stage::start(&[MINER]).await;
        let script = [Step::Tamper(tamper), Step::Say("Hello"), Step::Say(" world"), Step::Finish];
        let _miner = Miner::link(&stage, MINER.0, &script).await;
        let answer = stage.chat().await;
        assert!(answer.status >= 500, "{index}: {}", answer.text);
        assert_eq!(stage.miner(MINER.0).await["failed"], 1, "{index}");
    }
}

#[tokio::test]
async fn nothing_counts_that_was_not_taken_on() {
    let twice = vec![Step::Accept, Step::Accept, Step::Say("Hello"), Step::Finish];
    let half = vec![Step::AcceptWith(|accept| accept.signature = vec![0; 9].into()), Step::Say("Hello"), Step::Finish];
    for script in [twice, half] {
        let stage = Stage::start(&[MINER]).await;
        let _miner = Miner::link(&stage, MINER.0, &script).await;
        let answer = stage.chat().await;
        assert!(answer.status >= 500, "{script:?}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_share_that_does_not_follow_ends_the_link() {
    let stage = Stage::start(&[MINER]).await;
    let script = [Step::AcceptWith(|accept| accept.share = vec![9; 32].into()), Step::Say("Hello"), Step::Finish];
    let miner = Miner::link(&stage, MINER.0, &script).await;
    assert!(stage.chat().await.status >= 500);
    until("the refusal", async || miner.refusal().is_some()).await;
    assert_eq!(miner.refusal(), Some(link::RefusalCode::Protocol));
}

#[tokio::test]
async fn the_seed_is_the_clients_if_it_names_one() {
    let stage = Stage::start(&[MINER]).await;
    let miner = Miner::link(&stage, MINER.0, &ANSWER).await;
    let mut seeds = Vec::new();
    for number in [Some(7), Some(7), None, None] {
        let mut body = chat();
        if let Some(number) = number {
            body["seed"] = number.into();
        }
        assert_eq!(stage.post("/v1/chat/completions", &body).await.status, 200);
        seeds.push(miner.seen.lock().unwrap().tasks.last().unwrap().seed.clone().unwrap());
    }
    assert!(matches!(&seeds[..2], [link::task::Seed::Fixed(one), link::task::Seed::Fixed(other)] if one == other));
    assert!(matches!(&seeds[2..], [link::task::Seed::Nonce(one), link::task::Seed::Nonce(other)] if one != other));
}

#[tokio::test]
async fn a_receipt_for_another_understanding_is_no_answer() {
    let stage = Stage::start(&[MINER]).await;
    let forge = Step::Forge(|receipt| receipt.spec.numeric_class = Hash::zero());
    let _miner = Miner::link(&stage, MINER.0, &[Step::Say("Hello"), forge]).await;
    assert!(stage.chat().await.status >= 500);
    assert_eq!(stage.miner(MINER.0).await["failed"], 1);
}
