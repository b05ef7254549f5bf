use coordinator_gateway::config::GatewayConfig;

use crate::{
    miner::{Miner, ANSWER},
    stage::{Stage, MODEL},
};

#[tokio::test]
async fn tasks_are_shared_by_backing() {
    let stage = Stage::start(&[("//Miner1", 25_000), ("//Miner2", 75_000)]).await;
    let small = Miner::with_slots(&stage, "//Miner1", 8, &ANSWER).await;
    let large = Miner::with_slots(&stage, "//Miner2", 8, &ANSWER).await;
    for _ in 0..400 {
        assert_eq!(stage.chat().await.status, 200);
    }
    assert_eq!(small.tasks() + large.tasks(), 400);
    // Expected 300; this is more than five standard deviations to either side.
    assert!((255..=345).contains(&large.tasks()), "{} of 400", large.tasks());
    let listed = stage.miner("//Miner2").await;
    assert_eq!(listed["served"], large.tasks());
    assert_eq!(listed["drawn"], large.tasks());
    assert_eq!(listed["selection_share"], 0.75);
    assert_eq!(listed["backing"], "75000000000000000000000");
}

#[tokio::test]
async fn backing_that_moves_counts_from_the_next_finalised_block() {
    let stage = Stage::start(&[("//Miner1", 25_000), ("//Miner2", 75_000)]).await;
    let kept = Miner::with_slots(&stage, "//Miner1", 8, &ANSWER).await;
    let left = Miner::with_slots(&stage, "//Miner2", 8, &ANSWER).await;
    stage.change("//Miner2", |candidate| candidate.backing = 0);
    crate::stage::until("the share to change", async || stage.miner("//Miner1").await["selection_share"] == 1.0).await;
    for _ in 0..20 {
        assert_eq!(stage.chat().await.status, 200);
    }
    assert_eq!((kept.tasks(), left.tasks()), (20, 0));
}

#[tokio::test]
async fn the_list_says_why_a_miner_is_not_chosen() {
    let stage = Stage::start(&[("//Miner1", 25_000), ("//Miner2", 75_000)]).await;
    let _miner = Miner::link(&stage, "//Miner1", &ANSWER).await;
    assert!(stage.miner("//Miner1").await["not_chosen_because"].is_null());
    let absent = stage.miner("//Miner2").await;
    assert_eq!(absent["connected"], false);
    assert!(absent["not_chosen_because"].as_str().unwrap().contains("not connected"));
    stage.chill("//Miner2");
    let chilled = stage.miner("//Miner2").await;
    assert!(chilled["not_chosen_because"].as_str().unwrap().contains("chilled"));
}

#[tokio::test]
async fn a_model_of_other_files_than_the_operator_named_is_not_drawn() {
    for (root, status) in [([0x11; 32], 200), ([0x22; 32], 404)] {
        let dir = tempfile::tempdir().unwrap();
        let mut config = GatewayConfig::on_free_ports(dir.path().join("data"));
        config.model_roots = vec![format!("{MODEL}={}", hex::encode(root)).parse().unwrap()];
        let stage = Stage::with_config(&[("//Miner1", 25_000)], config, dir).await;
        let _miner = Miner::link(&stage, "//Miner1", &ANSWER).await;
        let answer = stage.chat().await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
}
