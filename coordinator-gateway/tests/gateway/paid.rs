use std::{
    sync::{
        atomic::{AtomicUsize, Ordering},
        Arc,
    },
    time::{Duration, Instant},
};

use coordinator_gateway::{Gateway, StartError, StoreError};
use cuckoo_chain_client::{account_of, Chain};
use cuckoo_primitives::{
    settlement::{Price, Settled, SignedVoucher, Solvency, Voucher},
    signing::Statement,
    CAI,
};
use cuckoo_wire::{
    link::{self, miner_message::Message, RefusalCode},
    money::{voucher_from_wire, voucher_to_wire},
};
use serde_json::json;
use tokio::sync::watch;

use crate::{
    miner::{shake_hands, Miner, Step, Unlinked, ANSWER, CHANNEL},
    settlement::Settlement,
    stage::{account, genesis, key_of, stash, until, view, Stage},
};

const MINER: (&str, u128) = ("//Miner1", 25_000);

/// 7 prompt tokens at 1 CAI and 2 completion tokens at 2 CAI for 1,000.
const COST: u128 = 11 * CAI / 1_000;

const BUSY: Unlinked = Unlinked::Refused(RefusalCode::Busy);

/// A voucher for the miner with this much, signed by somebody.
fn voucher(signer: &str, amount: u128) -> link::Voucher {
    let key = key_of(signer);
    let voucher =
        Voucher { coordinator: stash("//Coordinator"), miner: stash(MINER.0), channel: CHANNEL, amount, tasks: 3 };
    let signature = key.sign(voucher.signing_hash(&genesis()).as_bytes()).0;
    voucher_to_wire(&SignedVoucher { voucher, operator: account_of(&key), signature })
}

/// Links the miner, which shows `newest`; what it is promised by its welcome.
async fn welcomed(stage: &Stage, newest: Option<link::Voucher>) -> Result<u128, Unlinked> {
    let show = |message: &mut Message| {
        if let Message::Proof(proof) = message {
            proof.newest = newest.clone();
        }
    };
    let (.., welcome) = shake_hands(&stage.link_url(), &key_of(MINER.0), show).await?;
    let signed = welcome
        .newest
        .map(|newest| voucher_from_wire(&newest, &stash("//Coordinator"), &stash(MINER.0), CHANNEL).unwrap());
    if let Some(signed) = &signed {
        assert!(signed.is_signed(&genesis()));
        assert_eq!(signed.operator, account("//Coordinator"));
    }
    Ok(signed.map_or(0, |signed| signed.voucher.amount))
}

