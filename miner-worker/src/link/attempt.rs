//! Running one attempt of a task and answering for it.

use std::{
    sync::{
        atomic::{AtomicU32, Ordering},
        Arc,
    },
    time::{Duration, Instant},
};

use cuckoo_engine::{EmbeddingEvent, GenerateRequest};
use cuckoo_primitives::{
    evidence::SignedReceipt,
    task::{Finish, TaskId, TaskSpec},
};
use cuckoo_tasks::Work;
use cuckoo_wire::link::{self, miner_message::Message, FailureCode};
use tokio::sync::oneshot;

use super::{
    batch::{Batch, End, STOPPED},
    board::Counted,
    dated::{now_ms, time_left},
    dial::foreign,
    draws::Draws,
    error::LinkError,
    miner::Miner,
    outbox::Outbox,
    pay::TaskPay,
    room::Room,
    sent::Sent,
    stop::Stop,
    tokens::Tokens,
    work::{Assignment, Failed},
};
use crate::{
    config::CoordinatorUrl,
    receipt::{result, ReceiptBuilder},
};

/// So much later than the task says does its time end here: the coordinator's own clock goes first, and a receipt that
/// came a moment before that has struck would be taken for one that nobody asked for.
const CLOCK_SLACK: Duration = Duration::from_secs(1);
/// Bytes of a model's name that are logged.
const MAX_SHOWN_BYTES: usize = 64;

/// One try of one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct AttemptId {
    pub(super) task_id: TaskId,
    pub(super) attempt: u32,
}

/// A slot in use; free again when dropped.
pub(super) struct Slot(Arc<AtomicU32>);

