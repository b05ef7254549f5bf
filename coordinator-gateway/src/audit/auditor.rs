//! Has miners open what they have signed for, and finds out what is wrong with it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use cuckoo_audit::{
    choice::{DaySecret, Rate},
    reputation::{self, Consequence},
    threshold::Judgement,
    Finding,
};
use cuckoo_primitives::{
    challenge::{AttemptOf, Demand, CHALLENGED_WITHIN_MS},
    commitment::Leaf,
    evidence::Evidence,
    signing::Statement,
    task::began_ms,
    AccountId, Hash,
};
use cuckoo_wire::limits::MAX_OPENED;
use futures::StreamExt;
use parking_lot::Mutex;
use rand::Rng;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::{
    days::{day_of, Days},
    distances::Distances,
    finished::Finished,
    opened::{self, check},
    queue::{Place, Waiting},
    standing::Standing,
    statistics::{Found, Statistics},
};
use crate::store::{now_ms, AuditRecord, AuditStore, DemandStore, EvidenceStore, StoreError};

/// Audits that run at once: most of their time they wait for miners.
const AT_ONCE: usize = 64;
/// The parts of a miner's time after which it is asked again.
const PARTS: [u32; 4] = [150, 30, 6, 1];
/// How long audits are on record.
const KEPT: Duration = Duration::from_secs(32 * 24 * 60 * 60);

/// Why a miner has opened nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unopened(pub(crate) String);

/// The miners that are audited.
#[async_trait]
pub(crate) trait Audited: Send + Sync + 'static {
    /// `count` leaves of an attempt of the miner with this operator, from `first` on; over any link to it.
    async fn open(&self, miner: &AccountId, attempt: &AttemptOf, first: u32, count: u32)
        -> Result<Vec<Leaf>, Unopened>;

    /// The miner with this operator gets no work for so long.
    fn suspend(self: Arc<Self>, miner: &AccountId, left: Duration);
}

/// How an audit ended.
#[derive(Clone, Debug)]
enum Verdict {
    /// Every token was drawn as it had to be; and what an engine says of it, if one was asked.
    Drawn(Option<Found>),
    /// A fault that the chain can check.
    Fault(Box<Evidence>),
    /// The miner did not open what it had committed to.
    Unopened(String),
}

/// How miners are treated that do not open at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AuditTerms {
    /// About how long one has before it is challenged on the chain.
    pub(crate) patience: Duration,
    /// How often one is challenged within a day.
    pub(crate) challenges_per_day: u32,
}

/// Where audits are kept, and what becomes of them.
pub(crate) struct AuditStores {
    pub(crate) evidence: EvidenceStore,
    pub(crate) audits: AuditStore,
    pub(crate) demands: DemandStore,
}

/// Audits attempts.
pub(crate) struct Auditor {
    genesis: Hash,
    miners: Arc<dyn Audited>,
    evidence: EvidenceStore,
    audits: AuditStore,
    demands: DemandStore,
    days: Days,
    /// Where the gateway has models of its own.
    statistics: Option<Statistics>,
    standings: Mutex<HashMap<AccountId, Standing>>,
    waiting: Waiting,
    /// Times that a miner is challenged on the chain within a day.
    most_challenges: u32,
    pauses: Vec<Duration>,
}

impl Auditor {
    /// Knows what earlier runs have found. Attempts that are chosen come to `waiting`.
    pub(crate) async fn new(
        genesis: Hash,
        miners: Arc<dyn Audited>,
        stores: AuditStores,
        waiting: Waiting,
        statistics: Option<Statistics>,
        terms: AuditTerms,
    ) -> Result<Self, StoreError> {
        let AuditStores { evidence, audits, demands } = stores;
        let read = |(miner, standing): (AccountId, String)| {
            serde_json::from_str(&standing).ok().map(|standing: Standing| (miner, standing))
        };
        let standings: HashMap<AccountId, Standing> =
            audits.standings().await?.into_iter().filter_map(read).collect();
        for (miner, standing) in &standings {
            miners.clone().suspend(miner, suspended(standing));
        }
        let days = Days::new(audits.clone());
        days.secret(day_of(now_ms())).await?;
        Ok(Self {
            genesis,
            miners,
            evidence,
            audits,
            demands,
            days,
            statistics,
            standings: Mutex::new(standings),
            waiting,
            most_challenges: terms.challenges_per_day,
            pauses: PARTS.map(|part| terms.patience / part).to_vec(),
        })
    }

    /// The days' secrets, for everybody to see.
    pub(crate) fn days(&self) -> &Days {
        &self.days
    }

    /// What is on record.
    pub(crate) fn audits(&self) -> &AuditStore {
        &self.audits
    }

