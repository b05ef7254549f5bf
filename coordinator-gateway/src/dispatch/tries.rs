//! The attempts of one task, and what they have in common: who has failed at it, and what has been said of it.

use std::{sync::Arc, time::Duration};

use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use super::{
    answer::{Answer, Collected},
    attempt::{Attempt, Completed, Piece, TaskEvent},
    continuation::Continuation,
    dispatcher::Dispatcher,
    failure::{Blame, ClientFault, DispatchError, Failure},
    progress::Shown,
    registry::{Tried, Want},
    second_opinion::{Refusal, Silence, SECOND_OPINION_WAIT},
    task::{AttemptId, ClientTask},
};
use crate::auth::OverBudget;

/// How often a task may meet a miner that says it is busy, or find its budget taken by others; that is nobody's failure,
/// but must have an end.
const MAX_DETOURS: u32 = 16;

/// The attempts of one task.
pub(super) struct Tries {
    dispatcher: Arc<Dispatcher>,
    /// Shared with the attempts, which may outlive the client.
    spec: Arc<ClientTask>,
    tried: Vec<Tried>,
    attempts: u32,
    failures: u32,
    detours: u32,
    refusal: Option<Refusal>,
    silence: Option<Silence>,
    /// Miners that have failed if another one serves the task.
    suspects: Vec<Tried>,
    /// What the next attempt goes on with; `None` if it begins anew.
    continuation: Option<Continuation>,
    /// Whether the client has been shown a part of the answer.
    has_begun: bool,
    _permit: OwnedSemaphorePermit,
}

impl Tries {
    /// None yet, of a task that holds its place among those that run with `permit`.
    pub(super) fn new(dispatcher: Arc<Dispatcher>, spec: ClientTask, permit: OwnedSemaphorePermit) -> Self {
        Self {
            dispatcher,
            spec: Arc::new(spec),
            tried: Vec::new(),
            attempts: 0,
            failures: 0,
            detours: 0,
            refusal: None,
            silence: None,
            suspects: Vec::new(),
            continuation: None,
            has_begun: false,
            _permit: permit,
        }
    }

    /// The client is shown a part of the answer.
    pub(super) fn show(&mut self) {
        self.has_begun = true;
    }

    /// How long ago the task arrived.
    pub(super) fn age(&self) -> Duration {
        self.spec.arrived.elapsed()
    }

    /// Whether the next attempt goes on with what others have said.
    pub(super) fn goes_on(&self) -> bool {
        self.continuation.is_some()
    }

    /// Starts the next attempt, as soon as a miner has a slot for it.
    pub(super) async fn begin(&mut self) -> Result<Attempt, DispatchError> {
        let patience = match self.refusal.is_some() || self.silence.is_some() {
            true => SECOND_OPINION_WAIT,
            false => self.dispatcher.limits.queue_wait(),
        };
        match self.begin_within(patience).await {
            // That the others ask too much is not why it is not served.
            Err(DispatchError::OverBudget(over)) if !self.tried.is_empty() => {
                let reason = format!("those that it can pay for have failed at it, and {over}");
                Err(self.or_refusal(DispatchError::NoMiner { reason }))
            }
            Err(error) => Err(self.or_refusal(error)),
            begun => begun,
        }
    }

    /// When nobody else could be asked, a miner's word that the client is at fault is believed.
    fn or_refusal(&mut self, error: DispatchError) -> DispatchError {
        match error {
            DispatchError::NoMiner { .. }
            | DispatchError::AllBusy { .. }
            | DispatchError::QueueFull
            | DispatchError::Failed { .. } => match self.refusal.take() {
                Some(refusal) => DispatchError::ClientFault(refusal.fault),
                None => error,
            },
            other => other,
        }
    }

