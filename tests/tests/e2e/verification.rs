//! Miners that lie lose their stake by what they have signed, those that hide lose a part, and honest ones lose nothing.

use std::time::Duration;

use anyhow::{ensure, Context};
use cuckoo_chain_client::Call;
use cuckoo_primitives::{
    challenge::Demand,
    docket::{Conviction, Fault},
    evidence::SignedReceipt,
    CandidateStatus, Role, CAI,
};
use cuckoo_testkit::{
    api::{chat, Answer},
    binaries,
    consensus::convictions,
    fake_miner::{self, Lie},
    keys::{account, keypair},
    market::{stash_account, Market},
    models::{self, CHAT, EMBEDDING},
    until, FakeLink, FakeMiner, Gateway, Network, Node,
};
use cuckoo_wire::link::{self, ModelKind};
use futures::future::try_join_all;
use serde_json::{json, Value};

use crate::answer::only_receipt;

/// All of the stake, in the units of convictions.
const ALL: u32 = 1_000_000_000;
/// For what takes some eras of half a minute.
const ERAS: Duration = Duration::from_secs(240);

/// A gateway that loses patience soon, and these miners.
async fn liars(node: &Node, lies: &[(&str, Lie)]) -> anyhow::Result<(Market, Gateway, Vec<FakeLink>)> {
    let market = Market::connect(node).await?;
    let late = lies.iter().filter(|(operator, _)| market.candidate(operator).is_err());
    let joining = late.map(|(operator, _)| async {
        market.register(operator, Role::Miner, 30_000 * CAI, "").await?;
        market.until_active(operator, market.two_eras()).await
    });
    try_join_all(joining).await?;
    let impatient = ["--audit-patience-s", "2", "--first-token-timeout-ms", "1500", "--task-timeout-ms", "6000"];
    // On so fast a chain a miner can be asked for a result only in the era of its task.
    let impatient = impatient.into_iter().chain(["--challenges-per-day", "1000"]);
    let gateway = impatient.fold(Gateway::builder(node), |gateway, arg| gateway.arg(arg)).start().await?;
    gateway.until_ready().await?;
    let genesis = market.chain().genesis();
    let linking = lies.iter().map(|(operator, lie)| {
        let url = gateway.link_url();
        async move { FakeMiner::new(keypair(operator)?, genesis).slots(2).lie(*lie).connect(&url).await }
    });
    let links = try_join_all(linking).await?;
    Ok((market, gateway, links))
}

/// Asks questions until the miner of `operator` is convicted.
async fn until_convicted(node: &Node, gateway: &Gateway, operator: &str, fault: Fault) -> anyhow::Result<Conviction> {
    let stash = stash_account(operator)?;
    until(ERAS, &format!("{operator} to be convicted of {fault:?}"), async || {
        // Some lies come to nothing at once, and then nobody answers.
        drop(gateway.api().chat(CHAT, "Say hello.", 4).await);
        let (_, hash) = node.rpc().finalised().await?;
        let convictions = convictions(node.rpc(), &stash, &hash).await?;
        let found = convictions.into_iter().find(|conviction| conviction.fault == fault);
        found.context("it is not convicted of it yet")
    })
    .await
}

/// Miners lie so, and each loses this fraction of its stake for this fault.
async fn lose(lies: &[(&str, Lie, Fault, u32)]) {
    let node = Node::dev().start().await.unwrap();
    let liars_only: Vec<(&str, Lie)> = lies.iter().map(|(operator, lie, ..)| (*operator, *lie)).collect();
    let (market, gateway, _links) = liars(&node, &liars_only).await.unwrap();
    for (operator, _, fault, fraction) in lies {
        let conviction = until_convicted(&node, &gateway, operator, *fault).await.unwrap();
        println!("{operator}: {fault:?}, {} CAI taken", conviction.loss / CAI);
        assert_eq!(conviction.fraction.deconstruct(), *fraction);
        assert!(matches!(market.candidate(operator).unwrap().status, CandidateStatus::Chilled));
    }
}

#[tokio::test]
async fn who_opens_nothing_is_asked_on_the_chain_and_loses_a_fifth() {
    lose(&[("//Miner1", Lie::Withhold, Fault::WithheldOpening, ALL / 5)]).await;
}

#[tokio::test]
async fn who_sends_what_it_has_not_drawn_loses_all() {
    let false_draw = ("//Miner1", Lie::FalseDraw, Fault::FalseDraw, ALL);
    lose(&[false_draw, ("//Miner2", Lie::OtherLeaf, Fault::LeafMismatch, ALL)]).await;
}

#[tokio::test]
async fn who_signs_for_something_else_than_it_did_loses_all() {
    let other_tokens = ("//Miner1", Lie::OtherTokens, Fault::Misdelivery, ALL);
    lose(&[other_tokens, ("//Miner2", Lie::OtherSpec, Fault::ReceiptEquivocation, ALL)]).await;
}