impl Slot {
    /// Takes one of `slots` slots, of which `used` counts those in use.
    pub(super) fn take(used: &Arc<AtomicU32>, slots: u32) -> Option<Self> {
        used.fetch_update(Ordering::AcqRel, Ordering::Acquire, |used| (used < slots).then_some(used + 1)).ok()?;
        Some(Self(used.clone()))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// An attempt that was accepted.
pub(super) struct Attempt {
    pub(super) id: AttemptId,
    pub(super) task: Arc<link::Task>,
    /// What was accepted.
    pub(super) spec: TaskSpec,
    pub(super) miner: Arc<Miner>,
    pub(super) url: CoordinatorUrl,
    pub(super) outbox: Outbox,
    pub(super) slot: Slot,
    /// For how its tokens are drawn, if that is committed to.
    pub(super) room: Option<Room>,
}

/// Why there is no receipt.
enum Unsigned {
    /// The coordinator is told.
    Failed(Failed),
    /// There is nobody to tell.
    LinkGone(LinkError),
}

/// Why the work did not come to its end.
enum Halt {
    /// It was told to stop.
    Stopped(Stop),
    /// Its time is over.
    TimeOver,
    /// This miner could not do it.
    Failed(Failed),
    /// The coordinator does not read.
    LinkGone(LinkError),
}

impl From<Failed> for Halt {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

impl From<LinkError> for Halt {
    fn from(error: LinkError) -> Self {
        Self::LinkGone(error)
    }
}

impl Attempt {
    /// Runs it until it ends or `stopped` says why not, and tells the coordinator; an error if that cannot be told.
    pub(super) async fn run(
        self,
        assignment: Assignment,
        pay: TaskPay,
        stopped: oneshot::Receiver<Stop>,
    ) -> Result<(), LinkError> {
        let begun = Instant::now();
        let ended = self.work(assignment, pay, stopped).await;
        self.report(&ended, begun.elapsed());
        let Self { id, outbox, slot, room: on_the_disk, .. } = self;
        // What there is to keep is kept.
        drop(on_the_disk);
        let message = match ended {
            Ok(signed) => Message::Result(result(&signed)),
            Err(Unsigned::Failed(failed)) => Message::Failure(failure(id, failed)),
            Err(Unsigned::LinkGone(error)) => return Err(error),
        };
        let room = outbox.room().await?;
        // Not before, or task after task would pile up behind a coordinator that does not read; and not after, since
        // whoever reads the last message may send the next task at once.
        drop(slot);
        room.send(message);
        Ok(())
    }

    /// Does the work and settles who answers for what was sent of it.
    async fn work(
        &self,
        assignment: Assignment,
        pay: TaskPay,
        stopped: oneshot::Receiver<Stop>,
    ) -> Result<SignedReceipt, Unsigned> {
        let receipt = ReceiptBuilder::new(self.spec.clone());
        let mut sent = Sent::new(self.id, self.miner.clone(), self.outbox.clone(), receipt, pay);
        let failed = match self.execute(assignment, &mut sent, stopped).await {
            Ok(finish) => return sent.sign(finish).await.map_err(Unsigned::Failed),
            Err(Halt::Stopped(Stop::Cancelled) | Halt::TimeOver) if !sent.is_empty() => {
                return sent.sign(Finish::Cancelled).await.map_err(Unsigned::Failed);
            }
            Err(Halt::Stopped(Stop::Cancelled | Stop::Fault)) => {
                // Of an answer that has not begun nothing is lost.
                sent.lose();
                Failed::new(FailureCode::Cancelled, "cancelled")
            }
            Err(Halt::TimeOver) => Failed::new(FailureCode::Timeout, "the task's time is over"),
            Err(Halt::Stopped(Stop::Draining)) => {
                sent.forgive();
                Failed::new(FailureCode::Draining, "the miner is stopping and could not finish this in time")
            }
            Err(Halt::Failed(failed)) => {
                sent.forgive();
                failed
            }
            Err(Halt::LinkGone(error)) => return Err(Unsigned::LinkGone(error)),
        };
        Err(Unsigned::Failed(failed))
    }

    /// Works until the end. Whatever ends it early ends the engine's part at once, and nothing more is sent.
    async fn execute(
        &self,
        assignment: Assignment,
        sent: &mut Sent,
        stopped: oneshot::Receiver<Stop>,
    ) -> Result<Finish, Halt> {
        let Assignment { timeout, work } = assignment;
        let working = async {
            match work {
                Work::Generate { request, echo } => self.generate(request, echo, sent).await,
                Work::Embed { model, inputs } => self.embed(&model, inputs, sent).await,
            }
        };
        // With a timeout that goes on behind the deadline, the chain could be made to ask for what has not come yet.
        let limit = time_left(timeout.saturating_add(CLOCK_SLACK), self.spec.deadline_ms, now_ms());
        tokio::select! {
            biased;
            Ok(stop) = stopped => Err(Halt::Stopped(stop)),
            worked = tokio::time::timeout(limit, working) => worked.unwrap_or(Err(Halt::TimeOver)),
        }
    }

    async fn generate(&self, request: GenerateRequest, echo: Option<String>, sent: &mut Sent) -> Result<Finish, Halt> {
        let is_reported = request.sampling.logprobs.is_some();
        let mut draws = self.spec.drawing.map(Draws::new);
        let is_committed = draws.is_some();
        let mut generation = self.miner.engine().generate(request).await.map_err(Failed::from)?;
        sent.prompt(generation.prompt_tokens);
        // Sent with the first words: a prompt that nobody has read yet is nothing to be paid for.
        let mut echo = echo.unwrap_or_default();
        let mut unsent = Tokens::default();
        loop {
            let Batch { mut text, tokens, logprobs, drawn, end } = Batch::next(&mut generation.events).await;
            let leaves = draws.as_mut().map(|draws| draws.next(drawn)).transpose()?.unwrap_or_default();
            unsent.add(Tokens { count: tokens, logprobs, leaves, end: None });
            let ended = end.transpose()?;
            if ended.is_none() && text.is_empty() {
                continue;
            }
            text.insert_str(0, &std::mem::take(&mut echo));
            let Some(End { prompt_tokens, completion_tokens, finish, drawn }) = ended else {
                unsent.check(is_reported, is_committed)?;
                sent.text(text, std::mem::take(&mut unsent)).await?;
                continue;
            };
            // Tokens that became no text, such as those of a stop string, are counted with the last piece.
            unsent.count = completion_tokens.saturating_sub(sent.tokens()).max(unsent.count);
            unsent.check(is_reported, is_committed)?;
            let last = draws.as_mut().zip(drawn).map(|(draws, drawn)| draws.end(drawn));
            unsent.end = last.transpose()?;
            sent.last(text, unsent).await?;
            sent.prompt(prompt_tokens);
            return Ok(finish);
        }
    }

    async fn embed(&self, model: &str, inputs: Vec<String>, sent: &mut Sent) -> Result<Finish, Halt> {
        let expected = inputs.len();
        let mut embedding = self.miner.engine().embed(model, inputs).await.map_err(Failed::from)?;
        while let Some(event) = embedding.events.recv().await {
            match event {
                EmbeddingEvent::Vectors { vectors, prompt_tokens } => {
                    for vector in vectors {
                        let bytes = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
                        sent.vector(bytes, prompt_tokens).await?;
                    }
                }
                EmbeddingEvent::Done { prompt_tokens } if sent.vectors() == expected => {
                    sent.prompt(prompt_tokens);
                    return Ok(Finish::Stop);
                }
                EmbeddingEvent::Done { .. } => {
                    let reason = "the model did not make one vector for each input";
                    return Err(Failed::new(FailureCode::Internal, reason).into());
                }
                EmbeddingEvent::Failed(error) => return Err(Failed::from(error).into()),
            }
        }
        Err(Failed::new(FailureCode::Internal, STOPPED).into())
    }

    /// Counts and logs how it ended.
    fn report(&self, ended: &Result<SignedReceipt, Unsigned>, took: Duration) {
        let (label, counted) = match ended {
            Ok(signed) if signed.receipt.finish == Finish::Cancelled => ("cancelled", Counted::Cancelled),
            Ok(_) => ("served", Counted::Served),
            Err(Unsigned::Failed(failed)) if failed.code == FailureCode::Busy => ("busy", Counted::RefusedBusy),
            Err(Unsigned::Failed(failed)) => (failure_label(failed.code), Counted::Failed),
            Err(Unsigned::LinkGone(_)) => ("link_gone", Counted::Failed),
        };
        let tokens = |signed: &SignedReceipt| (signed.receipt.prompt_tokens, signed.receipt.completion_tokens);
        let (prompt_tokens, completion_tokens) = ended.as_ref().map_or((0, 0), tokens);
        metrics::counter!("cuckoo_miner_tokens_total", "kind" => "prompt").increment(prompt_tokens.into());
        metrics::counter!("cuckoo_miner_tokens_total", "kind" => "completion").increment(completion_tokens.into());
        metrics::counter!("cuckoo_miner_tasks_total", "coordinator" => self.url.to_string(), "outcome" => label)
            .increment(1);
        metrics::histogram!("cuckoo_miner_task_seconds", "outcome" => label).record(took);
        self.miner.board().count(&self.url, counted);
        tracing::info!(
            target: "miner::task",
            attempt = self.id.attempt,
            task.id = hex::encode(self.id.task_id),
            model = shown(&self.task.model),
            outcome = label,
            completion_tokens,
            duration_ms = took.as_millis() as u64,
            "task ended"
        );
    }
}

/// The message that says why an attempt came to nothing.
pub(super) fn failure(id: AttemptId, failed: Failed) -> link::Failure {
    link::Failure {
        task_id: id.task_id.to_vec().into(),
        attempt: id.attempt,
        code: failed.code.into(),
        reason: failed.reason,
    }
}

/// A model's name as the coordinator wrote it, which may be anything, for the log.
fn shown(model: &str) -> String {
    foreign(model.split_at(model.floor_char_boundary(MAX_SHOWN_BYTES)).0)
}

pub(super) fn failure_label(code: FailureCode) -> &'static str {
    match code {
        FailureCode::Unspecified => "unspecified",
        FailureCode::Busy => "busy",
        FailureCode::UnknownModel => "unknown_model",
        FailureCode::InvalidRequest => "invalid_request",
        FailureCode::ContextLength => "context_length",
        // With a receipt it is "cancelled".
        FailureCode::Cancelled => "cancelled_unpaid",
        FailureCode::Timeout => "timeout",
        FailureCode::Internal => "internal",
        FailureCode::Draining => "draining",
        FailureCode::Uncovered => "uncovered",
        FailureCode::Price => "price",
        FailureCode::Clock => "clock",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_shows_the_beginning_of_a_models_name() {
        assert_eq!(shown("smollm2-135m-instruct"), "smollm2-135m-instruct");
        // A character lies across the limit.
        assert_eq!(shown(&format!("{}\n{}", "x".repeat(62), "é".repeat(1 << 20))), format!("{} ", "x".repeat(62)));
    }

    #[test]
    fn slots_come_back() {
        let used = Arc::new(AtomicU32::new(0));
        let first = Slot::take(&used, 2).unwrap();
        let second = Slot::take(&used, 2).unwrap();
        assert!(Slot::take(&used, 2).is_none());
        drop(first);
        assert!(Slot::take(&used, 1).is_none(), "one above a smaller share still runs");
        drop(second);
        assert!(Slot::take(&used, 1).is_some());
    }
}
