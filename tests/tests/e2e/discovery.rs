//! Miners find coordinators on chain.

use std::time::Duration;

use cuckoo_chain_client::Call;
use cuckoo_testkit::{
    keys::{account, stash_of},
    market::{info, Market},
    models::CHAT,
    Gateway, Miner, Node,
};

const COORDINATOR: &str = "//Coordinator";

#[tokio::test]
async fn a_miner_follows_the_endpoint_that_the_chain_names() {
    let node = Node::dev().start().await.unwrap();
    let market = Market::connect(&node).await.unwrap();
    let gateway = Gateway::builder(&node).start().await.unwrap();
    // Nobody tells these miners where to go; the second does not want this coordinator.
    let _miner = Miner::builder(&node, "//Miner1").models(&[CHAT]).start().await.unwrap();
    let blocked = account(COORDINATOR).unwrap().to_string();
    let unwilling = Miner::builder(&node, "//Miner2").models(&[CHAT]).arg("--block").arg(&blocked);
    let _unwilling = unwilling.start().await.unwrap();
    gateway.until_connected(0).await.unwrap();

    let moved = Call::UpdateInfo { info: info(COORDINATOR, &gateway.link_url()).unwrap() };
    market.submit(&stash_of(COORDINATOR), moved).await.unwrap();
    gateway.until_serving(1).await.unwrap();
    gateway.api().chat(CHAT, "Say hello.", 2).await.unwrap();
    assert_eq!(gateway.miner("//Miner1").await.unwrap()["connected"], true);

    // A few blocks later the second one still stays away.
    let (height, _) = node.rpc().finalised().await.unwrap();
    node.until_finalised(height + 3, Duration::from_secs(60)).await.unwrap();
    assert_eq!(gateway.miner("//Miner2").await.unwrap()["connected"], false);
}
