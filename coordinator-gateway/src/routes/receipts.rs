//! `GET /v1/receipts/{task_id}`

use axum::{
    extract::{rejection::PathRejection, Path, State},
    Json,
};
use codec::Encode;
use cuckoo_primitives::task::{Finish, TaskId};
use serde::Serialize;
use utoipa::ToSchema;

use super::{price_view::Amount, task_id};
use crate::{
    auth::Caller,
    error::{ApiError, ErrorBody},
    state::SharedState,
    store::StoredReceipt,
};

/// The receipts of one task.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReceiptList {
    /// Always `list`.
    object: &'static str,
    /// The task.
    task_id: String,
    data: Vec<SignedReceipt>,
}

/// What a miner signed for one attempt. Hashes, signature and encoding are hexadecimal.
#[derive(Serialize, ToSchema)]
struct SignedReceipt {
    /// Which try of the task.
    attempt: u32,
    /// The coordinator's operator.
    coordinator: String,
    /// The miner's operator.
    miner: String,
    /// The link between them over which the task came; on it the miner signs once for each attempt.
    link: String,
    /// What the client asked for.
    model: String,
    /// sha256 over the model's files.
    model_root: String,
    /// Hash of the task as it was sent.
    request_hash: String,
    /// Hash of the answer's pieces.
    output_hash: String,
    prompt_tokens: u32,
    completion_tokens: u32,
    /// `stop`, `length`, or `cancelled`: what was sent by then is paid for.
    #[schema(value_type = String)]
    finish: Finish,
    /// What the miner is paid for it.
    cost: Amount,
    /// When it was stored, in milliseconds since 1970.
    stored_ms: i64,
    /// SCALE encoding of the receipt.
    encoded: String,
    /// The miner's sr25519 signature over `blake2_256(len(domain) ++ domain ++ genesis ++ encoded)`, the domain being
    /// `cuckoo/receipt/v1`.
    signature: String,
}

/// Shows the receipts of a task that was set with the same API key.
#[utoipa::path(
    get,
    path = "/v1/receipts/{task_id}",
    tag = "market",
    params(("task_id" = String, Path, description = "The header `x-cuckoo-task-id` of an answer, or the answer's id")),
    security(("api_key" = [])),
    responses(
        (status = 200, description = "The receipts", body = ReceiptList),
        (status = 401, description = "No valid API key", body = ErrorBody),
        (status = 404, description = "No such task of this key", body = ErrorBody),
    )
)]
pub(crate) async fn get_receipts(
    State(state): State<SharedState>,
    caller: Caller,
    task: Result<Path<String>, PathRejection>,
) -> Result<Json<ReceiptList>, ApiError> {
    let unknown = || ApiError::not_found("receipt_not_found", "This key has no receipt for such a task.");
    let id: TaskId = task.ok().and_then(|Path(task)| task_id::parse(&task)).ok_or_else(unknown)?;
    let receipts = state.journal.of_task(&id, caller.key_id.as_deref()).await.map_err(|error| {
        tracing::error!(target: "gateway::store", %error, "cannot read receipts");
        ApiError::internal()
    })?;
    if receipts.is_empty() {
        return Err(unknown());
    }
    let data = receipts.into_iter().map(|(stored, stored_ms)| signed(stored, stored_ms)).collect();
    Ok(Json(ReceiptList { object: "list", task_id: hex::encode(id), data }))
}

fn signed(stored: StoredReceipt, stored_ms: i64) -> SignedReceipt {
    let StoredReceipt { receipt, signature, model, cost, .. } = stored;
    SignedReceipt {
        attempt: receipt.attempt,
        coordinator: receipt.coordinator.to_string(),
        miner: receipt.miner.to_string(),
        link: hex::encode(receipt.link),
        model,
        model_root: hex::encode(receipt.model_root),
        request_hash: hex::encode(receipt.request_hash),
        output_hash: hex::encode(receipt.output_hash),
        prompt_tokens: receipt.prompt_tokens,
        completion_tokens: receipt.completion_tokens,
        finish: receipt.finish,
        cost: cost.into(),
        stored_ms,
        encoded: hex::encode(receipt.encode()),
        signature: hex::encode(signature),
    }
}
