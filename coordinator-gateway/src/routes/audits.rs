//! `GET /v1/audits`

use axum::{
    extract::{Query, State},
    Json,
};
use cuckoo_primitives::AccountId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    audit::{day_of, Distances, ShownDay},
    error::{ApiError, ErrorBody},
    state::SharedState,
    store::{now_ms, AuditRecord},
};

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1_000;

/// Which audits.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Part {
    /// Those of the miner with this operator.
    miner: Option<String>,
    /// At most so many, 100 if not said, never more than 1,000.
    limit: Option<u32>,
}

/// What audits have found, the newest first, and by which secrets attempts were chosen.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditList {
    /// Always `list`.
    object: &'static str,
    data: Vec<Audit>,
    /// The days whose secrets choose, the oldest first.
    days: Vec<Day>,
}

/// What one audit has found.
#[derive(Serialize, ToSchema)]
struct Audit {
    task_id: String,
    /// Which try of the task.
    attempt: u32,
    /// The miner's operator.
    miner: String,
    /// What the application asked for.
    model: String,
    /// The numeric class that the miner computes in.
    class: String,
    /// How many tokens were checked; of embeddings, those of the inputs.
    tokens: u32,
    /// `passed`; `fault`: what it opened contradicts what it has signed, which goes before the chain; `unopened`: it did not
    /// show what it has signed for, and is asked on the chain; `failed`: no honest miner can have done that, by the
    /// gateway's own engine; `void`: that engine could not go through it; `deviant`: not what the model says; `suspicious`: rare among honest miners.
    outcome: String,
    /// In a sentence.
    reason: String,
    /// When, in milliseconds since 1970.
    audited_ms: i64,
    /// How far the answer was from what the gateway's own engine says, if it has the model (`--audit-models`).
    distances: Option<Distances>,
}

/// A day in UTC.
#[derive(Serialize, ToSchema)]
struct Day {
    /// Counted from 1970.
    day: i64,
    /// blake2_256 over `cuckoo/audit-day/v1`, the day as 8 bytes little-endian and the day's secret; shown before the day.
    commitment: String,
    /// The secret, two days later. An attempt is audited if the first eight bytes, as a little-endian number, of
    /// blake2_256 over `cuckoo/audit-choice/v2`, secret, task id, attempt (4 bytes, little-endian) and the hash that its
    /// receipt signs are below 2^64 times its miner's rate.
    secret: Option<String>,
}

/// Shows what audits have found, to miners too.
#[utoipa::path(
    get,
    path = "/v1/audits",
    tag = "market",
    params(Part),
    responses(
        (status = 200, description = "The audits", body = AuditList),
        (status = 400, description = "A wrong parameter", body = ErrorBody),
    )
)]
pub(crate) async fn list_audits(
    State(state): State<SharedState>,
    part: Result<Query<Part>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<AuditList>, ApiError> {
    let Query(part) =
        part.map_err(|_| ApiError::invalid("limit", "invalid_type", "'limit' must be a whole number, 0 or more."))?;
    let miner: Option<AccountId> = part.miner.as_deref().map(str::parse).transpose().map_err(|_| {
        ApiError::invalid("miner", "invalid_value", "'miner' must be the account of an operator, as in /v1/miners.")
    })?;
    let limit = part.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
    let unreadable = |error| {
        tracing::error!(target: "gateway::audit", %error, "cannot read audits");
        ApiError::internal()
    };
    let audits = state.auditor.audits().newest(miner.as_ref(), limit).await.map_err(unreadable)?;
    let days = state.auditor.days().shown(day_of(now_ms())).await.map_err(unreadable)?;
    Ok(Json(AuditList {
        object: "list",
        data: audits.into_iter().map(Audit::from).collect(),
        days: days.into_iter().map(Day::from).collect(),
    }))
}

impl From<AuditRecord> for Audit {
    fn from(record: AuditRecord) -> Self {
        let AuditRecord { task_id, attempt, miner, model, class, tokens, outcome, reason, audited_ms, distances } =
            record;
        let (task_id, miner) = (hex::encode(task_id), miner.to_string());
        Self { task_id, attempt, miner, model, class, tokens, outcome, reason, audited_ms, distances }
    }
}

impl From<ShownDay> for Day {
    fn from(shown: ShownDay) -> Self {
        let ShownDay { day, commitment, secret } = shown;
        Self { day, commitment: hex::encode(commitment), secret: secret.map(hex::encode) }
    }
}