    async fn begin_within(&mut self, patience: Duration) -> Result<Attempt, DispatchError> {
        let dispatcher = self.dispatcher.clone();
        loop {
            let (spec, alike, shown) = match self.continuation.clone() {
                Some(Continuation { task, alike, shown }) => (task, Some(alike), shown),
                None => (self.spec.clone(), None, Shown::default()),
            };
            let id = AttemptId { task: spec.id, attempt: self.attempts };
            let key = spec.api_key_id.as_ref();
            let (kind, price) = (spec.kind, spec.price);
            let want = Want { id, kind, task: &spec.task, price, key, alike: alike.as_ref() };
            let mut slot = dispatcher.slot(want, &self.tried, spec.deadline, patience).await?;
            let ceiling = slot.take_ceiling();
            let spending = match dispatcher.budgets.reserve(key, ceiling.planck()) {
                Ok(spending) => spending,
                // Other tasks of the key have begun since. A miner with a shorter context may still do.
                Err(OverBudget::TooMuch { .. }) if self.detours < MAX_DETOURS => {
                    self.detours += 1;
                    continue;
                }
                Err(over) => return Err(DispatchError::OverBudget(over)),
            };
            self.attempts += 1;
            let tried = Tried::of(slot.link());
            match dispatcher.attempts.begin(id, &spec, shown, slot, (spending, ceiling)) {
                Some(attempt) => {
                    if alike.is_some() {
                        metrics::counter!("gateway_attempts_resumed_total").increment(1);
                    }
                    return Ok(attempt);
                }
                // The link ended between the draw and now: as if it had not been there.
                None => self.tried.push(tried),
            }
        }
    }

    /// When nobody else could be asked, a miner's word that there is no text is believed.
    pub(super) fn or_silence(&mut self, error: DispatchError) -> Result<Silence, DispatchError> {
        match error {
            DispatchError::NoMiner { .. }
            | DispatchError::AllBusy { .. }
            | DispatchError::QueueFull
            | DispatchError::Failed { .. } => match self.silence.take() {
                Some(silence) => Ok(self.believe(silence)),
                None => Err(error),
            },
            other => Err(other),
        }
    }

    /// Believes a second miner that there is no text, and asks one after the first.
    pub(super) fn said_nothing(&mut self, attempt: Attempt, completed: Box<Completed>) -> Option<Silence> {
        let by = attempt.tried;
        let is_second = self.silence.as_ref().is_some_and(|first| first.attempt.tried.operator != by.operator);
        self.tried.push(by);
        self.suspects.push(by);
        self.failures += 1;
        let silence = Silence { attempt, completed };
        if is_second || self.failures >= self.dispatcher.limits.max_attempts {
            return Some(self.believe(silence));
        }
        self.silence = Some(silence);
        None
    }

    /// Miners have read the prompt and nobody pays for it, so that a key that asks for such answers again and again is
    /// not served for a while.
    fn believe(&self, silence: Silence) -> Silence {
        self.dispatcher.hang_ups.note(self.spec.api_key_id.as_ref(), Instant::now());
        silence
    }

    /// As a whole answer: nothing but what repeats the prompt.
    pub(super) fn answer_of(&self, silence: Silence) -> Answer {
        let Silence { attempt, completed } = silence;
        Answer {
            text: self.spec.repeated().to_owned(),
            logprobs: Vec::new(),
            vectors: Vec::new(),
            completed: *completed,
            served_by: attempt.served_by,
        }
    }

    /// The attempt's first event that says anything: pieces without text may be all that there is.
    pub(super) async fn first(&self, attempt: &mut Attempt) -> Result<TaskEvent, Failure> {
        loop {
            match self.next(attempt).await? {
                TaskEvent::Piece(piece) if piece.is_empty() => {}
                event => return Ok(event),
            }
        }
    }

    /// The attempt's next event; after the last one its receipt is stored, and its pay promised.
    pub(super) async fn next(&self, attempt: &mut Attempt) -> Result<TaskEvent, Failure> {
        match attempt.next().await? {
            TaskEvent::Done(completed) => {
                let registry = &self.dispatcher.registry;
                if let Some(refusal) = &self.refusal {
                    registry.failed(refusal.by, refusal.blame(&attempt.served_by.model));
                }
                self.suspects.iter().for_each(|suspect| registry.failed(*suspect, Blame::Miner));
                Ok(TaskEvent::Done(self.whole(completed)))
            }
            piece => Ok(piece),
        }
    }

