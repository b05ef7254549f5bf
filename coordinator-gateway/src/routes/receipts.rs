//! `GET /v1/receipts/{task_id}`

use axum::{
    extract::{rejection::PathRejection, Path, State},
    Json,
};
use codec::Encode;
use cuckoo_primitives::task::{Commitment, Drawing, Finish, Receipt, TaskId};
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
    /// blake2_256 of the name of the numeric class that it was computed in.
    numeric_class: String,
    /// Hash of the task as it was sent.
    request_hash: String,
    /// When it had to be done, in milliseconds since 1970.
    deadline_ms: u64,
    /// How its tokens are drawn; nothing where nobody can check it.
    drawing: Option<DrawingView>,
    /// Hash of the answer's pieces.
    output_hash: String,
    prompt_tokens: u32,
    completion_tokens: u32,
    /// `stop`, `length`, or `cancelled`: what was sent by then is paid for.
    #[schema(value_type = String)]
    finish: Finish,
    /// What the miner can be held to, token by token.
    commitment: Option<CommitmentView>,
    /// What the miner is paid for it.
    cost: Amount,
    /// When it was stored, in milliseconds since 1970.
    stored_ms: i64,
    /// SCALE encoding of the receipt.
    encoded: String,
    /// The miner's sr25519 signature over `blake2_256(len(domain) ++ domain ++ genesis ++ encoded)`, the domain being
    /// `cuckoo/receipt/v2`.
    signature: String,
}

/// How tokens are drawn.
#[derive(Serialize, ToSchema)]
struct DrawingView {
    /// In parts of 65,536.
    temperature: u32,
    /// From how many of the likeliest tokens.
    top_k: u8,
    /// In parts of 65,536.
    top_p: u32,
    /// What the noise of the draws follows from.
    seed: String,
    /// Whether the completion must have a shape.
    is_shaped: bool,
    /// Tokens that other attempts have produced before.
    first_position: u32,
    /// Most tokens of this attempt.
    max_tokens: u32,
}

/// What a miner can be held to.
#[derive(Serialize, ToSchema)]
struct CommitmentView {
    /// How many tokens, the one that ends the text included.
    tokens: u32,
    /// Merkle root over their numbers.
    tokens_root: String,
    /// Merkle root over how each was drawn.
    leaves_root: String,
}

impl From<Drawing> for DrawingView {
    fn from(drawing: Drawing) -> Self {
        let Drawing { parameters, seed, is_shaped, first_position, max_tokens } = drawing;
        Self {
            temperature: parameters.temperature,
            top_k: parameters.top_k,
            top_p: parameters.top_p,
            seed: hex::encode(seed),
            is_shaped,
            first_position,
            max_tokens,
        }
    }
}

impl From<Commitment> for CommitmentView {
    fn from(commitment: Commitment) -> Self {
        let Commitment { tokens, tokens_root, leaves_root } = commitment;
        Self { tokens, tokens_root: hex::encode(tokens_root), leaves_root: hex::encode(leaves_root) }
    }
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
    let encoded = hex::encode(receipt.encode());
    let Receipt { spec, output_hash, prompt_tokens, completion_tokens, finish, commitment } = receipt;
    SignedReceipt {
        attempt: spec.attempt,
        coordinator: spec.coordinator.to_string(),
        miner: spec.miner.to_string(),
        link: hex::encode(spec.link),
        model,
        model_root: hex::encode(spec.model_root),
        numeric_class: hex::encode(spec.numeric_class),
        request_hash: hex::encode(spec.request_hash),
        deadline_ms: spec.deadline_ms,
        drawing: spec.drawing.map(DrawingView::from),
        output_hash: hex::encode(output_hash),
        prompt_tokens,
        completion_tokens,
        finish,
        commitment: commitment.map(CommitmentView::from),
        cost: cost.into(),
        stored_ms,
        encoded,
        signature: hex::encode(signature),
    }
}
