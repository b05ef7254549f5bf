//! A miner spreads its slots over coordinators by their backing.

use anyhow::{ensure, Context};
use cuckoo_chain_client::Call;
use cuckoo_primitives::{Role, CAI};
use cuckoo_testkit::{
    keys::stash_of,
    market::{stash_account, Market},
    models::CHAT,
    until, Gateway, Miner, Node,
};

const FIRST: &str = "//Coordinator";
const SECOND: &str = "//Coordinator2";

#[tokio::test]
async fn slots_follow_the_backing_of_coordinators() {
    let node = Node::dev().start().await.unwrap();
    let market = Market::connect(&node).await.unwrap();
    let limit = market.two_eras();

    // The second coordinator brings three times the first one's stake.
    let backing = market.candidate(FIRST).unwrap().backing;
    market.register(SECOND, Role::Coordinator, 3 * backing, "http://127.0.0.1:7702").await.unwrap();
    market.until_active(SECOND, limit).await.unwrap();
    let deposit = Call::Deposit { coordinator: stash_account(SECOND).unwrap(), amount: 100 * CAI };
    market.submit("//Alice", deposit).await.unwrap();

    let first = Gateway::builder(&node).start().await.unwrap();
    let second = Gateway::builder(&node).operator(SECOND).start().await.unwrap();
    let miner = Miner::builder(&node, "//Miner2").coordinator(&first).coordinator(&second);
    let _miner = miner.slots(8).models(&[CHAT]).start().await.unwrap();
    until_slots(&first, 2, limit).await.unwrap();
    until_slots(&second, 6, limit).await.unwrap();
    for gateway in [&first, &second] {
        gateway.api().chat(CHAT, "Say hello.", 2).await.unwrap();
    }
    println!("backing 1 : 3, slots 2 : 6");

    // Half of the difference moves from the second to the first: now both have the same.
    let moved =
        Call::Revote { from: stash_account(SECOND).unwrap(), to: stash_account(FIRST).unwrap(), amount: backing };
    market.submit(&stash_of(SECOND), moved).await.unwrap();
    market.until_backing(FIRST, 2 * backing, limit).await.unwrap();
    until_slots(&first, 4, limit).await.unwrap();
    until_slots(&second, 4, limit).await.unwrap();
    println!("after {} CAI moved: slots 4 : 4", backing / CAI);
}

async fn until_slots(gateway: &Gateway, slots: u64, limit: std::time::Duration) -> anyhow::Result<()> {
    until(limit, &format!("{slots} slots of the miner"), async || {
        let miner = gateway.miner("//Miner2").await?;
        let offered = miner["slots"].as_u64().context("no slots")?;
        ensure!(offered == slots, "it offers {offered}");
        Ok(())
    })
    .await
}
