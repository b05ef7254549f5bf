//! `GET /v1/miners`

use std::collections::BTreeSet;

use axum::{
    extract::{Query, State},
    Json,
};
use cuckoo_audit::reputation::Reputation;
use cuckoo_primitives::{settlement::Price, Candidate, CandidateStatus};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    audit::{Basis, Standing},
    dispatch::{MinerCounts, MinerReport, Unavailable},
    error::{ApiError, ErrorBody},
    link::OfferedModel,
    settle::{is_free, Prices},
    state::SharedState,
    store::now_ms,
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
    /// How many links it has: each of its workers has one.
    links: usize,
    /// What program it runs, in its own words.
    agent: Option<String>,
    /// What it serves.
    models: Vec<String>,
    /// What it offers and is not drawn for, each with the reason.
    not_drawn: Vec<String>,
    /// For which of that it asks more than this gateway pays, so that it is not chosen for it.
    asks_more: Vec<String>,
    /// What can still be promised to it before it has to redeem, in planck.
    headroom: Option<String>,
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
    /// What audits think of it.
    audits: AuditStanding,
    /// Why it cannot be chosen now.
    not_chosen_because: Option<String>,
}

/// What audits think of a miner; see `/v1/audits`.
#[derive(Serialize, ToSchema)]
struct AuditStanding {
    /// Attempts that have been audited.
    audited: u64,
    /// Those of them that have not passed.
    failed: u64,
    /// Texts that have passed since the last attempt that has not.
    streak: u32,
    /// The share of its texts that are audited.
    rate: f64,
    /// The share of its embeddings that are audited, where the gateway has the model.
    embeddings_rate: f64,
    /// What its work is worth by what the gateway's own engine says, from 0 to 1: of texts or embeddings, whichever is
    /// worse; `null` if nothing was judged within 32 days.
    quality: Option<f64>,
    /// Until when it gets no work for what audits have found, in milliseconds since 1970; `null` if it is not suspended.
    suspended_until_ms: Option<u64>,
}