    /// What is thought of a miner.
    pub(crate) fn standing(&self, miner: &AccountId) -> Standing {
        self.standings.lock().get(miner).cloned().unwrap_or_default()
    }

    /// Chooses whether an attempt that was answered is audited.
    pub(crate) async fn consider(&self, finished: Finished) {
        let is_open = finished.receipt.receipt.commitment.is_some_and(|commitment| commitment.tokens > 0);
        let Some(began) = began_ms(&finished.spec().task_id).filter(|_| is_open) else { return };
        let secret = match self.days.secret(day_of(i64::try_from(began).unwrap_or(i64::MAX))).await {
            Ok(secret) => secret,
            Err(error) => {
                tracing::error!(target: "gateway::audit", %error, "no attempt can be chosen to be audited");
                return;
            }
        };
        let spec = finished.spec();
        let is_judged =
            self.statistics.as_ref().is_some_and(|it| it.calibration(&finished.class, &spec.model_root).is_some());
        let standing = |standing: Option<&Standing>| standing.map_or(Rate::ALL, |it| it.rate(is_judged));
        let rate = standing(self.standings.lock().get(finished.miner()));
        let receipt = finished.receipt.receipt.signing_hash(&self.genesis);
        let is_chosen = DaySecret::new(secret).chooses(&spec.task_id, spec.attempt, &receipt, rate);
        if is_chosen && !self.waiting.push(finished) {
            metrics::counter!("gateway_audits_skipped_total").increment(1);
        }
    }

    /// Audits what was chosen until `stop`.
    pub(crate) async fn run(self: Arc<Self>, chosen: mpsc::Receiver<Place>, stop: CancellationToken) {
        let audits = ReceiverStream::new(chosen).for_each_concurrent(AT_ONCE, |place| {
            let auditor = self.clone();
            async move { auditor.audit(&place.finished).await }
        });
        // What is not decided by then was not audited; nobody loses by that.
        let _ = stop.run_until_cancelled(audits).await;
    }

    async fn audit(&self, finished: &Finished) {
        let verdict = self.verdict(finished).await;
        let (outcome, reason) = verdict.words();
        metrics::counter!("gateway_audits_total", "outcome" => outcome).increment(1);
        let standing = self.judge(finished, &verdict);
        match outcome {
            PASSED => tracing::debug!(target: "gateway::audit", miner = %finished.miner(), outcome, "audited"),
            _ => tracing::warn!(
                target: "gateway::audit",
                { miner = %finished.miner(), task.id = hex::encode(finished.spec().task_id), outcome, reason },
                "an audit found something"
            ),
        }
        let record = record(finished, outcome, reason, verdict.distances());
        let stored = async {
            let standing = serde_json::to_string(&standing).unwrap_or_default();
            let oldest = now_ms().saturating_sub(i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX));
            self.audits.add(&record, &standing, oldest).await?;
            match verdict {
                Verdict::Drawn(_) => Ok(()),
                Verdict::Fault(evidence) => self.evidence.add(&evidence).await.map(drop),
                Verdict::Unopened(_) => self.challenge(finished).await,
            }
        };
        if let Err(error) = stored.await {
            tracing::error!(target: "gateway::audit", %error, "what an audit has found could not be stored");
        }
    }

    /// What is thought of the miner after it.
    fn judge(&self, finished: &Finished, verdict: &Verdict) -> Standing {
        let mut standings = self.standings.lock();
        let standing = standings.entry(finished.miner().clone()).or_default();
        match verdict.words().0 {
            PASSED => standing.passed(finished.has_fixed_seed()),
            _ => standing.failed(),
        }
        if let Verdict::Drawn(Some(Found { finding, calibration })) = verdict {
            let of = reputation::Audited {
                request: finished.request(),
                has_fixed_seed: finished.has_fixed_seed(),
                at_ms: u64::try_from(now_ms()).unwrap_or_default(),
            };
            if standing.reputation.take(finding, calibration.as_ref(), &of) == Consequence::Suspended {
                let left = suspended(standing);
                tracing::warn!(
                    target: "gateway::audit",
                    { miner = %finished.miner(), hours = left.as_secs() / 3600 },
                    "a miner gets no work for a while"
                );
                self.miners.clone().suspend(finished.miner(), left);
            }
        }
        standing.clone()
    }

    async fn verdict(&self, finished: &Finished) -> Verdict {
        let mut pauses = self.pauses.iter();
        loop {
            let checked = match self.leaves(finished).await {
                Ok(leaves) => check(&finished.receipt, &finished.tokens, &leaves).map(|()| leaves),
                Err(Unopened(why)) => Err(opened::Found::Unopened(why)),
            };
            match checked {
                Ok(leaves) => {
                    return Verdict::Drawn(match &self.statistics {
                        Some(statistics) => statistics.find(finished, leaves).await,
                        None => None,
                    })
                }
                Err(opened::Found::Fault(evidence)) => return Verdict::Fault(evidence),
                Err(opened::Found::Unopened(why)) => match pauses.next() {
                    // It may be busy, or just be restarted.
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => return Verdict::Unopened(why),
                },
            }
        }
    }

    async fn leaves(&self, finished: &Finished) -> Result<Vec<Leaf>, Unopened> {
        let (miner, attempt) = (finished.miner(), finished.attempt());
        let count = u32::try_from(finished.tokens.len()).unwrap_or(u32::MAX);
        let mut leaves = Vec::with_capacity(finished.tokens.len());
        for first in (0..count).step_by(MAX_OPENED as usize) {
            let some = MAX_OPENED.min(count.saturating_sub(first));
            let opened = self.miners.open(miner, &attempt, first, some).await?;
            if opened.len() != some as usize {
                return Err(Unopened("another number of leaves than was asked for".into()));
            }
            leaves.extend(opened);
        }
        Ok(leaves)
    }

    /// Has the miner asked on the chain, where everybody sees whether it answers.
    async fn challenge(&self, finished: &Finished) -> Result<(), StoreError> {
        let index = rand::rng().random_range(0..finished.tokens.len().max(1));
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let demand = Demand::Opening { receipt: finished.receipt.clone(), index };
        let began = began_ms(&finished.spec().task_id).unwrap_or_default();
        let until = i64::try_from(began.saturating_add(CHALLENGED_WITHIN_MS)).unwrap_or(i64::MAX);
        self.demand(&demand, (now_ms(), until)).await
    }

    /// Has a miner asked on the chain between these times, in milliseconds since 1970, unless it was asked as often as it
    /// may be within a day.
    pub(crate) async fn demand(&self, demand: &Demand, between_ms: (i64, i64)) -> Result<(), StoreError> {
        self.demands.add(&demand.spec().miner, demand, between_ms, self.most_challenges).await.map(drop)
    }
}

