//! Tries a task on one miner after another until it is answered.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use cuckoo_primitives::settlement::Price;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{
    attempt::{Attempt, Completed, Piece, ServedBy, TaskEvent},
    attempts::Attempts,
    failure::{Blame, ClientFault, DispatchError, Failure},
    logprobs::TokenLogprobs,
    registry::{Acquired, Registry, Slot, Tried, Want},
    task::{AttemptId, ClientTask},
};
use crate::{
    audit::Auditor,
    auth::{Budgets, HangUps, OverBudget},
    chain_guard::{ChainGuard, NotReady},
    config::Limits,
    link::OfferedModel,
    settle::is_free,
    store::{EvidenceStore, Journal},
};

/// How often a task may meet a miner that says it is busy, or find its budget taken by others; that is nobody's failure,
/// but must have an end.
const MAX_DETOURS: u32 = 16;
/// How long a task that one miner refused as the client's fault waits for another miner that says so too.
const SECOND_OPINION_WAIT: Duration = Duration::from_secs(2);

/// Runs tasks.
pub(crate) struct Dispatcher {
    registry: Arc<Registry>,
    guard: Arc<ChainGuard>,
    journal: Journal,
    budgets: Arc<Budgets>,
    hang_ups: Arc<HangUps>,
    attempts: Arc<Attempts>,
    limits: Limits,
    tasks: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The text, all pieces together.
    pub(crate) text: String,
    /// Of its tokens, if they were asked for.
    pub(crate) logprobs: Vec<TokenLogprobs>,
    /// The vectors, in the order of the inputs.
    pub(crate) vectors: Vec<Bytes>,
    /// What the miner signed.
    pub(crate) completed: Completed,
    /// Who answered.
    pub(crate) served_by: ServedBy,
}

impl Dispatcher {
    pub(crate) fn new(
        registry: Arc<Registry>,
        guard: Arc<ChainGuard>,
        journal: Journal,
        evidence: EvidenceStore,
        auditor: Arc<Auditor>,
        budgets: Arc<Budgets>,
        limits: Limits,
    ) -> Arc<Self> {
        let tasks = Arc::new(Semaphore::new(limits.max_tasks.min(Semaphore::MAX_PERMITS)));
        let queue = Arc::new(Semaphore::new(limits.max_queue.min(Semaphore::MAX_PERMITS)));
        let hang_ups = Arc::new(HangUps::default());
        let attempts = Attempts::new(
            registry.clone(),
            guard.clone(),
            journal.clone(),
            evidence,
            auditor,
            hang_ups.clone(),
            &limits,
        );
        Arc::new(Self { registry, guard, journal, budgets, hang_ups, attempts, limits, tasks, queue })
    }

    /// Accepts no new tasks from now on.
    pub(crate) fn close(&self) {
        self.tasks.close();
    }

    /// Returns when no attempt runs any more, and all that did are paid for, also those that their clients left.
    pub(crate) async fn finish(&self) {
        self.attempts.finish().await;
    }

    /// Whether new tasks are accepted.
    pub(crate) fn ready(&self) -> Result<(), NotReady> {
        self.ready_unpaid()?;
        match self.registry.prices.are_free() {
            true => Ok(()),
            false => self.registry.exposure.funded().map_err(NotReady::Unfunded),
        }
    }

    /// Whether new tasks are accepted that are paid so.
    fn ready_for(&self, price: &Price) -> Result<(), NotReady> {
        match is_free(price) {
            true => self.ready_unpaid(),
            false => self.ready(),
        }
    }

    fn ready_unpaid(&self) -> Result<(), NotReady> {
        if self.tasks.is_closed() {
            return Err(NotReady::Draining);
        }
        // A task whose receipt cannot be stored is answered and not paid. The failure is forgotten after a while, so the
        // next task tries whether the file is well again.
        if self.journal.is_failing() {
            return Err(NotReady::NotStored);
        }
        self.guard.ready()
    }

    /// Tasks under way, and those of them that wait.
    pub(crate) fn load(&self) -> (usize, usize) {
        let taken = |most: usize, semaphore: &Semaphore| most.saturating_sub(semaphore.available_permits());
        (taken(self.limits.max_tasks, &self.tasks), taken(self.limits.max_queue, &self.queue))
    }

    /// Runs a task up to its first event. Until then a failing miner is replaced by the next; after it the answer comes
    /// from this one or not at all.
    pub(crate) async fn open(self: &Arc<Self>, spec: ClientTask) -> Result<OpenTask, DispatchError> {
        let mut tries = self.tries(spec)?;
        let opened = async {
            loop {
                let mut attempt = match tries.begin().await {
                    Ok(attempt) => attempt,
                    Err(error) => return tries.or_silence(error).map(Silence::ended),
                };
                match tries.first(&mut attempt).await {
                    Ok(first) => return Ok((attempt, first)),
                    Err(Failure::Empty(completed)) => {
                        if let Some(silence) = tries.said_nothing(attempt, completed) {
                            return Ok(silence.ended());
                        }
                    }
                    Err(failure) => {
                        if let Err(error) = tries.after(&attempt, failure) {
                            return tries.or_silence(error).map(Silence::ended);
                        }
                    }
                }
            }
        };
        match opened.await {
            Ok((attempt, first)) => Ok(OpenTask::new(tries, attempt, first)),
            Err(error) => Err(tries.ended(error)),
        }
    }

