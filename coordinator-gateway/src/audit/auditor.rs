//! Has miners open what they have signed for, and finds out what is wrong with it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use cuckoo_audit::{
    choice::{self, DaySecret, Rate},
    reputation,
    threshold::Judgement,
    Finding,
};
use cuckoo_primitives::{
    challenge::{AttemptOf, Demand, CHALLENGED_WITHIN_MS},
    commitment::Leaf,
    evidence::Evidence,
    signing::Statement,
    AccountId, Hash, Perbill,
};
use cuckoo_wire::limits::MAX_OPENED;
use futures::StreamExt;
use parking_lot::Mutex;
use rand::Rng;
use tokio::sync::{mpsc, OwnedSemaphorePermit, Semaphore};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::{
    days::{day_of, Days},
    distances::Distances,
    finished::Finished,
    opened::{self, check},
    queue::{NoRoom, Place, Waiting},
    standing::{Basis, Standing},
    statistics::{Found, Statistics},
};
use crate::store::{now_ms, AuditRecord, AuditStore, DemandStore, EvidenceStore, StoreError};

/// Audits that are begun: most of their time they wait for their miner, which is asked for one answer at a time.
const BEGUN: usize = 4_096;
/// Tokens whose openings are in memory at once, about 600 bytes each.
const OPENED_AT_ONCE: u32 = 1 << 20;
/// Longest answer that is opened, in tokens.
const MAX_TOKENS: u32 = 1 << 17;
/// How long a miner has to open an answer once it is asked, before it is asked again.
const OPENING_LIMIT: Duration = Duration::from_secs(60);
/// For what began longer ago nobody is asked any more: miners keep openings for two hours, and the chain asks within one.
const MAX_AGE_MS: u64 = 45 * 60 * 1000;
/// How long a miner gets no work that has too many answers to open.
const BACKLOG_PAUSE: Duration = Duration::from_secs(60);
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

    /// The miner with this stash gets no work for so long, whatever its operator.
    fn suspend(self: Arc<Self>, stash: &AccountId, left: Duration);
}

