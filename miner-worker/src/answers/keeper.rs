//! Following what is asked, and answering it in time.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use cuckoo_chain_client::{Call, Chain, ChainError, MarketView, MOST_AGAINST_ONE};
use cuckoo_primitives::{
    challenge::{Answer, AttemptOf, Challenge, ChallengeId},
    AccountId, BlockNumber, Role,
};
use tokio::{
    task::{Id, JoinError, JoinSet},
    time::MissedTickBehavior,
};

use super::{
    funds,
    reply::{reply, Reply},
    report::{asks, OpenChallenge},
    Answers,
};
use crate::settle::mend;

/// How often it is seen whether a block has become final.
const TICK: Duration = Duration::from_secs(2);
/// The challenges are read again after so many blocks. An answer has at least a whole era.
const EVERY_BLOCKS: BlockNumber = 3;
/// Answers that wait for their blocks at once. With as many in a dozen seconds a miner answers more in an era of a day than
/// anybody can ask in the hour in which it may.
const AT_ONCE: usize = 128;
/// Of so many open challenges it is shown how they stand.
const SHOWN: usize = 256;
/// First and longest pause after something failed.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(120));
/// An answer that is final is seen by a later reading; until then it is not sent again.
const SETTLES: Duration = Duration::from_secs(60);
/// How often it is seen whether the operator's account can advance fees.
const FUNDS_EVERY: Duration = Duration::from_secs(600);
/// The same while it cannot, which keeps the miner from work.
const FUNDS_AGAIN: Duration = Duration::from_secs(20);

/// Reads and answers for ever. An answer that is under way when it is dropped may still become final; the next start reads
/// whether it has.
pub(crate) async fn keep(answers: Arc<Answers>, chain: Chain) {
    let mut keeper = Keeper::new(answers);
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sending = Sending::default();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            Some((id, outcome)) = sending.next() => keeper.ended(id, outcome, Instant::now()),
        }
        while let Some((id, outcome)) = sending.try_next() {
            keeper.ended(id, outcome, Instant::now());
        }
        let sight = Sight { view: &chain.view(), is_current: !chain.is_stale() };
        keeper.look(&sight, Instant::now()).await;
        for (id, answer) in keeper.next(&sight, AT_ONCE.saturating_sub(sending.len()), Instant::now()).await {
            sending.send(keeper.answers.clone(), id, answer);
        }
    }
}

/// What is known of the chain.
struct Sight<'a> {
    view: &'a MarketView,
    /// Whether that is how the chain is now, by this machine's clock. If not, what is asked is answered all the same, as a proof
    /// proves at any time, but nothing is deleted, and nothing is said of what is not there.
    is_current: bool,
}

/// An answer that was sent, and what became of it.
type Ended = (ChallengeId, Result<BlockNumber, ChainError>);

/// Answers on their way.
#[derive(Default)]
struct Sending {
    tasks: JoinSet<Result<BlockNumber, ChainError>>,
    challenges: HashMap<Id, ChallengeId>,
}

impl Sending {
    fn send(&mut self, answers: Arc<Answers>, id: ChallengeId, answer: Box<Answer>) {
        let task = self.tasks.spawn(async move { answers.source.submit(Call::Answer { id, answer }).await });
        self.challenges.insert(task.id(), id);
    }

    fn len(&self) -> usize {
        self.tasks.len()
    }

    /// The next that has ended; `None` if there is none.
    async fn next(&mut self) -> Option<Ended> {
        let joined = self.tasks.join_next_with_id().await?;
        self.ended(joined)
    }

    /// One that has ended already.
    fn try_next(&mut self) -> Option<Ended> {
        let joined = self.tasks.try_join_next_with_id()?;
        self.ended(joined)
    }

    fn ended(&mut self, joined: Result<(Id, Result<BlockNumber, ChainError>), JoinError>) -> Option<Ended> {
        let task = joined.as_ref().map_or_else(JoinError::id, |(task, _)| *task);
        let lost = |error: JoinError| ChainError::Lost { reason: error.to_string() };
        let outcome = joined.map_err(lost).and_then(|(_, outcome)| outcome);
        self.challenges.remove(&task).map(|id| (id, outcome))
    }
}

/// What is known from one look to the next.
struct Keeper {
    answers: Arc<Answers>,
    /// The miner's stash, as it was known last.
    stash: Option<AccountId>,
    cases: BTreeMap<ChallengeId, Case>,
    /// As of which block the challenges were read last.
    read_at: Option<BlockNumber>,
    read_not_before: Option<Instant>,
    read_failures: u32,
    funds_not_before: Option<Instant>,
}

