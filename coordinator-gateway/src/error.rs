//! The one error type of the HTTP API.
//!
//! Its body has the shape that the official SDKs read, its codes are stable, and it never carries internal text: that
//! is logged where it happens.

use std::time::Duration;

use axum::{
    http::{header, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
    Json,
};
use serde::Serialize;
use utoipa::ToSchema;

/// A request that was not served, and why.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    code: &'static str,
    message: String,
    param: Option<String>,
    retry_after: Option<Duration>,
    should_retry: Option<bool>,
    task_id: Option<String>,
}

/// Body of every response that is not a success.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ErrorResponse)]
pub(crate) struct ErrorBody {
    error: ErrorDetail,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
struct ErrorDetail {
    /// For people.
    message: String,
    /// Family: `invalid_request_error`, `rate_limit_error` or `server_error`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The parameter that is wrong, if it is one.
    param: Option<String>,
    /// For programs; stable.
    code: &'static str,
}

const INVALID: &str = "invalid_request_error";
const RATE_LIMIT: &str = "rate_limit_error";
const SERVER: &str = "server_error";

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            code,
            message: message.into(),
            param: None,
            retry_after: None,
            should_retry: None,
            task_id: None,
        }
    }

    /// 400: a parameter is missing, malformed or out of range.
    pub(crate) fn invalid(param: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::new(StatusCode::BAD_REQUEST, INVALID, code, message) }
    }

    /// 400: the request as a whole is wrong, no single parameter.
    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID, code, message)
    }

    /// 400: a parameter whose meaning would be lost if it were ignored.
    pub(crate) fn unsupported(param: impl Into<String>, why: &str) -> Self {
        let param = param.into();
        let message = format!("'{param}' is not supported here: {why}.");
        Self::invalid(param, "unsupported_parameter", message)
    }

    /// 401.
    pub(crate) fn unauthorized(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, INVALID, code, message)
    }

    /// 404 for a thing that a URL or a parameter names.
    pub(crate) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, INVALID, code, message)
    }

    /// 404: no miner has ever offered this model.
    pub(crate) fn model_not_found(model: &str, available: &[String]) -> Self {
        let known = if available.is_empty() {
            "no miner has offered any model yet".to_owned()
        } else {
            format!("available: {}", available.join(", "))
        };
        let message = format!("The model '{}' does not exist; {known}.", shortened(model));
        Self { param: Some("model".into()), ..Self::not_found("model_not_found", message) }
    }

    /// 405.
    pub(crate) fn method_not_allowed(method: &str, path: &str) -> Self {
        let message = format!("Not allowed: {} {}. See /openapi.json.", shortened(method), shortened(path));
        Self::new(StatusCode::METHOD_NOT_ALLOWED, INVALID, "method_not_allowed", message)
    }

    /// 413.
    pub(crate) fn too_large(limit_bytes: usize) -> Self {
        let message = format!("The request body is larger than {limit_bytes} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, INVALID, "request_too_large", message)
    }

    /// 408: the client did not send its body in time.
    pub(crate) fn body_timeout() -> Self {
        let message = "The request body did not arrive in time.";
        Self::new(StatusCode::REQUEST_TIMEOUT, INVALID, "request_timeout", message)
    }

    /// 429: the client may try again after `retry_after`.
    pub(crate) fn too_many(code: &'static str, message: impl Into<String>, retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            should_retry: Some(true),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, RATE_LIMIT, code, message)
        }
    }

    /// 429: the key's budget does not do for it, and to try again changes nothing.
    pub(crate) fn insufficient_quota(message: impl Into<String>) -> Self {
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, RATE_LIMIT, "insufficient_quota", message);
        Self { should_retry: Some(false), ..error }
    }

    /// 503: nobody can serve this now.
    pub(crate) fn unavailable(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            retry_after: Some(Duration::from_secs(1)),
            should_retry: Some(true),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, SERVER, code, message)
        }
    }

    /// 502: miners were asked and failed.
    pub(crate) fn miners_failed(message: impl Into<String>) -> Self {
        Self { should_retry: Some(true), ..Self::new(StatusCode::BAD_GATEWAY, SERVER, "miners_failed", message) }
    }

    /// 504: the task took longer than the gateway allows. A repetition would most likely take as long.
    pub(crate) fn deadline_exceeded(message: impl Into<String>) -> Self {
        Self {
            should_retry: Some(false),
            ..Self::new(StatusCode::GATEWAY_TIMEOUT, SERVER, "deadline_exceeded", message)
        }
    }

    /// 500: our own failure. What happened is logged, with the request's id.
    pub(crate) fn internal() -> Self {
        let message = "The gateway failed; its log has the reason under this response's x-request-id.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, SERVER, "internal_error", message)
    }

    /// Names the task on the response, so that its failure can be looked up.
    pub(crate) fn of_task(mut self, task_id: impl Into<String>) -> Self {
        self.task_id = Some(task_id.into());
        self
    }

    /// Names the parameter that is to blame.
    pub(crate) fn about(mut self, param: &'static str) -> Self {
        self.param = Some(param.into());
        self
    }

    /// The stable code.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// The body, also used as an event in a stream that had begun.
    pub(crate) fn body(&self) -> ErrorBody {
        ErrorBody {
            error: ErrorDetail {
                message: self.message.clone(),
                kind: self.kind,
                param: self.param.clone(),
                code: self.code,
            },
        }
    }
}

/// A client's words in our message: enough to recognise, not enough to flood.
pub(crate) fn shortened(text: &str) -> String {
    const MAX_CHARS: usize = 100;
    cut(text, MAX_CHARS)
}

/// A miner's reason for refusing a request in our message. Engines keep theirs as short as this, with what is wrong at
/// the end.
pub(crate) fn shortened_reason(text: &str) -> String {
    const MAX_CHARS: usize = 400;
    cut(text, MAX_CHARS)
}

fn cut(text: &str, most_chars: usize) -> String {
    let mut short: String = text.chars().take(most_chars).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        if let Some(retry) = self.should_retry {
            headers.insert("x-should-retry", HeaderValue::from_static(if retry { "true" } else { "false" }));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(task_id) = self.task_id.and_then(|id| HeaderValue::from_str(&id).ok()) {
            headers.insert("x-cuckoo-task-id", task_id);
        }
        response.extensions_mut().insert(ErrorCode(self.code));
        response
    }
}

/// Left on error responses for logs and metrics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ErrorCode(pub(crate) &'static str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsupported_parameters_are_named() {
        let body = serde_json::to_value(ApiError::unsupported("tools", "no model here calls tools").body()).unwrap();
        assert_eq!(body["error"]["param"], "tools");
        assert_eq!(body["error"]["code"], "unsupported_parameter");
        assert_eq!(body["error"]["type"], "invalid_request_error");
    }

    #[test]
    fn unavailability_tells_clients_to_retry() {
        let response = ApiError::unavailable("no_miner_available", "none").into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()["x-should-retry"], "true");
        assert_eq!(response.headers()["retry-after"], "1");
    }

    #[test]
    fn long_words_of_clients_are_cut() {
        assert_eq!(shortened(&"ä".repeat(200)).chars().count(), 101);
        assert_eq!(shortened_reason(&"ä".repeat(500)).chars().count(), 401);
        assert_eq!(shortened("short"), "short");
    }
}
