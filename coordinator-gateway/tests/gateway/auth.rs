use std::time::Duration;

use crate::{
    miner::{Miner, ANSWER},
    stage::{chat, until, Stage},
};

#[tokio::test]
async fn without_a_valid_key_nothing_is_served() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let _miner = Miner::link(&stage, "//Miner1", &ANSWER).await;
    for (key, code) in [(None, "missing_api_key"), (Some("sk-wrong"), "invalid_api_key"), (Some(""), "missing_api_key")]
    {
        let keyed = |request: reqwest::RequestBuilder| match key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        let posts = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"]
            .map(|path| stage.client().post(stage.url(path)).json(&chat()));
        let gets = ["/v1/models", "/v1/models/chatty", "/v1/receipts/00", "/v1/usage"]
            .map(|path| stage.client().get(stage.url(path)));
        for request in posts.into_iter().chain(gets) {
            let answer = stage.send(keyed(request)).await;
            assert_eq!((answer.status, answer.code()), (401, code));
            assert_eq!(answer.header("www-authenticate"), "Bearer");
            assert!(!answer.text.contains("sk-wrong"));
        }
    }
}

#[tokio::test]
async fn what_everybody_may_see_needs_no_key() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    for path in ["/v1/miners", "/v1/prices", "/healthz", "/readyz", "/metrics", "/openapi.json"] {
        let answer = stage.send(stage.client().get(stage.url(path))).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_within_seconds_and_a_new_one_works_at_once() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let key = stage.gateway.keys().create("second").await.unwrap();
    let ask = async || stage.send(stage.client().get(stage.url("/v1/models")).bearer_auth(&key.secret)).await.status;
    assert_eq!(ask().await, 200);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(ask().await, 200);
    stage.gateway.keys().revoke(&key.id).await.unwrap();
    until("the key to be refused", async || ask().await == 401).await;
}

#[tokio::test]
async fn anonymous_access_takes_any_key_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = coordinator_gateway::config::GatewayConfig::on_free_ports(dir.path().join("data"));
    config.allow_anonymous = true;
    let stage = Stage::with_config(&[("//Miner1", 25_000)], config, dir).await;
    let request = || stage.client().get(stage.url("/v1/models"));
    assert_eq!(stage.send(request()).await.status, 200);
    assert_eq!(stage.send(request().bearer_auth("anything")).await.status, 200);
}
