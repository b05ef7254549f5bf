//! What a running miner shows over HTTP: `/metrics`, `/status` and `/healthz`.

use std::{net::SocketAddr, sync::Arc};

use axum::{extract::State, http::header, response::IntoResponse, routing::get, Json, Router};
use cuckoo_primitives::AccountId;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use tokio::net::TcpListener;

use crate::{
    answers::{Answers, AnswersReport},
    error::Error,
    kept::KeptReport,
    link::{LinkReport, Miner},
    settle::PayReport,
    standing::Standing,
};

#[derive(Clone)]
struct Page {
    miner: Arc<Miner>,
    answers: Arc<Answers>,
    prometheus: PrometheusHandle,
}

/// What `/status` shows: enough to see why there is no work, or no pay, or why stake is about to be lost.
#[derive(Serialize)]
struct Status {
    operator: AccountId,
    standing: Standing,
    mend: &'static str,
    chain: ChainStatus,
    models: Vec<String>,
    links: Vec<LinkReport>,
    pay: PayReport,
    kept: KeptReport,
    asked: AnswersReport,
}

#[derive(Serialize)]
struct ChainStatus {
    endpoint: Option<String>,
    finalised: u32,
    stale: bool,
}

/// Starts to serve at `address`; returns the address that was bound.
pub async fn listen(
    address: SocketAddr,
    miner: Arc<Miner>,
    answers: Arc<Answers>,
    prometheus: PrometheusHandle,
) -> Result<SocketAddr, Error> {
    let failed = |source| Error::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .route("/healthz", get(|| async { "ok\n" }))
        .with_state(Page { miner, answers, prometheus });
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(target: "miner", %error, "metrics are no longer served");
        }
    });
    Ok(bound)
}

async fn metrics(State(page): State<Page>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], page.prometheus.render())
}

async fn status(State(page): State<Page>) -> Json<Status> {
    let miner = &page.miner;
    let standing = miner.standing();
    Json(Status {
        operator: miner.operator().clone(),
        standing,
        mend: standing.mend(),
        chain: ChainStatus {
            endpoint: miner.chain().endpoint(),
            finalised: miner.chain().view().number,
            stale: miner.chain().is_stale(),
        },
        models: miner.models().iter().map(|model| model.id.clone()).collect(),
        links: miner.board().reports(),
        pay: miner.settlement().report(),
        kept: miner.kept().report(),
        asked: page.answers.report(),
    })
}
