//! `GET /v1/usage`

use axum::{extract::State, Json};
use serde::Serialize;
use utoipa::ToSchema;

use super::price_view::Amount;
use crate::{
    auth::Caller,
    error::{ApiError, ErrorBody},
    state::SharedState,
    store::DailyUsage,
};

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// What the key of the request has used.
#[derive(Serialize, ToSchema)]
pub(crate) struct Usage {
    /// Always `usage`.
    object: &'static str,
    /// What it may spend in all; not there if that is any amount.
    budget: Option<Amount>,
    /// What its tasks have cost.
    spent: Amount,
    /// What its running tasks may cost.
    reserved: Amount,
    /// By day and model, the newest first, at most 1,000.
    data: Vec<ModelUsage>,
}

/// What was used of one model on one day.
#[derive(Serialize, ToSchema)]
struct ModelUsage {
    /// When the day begins in UTC, in seconds since 1970.
    start_time: i64,
    model: String,
    tasks: i64,
    prompt_tokens: i64,
    completion_tokens: i64,
    cost: Amount,
}

/// Shows what the key of the request has used, by day and model, and what is left to it.
#[utoipa::path(
    get,
    path = "/v1/usage",
    tag = "market",
    security(("api_key" = [])),
    responses(
        (status = 200, description = "The key's usage", body = Usage),
        (status = 401, description = "No valid API key", body = ErrorBody),
    )
)]
pub(crate) async fn get_usage(State(state): State<SharedState>, caller: Caller) -> Result<Json<Usage>, ApiError> {
    let key = caller.key_id.as_deref();
    let days = state.journal.usage_of(key).await.map_err(|error| {
        tracing::error!(target: "gateway::store", %error, "cannot read usage");
        ApiError::internal()
    })?;
    let account = key.map(|key| state.budgets.of(key)).unwrap_or_default();
    Ok(Json(Usage {
        object: "usage",
        budget: account.budget.map(Amount::from),
        spent: account.spent.into(),
        reserved: account.reserved.into(),
        data: days.into_iter().map(shown).collect(),
    }))
}

fn shown(DailyUsage { day, model, used }: DailyUsage) -> ModelUsage {
    ModelUsage {
        start_time: day.saturating_mul(SECONDS_PER_DAY),
        model,
        tasks: used.tasks,
        prompt_tokens: used.prompt_tokens,
        completion_tokens: used.completion_tokens,
        cost: used.cost.into(),
    }
}
