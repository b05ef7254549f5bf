//! Tries a task on one miner after another until it is answered.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use cuckoo_primitives::settlement::Price;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{
    attempt::{Attempt, Completed, Piece, ServedBy, TaskEvent},
    attempts::Attempts,
    continuation::Continuation,
    failure::{Blame, ClientFault, DispatchError, Failure},
    logprobs::TokenLogprobs,
    progress::Shown,
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

/// What has come of an answer that nobody has seen yet.
#[derive(Default)]
struct Collected {
    text: String,
    logprobs: Vec<TokenLogprobs>,
    vectors: Vec<Bytes>,
}

impl Collected {
    fn answer(self, completed: Completed, served_by: ServedBy) -> Answer {
        let Self { text, logprobs, vectors } = self;
        Answer { text, logprobs, vectors, completed, served_by }
    }
}

/// Whether nobody was found for a task.
fn is_nobody(error: &DispatchError) -> bool {
    matches!(error, DispatchError::NoMiner { .. } | DispatchError::AllBusy { .. } | DispatchError::QueueFull)
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

    /// Runs a task up to its first event. Until then a failing miner is replaced by any other; after it by one that goes on
    /// with the answer in the same way, see [`super::continuation`].
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

    /// Runs a task to its end. As nobody has seen any of it before, a failing miner is replaced at any time: by one that
    /// goes on with the answer if there is any, else by one that begins anew.
    pub(crate) async fn complete(self: &Arc<Self>, spec: ClientTask) -> Result<Answer, DispatchError> {
        let mut tries = self.tries(spec)?;
        let mut collected = Collected::default();
        let answered = async {
            loop {
                let mut attempt = match tries.begin().await {
                    Ok(attempt) => attempt,
                    Err(error) if is_nobody(&error) && tries.begin_anew() => {
                        collected = Collected::default();
                        continue;
                    }
                    Err(error) => return tries.or_silence(error).map(|silence| tries.answer_of(silence)),
                };
                // Boxed, so that it takes no memory in tasks that still wait.
                match Box::pin(tries.collect(&mut attempt, &mut collected)).await {
                    Ok(completed) => return Ok(collected.answer(*completed, attempt.served_by)),
                    // Nothing is left to be said.
                    Err(Failure::Empty(completed)) if tries.continuation.is_some() => {
                        return Ok(collected.answer(*tries.whole(completed), attempt.served_by));
                    }
                    Err(Failure::Empty(completed)) => {
                        if let Some(silence) = tries.said_nothing(attempt, completed) {
                            return Ok(tries.answer_of(silence));
                        }
                    }
                    Err(failure) => {
                        let is_at_fault = failure.blame() == Blame::Miner;
                        if let Err(error) = tries.after(&attempt, failure) {
                            return tries.or_silence(error).map(|silence| tries.answer_of(silence));
                        }
                        // As nobody has seen it, nothing is built on what a miner at fault has said.
                        if is_at_fault || !tries.go_on(&mut attempt) {
                            collected = Collected::default();
                            tries.continuation = None;
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
            continuation: None,
            has_begun: false,
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
    /// What the next attempt goes on with; `None` if it begins anew.
    continuation: Option<Continuation>,
    /// Whether the client has been shown a part of the answer.
    has_begun: bool,
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

    async fn collect(&self, attempt: &mut Attempt, collected: &mut Collected) -> Result<Box<Completed>, Failure> {
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
    fn whole(&self, mut completed: Box<Completed>) -> Box<Completed> {
        if let Some(continuation) = &self.continuation {
            completed.usage = continuation.whole(completed.usage);
        }
        completed
    }

    /// After a failed attempt: whether the next one goes on with what has been said.
    fn go_on(&mut self, attempt: &mut Attempt) -> bool {
        if let Some(remains) = attempt.remains.take() {
            self.continuation = Some(Continuation::new(&self.spec, *remains));
        }
        self.continuation.is_some()
    }

    /// Nobody goes on with what has been said: the next attempt begins anew, if it would not anyhow.
    fn begin_anew(&mut self) -> bool {
        self.continuation.take().is_some()
    }

    /// Nobody goes on with an answer that the client has seen a part of.
    fn broke_off(&self, error: DispatchError) -> DispatchError {
        match is_nobody(&error) {
            true => DispatchError::Failed { attempts: self.attempts, last: Failure::Miner("the answer broke off") },
            false => error,
        }
    }

    /// After a failed attempt; `Ok` if another may be made.
    fn after(&mut self, attempt: &Attempt, failure: Failure) -> Result<(), DispatchError> {
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
    stage: Option<Box<Stage>>,
    first: Option<TaskEvent>,
}

/// The tries of a task, and the attempt that goes on with it, once there is one.
type Successor = Pin<Box<dyn Future<Output = (Tries, Result<Attempt, DispatchError>)> + Send>>;

/// How far an open task is.
// It is boxed.
#[allow(clippy::large_enum_variant)]
enum Stage {
    /// A miner answers.
    Answering(Tries, Attempt),
    /// It has failed, and another one is waited for that goes on. Kept from one call to the next, so that nobody who only
    /// looks whether there is something new loses the task's place in the queue.
    GoingOn(Successor),
}

impl OpenTask {
    fn new(mut tries: Tries, attempt: Attempt, first: TaskEvent) -> Self {
        tries.has_begun = true;
        let served_by = attempt.served_by.clone();
        Self { served_by, stage: Some(Box::new(Stage::Answering(tries, attempt))), first: Some(first) }
    }

    /// Who answers; of several who go on with each other's text the first.
    pub(crate) fn served_by(&self) -> ServedBy {
        self.served_by.clone()
    }

    /// The next event; `None` after the last. The receipt is stored before `Done` is returned. May be dropped and called
    /// again.
    pub(crate) async fn next(&mut self) -> Option<Result<TaskEvent, DispatchError>> {
        loop {
            let event = match self.stage.as_deref_mut()? {
                Stage::Answering(tries, attempt) => match self.first.take() {
                    Some(first) => {
                        metrics::histogram!("gen_ai_server_time_to_first_token_seconds")
                            .record(tries.spec.arrived.elapsed().as_secs_f64());
                        Ok(first)
                    }
                    None => match tries.next(attempt).await {
                        // What was said before is all that there is.
                        Err(Failure::Empty(completed)) => Ok(TaskEvent::Done(tries.whole(completed))),
                        event => event,
                    },
                },
                Stage::GoingOn(beginning) => match beginning.await {
                    (tries, Ok(attempt)) => {
                        self.stage = Some(Box::new(Stage::Answering(tries, attempt)));
                        continue;
                    }
                    (tries, Err(error)) => {
                        self.stage = None;
                        return Some(Err(tries.ended(tries.broke_off(error))));
                    }
                },
            };
            match event {
                Ok(event) => {
                    if matches!(event, TaskEvent::Done(_)) {
                        self.stage = None;
                    }
                    return Some(Ok(event));
                }
                Err(failure) => {
                    if let Some(error) = self.go_on_after(failure) {
                        return Some(Err(error));
                    }
                }
            }
        }
    }

    /// Has another miner go on; an error if none shall.
    fn go_on_after(&mut self, failure: Failure) -> Option<DispatchError> {
        let Stage::Answering(mut tries, mut attempt) = *self.stage.take()? else { return None };
        let error = match tries.after(&attempt, failure) {
            Ok(()) if tries.go_on(&mut attempt) => {
                let going_on = async move {
                    let begun = tries.begin().await;
                    (tries, begun)
                };
                self.stage = Some(Box::new(Stage::GoingOn(Box::pin(going_on))));
                return None;
            }
            Ok(()) => DispatchError::Failed { attempts: tries.attempts, last: Failure::Miner("the answer broke off") },
            Err(error) => error,
        };
        Some(tries.ended(error))
    }
}

/// How long a stream may be silent before the client is told that it still lives.
pub(crate) const STREAM_HEARTBEAT: Duration = Duration::from_secs(10);