impl From<Standing> for AuditStanding {
    fn from(standing: Standing) -> Self {
        let Standing { audited, failed, streak, ref reputation, ref coarse, .. } = standing;
        let now_ms = u64::try_from(now_ms()).unwrap_or_default();
        // That on which most was judged.
        let of = |reputation: &Reputation| reputation.audits().0;
        let basis = match (of(reputation), of(coarse)) {
            (0, 0) => Basis::Nothing,
            (measured, coarse) if measured >= coarse => Basis::Measured,
            _ => Basis::Coarse,
        };
        Self {
            audited,
            failed,
            streak,
            rate: standing.rate(basis).share(),
            embeddings_rate: standing.rate(Basis::Vectors).share(),
            quality: standing.judged_quality(now_ms),
            suspended_until_ms: Some(standing.suspended_until_ms()).filter(|until| *until > now_ms),
        }
    }
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
    /// The answer had been begun in another numeric class, or by other files.
    unlike: u64,
    /// What the task could cost was not covered.
    uncovered: u64,
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
    let report = state.registry.report(shown.iter().map(|candidate| (&candidate.operator, &candidate.stash)));
    let data = shown.iter().zip(&report.each).map(|(candidate, (link, record))| {
        let counts = record.as_ref().map(|record| record.counts()).unwrap_or_default();
        let standing = state.auditor.standing(&candidate.stash);
        miner(candidate, link.as_ref(), counts, standing, report.linked_backing, &state.prices)
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

fn miner(
    candidate: &Candidate,
    report: Option<&MinerReport>,
    counts: MinerCounts,
    standing: Standing,
    linked_backing: u128,
    prices: &Prices,
) -> Miner {
    let asks_more = |model: &OfferedModel| !prices.of(&model.id).meets(&model.ask);
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
        links: report.map_or(0, |report| report.offers.len()),
        agent: report.and_then(|report| report.offers.first()).map(|offer| offer.agent.clone()),
        models: report.map(|report| models_of(report, |_| true)).unwrap_or_default(),
        not_drawn: report.map(not_drawn).unwrap_or_default(),
        asks_more: report.map(|report| models_of(report, asks_more)).unwrap_or_default(),
        headroom: report.map(|report| report.headroom.to_string()),
        slots: report.map_or(0, |report| report.offers.iter().fold(0, |sum, offer| sum.saturating_add(offer.slots))),
        free_slots: report.map_or(0, |report| report.free_slots),
        served: counts.served,
        failed: counts.failed,
        drawn: counts.drawn,
        passed_over: PassedOverCounts {
            busy: counts.passed_over_busy,
            suspended: counts.passed_over_suspended,
            tried: counts.passed_over_tried,
            unlike: counts.passed_over_unlike,
            uncovered: counts.passed_over_uncovered,
        },
        audits: standing.into(),
        not_chosen_because: not_chosen_because(candidate, report, prices),
    }
}

/// Those of its models that are such, each once.
fn models_of(report: &MinerReport, is_such: impl Fn(&OfferedModel) -> bool) -> Vec<String> {
    let offered = report.offers.iter().flat_map(|offer| &offer.models);
    let ids: BTreeSet<&str> = offered.filter(|model| is_such(model)).map(|model| model.id.as_str()).collect();
    ids.into_iter().map(str::to_owned).collect()
}

/// A part of a whole, rounded down to billionths; planck have more digits than floating-point numbers.
fn share(part: u128, whole: u128) -> f64 {
    const PARTS: u32 = 1_000_000_000;
    let parts = part.saturating_mul(PARTS.into()).checked_div(whole).unwrap_or(0);
    parts as f64 / f64::from(PARTS)
}

fn not_chosen_because(candidate: &Candidate, report: Option<&MinerReport>, prices: &Prices) -> Option<String> {
    match candidate.status {
        CandidateStatus::Active => {}
        CandidateStatus::Chilled => return Some("it is chilled on chain".into()),
        CandidateStatus::Pending => return Some("its stake counts from the next era on".into()),
        CandidateStatus::BelowMinimum => return Some("its own stake is not above the minimum".into()),
    }
    let Some(report) = report else { return Some("it is not connected to this gateway".into()) };
    match report.unavailable {
        Some(Unavailable::NoOffer) => Some(not_offered_because(report)),
        Some(Unavailable::Busy) => Some("all its slots are taken".into()),
        Some(Unavailable::Suspended(left)) => Some(format!("it failed and is left alone for {} ms", left.as_millis())),
        Some(Unavailable::Closing) => Some("it is shutting down".into()),
        None => not_paid_because(report, prices),
    }
}

fn not_offered_because(report: &MinerReport) -> String {
    match not_drawn(report).first() {
        Some(first) => format!("it offers {first}"),
        None => "it offers no model or no slot".into(),
    }
}

/// The models that are not drawn, each once, with the reason.
fn not_drawn(report: &MinerReport) -> Vec<String> {
    let refused: BTreeSet<&(String, &str)> = report.offers.iter().flat_map(|offer| &offer.refused).collect();
    refused.into_iter().map(|(model, reason)| format!("{model}, but {reason}")).collect()
}

fn not_paid_because(report: &MinerReport, prices: &Prices) -> Option<String> {
    let fair: Vec<Price> = report
        .offers
        .iter()
        .flat_map(|offer| &offer.models)
        .map(|model| (prices.of(&model.id), model.ask))
        .filter(|(price, ask)| price.meets(ask))
        .map(|(price, _)| price)
        .collect();
    if fair.is_empty() {
        return Some("it asks more than this gateway pays (see /v1/prices)".into());
    }
    let is_uncovered = report.headroom == 0 && !fair.iter().any(is_free);
    let why = "too little escrow or stake stands behind its pay: it has to redeem, or the coordinator to deposit";
    is_uncovered.then(|| why.into())
}
