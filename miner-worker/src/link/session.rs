//! An open link: tasks in, answers out, until it ends.

mod admission;

use std::{
    collections::HashMap,
    sync::{
        atomic::{AtomicU32, Ordering},
        Arc,
    },
    time::Duration,
};

use cuckoo_chain_client::{Cai, MarketView};
use cuckoo_primitives::AccountId;
use cuckoo_wire::{
    handshake::fixed,
    link::{
        coordinator_message::Message as FromCoordinator, miner_message::Message as FromMiner, Closing,
        CoordinatorMessage, FailureCode,
    },
};
use tokio::{
    task::{Id, JoinError, JoinSet},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::{
    accepted::Accepted,
    attempt::{failure, AttemptId},
    connection::Lifeline,
    dial::foreign,
    error::LinkError,
    handshake::{broken, refused, Linked},
    miner::Miner,
    openings::Openings,
    outbox::Outbox,
    pay::Pay,
    shares::Share,
    stop::{Stop, Stopper},
    terms::Terms,
    work::Failed,
};
use crate::{config::CoordinatorUrl, events::Event, settle::Behind};

/// What the coordinator gets to read the last messages before the connection is cut.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What it gets to pay for the last results before the link ends. What comes later comes with the next link.
const LAST_VOUCHERS: Duration = Duration::from_secs(5);

/// How often it is seen whether results are paid for.
const CHECK_PAY: Duration = Duration::from_millis(500);

/// Why no new tasks are taken.
enum ClosingBecause {
    /// This miner wants to end the link; `Some` if it could not serve on, `None` if it was told to stop.
    Ours(Option<LinkError>),
    /// The coordinator said so.
    Theirs(String),
}

/// An open link.
pub(super) struct Session {
    miner: Arc<Miner>,
    url: CoordinatorUrl,
    coordinator: AccountId,
    terms: Terms,
    accepted: Accepted,
    openings: Openings,
    inbound: Streaming<CoordinatorMessage>,
    outbox: Outbox,
    /// The part of the slots; given up as soon as the link begins to close.
    share: Option<Share>,
    /// Slots in use. It is more than the share for a while after that has shrunk.
    used: Arc<AtomicU32>,
    running: HashMap<AttemptId, Stopper>,
    tasks: JoinSet<Result<(), LinkError>>,
    attempts_of_tasks: HashMap<Id, AttemptId>,
    closing: Option<ClosingBecause>,
    pay: Pay,
    /// Since when more than one step has been unpaid.
    unpaid_since: Option<Instant>,
    /// It was said that the clocks differ.
    is_clock_noted: bool,
    /// It was said that no more can be kept.
    is_room_noted: bool,
    _lifeline: Lifeline,
}

/// How far the coordinator's side of the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    /// More may come.
    Open,
    /// The coordinator has ended it.
    Ended,
}

impl Session {
    /// A session on a fresh link to a coordinator that has this share and pays in this way.
    pub(super) fn new(miner: Arc<Miner>, url: CoordinatorUrl, linked: Linked, share: Share, pay: Pay) -> Self {
        let Linked { between, shares, inbound, outbox, lifeline, .. } = linked;
        let outbox = outbox.with_read_limit(miner.patience());
        let coordinator = between.coordinator.clone();
        Self {
            accepted: Accepted::new(miner.most_attempts()),
            openings: Openings::new(miner.kept().clone(), coordinator.clone(), outbox.clone()),
            terms: Terms::new(between, shares),
            miner,
            url,
            coordinator,
            inbound,
            outbox,
            share: Some(share),
            used: Arc::default(),
            running: HashMap::new(),
            tasks: JoinSet::new(),
            attempts_of_tasks: HashMap::new(),
            closing: None,
            pay,
            unpaid_since: None,
            is_clock_noted: false,
            is_room_noted: false,
            _lifeline: lifeline,
        }
    }

    /// Works until the link ends, and returns why; `Ok` if `stop` was the reason. Running tasks get `drain_limit` to
    /// finish when it ends in good order.
    pub(super) async fn run(mut self, stop: &CancellationToken, drain_limit: Duration) -> Result<(), LinkError> {
        let worked = self.work(stop, drain_limit).await;
        // Whatever runs still is settled before another link can begin.
        self.tasks.shutdown().await;
        self.show_running();
        let stream = match worked? {
            Stream::Open => self.await_pay().await?,
            Stream::Ended => Stream::Ended,
        };
        self.openings.end(LAST_WORDS).await;
        match stream {
            Stream::Open => self.part().await,
            Stream::Ended => self.outcome(),
        }
    }