/// An open challenge.
struct Case {
    challenge: Challenge,
    seen: Instant,
    is_under_way: bool,
    failures: u32,
    not_before: Option<Instant>,
    /// Why it is not answered yet.
    trouble: Option<String>,
}

impl Keeper {
    fn new(answers: Arc<Answers>) -> Self {
        Self {
            answers,
            stash: None,
            cases: BTreeMap::new(),
            read_at: None,
            read_not_before: None,
            read_failures: 0,
            funds_not_before: None,
        }
    }

    /// Reads what is asked, if that is due, and whether the account can advance fees.
    async fn look(&mut self, sight: &Sight<'_>, now: Instant) {
        let view = sight.view;
        let own = view.by_operator(&self.answers.who.operator).filter(|own| own.role == Role::Miner);
        // Who has deregistered answers for what it did before.
        self.stash = own.map(|own| own.stash.clone()).or(self.stash.take());
        // A chain that was begun anew counts from 0 again.
        let is_new = self.read_at.is_none_or(|read| view.number < read || view.number - read >= EVERY_BLOCKS);
        if is_new && self.read_not_before.is_none_or(|not_before| now >= not_before) {
            self.read(sight, now).await;
        }
        if self.stash.is_some() && self.funds_not_before.is_none_or(|not_before| now >= not_before) {
            self.look_at_funds(now).await;
        }
    }

    async fn read(&mut self, sight: &Sight<'_>, now: Instant) {
        match self.answers.source.challenges(self.stash.as_ref()).await {
            Ok(challenges) => {
                (self.read_at, self.read_failures, self.read_not_before) = (Some(sight.view.number), 0, None);
                self.answers.note_reading(None);
                self.release(&challenges, sight).await;
                self.take(challenges, now);
            }
            Err(error) => {
                self.read_not_before = now.checked_add(backoff(self.read_failures));
                self.read_failures = self.read_failures.saturating_add(1);
                self.answers.note_reading(Some(error.to_string()));
            }
        }
    }

    /// Lets go what nobody asks about and nobody can ask about any more. That is so by the time of the block that was read, and
    /// not by this machine's: it may have slept since.
    async fn release(&self, challenges: &[(ChallengeId, Challenge)], sight: &Sight<'_>) {
        // If there are so many that not all could be read, it is not known which attempts must stay.
        if !sight.is_current || challenges.len() >= MOST_AGAINST_ONE {
            return;
        }
        let needed: Vec<AttemptOf> =
            challenges.iter().map(|(_, challenge)| challenge.question.attempt().clone()).collect();
        self.answers.kept.release(&needed, sight.view.time_ms).await;
    }

    /// These are open, and no others.
    fn take(&mut self, challenges: Vec<(ChallengeId, Challenge)>, now: Instant) {
        let mut before = std::mem::take(&mut self.cases);
        for (id, challenge) in challenges {
            let case = before.remove(&id).unwrap_or_else(|| self.met(id, challenge, now));
            self.cases.insert(id, case);
        }
        for id in before.keys() {
            tracing::info!(target: "miner::answers", challenge = id, "a challenge is over");
        }
        self.show();
    }

    /// A challenge that was not there before.
    fn met(&self, id: ChallengeId, challenge: Challenge, now: Instant) -> Case {
        let attempt = challenge.question.attempt();
        tracing::info!(
            target: "miner::answers",
            challenge = id,
            challenger = %challenge.challenger,
            asks = asks(&challenge.question),
            task.id = hex::encode(attempt.task_id),
            attempt = attempt.attempt,
            due_in = challenge.due_in,
            "this miner is asked on the chain"
        );
        let operator = &self.answers.who.operator;
        let trouble = (challenge.operator != *operator)
            .then(|| format!("it is for the operator {}, whose worker has to answer it", challenge.operator));
        if let Some(trouble) = &trouble {
            tracing::error!(
                target: "miner::answers",
                challenge = id,
                due_in = challenge.due_in,
                "a challenge cannot be answered here: {trouble}; to mend it, start a worker with that operator's key and \
                 the --data-dir that it had"
            );
        }
        Case { challenge, seen: now, is_under_way: false, failures: 0, not_before: None, trouble }
    }