#[tokio::test]
async fn who_counts_too_much_loses_a_fifth_and_who_says_nothing_a_two_hundredth() {
    let excess = ("//Miner1", Lie::Excess, Fault::Excess, ALL / 5);
    lose(&[excess, ("//Miner2", Lie::Silence, Fault::MissedDeadline, ALL / 200)]).await;
}

/// What the newest audit of this miner found.
async fn newest_audit(gateway: &Gateway, operator: &str) -> anyhow::Result<Value> {
    let path = format!("/v1/audits?miner={}&limit=1", account(operator)?);
    let audits = gateway.api().get(&path).await?.ok()?.body;
    audits["data"].get(0).cloned().context("it has not been audited yet")
}

/// When no other miner is left, links //Miner2, which promises the files by which `answer` was made, and makes its own up.
async fn inventor(
    node: &Node,
    gateway: &Gateway,
    answer: &Answer,
    promised: link::Model,
) -> anyhow::Result<(Market, FakeLink)> {
    let task = answer.task_id()?;
    let (receipt, _) = only_receipt(&gateway.api().get(&format!("/v1/receipts/{task}")).await?.ok()?.body)?;
    gateway.until_connected(0).await?;
    let market = Market::connect(node).await?;
    let model_root = receipt.spec.model_root.as_bytes().to_vec().into();
    let miner = FakeMiner::new(keypair("//Miner2")?, market.chain().genesis());
    let link = miner.models([link::Model { model_root, ..promised }]).connect(&gateway.link_url()).await?;
    gateway.until_serving(1).await?;
    Ok((market, link))
}

#[tokio::test]
async fn who_invents_answers_gets_no_more_work() {
    let models = models::dir(&[CHAT]).unwrap();
    let mut network = Network::start_with(&[("//Miner1", 2)], |gateway| gateway.audit_models(&models)).await.unwrap();
    let Network { gateway, node, miners } = &mut network;
    // Some of the tokens are not the likeliest.
    let mut question = chat(CHAT, "Name the capital of France.", 24);
    question["temperature"] = 1.0.into();
    let answer = gateway.api().post("/v1/chat/completions", &question).await.unwrap().ok().unwrap();
    let audit = until(ERAS, "an audit", async || newest_audit(gateway, "//Miner1").await).await.unwrap();
    assert_eq!(audit["outcome"], "passed", "{audit}");
    let distances = &audit["distances"];
    assert!(distances["stretches"].as_u64().unwrap() > 0, "{audit}");
    for distance in ["disagreeing", "margin", "logits", "state"] {
        assert_eq!(distances[distance].as_f64(), Some(0.0), "{distance} of {audit}");
    }

    // Another one says that it runs the same files in the same class, and draws what it says from candidates of its own.
    let promised = link::Model {
        numeric_class: audit["class"].as_str().unwrap().to_owned(),
        ..fake_miner::model(CHAT, ModelKind::Chat)
    };
    miners.clear();
    let (market, _link) = inventor(node, gateway, &answer, promised).await.unwrap();
    gateway.api().post("/v1/chat/completions", &question).await.unwrap().ok().unwrap();
    let audit = until(ERAS, "an audit", async || newest_audit(gateway, "//Miner2").await).await.unwrap();
    println!("{}", audit["reason"]);
    assert_eq!(audit["outcome"], "failed", "{audit}");
    until(ERAS, "the suspension", async || {
        let miner = gateway.miner("//Miner2").await?;
        ensure!(miner["audits"]["suspended_until_ms"].is_u64() && miner["free_slots"] == 1, "{miner}");
        let reason = miner["not_chosen_because"].as_str().unwrap_or_default();
        ensure!(reason.contains("left alone"), "{miner}");
        Ok(())
    })
    .await
    .unwrap();

    // The chain knows, and weighs what both mine for this coordinator's work.
    let coordinator = stash_account("//Coordinator").unwrap();
    let rating =
        async |miner: &str| market.chain().rating(&coordinator, &stash_account(miner)?).await.context("rating");
    until(ERAS, "the rating", async || {
        let rating = rating("//Miner2").await?;
        ensure!(rating.is_zero(), "{rating:?}");
        Ok(())
    })
    .await
    .unwrap();
    assert!(rating("//Miner1").await.unwrap().is_one());
}