    pub(super) async fn collect(
        &self,
        attempt: &mut Attempt,
        collected: &mut Collected,
    ) -> Result<Box<Completed>, Failure> {
        loop {
            match self.next(attempt).await? {
                TaskEvent::Piece(Piece::Text(piece)) => {
                    collected.text.push_str(&piece.text);
                    collected.logprobs.extend(piece.logprobs);
                }
                TaskEvent::Piece(Piece::Vector(vector)) => collected.vectors.push(vector),
                TaskEvent::Done(completed) => return Ok(completed),
            }
        }
    }

    /// The last part of an answer, with the numbers of tokens of all of it.
    pub(super) fn whole(&self, mut completed: Box<Completed>) -> Box<Completed> {
        if let Some(continuation) = &self.continuation {
            completed.usage = continuation.whole(completed.usage);
        }
        completed
    }

    /// After a failed attempt: whether the next one goes on with what has been said.
    pub(super) fn go_on(&mut self, attempt: &mut Attempt) -> bool {
        if let Some(remains) = attempt.remains.take() {
            self.continuation = Some(Continuation::new(&self.spec, *remains));
        }
        self.continuation.is_some()
    }

    /// Nothing is built on what has been said: the next attempt begins anew, if it would not anyhow.
    pub(super) fn begin_anew(&mut self) -> bool {
        self.continuation.take().is_some()
    }

    /// Nobody goes on with an answer that the client has seen a part of.
    pub(super) fn broke_off(&self, error: DispatchError) -> DispatchError {
        match is_nobody(&error) {
            true => self.broken_off(),
            false => error,
        }
    }

    /// The answer ends within.
    pub(super) fn broken_off(&self) -> DispatchError {
        DispatchError::Failed { attempts: self.attempts, last: Failure::Miner("the answer broke off") }
    }

    /// After a failed attempt; `Ok` if another may be made.
    pub(super) fn after(&mut self, attempt: &Attempt, failure: Failure) -> Result<(), DispatchError> {
        self.tried.push(attempt.tried);
        if failure.is_suspicious() {
            match self.has_begun {
                // An answer that has begun can be ended.
                true => self.dispatcher.registry.failed(attempt.tried, Blame::Miner),
                false => self.suspects.push(attempt.tried),
            }
        }
        match failure {
            // What one miner has begun is no fault of the client's.
            Failure::ClientFault(fault) if self.continuation.is_none() => return self.refused(attempt, fault),
            Failure::Deadline => return Err(DispatchError::Deadline),
            Failure::NotStored => return Err(DispatchError::NotStored),
            // It was paid for what nobody has read, and would be again.
            Failure::Unread => return Err(DispatchError::Failed { attempts: self.attempts, last: failure }),
            Failure::Busy | Failure::Draining | Failure::Uncovered | Failure::Price | Failure::Clock => {
                self.detours += 1
            }
            _ => self.failures += 1,
        }
        if self.failures >= self.dispatcher.limits.max_attempts || self.detours >= MAX_DETOURS {
            let failed = DispatchError::Failed { attempts: self.attempts, last: failure };
            return Err(self.or_refusal(failed));
        }
        Ok(())
    }

    /// Believes a second miner that says the same, and asks one after the first.
    fn refused(&mut self, attempt: &Attempt, fault: ClientFault) -> Result<(), DispatchError> {
        let by = attempt.tried;
        if self.refusal.as_ref().is_some_and(|first| first.by.operator != by.operator)
            || self.failures + 1 >= self.dispatcher.limits.max_attempts
        {
            return Err(DispatchError::ClientFault(fault));
        }
        self.failures += 1;
        self.refusal = Some(Refusal { fault, by, context_tokens: attempt.served_by.model.context_tokens });
        Ok(())
    }

    pub(super) fn ended(&self, error: DispatchError) -> DispatchError {
        metrics::counter!("gateway_tasks_total", "outcome" => "failed").increment(1);
        error
    }
}

/// Whether nobody was found for a task.
pub(super) fn is_nobody(error: &DispatchError) -> bool {
    matches!(error, DispatchError::NoMiner { .. } | DispatchError::AllBusy { .. } | DispatchError::QueueFull)
}