/// In one word, that nothing is wrong.
const PASSED: &str = "passed";

impl Verdict {
    /// In one word, and in a sentence.
    fn words(&self) -> (&'static str, String) {
        let drawn = |more: &str| format!("every token was drawn as it had to be{more}");
        let finding = match self {
            Self::Fault(evidence) => return ("fault", fault_of(evidence).to_owned()),
            Self::Unopened(why) => return ("unopened", why.clone()),
            Self::Drawn(None) => return (PASSED, drawn("; this gateway has no engine for the model")),
            Self::Drawn(Some(found)) => &found.finding,
        };
        match finding {
            Finding::Void => (PASSED, drawn("; the gateway's engine could not go through it")),
            Finding::Shadow(_) => (PASSED, drawn("; how far an honest answer may be off has not been measured")),
            Finding::Judged(_, Judgement::Passed) => (PASSED, drawn(", from what the model says")),
            Finding::Judged(_, Judgement::Suspicious) => {
                ("suspicious", "rare among honest miners: more of its answers are audited".to_owned())
            }
            Finding::Judged(_, Judgement::Deviant) => ("deviant", "not what the model says".to_owned()),
            Finding::Failed(failure) => ("failed", failure.to_string()),
        }
    }

    fn distances(&self) -> Option<Distances> {
        let Self::Drawn(Some(Found { finding, calibration })) = self else { return None };
        match finding {
            Finding::Shadow(scores) | Finding::Judged(scores, _) => Some(Distances::new(scores, calibration.as_ref())),
            Finding::Void | Finding::Failed(_) => None,
        }
    }
}

/// For how long it still gets no work.
fn suspended(standing: &Standing) -> Duration {
    let until = standing.reputation.suspended_until_ms().unwrap_or_default();
    Duration::from_millis(until.saturating_sub(u64::try_from(now_ms()).unwrap_or_default()))
}

fn record(finished: &Finished, outcome: &str, reason: String, distances: Option<Distances>) -> AuditRecord {
    let spec = finished.spec();
    AuditRecord {
        task_id: spec.task_id,
        attempt: spec.attempt,
        miner: spec.miner.clone(),
        model: finished.task.model.clone(),
        class: finished.class.clone(),
        outcome: outcome.to_owned(),
        reason,
        tokens: u32::try_from(finished.tokens.len()).unwrap_or(u32::MAX),
        audited_ms: now_ms(),
        distances,
    }
}

fn fault_of(evidence: &Evidence) -> &'static str {
    match evidence {
        Evidence::Leaf { .. } => "a token that was sent is not the one that was drawn",
        Evidence::Sampling { .. } => "a token cannot have been drawn so",
        _ => "what it has signed contradicts itself",
    }
}

#[cfg(test)]
mod tests;
