//! `GET /v1/miners`

use axum::{
    extract::{Query, State},
    Json,
};
use cuckoo_primitives::{Candidate, CandidateStatus};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    dispatch::{MinerCounts, MinerReport, Unavailable},
    error::{ApiError, ErrorBody},
    link::Offer,
    state::SharedState,
};

const DEFAULT_LIMIT: usize = 1_000;
const MAX_LIMIT: usize = 5_000;

/// Which part of the list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Part {
    /// At most so many, 1,000 if not said, never more than 5,000.
    limit: Option<usize>,
    /// Skip so many.
    offset: Option<usize>,
}

/// All registered miners, those with the most backing first.
#[derive(Serialize, ToSchema)]
pub(crate) struct MinerList {
    /// Always `list`.
    object: &'static str,
    /// Height of the finalised block whose stakes count.
    block: u32,
    /// Its hash.
    block_hash: String,
    /// Registered miners in all.
    registered: usize,
    /// Linked ones among them.
    connected: usize,
    data: Vec<Miner>,
}

/// A registered miner.
#[derive(Serialize, ToSchema)]
struct Miner {
    /// Its operator.
    operator: String,
    /// Its stash.
    stash: String,
    /// Its display name.
    name: String,
    /// `active`, `chilled`, `pending` or `below_minimum`, on chain.
    status: CandidateStatusName,
    /// All stake behind it, in planck.
    backing: String,
    /// Its own part of it, in planck.
    own_stake: String,
    /// Its part of the backing of all linked miners: the share of tasks it can expect while all serve the same models.
    selection_share: f64,
    /// Whether it is linked to this gateway.
    connected: bool,
    /// For how long, in seconds.
    connected_s: Option<u64>,
    /// What program it runs, in its own words.
    agent: Option<String>,
    /// What it serves.
    models: Vec<String>,
    /// Tasks it takes at once.
    slots: u32,
    /// How many more it would take now.
    free_slots: u32,
    /// Tasks it answered well, since the gateway started.
    served: u64,
    /// Attempts at which it failed, since the gateway started.
    failed: u64,
    /// Times the draw fell on it, since the gateway started.
    drawn: u64,
    /// Times the draw would have fallen on it but for what is said here, since the gateway started.
    passed_over: PassedOverCounts,
    /// Why it cannot be chosen now.
    not_chosen_because: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(value_type = String)]
struct CandidateStatusName(CandidateStatus);

#[derive(Serialize, ToSchema)]
struct PassedOverCounts {
    /// All its slots were taken.
    busy: u64,
    /// It had failed too often.
    suspended: u64,
    /// It had failed at the same task.
    tried: u64,
}

/// Shows every registered miner: backing, share, load, and why it is not chosen.
#[utoipa::path(
    get,
    path = "/v1/miners",
    tag = "market",
    params(Part),
    responses(
        (status = 200, description = "The miners", body = MinerList),
        (status = 400, description = "A wrong parameter", body = ErrorBody),
    )
)]
pub(crate) async fn list_miners(
    State(state): State<SharedState>,
    part: Result<Query<Part>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<MinerList>, ApiError> {
    let Query(part) = part.map_err(|_| {
        ApiError::invalid("limit", "invalid_type", "'limit' and 'offset' must be whole numbers, 0 or more.")
    })?;
    let view = state.guard.view();
    let ranked = state.ranking.of(&view);
    let limit = part.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
    let shown = ranked.get(part.offset.unwrap_or(0)..).unwrap_or_default();
    let shown = &shown[..limit.min(shown.len())];
    let report = state.registry.report(shown.iter().map(|candidate| &candidate.operator));
    let data = shown.iter().zip(&report.each).map(|(candidate, (link, record))| {
        let counts = record.as_ref().map(|record| record.counts()).unwrap_or_default();
        miner(candidate, link.as_ref(), counts, report.linked_backing)
    });
    Ok(Json(MinerList {
        object: "list",
        block: view.number,
        block_hash: format!("{:?}", view.hash),
        registered: ranked.len(),
        connected: report.linked,
        data: data.collect(),
    }))
}

fn miner(candidate: &Candidate, report: Option<&MinerReport>, counts: MinerCounts, linked_backing: u128) -> Miner {
    Miner {
        operator: candidate.operator.to_string(),
        stash: candidate.stash.to_string(),
        name: String::from_utf8_lossy(&candidate.info.name).into_owned(),
        status: CandidateStatusName(candidate.status),
        backing: candidate.backing.to_string(),
        own_stake: candidate.own_stake.to_string(),
        selection_share: report.map_or(0.0, |report| share(report.backing, linked_backing)),
        connected: report.is_some(),
        connected_s: report.map(|report| report.linked_for.as_secs()),
        agent: report.map(|report| report.offer.agent.clone()),
        models: report.map(|report| models_of(&report.offer)).unwrap_or_default(),
        slots: report.map_or(0, |report| report.offer.slots),
        free_slots: report.map_or(0, |report| report.free_slots),
        served: counts.served,
        failed: counts.failed,
        drawn: counts.drawn,
        passed_over: PassedOverCounts {
            busy: counts.passed_over_busy,
            suspended: counts.passed_over_suspended,
            tried: counts.passed_over_tried,
        },
        not_chosen_because: not_chosen_because(candidate, report),
    }
}

fn models_of(offer: &Offer) -> Vec<String> {
    offer.models.iter().map(|model| model.id.clone()).collect()
}

/// A part of a whole, rounded down to billionths; planck have more digits than floating-point numbers.
fn share(part: u128, whole: u128) -> f64 {
    const PARTS: u32 = 1_000_000_000;
    let parts = part.saturating_mul(PARTS.into()).checked_div(whole).unwrap_or(0);
    parts as f64 / f64::from(PARTS)
}

fn not_chosen_because(candidate: &Candidate, report: Option<&MinerReport>) -> Option<String> {
    match candidate.status {
        CandidateStatus::Active => {}
        CandidateStatus::Chilled => return Some("it is chilled on chain".into()),
        CandidateStatus::Pending => return Some("its stake counts from the next era on".into()),
        CandidateStatus::BelowMinimum => return Some("its own stake is not above the minimum".into()),
    }
    let Some(report) = report else { return Some("it is not connected to this gateway".into()) };
    match report.unavailable? {
        Unavailable::NoOffer => Some("it offers no model or no slot".into()),
        Unavailable::Busy => Some("all its slots are taken".into()),
        Unavailable::Suspended(left) => Some(format!("it failed and is left alone for {} ms", left.as_millis())),
        Unavailable::Closing => Some("it is shutting down".into()),
    }
}
