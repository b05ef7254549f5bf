//! Programs that end and come back.

use std::time::Duration;

use anyhow::ensure;
use cuckoo_chain_client::Call;
use cuckoo_testkit::{api::chat, keys::stash_of, market::Market, models::CHAT, until, Network};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_gateway_keeps_keys_and_receipts_over_a_restart() {
    let mut network = Network::start(&[("//Miner1", 1)]).await.unwrap();
    let second_key = network.gateway.create_key("second").unwrap();
    let answer = network.gateway.api().post("/v1/chat/completions", &chat(CHAT, "Say hello.", 4)).await.unwrap();
    let path = format!("/v1/receipts/{}", answer.ok().unwrap().task_id().unwrap());
    let receipt = network.gateway.api().get(&path).await.unwrap().ok().unwrap();

    network.gateway.restart().await.unwrap();
    let api = network.gateway.api();
    assert_eq!(api.get(&path).await.unwrap().ok().unwrap().body, receipt.body);
    network.gateway.until_serving(1).await.unwrap();
    for key in [api.key(), Some(second_key.as_str())] {
        api.with_key(key).chat(CHAT, "Say hello.", 2).await.unwrap();
    }

    // A crash right after an answer: its receipt was written before the answer ended.
    let answer = api.post("/v1/chat/completions", &chat(CHAT, "Say hello.", 4)).await.unwrap().ok().unwrap();
    let path = format!("/v1/receipts/{}", answer.task_id().unwrap());
    network.gateway.kill().await.unwrap();
    network.gateway.restart().await.unwrap();
    network.gateway.api().get(&path).await.unwrap().ok().unwrap();
    network.gateway.until_serving(1).await.unwrap();
    network.gateway.api().chat(CHAT, "Say hello.", 2).await.unwrap();
}

#[tokio::test]
async fn gateway_and_miners_find_a_restarted_node_again() {
    let mut network = Network::start(&[("//Miner1", 1), ("//Miner2", 1)]).await.unwrap();
    network.node.kill().await.unwrap();
    // What is known of the chain serves on for a while.
    network.gateway.api().chat(CHAT, "Say hello.", 2).await.unwrap();

    network.node.restart().await.unwrap();
    let market = Market::connect(&network.node).await.unwrap();
    let (height, _) = network.node.rpc().finalised().await.unwrap();
    network.node.until_finalised(height + 3, LIMIT).await.unwrap();
    network.gateway.until_ready().await.unwrap();
    network.gateway.api().chat(CHAT, "Say hello.", 2).await.unwrap();

    // The gateway follows the chain again: it learns what happened after the restart.
    market.submit(&stash_of("//Miner1"), Call::Chill).await.unwrap();
    network.gateway.until_connected(1).await.unwrap();

    // So do the miners: they leave a coordinator that the chain no longer lets work.
    market.submit(&stash_of("//Coordinator"), Call::Chill).await.unwrap();
    let miner = network.miners[1].process();
    until(LIMIT, "the miner to notice that its coordinator is chilled", async || {
        ensure!(miner.log().lines().any(|line| line.contains("coordinator") && line.contains("chilled")), "not logged");
        Ok(())
    })
    .await
    .unwrap();
}