    /// Works until no tasks are taken and none run any more, or until the stream ends.
    async fn work(&mut self, stop: &CancellationToken, drain_limit: Duration) -> Result<Stream, LinkError> {
        let mut views = self.miner.chain().views();
        let mut health = self.miner.health();
        let mut pay_checks = tokio::time::interval(CHECK_PAY);
        pay_checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let drained = tokio::time::sleep(drain_limit);
        tokio::pin!(drained);
        self.offer().await?;
        while self.closing.is_none() || !self.tasks.is_empty() {
            let was_closing = self.closing.is_some();
            tokio::select! {
                message = next(&mut self.inbound, &mut self.openings) => match message.map_err(broken)? {
                    Some(message) => self.handle(message).await?,
                    None => return Ok(Stream::Ended),
                },
                () = changed(&mut self.share) => self.offer().await?,
                Ok(()) = health.changed(), if self.closing.is_none() => self.offer().await?,
                Some(joined) = self.tasks.join_next_with_id() => self.joined(joined).await?,
                // A chain that is detached brings no more views.
                Ok(()) = views.changed(), if self.closing.is_none() => {
                    let view = views.borrow_and_update().clone();
                    if let Err(unfit) = self.may_go_on(&view) {
                        self.close(&unfit.to_string(), Some(unfit)).await?;
                    }
                },
                () = self.pay.written() => self.pay.count(),
                _ = pay_checks.tick(), if self.closing.is_none() => self.check_pay().await?,
                () = stop.cancelled(), if self.closing.is_none() => self.close("the miner is stopping", None).await?,
                () = &mut drained, if self.closing.is_some() => {
                    self.give_up().await;
                    break;
                }
            }
            if !was_closing && self.closing.is_some() {
                drained.as_mut().reset(Instant::now() + drain_limit);
            }
        }
        Ok(Stream::Open)
    }

    /// Ends what still runs, and lets it say so.
    async fn give_up(&mut self) {
        tracing::warn!(
            target: "miner::link",
            coordinator = %self.coordinator,
            tasks = self.tasks.len(),
            "tasks did not finish in time and are given up"
        );
        self.running.values_mut().for_each(|running| running.stop(Stop::Draining));
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        // Whoever does not read is not waited for.
        let _ = tokio::time::timeout(LAST_WORDS, ended).await;
    }

    /// Waits for the vouchers of what was sent last. Until they are here this side of the stream stays open, since a
    /// coordinator ends its own in answer.
    async fn await_pay(&mut self) -> Result<Stream, LinkError> {
        let limit = tokio::time::sleep(LAST_VOUCHERS);
        tokio::pin!(limit);
        self.pay.count();
        while self.pay.is_owed() {
            tokio::select! {
                message = next(&mut self.inbound, &mut self.openings) => match message {
                    Ok(Some(message)) => self.handle(message).await?,
                    // However it ended, the reason is the one for which it was about to.
                    Ok(None) | Err(_) => return Ok(Stream::Ended),
                },
                () = self.pay.written() => self.pay.count(),
                () = &mut limit => break,
            }
        }
        Ok(Stream::Open)
    }

    /// Whether the chain lets this link go on.
    fn may_go_on(&self, view: &MarketView) -> Result<(), LinkError> {
        self.miner.may_serve(view, &self.coordinator)?;
        match self.pay.holds(view, self.miner.operator()) {
            true => Ok(()),
            false => Err(LinkError::OtherStash),
        }
    }

    /// Closes the link if results stay unpaid.
    async fn check_pay(&mut self) -> Result<(), LinkError> {
        let Some(Behind { owed, step }) = self.pay.behind() else {
            self.unpaid_since = None;
            return Ok(());
        };
        let since = *self.unpaid_since.get_or_insert_with(Instant::now);
        if since.elapsed() < self.miner.settlement().trust().unpaid_limit {
            return Ok(());
        }
        let unpaid = LinkError::Unpaid { owed: Cai(owed), step: Cai(step) };
        self.close(&unpaid.to_string(), Some(unpaid)).await
    }

    /// Tells the coordinator, and everybody else, how many slots it has.
    async fn offer(&mut self) -> Result<(), LinkError> {
        let Some(share) = &mut self.share else { return Ok(()) };
        let slots = share.note();
        self.outbox.tell(FromMiner::Offer(self.miner.offer(slots))).await?;
        self.miner.board().linked(&self.url, &self.coordinator, slots);
        let linked = Event::Linked { coordinator: &self.coordinator, url: self.url.as_str(), slots };
        self.miner.events().emit(&linked);
        tracing::info!(target: "miner::link", coordinator = %self.coordinator, url = %self.url, slots, "offered slots");
        Ok(())
    }

