//! `/healthz`, `/readyz`, `/metrics`

use axum::{extract::State, http::header::CONTENT_TYPE, response::IntoResponse, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    error::{ApiError, ErrorBody},
    state::SharedState,
};

/// How the gateway is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `ok`; what is not ok has another status code.
    status: &'static str,
}

/// Whether the process lives.
#[utoipa::path(get, path = "/healthz", tag = "operation",
    responses((status = 200, description = "It lives", body = Health)))]
pub(crate) async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Whether new tasks are accepted: chain, registration, escrow and disk are well, and the gateway is not stopping.
#[utoipa::path(get, path = "/readyz", tag = "operation",
    responses(
        (status = 200, description = "New tasks are accepted", body = Health),
        (status = 503, description = "They are not, and why", body = ErrorBody),
    ))]
pub(crate) async fn readyz(State(state): State<SharedState>) -> Result<Json<Health>, ApiError> {
    state.dispatcher.ready()?;
    Ok(Json(Health { status: "ok" }))
}

/// Metrics for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operation",
    responses((status = 200, description = "Prometheus text format", body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(State(state): State<SharedState>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], state.render_metrics())
}