    async fn look_at_funds(&mut self, now: Instant) {
        let mut again = FUNDS_EVERY;
        match funds::lack(&*self.answers.source, &self.answers.who.operator).await {
            Ok(lack) => {
                again = if lack.is_some() { FUNDS_AGAIN } else { FUNDS_EVERY };
                self.answers.note_funds(lack.map(|lack| lack.to_string()));
            }
            Err(error) => {
                tracing::debug!(target: "miner::answers", %error, "cannot read what the operator's account holds");
            }
        }
        self.funds_not_before = now.checked_add(again);
    }

    /// What to answer now, at most so much; what is due first comes first.
    async fn next(&mut self, sight: &Sight<'_>, most: usize, now: Instant) -> Vec<(ChallengeId, Box<Answer>)> {
        let operator = &self.answers.who.operator;
        let is_ready = |case: &Case| {
            let may_be_tried = case.not_before.is_none_or(|not_before| now >= not_before);
            case.challenge.operator == *operator && !case.is_under_way && may_be_tried
        };
        let mut ready: Vec<ChallengeId> =
            self.cases.iter().filter(|(_, case)| is_ready(case)).map(|(id, _)| *id).collect();
        ready.sort_by_key(|id| self.cases.get(id).map(|case| (case.challenge.due_in, *id)));
        let era = sight.is_current.then_some(sight.view.era.era);
        let mut answers = Vec::new();
        for id in ready {
            if answers.len() == most {
                break;
            }
            let Some(case) = self.cases.get_mut(&id) else { continue };
            let since = now.duration_since(case.seen);
            match reply(&self.answers.kept, &self.answers.who, &case.challenge, since, era).await {
                Reply::Say(answer) => {
                    case.is_under_way = true;
                    answers.push((id, answer));
                }
                Reply::Wait(reason) => {
                    case.trouble = Some(reason.into());
                    case.not_before = now.checked_add(BACKOFF.0);
                }
                Reply::Cannot { why, mend } => case.is_beyond(id, why, mend, now),
            }
        }
        self.show();
        answers
    }

    /// An answer was sent, and this became of it.
    fn ended(&mut self, id: ChallengeId, outcome: Result<BlockNumber, ChainError>, now: Instant) {
        let operator = self.answers.who.operator.clone();
        match &outcome {
            Ok(block) => {
                tracing::info!(target: "miner::answers", challenge = id, block.number = block, "answered a challenge");
                self.answers.note_answered();
            }
            Err(_) => self.answers.note_failed(),
        }
        let Some(case) = self.cases.get_mut(&id) else { return };
        case.is_under_way = false;
        match outcome {
            Ok(_) => {
                case.trouble = None;
                case.not_before = now.checked_add(SETTLES);
            }
            Err(error) => {
                let said = format!("{error}{}", mend(&error, &operator));
                tracing::warn!(
                    target: "miner::answers",
                    challenge = id,
                    due_in = case.challenge.due_in,
                    reason = said,
                    "cannot answer a challenge; trying again"
                );
                case.trouble = Some(said);
                case.put_off(now);
            }
        }
    }

    fn show(&self) {
        let open = self.cases.iter().take(SHOWN).map(|(id, Case { challenge, trouble, .. })| {
            let attempt = challenge.question.attempt();
            OpenChallenge {
                id: *id,
                challenger: challenge.challenger.clone(),
                task_id: hex::encode(attempt.task_id),
                attempt: attempt.attempt,
                asks: asks(&challenge.question),
                due_in: challenge.due_in,
                trouble: trouble.clone(),
            }
        });
        self.answers.note_open(self.cases.len(), open.collect());
    }
}

impl Case {
    /// Nothing can be said to it as things are. Said once for each reason.
    fn is_beyond(&mut self, id: ChallengeId, why: String, mend: &'static str, now: Instant) {
        if self.trouble.as_ref() != Some(&why) {
            tracing::error!(
                target: "miner::answers",
                challenge = id,
                task.id = hex::encode(self.challenge.question.attempt().task_id),
                due_in = self.challenge.due_in,
                reason = why,
                "cannot answer a challenge, which costs a part of this miner's stake when its era is over; to mend it, {mend}"
            );
        }
        self.trouble = Some(why);
        self.put_off(now);
    }

    fn put_off(&mut self, now: Instant) {
        self.not_before = now.checked_add(backoff(self.failures));
        self.failures = self.failures.saturating_add(1);
    }
}

fn backoff(failures: u32) -> Duration {
    let (first, longest) = BACKOFF;
    first.saturating_mul(2_u32.saturating_pow(failures)).min(longest)
}

#[cfg(test)]
mod tests;
