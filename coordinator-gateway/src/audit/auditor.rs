//! Has miners open what they have signed for, and finds out what is wrong with it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use cuckoo_audit::choice::DaySecret;
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
    finished::Finished,
    opened::{check, Found},
    queue::{Place, Waiting},
    standing::Standing,
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

/// Asks miners to open what they have committed to.
#[async_trait]
pub(crate) trait Opens: Send + Sync + 'static {
    /// `count` leaves of an attempt of the miner with this operator, from `first` on; over any link to it.
    async fn open(&self, miner: &AccountId, attempt: &AttemptOf, first: u32, count: u32)
        -> Result<Vec<Leaf>, Unopened>;
}

/// How an audit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    /// Every token was drawn as it had to be.
    Passed,
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

/// Audits attempts.
pub(crate) struct Auditor {
    genesis: Hash,
    opens: Arc<dyn Opens>,
    evidence: EvidenceStore,
    audits: AuditStore,
    demands: DemandStore,
    days: Days,
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
        opens: Arc<dyn Opens>,
        evidence: EvidenceStore,
        audits: AuditStore,
        demands: DemandStore,
        waiting: Waiting,
        terms: AuditTerms,
    ) -> Result<Self, StoreError> {
        let read = |(miner, standing): (AccountId, String)| {
            serde_json::from_str(&standing).ok().map(|standing: Standing| (miner, standing))
        };
        let standings = audits.standings().await?.into_iter().filter_map(read).collect();
        let days = Days::new(audits.clone());
        days.secret(day_of(now_ms())).await?;
        Ok(Self {
            genesis,
            opens,
            evidence,
            audits,
            demands,
            days,
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
        self.standings.lock().get(miner).copied().unwrap_or_default()
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
        let (rate, spec) = (self.standing(finished.miner()).rate(), finished.spec());
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
        let (outcome, reason) = match &verdict {
            Verdict::Passed => ("passed", "every token was drawn as it had to be".to_owned()),
            Verdict::Fault(evidence) => ("fault", fault_of(evidence).to_owned()),
            Verdict::Unopened(why) => ("unopened", why.clone()),
        };
        metrics::counter!("gateway_audits_total", "outcome" => outcome).increment(1);
        let standing = self.judge(finished, &verdict);
        match &verdict {
            Verdict::Passed => tracing::debug!(target: "gateway::audit", miner = %finished.miner(), outcome, "audited"),
            _ => tracing::warn!(
                target: "gateway::audit",
                { miner = %finished.miner(), task.id = hex::encode(finished.spec().task_id), outcome, reason },
                "an audit found something"
            ),
        }
        let record = record(finished, outcome, reason);
        let stored = async {
            let standing = serde_json::to_string(&standing).unwrap_or_default();
            let oldest = now_ms().saturating_sub(i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX));
            self.audits.add(&record, &standing, oldest).await?;
            match verdict {
                Verdict::Passed => Ok(()),
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
        match verdict {
            Verdict::Passed => standing.passed(finished.has_fixed_seed()),
            Verdict::Fault(_) | Verdict::Unopened(_) => standing.failed(),
        }
        *standing
    }

    async fn verdict(&self, finished: &Finished) -> Verdict {
        let mut pauses = self.pauses.iter();
        loop {
            let found = match self.leaves(finished).await {
                Ok(leaves) => check(&finished.receipt, &finished.tokens, &leaves),
                Err(Unopened(why)) => Err(Found::Unopened(why)),
            };
            match found {
                Ok(()) => return Verdict::Passed,
                Err(Found::Fault(evidence)) => return Verdict::Fault(evidence),
                Err(Found::Unopened(why)) => match pauses.next() {
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
            let opened = self.opens.open(miner, &attempt, first, some).await?;
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

fn record(finished: &Finished, outcome: &str, reason: String) -> AuditRecord {
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