/// How an audit ended.
#[derive(Clone, Debug)]
enum Verdict {
    /// Every token was drawn as it had to be; and what an engine says of it, if one was asked.
    Drawn(Option<Box<Found>>),
    /// What an engine says of vectors.
    Compared(Box<Found>),
    /// A fault that the chain can check.
    Fault(Box<Evidence>),
    /// The miner did not open what it had committed to.
    Unopened(String),
    /// It was not asked, which says nothing of it.
    NotAsked(&'static str),
}

/// What came of asking a miner.
enum Opened {
    /// Every token was drawn as it had to be. While `_held` is there others have less room.
    Leaves { leaves: Vec<Leaf>, held: Option<OwnedSemaphorePermit> },
    /// A fault that the chain can check.
    Fault(Box<Evidence>),
    /// It has opened nothing, or something else.
    Nothing(String),
    /// It was not asked.
    NotAsked(&'static str),
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
    /// By stash: who takes another operator key is known all the same.
    standings: Mutex<HashMap<AccountId, Standing>>,
    waiting: Waiting,
    /// Whose turn it is: each miner's own, so that one that stalls keeps back nobody but itself.
    turns: Mutex<HashMap<AccountId, Arc<Semaphore>>>,
    /// A permit for each token whose opening is in memory.
    opened: Arc<Semaphore>,
    /// Held while what is thought of a miner is stored, so that the last that is stored is the newest.
    storing: tokio::sync::Mutex<()>,
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
        let read = |(stash, standing): (AccountId, String)| match serde_json::from_str::<Standing>(&standing) {
            Ok(standing) => Some((stash, standing)),
            Err(error) => {
                tracing::error!(target: "gateway::audit", %stash, %error, "what was thought of a miner cannot be read: it begins anew");
                None
            }
        };
        let standings: HashMap<AccountId, Standing> = audits.standings().await?.into_iter().filter_map(read).collect();
        for (stash, standing) in &standings {
            miners.clone().suspend(stash, suspended(standing));
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
            turns: Mutex::default(),
            opened: Arc::new(Semaphore::new(OPENED_AT_ONCE as usize)),
            storing: tokio::sync::Mutex::default(),
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

    /// What is thought of the miner with this stash.
    pub(crate) fn standing(&self, stash: &AccountId) -> Standing {
        self.standings.lock().get(stash).cloned().unwrap_or_default()
    }

    /// What its work is worth of each miner that was audited, by stash.
    pub(crate) fn qualities(&self) -> Vec<(AccountId, Perbill)> {
        let at_ms = u64::try_from(now_ms()).unwrap_or_default();
        self.standings.lock().iter().map(|(stash, standing)| (stash.clone(), standing.quality(at_ms))).collect()
    }

    /// Whether the gateway has an engine for the model with this root.
    pub(crate) fn has(&self, model_root: &Hash) -> bool {
        self.statistics.iter().flat_map(Statistics::models).any(|model| model.root == *model_root)
    }

    /// Chooses whether an attempt that was answered is audited.
    pub(crate) async fn consider(&self, finished: Finished) {
        let bounds = self.statistics.as_ref().and_then(|it| it.bounds(&finished));
        let basis = bounds.map_or(Basis::Nothing, |(basis, _)| basis);
        // Only an engine can tell anything of vectors.
        if !finished.can_be_audited() || (finished.is_embedding() && basis == Basis::Nothing) {
            return;
        }
        let began = i64::try_from(finished.began_ms()).unwrap_or(i64::MAX);
        let secret = match self.days.secret(day_of(began)).await {
            Ok(secret) => secret,
            Err(error) => {
                tracing::error!(target: "gateway::audit", %error, "no attempt can be chosen to be audited");
                return;
            }
        };
        let spec = finished.spec();
        let rate = self.rate(&finished, basis);
        let receipt = finished.receipt.receipt.signing_hash(&self.genesis);
        let rate = choice::rate(rate, finished.bound());
        let is_chosen = DaySecret::new(secret).chooses(&spec.task_id, spec.attempt, &receipt, rate);
        if !is_chosen {
            return;
        }
        let stash = finished.stash.clone();
        match self.waiting.push(finished) {
            Ok(()) => return,
            Err(NoRoom::ForAll) => {}
            // Else it is the gateway that is behind.
            Err(NoRoom::ForMiner) if self.has_room() => self.miners.clone().suspend(&stash, BACKLOG_PAUSE),
            Err(NoRoom::ForMiner) => {}
        }
        metrics::counter!("gateway_audits_skipped_total").increment(1);
    }

    /// How many attempts like this are audited.
    fn rate(&self, finished: &Finished, basis: Basis) -> Rate {
        let standings = self.standings.lock();
        let Some(standing) = standings.get(&finished.stash) else { return Rate::ALL };
        // The same text has the same vectors: who has shown them once shows nothing new.
        let is_known = basis == Basis::Vectors && standing.embeddings.remembers(&finished.request());
        if is_known {
            Rate::FLOOR
        } else {
            standing.rate(basis)
        }
    }

    /// Whether openings wait for their miners only, and not for the engine.
    fn has_room(&self) -> bool {
        self.opened.available_permits() > OPENED_AT_ONCE as usize / 2
    }

    /// Audits what was chosen until `stop`.
    pub(crate) async fn run(self: Arc<Self>, chosen: mpsc::Receiver<Place>, stop: CancellationToken) {
        let audits = ReceiverStream::new(chosen).for_each_concurrent(BEGUN, |place| {
            let auditor = self.clone();
            async move { auditor.audit(place).await }
        });
        // What is not decided by then was not audited; nobody loses by that.
        let _ = stop.run_until_cancelled(audits).await;
    }

    async fn audit(&self, mut place: Place) {
        if place.finished.is_embedding() {
            // There is nothing to open. Its place is taken until the engine is done.
            let verdict = self.compared(&place.finished).await;
            return self.conclude(&place.finished, verdict).await;
        }
        let turns = self.turns.lock().entry(place.finished.miner().clone()).or_insert_with(one_turn).clone();
        let opened = {
            // They are never closed.
            let _turn = turns.acquire().await;
            self.opened(&place.finished).await
        };
        place.is_opened();
        let verdict = match opened {
            Opened::Leaves { leaves, held: _held } => Verdict::Drawn(match &self.statistics {
                Some(statistics) => statistics.find(&place.finished, leaves).await.map(Box::new),
                None => None,
            }),
            Opened::Fault(evidence) => Verdict::Fault(evidence),
            Opened::Nothing(why) => Verdict::Unopened(why),
            Opened::NotAsked(why) => Verdict::NotAsked(why),
        };
        self.conclude(&place.finished, verdict).await;
    }

    /// What an engine says of vectors.
    async fn compared(&self, finished: &Finished) -> Verdict {
        if let Some(why) = too_old(finished) {
            return Verdict::NotAsked(why);
        }
        let compared = match &self.statistics {
            Some(statistics) => statistics.compare(finished).await,
            None => None,
        };
        compared.map_or(Verdict::NotAsked("this gateway has no engine for the model"), |found| {
            Verdict::Compared(Box::new(found))
        })
    }

    /// What follows from an audit.
    async fn conclude(&self, finished: &Finished, verdict: Verdict) {
        let (outcome, reason) = verdict.words();
        metrics::counter!("gateway_audits_total", "outcome" => outcome).increment(1);
        self.judge(finished, &verdict);
        match outcome {
            PASSED | VOID => tracing::debug!(target: "gateway::audit", miner = %finished.miner(), outcome, "audited"),
            _ => tracing::warn!(
                target: "gateway::audit",
                { miner = %finished.miner(), task.id = hex::encode(finished.spec().task_id), outcome, reason },
                "an audit found something"
            ),
        }
        let record = record(finished, outcome, reason, verdict.distances());
        let stored = async {
            if let Verdict::Fault(evidence) = &verdict {
                // Before anything else can go wrong.
                self.evidence.add(evidence).await?;
            }
            let turn = self.storing.lock().await;
            // Another audit may have come between.
            let standing = serde_json::to_string(&self.standing(&finished.stash)).unwrap_or_default();
            let oldest = now_ms().saturating_sub(i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX));
            self.audits.add(&record, (&finished.stash, &standing), oldest).await?;
            drop(turn);
            match verdict {
                Verdict::Drawn(_) | Verdict::Compared(_) | Verdict::Fault(_) | Verdict::NotAsked(_) => Ok(()),
                Verdict::Unopened(_) => self.challenge(finished).await,
            }
        };
        if let Err(error) = stored.await {
            tracing::error!(target: "gateway::audit", %error, "what an audit has found could not be stored");
        }
    }

    /// What is thought of the miner after it.
    fn judge(&self, finished: &Finished, verdict: &Verdict) {
        let mut standings = self.standings.lock();
        let standing = standings.entry(finished.stash.clone()).or_default();
        let before_ms = standing.suspended_until_ms();
        let at_ms = u64::try_from(now_ms()).unwrap_or_default();
        match (verdict, verdict.words().0) {
            (_, VOID) => {}
            (Verdict::Compared(_), outcome) => standing.compared(outcome == PASSED),
            (_, PASSED) => standing.passed(finished.has_fixed_seed()),
            (Verdict::Unopened(_), _) => standing.unopened(finished.began_ms(), at_ms),
            _ => standing.failed(),
        }
        if let Some(found) = verdict.found() {
            let (request, has_fixed_seed) = (finished.request(), finished.has_fixed_seed());
            standing.take(found, &reputation::Audited { request, has_fixed_seed, at_ms });
        }
        if standing.suspended_until_ms() > before_ms {
            let left = suspended(standing);
            drop(standings);
            tracing::warn!(
                target: "gateway::audit",
                { miner = %finished.miner(), minutes = left.as_secs() / 60 },
                "a miner gets no work for a while"
            );
            self.miners.clone().suspend(&finished.stash, left);
        }
    }

    /// What comes of asking the miner, again and again for as long as the operator has patience.
    async fn opened(&self, finished: &Finished) -> Opened {
        let tokens = u32::try_from(finished.tokens.len()).unwrap_or(u32::MAX);
        if tokens > MAX_TOKENS {
            return Opened::NotAsked("it is too long to be opened");
        }
        if let Some(why) = too_old(finished) {
            return Opened::NotAsked(why);
        }
        // Who has shown nothing since it answered this is not waited for again.
        let is_silent = self.standing(&finished.stash).is_silent_since(finished.began_ms());
        let mut pauses = self.pauses.iter().filter(|_| !is_silent);
        loop {
            // They are never closed.
            let held = self.opened.clone().acquire_many_owned(tokens).await.ok();
            let asked = tokio::time::timeout(OPENING_LIMIT, self.leaves(finished)).await;
            let leaves = asked.unwrap_or_else(|_| Err(Unopened("it has not opened it in time".into())));
            let why = match leaves.map(|leaves| (check(&finished.receipt, &finished.tokens, &leaves), leaves)) {
                Ok((Ok(()), leaves)) => return Opened::Leaves { leaves, held },
                Ok((Err(opened::Found::Fault(evidence)), _)) => return Opened::Fault(evidence),
                Ok((Err(opened::Found::Unopened(why)), _)) | Err(Unopened(why)) => why,
            };
            drop(held);
            match pauses.next() {
                // It may be busy, or just be restarted.
                Some(pause) => tokio::time::sleep(*pause).await,
                None => return Opened::Nothing(why),
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
        let until = i64::try_from(finished.began_ms().saturating_add(CHALLENGED_WITHIN_MS)).unwrap_or(i64::MAX);
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
/// In one word, that nobody knows.
const VOID: &str = "void";

/// Why nobody is asked about it any more, if that is so.
fn too_old(finished: &Finished) -> Option<&'static str> {
    let age_ms = u64::try_from(now_ms()).unwrap_or_default().saturating_sub(finished.began_ms());
    (age_ms > MAX_AGE_MS).then_some("it has waited too long for its audit")
}

fn one_turn() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(1))
}

impl Verdict {
    /// What an engine has found, if one was asked.
    fn found(&self) -> Option<&Found> {
        match self {
            Self::Drawn(found) => found.as_deref(),
            Self::Compared(found) => Some(found),
            Self::Fault(_) | Self::Unopened(_) | Self::NotAsked(_) => None,
        }
    }

    /// In one word, and in a sentence.
    fn words(&self) -> (&'static str, String) {
        let found = match self {
            Self::Fault(evidence) => return ("fault", fault_of(evidence).to_owned()),
            Self::Unopened(why) => return ("unopened", why.clone()),
            Self::NotAsked(why) => return (VOID, (*why).to_owned()),
            Self::Drawn(_) | Self::Compared(_) => self.found(),
        };
        let begun = match self {
            Self::Compared(_) => "vectors are near those that the model makes of the texts",
            _ => "every token was drawn as it had to be",
        };
        let Some(Found { finding, basis, .. }) = found else {
            return (PASSED, format!("{begun}; this gateway has no engine for the model"));
        };
        let judgement = match finding {
            Finding::Failed(failure) => return ("failed", failure.to_string()),
            Finding::Void => {
                let why = "the gateway's engine could not go through it, so it counts as nothing".to_owned();
                return (VOID, if *basis == Basis::Vectors { why } else { format!("{begun}; {why}") });
            }
            Finding::Judged(_, judgement) => judgement,
        };
        match (judgement, basis) {
            (Judgement::Passed, Basis::Coarse) => {
                let what = "is not far from what the model says; how far an honest answer may be has not been measured";
                (PASSED, format!("{begun}; it {what}"))
            }
            (Judgement::Passed, Basis::Vectors) => (PASSED, begun.to_owned()),
            (Judgement::Passed, _) => (PASSED, format!("{begun}, from what the model says")),
            (Judgement::Suspicious, _) => {
                ("suspicious", "rare among honest miners: more of its answers are audited".to_owned())
            }
            (Judgement::Deviant, Basis::Coarse) => {
                ("deviant", "not what the model says, in whatever class it is computed".to_owned())
            }
            (Judgement::Deviant, _) => ("deviant", "not what the model says".to_owned()),
        }
    }

    fn distances(&self) -> Option<Distances> {
        let Found { finding, bounds, .. } = self.found()?;
        match finding {
            Finding::Judged(scores, _) => Some(Distances::new(scores, bounds)),
            Finding::Void | Finding::Failed(_) => None,
        }
    }
}

/// For how long it still gets no work.
fn suspended(standing: &Standing) -> Duration {
    Duration::from_millis(standing.suspended_until_ms().saturating_sub(u64::try_from(now_ms()).unwrap_or_default()))
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
        tokens: match finished.is_embedding() {
            true => finished.receipt.receipt.prompt_tokens,
            false => u32::try_from(finished.tokens.len()).unwrap_or(u32::MAX),
        },
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
