use std::{sync::Arc, time::Duration};

use coordinator_gateway::{config::GatewayConfig, standing::Unfit, Gateway, StartError};
use cuckoo_chain_client::Chain;
use cuckoo_primitives::CandidateStatus;
use serde_json::json;
use tokio::sync::watch;

use crate::{
    miner::{Miner, Step, ANSWER},
    stage::{genesis, key_of, until, view, Stage, MODEL},
};

/// How a gateway with this configuration is refused whose operator nobody has registered.
async fn refusal(change: impl FnOnce(&mut GatewayConfig)) -> StartError {
    let (_views, view) = watch::channel(Arc::new(view(1, &[])));
    let dir = tempfile::tempdir().unwrap();
    let mut config = GatewayConfig::on_free_ports(dir.path().to_owned());
    change(&mut config);
    let started = Gateway::start(config, Chain::detached(genesis(), view), key_of("//Nobody")).await;
    started.err().expect("it does not start")
}

#[tokio::test]
async fn a_stranger_cannot_start_a_gateway() {
    let StartError::NotACoordinator(refused) = refusal(|_| {}).await else { panic!("for another reason") };
    assert_eq!(refused.unfit, Unfit::NotRegistered);
    assert!(refused.to_string().contains("registration.register"), "it says how to mend it: {refused}");
}

#[tokio::test]
async fn bodies_that_no_link_carries_cannot_be_allowed() {
    let refused = refusal(|config| config.limits.max_body_bytes = 4 * 1024 * 1024).await;
    assert!(refused.to_string().contains("--max-body-bytes"), "it says how to mend it: {refused}");
}

#[tokio::test]
async fn requests_have_a_bound_on_their_memory_together() {
    let stage = Stage::with_limits(&[("//Miner1", 25_000)], |limits| limits.max_request_memory_bytes = 20_000).await;
    let miner =
        Miner::link(&stage, "//Miner1", &[Step::Pause(Duration::from_millis(500)), Step::Say("a"), Step::Finish]).await;
    let long = json!({"model": MODEL, "messages": [{"role": "user", "content": "x".repeat(12_000)}]});
    let running = tokio::spawn(stage.request("/v1/chat/completions", &long).send());
    until("the task", async || miner.tasks() == 1).await;
    let refused = stage.post("/v1/chat/completions", &long).await;
    assert_eq!((refused.status, refused.code()), (503, "overloaded"));
    assert_eq!(running.await.unwrap().unwrap().status(), 200);
    assert_eq!(stage.post("/v1/chat/completions", &long).await.status, 200, "its memory came back with its end");
}

#[tokio::test]
async fn a_coordinator_that_is_chilled_accepts_no_new_tasks_until_it_is_back() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let _miner = Miner::link(&stage, "//Miner1", &ANSWER).await;
    stage.chill("//Coordinator");
    until("it to be noticed", async || stage.get("/readyz").await.status == 503).await;
    assert_eq!(stage.get("/readyz").await.code(), "coordinator_inactive");
    let answer = stage.chat().await;
    assert_eq!((answer.status, answer.code()), (503, "coordinator_inactive"));
    assert_eq!(stage.get("/healthz").await.status, 200);
    stage.change("//Coordinator", |candidate| candidate.status = CandidateStatus::Active);
    until("it to be back", async || stage.chat().await.status == 200).await;
}

#[tokio::test]
async fn a_chain_that_is_not_heard_of_stops_new_tasks() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let _miner = Miner::link(&stage, "//Miner1", &ANSWER).await;
    stage.lose_chain();
    let answer = stage.chat().await;
    assert_eq!((answer.status, answer.code()), (503, "chain_stale"));
    assert_eq!(stage.get("/readyz").await.code(), "chain_stale");
}

#[tokio::test]
async fn metrics_count_tasks_and_miners() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let _miner = Miner::link(&stage, "//Miner1", &ANSWER).await;
    stage.chat().await;
    let metrics = stage.get("/metrics").await.text;
    for name in ["gateway_miners_linked", "gateway_tasks_total", "gen_ai_server_request_duration_seconds_bucket"] {
        assert!(metrics.contains(name), "{name} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn stopping_finishes_what_runs_and_takes_nothing_new() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let script = [Step::Say("slow"), Step::Pause(Duration::from_millis(500)), Step::Finish];
    let miner = Miner::link(&stage, "//Miner1", &script).await;
    let body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hi"}]});
    let running = tokio::spawn(stage.request("/v1/chat/completions", &body).send());
    until("the task", async || miner.tasks() == 1).await;
    let (client, url) = (stage.client().clone(), stage.url("/healthz"));
    stage.gateway.shutdown().await;
    assert_eq!(running.await.unwrap().unwrap().status(), 200);
    assert!(miner.seen.lock().unwrap().closing);
    assert!(client.get(url).send().await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn the_document_describes_every_route() {
    let stage = Stage::start(&[]).await;
    let document = stage.get("/openapi.json").await.json;
    assert_eq!(document, serde_json::to_value(coordinator_gateway::openapi()).unwrap());
    let paths: Vec<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "/healthz",
        "/metrics",
        "/readyz",
        "/v1/audits",
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
        "/v1/miners",
        "/v1/models",
        "/v1/models/{id}",
        "/v1/prices",
        "/v1/receipts/{task_id}",
        "/v1/usage",
    ];
    assert_eq!(paths, expected);
    let schemas = document["components"]["schemas"].as_object().unwrap();
    assert!(schemas.contains_key("ChatCompletionRequest") && schemas.contains_key("ErrorResponse"));
}

#[tokio::test]
async fn no_task_is_accepted_while_receipts_cannot_be_stored() {
    let stage = Stage::start(&[("//Miner1", 25_000)]).await;
    let miner = Miner::link(&stage, "//Miner1", &ANSWER).await;
    assert_eq!(stage.chat().await.status, 200);
    let file = sqlx::SqlitePool::connect(&format!("sqlite:{}", stage.journal_file().display())).await.unwrap();
    sqlx::query("ALTER TABLE receipts RENAME TO hidden").execute(&file).await.unwrap();
    assert_ne!(stage.chat().await.status, 200, "its receipt cannot be stored");
    let served = miner.tasks();
    let refused = stage.chat().await;
    assert_eq!((refused.status, refused.code()), (503, "receipts_not_stored"));
    assert_eq!(stage.get("/readyz").await.code(), "receipts_not_stored");
    assert_eq!(miner.tasks(), served, "no miner works for nothing");
}