    /// Runs a task to its end. As nobody has seen any of it before, a failing miner is replaced at any time.
    pub(crate) async fn complete(self: &Arc<Self>, spec: ClientTask) -> Result<Answer, DispatchError> {
        let mut tries = self.tries(spec)?;
        let answered = async {
            loop {
                let mut attempt = match tries.begin().await {
                    Ok(attempt) => attempt,
                    Err(error) => return tries.or_silence(error).map(|silence| tries.answer_of(silence)),
                };
                // Boxed, so that it takes no memory in tasks that still wait.
                match Box::pin(tries.collect(&mut attempt)).await {
                    Ok(answer) => return Ok(answer),
                    Err(Failure::Empty(completed)) => {
                        if let Some(silence) = tries.said_nothing(attempt, completed) {
                            return Ok(tries.answer_of(silence));
                        }
                    }
                    Err(failure) => {
                        if let Err(error) = tries.after(&attempt, failure) {
                            return tries.or_silence(error).map(|silence| tries.answer_of(silence));
                        }
                    }
                }
            }
        };
        answered.await.map_err(|error| tries.ended(error))
    }

    fn tries(self: &Arc<Self>, spec: ClientTask) -> Result<Tries, DispatchError> {
        self.ready_for(&spec.price).map_err(DispatchError::NotReady)?;
        if !is_free(&spec.price) {
            self.budgets.check(spec.api_key_id.as_ref()).map_err(DispatchError::OverBudget)?;
        }
        self.hang_ups.check(spec.api_key_id.as_ref(), Instant::now()).map_err(DispatchError::HungUpTooOften)?;
        let permit = self.tasks.clone().try_acquire_owned().map_err(|_| DispatchError::Overloaded)?;
        Ok(Tries {
            dispatcher: self.clone(),
            spec: Arc::new(spec),
            tried: Vec::new(),
            attempts: 0,
            failures: 0,
            detours: 0,
            refusal: None,
            silence: None,
            suspects: Vec::new(),
            _permit: permit,
        })
    }

    async fn slot(
        &self,
        want: Want<'_>,
        tried: &[Tried],
        deadline: Instant,
        patience: Duration,
    ) -> Result<Slot, DispatchError> {
        let mut granted = match self.registry.acquire(want, tried)? {
            Acquired::Now(slot) => return Ok(slot),
            Acquired::Later(granted) => granted,
        };
        if let Ok(granted) = granted.try_recv() {
            return granted;
        }
        let _place = self.queue.try_acquire().map_err(|_| DispatchError::QueueFull)?;
        let began = Instant::now();
        let until = deadline.min(began + patience);
        let granted = tokio::time::timeout_at(until, granted).await;
        metrics::histogram!("gateway_queue_wait_seconds").record(began.elapsed().as_secs_f64());
        match granted {
            Ok(Ok(granted)) => granted,
            // The queue was dropped with its model.
            Ok(Err(_)) => Err(DispatchError::NoMiner { reason: "the model is not served any more".into() }),
            Err(_) if until == deadline => Err(DispatchError::Deadline),
            Err(_) => Err(DispatchError::AllBusy { waited: began.elapsed() }),
        }
    }
}

/// A miner says that the client is at fault. Its word alone is not enough while another can be asked: a miner that
/// refuses everything would look flawless, and clients do not repeat what was their fault.
struct Refusal {
    fault: ClientFault,
    by: Tried,
    context_tokens: u32,
}

impl Refusal {
    /// How it counts for the miner that another one could serve the task. Servers differ in what they take, so that a task
    /// can be found that one of them refuses and another serves: that is no failure.
    fn blame(&self, server: &OfferedModel) -> Blame {
        match self.fault {
            ClientFault::ContextLength(_) if server.context_tokens > self.context_tokens => Blame::Nobody,
            ClientFault::ContextLength(_) => Blame::Miner,
            ClientFault::Invalid(_) => Blame::Busy,
        }
    }
}

/// A miner says that the answer has no text. Its word alone is not enough while another can be asked: it takes no work to
/// say so. It costs nothing, and is a whole answer for the client once it is believed.
struct Silence {
    attempt: Attempt,
    completed: Box<Completed>,
}

impl Silence {
    /// As the end of a stream.
    fn ended(self) -> (Attempt, TaskEvent) {
        (self.attempt, TaskEvent::Done(self.completed))
    }
}

/// The attempts of one task.
struct Tries {
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
    _permit: OwnedSemaphorePermit,
}

