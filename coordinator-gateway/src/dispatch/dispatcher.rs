//! Tries a task on one miner after another until it is answered.

use std::{sync::Arc, time::Duration};

use cuckoo_primitives::settlement::Price;
use tokio::{sync::Semaphore, time::Instant};

use super::{
    answer::{Answer, Collected},
    attempts::Attempts,
    failure::{Blame, DispatchError, Failure},
    open_task::OpenTask,
    registry::{Acquired, Registry, Slot, Tried, Want},
    second_opinion::Silence,
    task::ClientTask,
    tries::{is_nobody, Tries},
};
use crate::{
    audit::Auditor,
    auth::{Budgets, HangUps},
    chain_guard::{ChainGuard, NotReady},
    config::Limits,
    settle::is_free,
    store::{EvidenceStore, Journal},
};

/// Runs tasks.
pub(crate) struct Dispatcher {
    pub(super) registry: Arc<Registry>,
    guard: Arc<ChainGuard>,
    journal: Journal,
    pub(super) budgets: Arc<Budgets>,
    pub(super) hang_ups: Arc<HangUps>,
    pub(super) attempts: Arc<Attempts>,
    pub(super) limits: Limits,
    tasks: Arc<Semaphore>,
    queue: Arc<Semaphore>,
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
                    Err(Failure::Empty(completed)) if tries.goes_on() => {
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
                            tries.begin_anew();
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
        Ok(Tries::new(self.clone(), spec, permit))
    }

    /// A slot for a task of `want`, at none of those that were `tried`; waits for one until `deadline`, and no longer than
    /// `patience`.
    pub(super) async fn slot(
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