#[tokio::test]
async fn a_receipt_is_followed_by_a_voucher_of_its_cost() {
    let stage = Stage::paying(&[MINER]).await;
    let miner = Miner::link(&stage, MINER.0, &ANSWER).await;
    assert!(miner.vouchers().is_empty(), "nothing has been promised yet");
    for (n, answer) in [stage.chat().await, stage.chat_stream().await].into_iter().enumerate() {
        assert_eq!(answer.status, 200, "{}", answer.text);
        let expected = (COST * (n as u128 + 1), n as u64 + 1);
        until("the voucher", async || miner.promised() >= expected).await;
        let receipt = stage.get(&format!("/v1/receipts/{}", answer.header("x-cuckoo-task-id"))).await.json;
        assert_eq!(receipt["data"][0]["cost"], json!({"planck": COST.to_string(), "cai": "0.011"}));
    }
    assert_eq!(miner.promised(), (2 * COST, 2));
    let task = miner.seen.lock().unwrap().tasks[0].clone();
    let price = cuckoo_wire::money::price_from_wire(task.price.as_ref()).unwrap();
    assert_eq!(price, Price::new(CAI, 2 * CAI, 0, 0).unwrap());
    let metrics = stage.get("/metrics").await.text;
    for name in
        ["gateway_vouchers_total", "gateway_promised_cai_total", "gateway_escrow_cai", "gateway_outstanding_cai"]
    {
        assert!(metrics.contains(name), "{name} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn what_is_free_is_counted_and_brings_no_voucher() {
    let stage = Stage::start(&[MINER]).await;
    let miner = Miner::link(&stage, MINER.0, &ANSWER).await;
    assert_eq!(stage.chat().await.status, 200);
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(miner.vouchers().is_empty());
}

#[tokio::test]
async fn failed_attempts_are_not_paid() {
    let stage = Stage::paying(&[MINER, ("//Miner2", 1)]).await;
    let forging = Step::Forge(|receipt| receipt.completion_tokens += 1);
    let lying = Miner::link(&stage, MINER.0, &[Step::Say("Hal"), forging]).await;
    let good = Miner::link(&stage, "//Miner2", &ANSWER).await;
    assert_eq!(stage.chat().await.status, 200);
    until("the voucher", async || good.promised() == (COST, 1)).await;
    assert_eq!((lying.tasks(), lying.promised()), (1, (0, 0)));
}

#[tokio::test]
async fn results_at_once_give_one_growing_sequence_of_vouchers() {
    let stage = Stage::paying(&[MINER]).await;
    let miner = Miner::with_slots(&stage, MINER.0, 8, &ANSWER).await;
    let answers = futures::future::join_all((0..40).map(|_| stage.chat())).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    until("all to be promised", async || miner.promised().1 == 40).await;
    let vouchers = miner.vouchers();
    assert!(vouchers.iter().is_sorted_by(|a, b| a.voucher.amount < b.voucher.amount));
    assert!(vouchers.iter().all(|signed| signed.voucher.amount == COST * u128::from(signed.voucher.tasks)));
}

#[tokio::test]
async fn workers_of_one_operator_are_paid_each_through_its_own_channel() {
    let stage = Stage::paying(&[MINER]).await;
    let one = Miner::on_channel(&stage, MINER.0, [1; 16], 2, &ANSWER).await;
    let other = Miner::on_channel(&stage, MINER.0, [2; 16], 3, &ANSWER).await;
    stage.until_free_slots(MINER.0, 5).await;
    let listed = stage.miner(MINER.0).await;
    assert_eq!((&listed["links"], &listed["selection_share"]), (&json!(2), &json!(1.0)), "{listed}");
    for _ in 0..40 {
        assert_eq!(stage.chat().await.status, 200);
    }
    assert_eq!(one.tasks() + other.tasks(), 40);
    for worker in [&one, &other] {
        let tasks = worker.tasks() as u64;
        // Each has half of the backing; that one gets none has a chance of 1 in 2^39.
        assert!(tasks > 0, "{} and {}", one.tasks(), other.tasks());
        until("the voucher", async || worker.promised() == (COST * u128::from(tasks), tasks)).await;
    }
    drop(one);
    stage.until_free_slots(MINER.0, 3).await;
    assert_eq!(stage.miner(MINER.0).await["selection_share"], 1.0);
    assert_eq!(stage.chat().await.status, 200);
}

#[tokio::test]
async fn promises_survive_a_restart() {
    let stage = Stage::paying(&[MINER]).await;
    let miner = Miner::link(&stage, MINER.0, &ANSWER).await;
    assert_eq!(stage.chat().await.status, 200);
    until("the voucher", async || miner.promised() == (COST, 1)).await;
    drop(miner);
    let stage = stage.restart().await;
    let miner = Miner::link(&stage, MINER.0, &ANSWER).await;
    assert_eq!(miner.promised(), (COST, 1), "its welcome says so");
    assert_eq!(stage.chat().await.status, 200);
    until("the next voucher", async || miner.promised() == (2 * COST, 2)).await;
}

#[tokio::test]
async fn a_channel_goes_on_from_the_highest_of_journal_miner_and_chain() {
    let stage = Stage::paying(&[MINER]).await;
    assert_eq!(welcomed(&stage, None).await, Ok(0));
    let shown = voucher("//Coordinator", 3 * CAI);
    assert_eq!(welcomed(&stage, Some(shown.clone())).await, Ok(3 * CAI), "what the miner shows");
    let older = voucher("//Coordinator", 2 * CAI);
    assert_eq!(welcomed(&stage, Some(older)).await, Ok(3 * CAI), "what the journal has");
    let settled = Settled { amount: 5 * CAI, tasks: 9 };
    stage.settlement.books().settled.insert((stash(MINER.0), CHANNEL), settled);
    assert_eq!(welcomed(&stage, Some(shown)).await, Ok(5 * CAI), "what the chain has settled");
    let stage = stage.restart().await;
    stage.settlement.books().settled.clear();
    assert_eq!(welcomed(&stage, None).await, Ok(5 * CAI), "and all of it was committed");
    let miner = Miner::link(&stage, MINER.0, &ANSWER).await;
    assert_eq!(stage.chat().await.status, 200);
    until("the next voucher", async || miner.promised() == (5 * CAI + COST, 10)).await;
}

#[tokio::test]
async fn a_voucher_of_another_key_is_not_adopted() {
    let stage = Stage::paying(&[MINER]).await;
    let mut forged = voucher("//Coordinator", 4 * CAI);
    forged.signature = vec![1; 64].into();
    for foreign in [voucher("//Former", 4 * CAI), forged] {
        let refused = welcomed(&stage, Some(foreign)).await;
        assert_eq!(refused, Err(Unlinked::Refused(RefusalCode::Channel)));
    }
    assert_eq!(welcomed(&stage, Some(voucher("//Coordinator", CAI))).await, Ok(CAI));
    let retired = voucher("//Former", CAI);
    assert_eq!(welcomed(&stage, Some(retired)).await, Ok(CAI), "what is no more than is known is signed anew");
    let mut short = voucher("//Coordinator", CAI);
    short.amount = vec![1; 15].into();
    assert_eq!(welcomed(&stage, Some(short)).await, Err(Unlinked::Refused(RefusalCode::Protocol)));
}

#[tokio::test]
async fn nobody_is_linked_while_the_chain_cannot_say_what_it_settled() {
    let stage = Stage::paying(&[MINER]).await;
    stage.settlement.books().is_lost = true;
    assert_eq!(welcomed(&stage, None).await, Err(Unlinked::Refused(RefusalCode::StaleChain)));
    stage.settlement.books().is_lost = false;
    assert_eq!(welcomed(&stage, None).await, Ok(0));
}

#[tokio::test]
async fn a_miner_that_is_not_covered_is_passed_over_until_it_is() {
    // Nearly all backing, so that it is drawn first.
    let stage = Stage::paying(&[("//Miner1", 100_000_000_000), ("//Miner2", 20_001)]).await;
    stage.settlement.books().covers.insert(stash("//Miner1"), 0);
    let uncovered = Miner::link(&stage, "//Miner1", &ANSWER).await;
    let covered = Miner::link(&stage, "//Miner2", &ANSWER).await;
    assert_eq!(stage.chat().await.status, 200);
    assert_eq!((uncovered.tasks(), covered.tasks()), (0, 1));
    let listed = stage.miner("//Miner1").await;
    assert!(listed["passed_over"]["uncovered"].as_u64().unwrap() > 0);
    assert!(listed["not_chosen_because"].as_str().unwrap().contains("stands behind its pay"), "{listed}");
    drop(covered);
    until("it to be gone", async || stage.miner("//Miner2").await["connected"] == false).await;
    let answer = stage.chat().await;
    assert_eq!((answer.status, answer.code()), (503, "no_miner_available"), "{}", answer.text);
    assert!(answer.text.contains("redeem"), "{}", answer.text);
    // A debt changes what covers whom, so that it is read again.
    stage.settle(|books| {
        books.covers.insert(stash("//Miner1"), 20 * CAI);
        books.solvency.owed = 1;
    });
    until("the debt to be seen", async || stage.get("/readyz").await.code() == "coordinator_unfunded").await;
    stage.settle(|books| books.solvency.owed = 0);
    until("it to be covered", async || stage.chat().await.status == 200).await;
}

#[tokio::test]
async fn without_escrow_no_task_is_taken_and_it_is_said_how_to_deposit() {
    let settlement = Settlement::default();
    settlement.books().covers.insert(stash(MINER.0), CAI);
    let stage = Stage::paying_from(&[MINER], Arc::new(settlement)).await;
    let miner = Miner::link(&stage, MINER.0, &ANSWER).await;
    let ready = stage.get("/readyz").await;
    assert_eq!((ready.status, ready.code()), (503, "coordinator_unfunded"));
    let answer = stage.chat().await;
    assert_eq!((answer.status, answer.code()), (503, "coordinator_unfunded"), "{}", answer.text);
    assert!(answer.text.contains("settlement.deposit"), "{}", answer.text);
    assert_eq!(miner.tasks(), 0);
    stage.settle(|books| books.solvency = Solvency { escrow: CAI, ..Default::default() });
    until("it to be ready", async || stage.get("/readyz").await.status == 200).await;
    until("it to be served", async || stage.chat().await.status == 200).await;
}

#[tokio::test]
async fn what_is_settled_can_be_promised_again() {
    let stage = Stage::paying(&[MINER]).await;
    // A task may cost 0.192 CAI: the context is 64 tokens, for the prompt and for the answer.
    stage.settlement.books().covers.insert(stash(MINER.0), 2 * CAI / 5);
    let miner = Miner::link(&stage, MINER.0, &ANSWER).await;
    assert_eq!(stage.chat().await.status, 200);
    until("the voucher", async || miner.promised() == (COST, 1)).await;
    let refused = stage.chat().await;
    assert_eq!((refused.status, refused.code()), (503, "no_miner_available"), "{}", refused.text);
    let mut short = crate::stage::chat();
    short["max_tokens"] = json!(8);
    assert_eq!(stage.post("/v1/chat/completions", &short).await.status, 200, "a smaller one fits");
    stage.settle(|books| {
        books.settled.insert((stash(MINER.0), CHANNEL), Settled { amount: COST, tasks: 1 });
        books.solvency.escrow -= COST;
    });
    // Of the cover 0.2 CAI can be promised, of which the second task has taken 0.011.
    until("the smaller one to fit again", async || {
        stage.miner(MINER.0).await["headroom"] == (CAI / 5 - COST).to_string()
    })
    .await;
}

#[tokio::test]
async fn a_miner_that_asks_more_than_is_paid_is_not_drawn() {
    let stage = Stage::paying(&[MINER]).await;
    let miner = Miner::link(&stage, MINER.0, &ANSWER).await;
    miner.offer_for(Price::new(CAI, 2 * CAI + 1, 0, 0).unwrap()).await;
    until("the offer", async || stage.get("/v1/models").await.json["data"] == json!([])).await;
    let answer = stage.chat().await;
    assert_eq!((answer.status, answer.code()), (503, "no_miner_available"), "{}", answer.text);
    let listed = stage.miner(MINER.0).await;
    assert_eq!(listed["asks_more"], json!(["chatty", "embedder"]));
    assert!(listed["not_chosen_because"].as_str().unwrap().contains("asks more"), "{listed}");
    miner.offer_for(Price::new(CAI, 2 * CAI, 0, 0).unwrap()).await;
    until("it to be served", async || stage.chat().await.status == 200).await;
}

#[tokio::test]
async fn prices_are_shown() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = coordinator_gateway::config::GatewayConfig::on_free_ports(dir.path().join("data"));
    config.prices = vec!["chatty=0.5:1".parse().unwrap(), "later=3:3".parse().unwrap()];
    let stage = Stage::with_config(&[MINER], config, dir).await;
    let _miner = Miner::link(&stage, MINER.0, &ANSWER).await;
    let prices = stage.get("/v1/prices").await.json;
    assert_eq!(prices["default"]["prompt_1k_tokens"], json!({"planck": "0", "cai": "0"}));
    let models: Vec<_> = prices["data"].as_array().unwrap().iter().map(|priced| priced["model"].clone()).collect();
    assert_eq!(models, ["chatty", "embedder", "later"]);
    let chatty = json!({"planck": "500000000000000000", "cai": "0.5"});
    assert_eq!(prices["data"][0]["price"]["prompt_1k_tokens"], chatty);
    assert_eq!(stage.get("/v1/models/chatty").await.json["price"]["prompt_1k_tokens"], chatty);
    assert_eq!(stage.get("/v1/models").await.json["data"][0]["price"]["completion_1k_tokens"]["cai"], "1");
}

#[tokio::test]
async fn a_folder_has_one_gateway_at_a_time() {
    let stage = Stage::paying(&[MINER]).await;
    let (_views, view) = watch::channel(Arc::new(view(1, &stage.candidates())));
    let chain = Chain::detached(genesis(), view);
    let second =
        Gateway::start_with(stage.config.clone(), chain, key_of("//Coordinator"), stage.settlement.clone()).await;
    let refused = second.err().expect("it does not start");
    assert!(matches!(refused, StartError::Store(StoreError::InUse { .. })), "{refused}");
    assert!(refused.to_string().contains("another gateway"), "{refused}");
    assert_eq!(stage.get("/readyz").await.status, 200, "the first goes on");
    drop(stage.restart().await);
}

#[tokio::test]
async fn the_escrow_is_filled_when_it_runs_low_and_debts_are_paid_from_it() {
    let settlement = Settlement::default();
    {
        let mut books = settlement.books();
        books.covers.insert(stash(MINER.0), 20 * CAI);
        books.debts.insert(stash(MINER.0), 3 * CAI);
        books.solvency.owed = 3 * CAI;
    }
    let stage = Stage::paying_with(&[MINER], Arc::new(settlement), |config| {
        config.escrow_low = "1".parse().unwrap();
        config.escrow_target = "5".parse().unwrap();
        config.escrow_per_day = "10".parse().unwrap();
    })
    .await;
    // Before a handshake reads the escrow again.
    assert_eq!(stage.chat().await.code(), "coordinator_unfunded");
    let miner = Miner::link(&stage, MINER.0, &ANSWER).await;
    until("a deposit", async || {
        stage.settle(|_| {});
        stage.chat().await.status == 200
    })
    .await;
    {
        let books = stage.settlement.books();
        assert_eq!((books.deposits.clone(), books.solvency.owed), (vec![8 * CAI], 0));
    }
    assert_eq!(miner.tasks(), 1);
    // What is left of the day's allowance, and no more.
    stage.settle(|books| books.solvency.escrow = 0);
    until("another", async || {
        stage.settle(|_| {});
        stage.settlement.books().deposits.len() == 2
    })
    .await;
    assert_eq!(stage.settlement.books().deposits[1], 2 * CAI);
    stage.settle(|books| books.solvency.escrow = 0);
    until("nothing to be left", async || stage.get("/readyz").await.code() == "coordinator_unfunded").await;
    assert_eq!(stage.settlement.books().deposits.len(), 2);
}

#[tokio::test]
async fn whoever_dials_again_and_again_does_not_keep_others_from_being_linked() {
    let stage = Stage::paying(&[MINER, ("//Miner2", 25_000)]).await;
    // Three are needed for a link, one after the other.
    stage.settlement.books().delay = Duration::from_millis(500);
    let (url, key, refused) = (stage.link_url(), key_of(MINER.0), AtomicUsize::new(0));
    let dial = |n: u8| {
        let (url, key, refused) = (&url, &key, &refused);
        async move {
            let name_channel = |message: &mut Message| {
                if let Message::Proof(proof) = message {
                    proof.channel = vec![n; 16].into();
                }
            };
            let dialled = shake_hands(url, key, name_channel).await;
            if matches!(&dialled, Err(error) if *error == BUSY) {
                refused.fetch_add(1, Ordering::Relaxed);
            }
            // What is linked stays so.
            std::future::pending::<()>().await;
            drop(dialled);
        }
    };
    let flood = futures::future::join_all((1..=50).map(dial));
    let other = async {
        // Once there is no room left to wait for a turn, the rest is refused at once.
        until("the others to be there", async || refused.load(Ordering::Relaxed) >= 10).await;
        let began = Instant::now();
        let linked = shake_hands(&url, &key_of("//Miner2"), |_| {}).await.map(drop);
        (linked, began.elapsed())
    };
    let (linked, took) = tokio::select! {
        _ = flood => unreachable!("it never ends"),
        linked = other => linked,
    };
    assert_eq!(linked, Ok(()));
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test]
async fn the_workers_of_an_operator_are_linked_within_seconds_when_they_come_together() {
    let stage = Stage::paying(&[MINER]).await;
    let all = futures::future::join_all((100..132).map(|n| Miner::on_channel(&stage, MINER.0, [n; 16], 1, &ANSWER)));
    let miners = tokio::time::timeout(Duration::from_secs(8), all).await.expect("all are linked in time");
    assert_eq!(miners.len(), 32);
    stage.until_free_slots(MINER.0, 32).await;
    let one_more = shake_hands(&stage.link_url(), &key_of(MINER.0), |_| {}).await.map(drop);
    assert_eq!(one_more, Err(BUSY), "it has another channel than any of the 32");
}

#[tokio::test]
async fn with_a_journal_that_promises_more_than_there_is_no_task_is_taken_and_it_is_said_why() {
    let stage = Stage::paying(&[MINER]).await;
    assert_eq!(welcomed(&stage, Some(voucher("//Coordinator", 3 * CAI))).await, Ok(3 * CAI));
    // The same genesis, from its beginning: nothing was ever settled there, and little deposited.
    stage.settlement.books().solvency.escrow = 2 * CAI;
    let stage = stage.restart().await;
    let miner = Miner::link(&stage, MINER.0, &ANSWER).await;
    assert_eq!(stage.get("/readyz").await.code(), "coordinator_unfunded");
    let refused = stage.chat().await;
    assert_eq!((refused.status, refused.code()), (503, "coordinator_unfunded"), "{}", refused.text);
    assert!(refused.text.contains("--data-dir") && refused.text.contains("settlement.deposit"), "{}", refused.text);
    assert_eq!(miner.tasks(), 0);
    stage.settle(|books| books.solvency.escrow = 4 * CAI);
    until("it to be served", async || stage.chat().await.status == 200).await;
}