impl Tries {
    /// Starts the next attempt, as soon as a miner has a slot for it.
    async fn begin(&mut self) -> Result<Attempt, DispatchError> {
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
            let id = AttemptId { task: self.spec.id, attempt: self.attempts };
            let key = self.spec.api_key_id.as_ref();
            let want = Want { id, kind: self.spec.kind, task: &self.spec.task, price: self.spec.price, key };
            let mut slot = dispatcher.slot(want, &self.tried, self.spec.deadline, patience).await?;
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
            match dispatcher.attempts.begin(id, &self.spec, slot, (spending, ceiling)) {
                Some(attempt) => return Ok(attempt),
                // The link ended between the draw and now: as if it had not been there.
                None => self.tried.push(tried),
            }
        }
    }

    /// When nobody else could be asked, a miner's word that there is no text is believed.
    fn or_silence(&mut self, error: DispatchError) -> Result<Silence, DispatchError> {
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
    fn said_nothing(&mut self, attempt: Attempt, completed: Box<Completed>) -> Option<Silence> {
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
    fn answer_of(&self, silence: Silence) -> Answer {
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
    async fn first(&self, attempt: &mut Attempt) -> Result<TaskEvent, Failure> {
        loop {
            match self.next(attempt).await? {
                TaskEvent::Piece(piece) if piece.is_empty() => {}
                event => return Ok(event),
            }
        }
    }

    /// The attempt's next event; after the last one its receipt is stored, and its pay promised.
    async fn next(&self, attempt: &mut Attempt) -> Result<TaskEvent, Failure> {
        let event = attempt.next().await?;
        if let TaskEvent::Done(_) = &event {
            let registry = &self.dispatcher.registry;
            if let Some(refusal) = &self.refusal {
                registry.failed(refusal.by, refusal.blame(&attempt.served_by.model));
            }
            self.suspects.iter().for_each(|suspect| registry.failed(*suspect, Blame::Miner));
        }
        Ok(event)
    }

    async fn collect(&self, attempt: &mut Attempt) -> Result<Answer, Failure> {
        let (mut text, mut logprobs, mut vectors) = (String::new(), Vec::new(), Vec::new());
        loop {
            match self.next(attempt).await? {
                TaskEvent::Piece(Piece::Text(piece)) => {
                    text.push_str(&piece.text);
                    logprobs.extend(piece.logprobs);
                }
                TaskEvent::Piece(Piece::Vector(vector)) => vectors.push(vector),
                TaskEvent::Done(completed) => {
                    let served_by = attempt.served_by.clone();
                    return Ok(Answer { text, logprobs, vectors, completed: *completed, served_by });
                }
            }
        }
    }

    /// After a failed attempt; `Ok` if another may be made.
    fn after(&mut self, attempt: &Attempt, failure: Failure) -> Result<(), DispatchError> {
        self.tried.push(attempt.tried);
        if failure.is_suspicious() {
            self.suspects.push(attempt.tried);
        }
        match failure {
            Failure::ClientFault(fault) => return self.refused(attempt, fault),
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

    fn ended(&self, error: DispatchError) -> DispatchError {
        metrics::counter!("gateway_tasks_total", "outcome" => "failed").increment(1);
        error
    }
}

/// A task of which the client sees every piece as it comes. Dropping it before its end cancels the task; what the miner has
/// sent by then is paid for.
pub(crate) struct OpenTask {
    served_by: ServedBy,
    /// `None` once it has ended.
    running: Option<Box<RunningTask>>,
    first: Option<TaskEvent>,
}

struct RunningTask {
    tries: Tries,
    attempt: Attempt,
}

impl OpenTask {
    fn new(tries: Tries, attempt: Attempt, first: TaskEvent) -> Self {
        let served_by = attempt.served_by.clone();
        Self { served_by, running: Some(Box::new(RunningTask { tries, attempt })), first: Some(first) }
    }

    /// Who answers.
    pub(crate) fn served_by(&self) -> ServedBy {
        self.served_by.clone()
    }

    /// The next event; `None` after the last. The receipt is stored before `Done` is returned. May be dropped and called
    /// again.
    pub(crate) async fn next(&mut self) -> Option<Result<TaskEvent, DispatchError>> {
        let RunningTask { tries, attempt } = self.running.as_deref_mut()?;
        let event = match self.first.take() {
            Some(first) => {
                metrics::histogram!("gen_ai_server_time_to_first_token_seconds")
                    .record(tries.spec.arrived.elapsed().as_secs_f64());
                Ok(first)
            }
            None => match tries.next(attempt).await {
                // Its first piece repeated the prompt, and nothing followed.
                Err(Failure::Empty(completed)) => Ok(TaskEvent::Done(completed)),
                event => event,
            },
        };
        let event = event.map_err(|failure| {
            if failure.is_suspicious() {
                // No other miner is asked, and an answer that has begun can be ended.
                tries.dispatcher.registry.failed(attempt.tried, Blame::Miner);
            }
            let error = match tries.after(attempt, failure) {
                Err(error) => error,
                Ok(()) => {
                    DispatchError::Failed { attempts: tries.attempts, last: Failure::Miner("the answer broke off") }
                }
            };
            tries.ended(error)
        });
        if !matches!(event, Ok(TaskEvent::Piece(_))) {
            self.running = None;
        }
        Some(event)
    }
}

/// How long a stream may be silent before the client is told that it still lives.
pub(crate) const STREAM_HEARTBEAT: Duration = Duration::from_secs(10);
