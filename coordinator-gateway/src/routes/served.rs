//! What every task has in common, from its acceptance to the headers of its answer.

use std::sync::Arc;

use axum::{
    http::{HeaderMap, HeaderValue},
    response::{IntoResponse, Response},
};
use cuckoo_wire::link::{task::Work, ModelKind};
use tokio::time::Instant;

use super::task_id;
use crate::{
    auth::Caller,
    dispatch::{task_of, ClientFault, ClientTask, DispatchError, ServedBy},
    error::ApiError,
    request_memory::TakenMemory,
    state::AppState,
};

/// A new task that arrives now.
pub(super) fn new_task(
    state: &AppState,
    caller: Caller,
    model: String,
    kind: ModelKind,
    work: Work,
    seed: Option<i64>,
    memory: TakenMemory,
) -> ClientTask {
    let arrived = Instant::now();
    let (id, price) = (task_id::new(), state.prices.of(&model));
    ClientTask {
        id,
        kind,
        price,
        task: task_of(&id, model, work, seed.map(i64::cast_unsigned), &price),
        api_key_id: caller.key_id,
        arrived,
        deadline: arrived + state.limits.task_timeout(),
        _memory: Arc::new(memory),
    }
}

/// The error that a task ended with; `prompt` is the parameter that holds what the model reads.
pub(super) fn task_error(error: DispatchError, task_id: &str, prompt: &'static str) -> ApiError {
    let is_too_long = matches!(error, DispatchError::ClientFault(ClientFault::ContextLength(_)));
    let mut error = ApiError::from(error).of_task(task_id);
    if is_too_long {
        error = error.about(prompt);
    }
    tracing::info!(target: "gateway::dispatch", { task.id = task_id, code = error.code() }, "task not served");
    error
}

/// Adds who served a task.
pub(super) fn with_headers(response: impl IntoResponse, task_id: &str, served_by: Option<&ServedBy>) -> Response {
    let mut response = response.into_response();
    let headers = response.headers_mut();
    insert(headers, "x-cuckoo-task-id", task_id);
    if let Some(served_by) = served_by {
        insert(headers, "x-cuckoo-miner", &served_by.miner.to_string());
        insert(headers, "x-cuckoo-class", &served_by.model.numeric_class);
    }
    response
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    // All values were checked to be printable ASCII when they came.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Tells clients which files and kernels produced an answer; on processors equal fingerprints, seeds and
/// requests give equal answers.
pub(super) fn fingerprint(served_by: &ServedBy) -> String {
    let root = hex::encode(&served_by.model.model_root.as_bytes()[..6]);
    format!("{root}-{}", served_by.model.numeric_class)
}

/// Seconds since 1970.
pub(super) fn now_s() -> u64 {
    u64::try_from(crate::store::now_ms() / 1000).unwrap_or(0)
}

/// Why generation ended, in the API's words.
pub(super) fn finish_reason(finish: cuckoo_primitives::task::Finish) -> String {
    match finish {
        cuckoo_primitives::task::Finish::Stop => "stop".into(),
        cuckoo_primitives::task::Finish::Length => "length".into(),
        // Nobody reads on after a cancellation.
        cuckoo_primitives::task::Finish::Cancelled => "cancelled".into(),
    }
}