    async fn handle(&mut self, message: CoordinatorMessage) -> Result<(), LinkError> {
        match message.message {
            Some(FromCoordinator::Task(task)) => self.accept(task).await,
            Some(FromCoordinator::Cancel(cancel)) => {
                let task_id = fixed("cancel.task_id", &cancel.task_id)?;
                if let Some(running) = self.running.get_mut(&AttemptId { task_id, attempt: cancel.attempt }) {
                    running.stop(cancel.reason().into());
                }
                Ok(())
            }
            Some(FromCoordinator::Closing(Closing { reason })) => {
                if self.closing.is_none() {
                    let reason = foreign(&reason);
                    self.miner.board().closing(&self.url, &reason);
                    self.share = None;
                    self.closing = Some(ClosingBecause::Theirs(reason));
                }
                Ok(())
            }
            Some(FromCoordinator::Voucher(voucher)) => {
                let era = self.miner.chain().view().era.era;
                self.pay.take(&voucher, era)
            }
            Some(FromCoordinator::Open(open)) => Ok(self.openings.open(open)?),
            Some(FromCoordinator::Refusal(refusal)) => Err(refused(refusal)),
            Some(FromCoordinator::Challenge(_) | FromCoordinator::Welcome(_)) => {
                Err(LinkError::Protocol("it began the handshake again".into()))
            }
            None => Err(LinkError::Protocol("it sent an empty message".into())),
        }
    }

    async fn turn_down(&mut self, id: AttemptId, code: FailureCode, reason: &str) -> Result<(), LinkError> {
        self.outbox.tell(FromMiner::Failure(failure(id, Failed::new(code, reason)))).await
    }

    /// Forgets an attempt that has ended; one that panicked could not say so itself. A coordinator that does not read
    /// how it ended loses the link: two ends that disagree on what is owed cannot go on.
    async fn joined(&mut self, joined: Result<(Id, Result<(), LinkError>), JoinError>) -> Result<(), LinkError> {
        let id = joined.as_ref().map_or_else(|error| error.id(), |(id, _)| *id);
        let attempt = self.attempts_of_tasks.remove(&id);
        if let Some(attempt) = &attempt {
            self.running.remove(attempt);
        }
        self.show_running();
        match (joined, attempt) {
            (Ok((_, Err(error @ LinkError::TimedOut(_)))), _) => Err(error),
            (Err(error), Some(attempt)) if error.is_panic() => {
                tracing::error!(target: "miner::task", "a task panicked");
                self.turn_down(attempt, FailureCode::Internal, "the miner failed").await
            }
            _ => Ok(()),
        }
    }

    fn show_running(&self) {
        let used = self.used.load(Ordering::Acquire);
        metrics::gauge!("cuckoo_miner_running_tasks", "coordinator" => self.url.to_string()).set(f64::from(used));
    }

    /// Takes no new tasks from now on.
    async fn close(&mut self, reason: &str, error: Option<LinkError>) -> Result<(), LinkError> {
        self.share = None;
        self.closing = Some(ClosingBecause::Ours(error));
        self.miner.board().closing(&self.url, reason);
        tracing::info!(
            target: "miner::link",
            coordinator = %self.coordinator,
            reason,
            running_tasks = self.tasks.len(),
            "closing the link"
        );
        self.outbox.tell(FromMiner::Closing(Closing { reason: reason.into() })).await
    }

    /// Why the link ended.
    fn outcome(self) -> Result<(), LinkError> {
        self.closing.map_or(Err(LinkError::Ended), ClosingBecause::outcome)
    }

    /// Ends this side of the stream, and reads on until the coordinator ends its own: a stream that is dropped takes
    /// with it what has not been sent yet, and vouchers may still come.
    async fn part(self) -> Result<(), LinkError> {
        let Self { miner, mut inbound, outbox, openings, closing, mut pay, .. } = self;
        drop((outbox, openings));
        let limit = tokio::time::sleep(LAST_WORDS);
        tokio::pin!(limit);
        loop {
            let message = tokio::select! {
                message = inbound.message() => message,
                () = &mut limit => break,
            };
            match message {
                Ok(Some(CoordinatorMessage { message: Some(FromCoordinator::Voucher(voucher)) })) => {
                    pay.take(&voucher, miner.chain().view().era.era)?;
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
        closing.map_or(Err(LinkError::Ended), ClosingBecause::outcome)
    }
}

impl ClosingBecause {
    fn outcome(self) -> Result<(), LinkError> {
        match self {
            Self::Ours(None) => Ok(()),
            Self::Ours(Some(error)) => Err(error),
            Self::Theirs(reason) => Err(LinkError::Closed(reason)),
        }
    }
}

/// The coordinator's next message. While many of its questions are worked on, it is left waiting.
async fn next(
    inbound: &mut Streaming<CoordinatorMessage>,
    openings: &mut Openings,
) -> Result<Option<CoordinatorMessage>, Status> {
    openings.ready().await;
    inbound.message().await
}

/// Returns when the share has changed; never, once it is given up.
async fn changed(share: &mut Option<Share>) {
    match share {
        Some(share) => share.changed().await,
        None => std::future::pending().await,
    }
}
