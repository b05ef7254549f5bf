//! Validators produce and finalise blocks.

use std::time::Duration;

use anyhow::ensure;
use cuckoo_testkit::{until, Node};
use futures::future::try_join_all;

const LIMIT: Duration = Duration::from_secs(180);

#[tokio::test]
async fn three_local_validators_finalise_together() {
    let alice = Node::local("alice").start().await.unwrap();
    let bootnode = alice.bootnode().await.unwrap();
    let others = ["bob", "charlie"].map(|name| Node::local(name).bootnode(bootnode.clone()).start());
    let mut nodes = vec![alice];
    nodes.extend(try_join_all(others).await.unwrap());

    for node in &nodes {
        node.until_finalised(5, LIMIT).await.unwrap();
    }
    let mut hashes = Vec::new();
    for node in &nodes {
        hashes.push(node.rpc().block_hash(5).await.unwrap());
    }
    assert!(hashes.iter().all(|hash| *hash == hashes[0]), "different blocks are final: {hashes:?}");

    // Of three validators all must vote, so without one blocks are built but none becomes final any more.
    nodes[2].kill().await.unwrap();
    let (halted, _) = nodes[0].rpc().finalised().await.unwrap();
    until(LIMIT, "blocks built by two of three", async || {
        let (best, _) = nodes[0].rpc().best().await?;
        ensure!(best >= halted + 8, "the best block is {best}, {halted} was final when the third was killed");
        Ok(())
    })
    .await
    .unwrap();
    let (without_third, _) = nodes[0].rpc().finalised().await.unwrap();
    assert!(without_third <= halted + 3, "finality went on from {halted} to {without_third} without the third");

    nodes[2].restart().await.unwrap();
    let resumed = nodes[0].until_finalised(halted + 9, LIMIT).await.unwrap();
    println!("final: 5 together, halted at {without_third} without the third, resumed to {resumed} with it");
}

#[tokio::test]
async fn a_dev_node_keeps_its_chain_over_a_restart() {
    let mut node = Node::dev().start().await.unwrap();
    let before = node.until_finalised(4, LIMIT).await.unwrap();
    let hash = node.rpc().block_hash(3).await.unwrap();

    node.restart().await.unwrap();
    assert_eq!(node.rpc().block_hash(3).await.unwrap(), hash, "the chain began anew");
    let after = node.until_finalised(before + 3, LIMIT).await.unwrap();

    // A crash must not cost the chain either.
    node.kill().await.unwrap();
    node.restart().await.unwrap();
    assert_eq!(node.rpc().block_hash(3).await.unwrap(), hash, "the chain was lost in a crash");
    let last = node.until_finalised(after + 3, LIMIT).await.unwrap();
    println!("final: {before} before the restart, {after} after it, {last} after a crash");
}
