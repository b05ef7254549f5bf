//! The one table of routes, and what happens to every request.

use std::{any::Any, panic::AssertUnwindSafe, time::Instant};

use axum::{
    extract::{MatchedPath, Request},
    http::{header::HeaderName, HeaderValue, Method, Uri},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
    Json, Router,
};
use futures::FutureExt;
use tracing::Instrument;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    error::{shortened, ApiError, ErrorCode},
    openapi::ApiDoc,
    routes::{audits, chat_completions, completions, embeddings, health, miners, models, prices, receipts, usage},
    state::SharedState,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest request id that is taken over from a client.
const MAX_REQUEST_ID_LEN: usize = 128;

/// All routes, with their documentation.
fn table() -> OpenApiRouter<SharedState> {
    OpenApiRouter::with_openapi(ApiDoc::openapi())
        .routes(routes!(chat_completions::create_chat_completion))
        .routes(routes!(completions::create_completion))
        .routes(routes!(embeddings::create_embeddings))
        .routes(routes!(models::list_models))
        .routes(routes!(models::get_model))
        .routes(routes!(miners::list_miners))
        .routes(routes!(audits::list_audits))
        .routes(routes!(prices::list_prices))
        .routes(routes!(receipts::get_receipts))
        .routes(routes!(usage::get_usage))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
}

/// The OpenAPI document of all routes.
pub fn openapi() -> utoipa::openapi::OpenApi {
    table().into_openapi()
}

/// The HTTP service.
pub(crate) fn router(state: SharedState) -> Router {
    let (routes, document) = table().split_for_parts();
    routes
        .route("/openapi.json", get(move || std::future::ready(Json(document))))
        .fallback(unknown_url)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(observe))
        .with_state(state)
}

async fn unknown_url(method: Method, uri: Uri) -> ApiError {
    let message = format!("Unknown request URL: {} {}. See /openapi.json.", method, shortened(uri.path()));
    ApiError::not_found("unknown_url", message)
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    ApiError::method_not_allowed(method.as_str(), uri.path())
}

fn panicked(panic: &(dyn Any + Send)) -> Response {
    let what = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(target: "gateway::http", panic = what.unwrap_or("unknown"), "a request panicked");
    ApiError::internal().into_response()
}

/// Gives every request an id, counts it and logs how it ended.
async fn observe(request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unknown", MatchedPath::as_str).to_owned();
    let span = tracing::debug_span!(target: "gateway::http", "request", request.id = ?id, %method, route);
    let began = Instant::now();
    // A request that panics must not take its connection, and with it other requests' answers, along.
    let answered = AssertUnwindSafe(next.run(request).instrument(span)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|panic| panicked(&*panic));
    let status = response.status();
    let code = response.extensions().get::<ErrorCode>().map(|code| code.0);
    tracing::debug!(
        target: "gateway::http",
        {
            request.id = ?id,
            %method,
            route,
            status = status.as_u16(),
            code,
            duration_ms = began.elapsed().as_millis() as u64,
        },
        "answered"
    );
    metrics::histogram!("gateway_http_request_seconds", "route" => route.clone()).record(began.elapsed().as_secs_f64());
    metrics::counter!("gateway_http_requests_total", "route" => route, "status" => status.as_str().to_owned())
        .increment(1);
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The client's own id if it is sane, else a new one.
fn request_id(request: &Request) -> HeaderValue {
    let given = request.headers().get(&REQUEST_ID).filter(|id| {
        let bytes = id.as_bytes();
        !bytes.is_empty() && bytes.len() <= MAX_REQUEST_ID_LEN && bytes.iter().all(u8::is_ascii_graphic)
    });
    given.cloned().unwrap_or_else(|| {
        let id = format!("req_{}", uuid::Uuid::new_v4().simple());
        HeaderValue::from_str(&id).unwrap_or_else(|_| HeaderValue::from_static("req_unknown"))
    })
}