#[tokio::test]
async fn who_invents_embeddings_gets_no_more_work() {
    let models = models::dir(&[EMBEDDING]).unwrap();
    let mut network = Network::start_with(&[("//Miner1", 2)], |gateway| gateway.audit_models(&models)).await.unwrap();
    let Network { gateway, node, miners } = &mut network;
    let texts = json!({ "model": EMBEDDING, "input": ["The capital of France is Paris.", "Rain."] });
    let answer = gateway.api().post("/v1/embeddings", &texts).await.unwrap().ok().unwrap();
    let audit = until(ERAS, "an audit", async || newest_audit(gateway, "//Miner1").await).await.unwrap();
    assert_eq!((&audit["outcome"], &audit["model"]), (&json!("passed"), &json!(EMBEDDING)), "{audit}");
    assert_eq!(audit["distances"]["stretches"], 2, "{audit}");
    assert_eq!(audit["distances"]["state"].as_f64(), Some(0.0), "{audit}");
    assert_eq!(audit["tokens"], answer.body["usage"]["prompt_tokens"]);

    // Another one promises the same files, in a class that nobody has measured, and makes its vectors up.
    let promised = link::Model {
        numeric_class: "0.1.0/never-seen/cuda/f16".to_owned(),
        // As the gateway reads the same files.
        context_tokens: 256,
        ..fake_miner::model(EMBEDDING, ModelKind::Embedding)
    };
    miners.clear();
    let (_market, _link) = inventor(node, gateway, &answer, promised).await.unwrap();
    gateway.api().post("/v1/embeddings", &texts).await.unwrap().ok().unwrap();
    let audit = until(ERAS, "an audit", async || newest_audit(gateway, "//Miner2").await).await.unwrap();
    println!("{}", audit["reason"]);
    assert_eq!(audit["outcome"], "failed", "{audit}");
    until(ERAS, "the suspension", async || {
        let miner = gateway.miner("//Miner2").await?;
        ensure!(miner["audits"]["suspended_until_ms"].is_u64(), "{miner}");
        Ok(())
    })
    .await
    .unwrap();
}

#[test]
fn a_gateway_measures_honest_answers_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (models, file) = (models::dir(&[CHAT]).unwrap(), folder.path().join("calibrations.toml"));
    let mut tokens = Vec::new();
    // The second time it takes the place of the first.
    for asked in ["200", "300"] {
        let output = std::process::Command::new(binaries::find("coordinator-gateway").unwrap())
            .args(["calibrate", "--model", CHAT, "--tokens", asked, "--audit-models"])
            .arg(&models)
            .arg("--calibrations")
            .arg(&file)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let pair: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&pair["deviating"], &pair["miner_class"]), (&0.into(), &pair["auditor_class"]), "{pair}");
        tokens.push(pair["tokens"].as_u64().unwrap());
        let written = std::fs::read_to_string(&file).unwrap();
        assert_eq!(written.matches("[[pair]]").count(), 1, "{written}");
        assert!(written.contains(&format!("tokens = {}\n", tokens.last().unwrap())), "{written}");
    }
    assert!(tokens[0] >= 200 && tokens[1] >= 300, "{tokens:?}");
}

#[tokio::test]
async fn an_honest_miner_answers_whoever_asks() {
    let network = Network::start(&[("//Miner1", 2)]).await.unwrap();
    let market = Market::connect(&network.node).await.unwrap();
    let question = chat(CHAT, "Name the capital of France.", 24);
    let answer = network.gateway.api().post("/v1/chat/completions", &question).await.unwrap().ok().unwrap();
    let receipts = network.gateway.api().get(&format!("/v1/receipts/{}", answer.task_id().unwrap())).await.unwrap();
    let (receipt, signature) = only_receipt(&receipts.ok().unwrap().body).unwrap();
    let count = receipt.commitment.unwrap().tokens;
    assert!(count > 1, "{count} tokens");

    // Its coordinator has audited it.
    until(ERAS, "an audit", async || {
        let audits = network.gateway.api().get("/v1/audits").await?.ok()?.body;
        let first = audits["data"].get(0).context("none yet")?;
        ensure!(first["outcome"] == "passed", "{first}");
        ensure!(first["tokens"].as_u64() == Some(count.into()), "{first}");
        Ok(())
    })
    .await
    .unwrap();

    // A stranger asks it on the chain.
    let stake = market.candidate("//Miner1").unwrap().own_stake;
    for index in [0, count - 1] {
        let demand = Demand::Opening { receipt: SignedReceipt { receipt: receipt.clone(), signature }, index };
        market.submit("//Alice", Call::Challenge { demand: Box::new(demand) }).await.unwrap();
    }
    let stash = stash_account("//Miner1").unwrap();
    until(ERAS, "the answers", async || {
        let open = market.chain().challenges_against(&stash).await?;
        ensure!(open.is_empty(), "{} wait", open.len());
        Ok(())
    })
    .await
    .unwrap();
    let (_, hash) = network.node.rpc().finalised().await.unwrap();
    assert!(convictions(network.node.rpc(), &stash, &hash).await.unwrap().is_empty());
    let candidate = market.candidate("//Miner1").unwrap();
    assert!(candidate.is_active() && candidate.own_stake >= stake);
}
