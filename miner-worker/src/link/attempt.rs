//! Running one attempt of a task and answering for it.

use std::{
    sync::{
        atomic::{AtomicU32, Ordering},
        Arc,
    },
    time::Instant,
};

use cuckoo_engine::{EmbeddingEvent, FinishReason, GenerateRequest, GenerationEvent};
use cuckoo_primitives::{
    task::{Finish, TaskId},
    AccountId, Hash,
};
use cuckoo_wire::link::{self, miner_message::Message, FailureCode};
use tokio::sync::mpsc::{self, error::TryRecvError};
use tokio_util::sync::CancellationToken;

use super::{
    board::Counted,
    dial::foreign,
    error::LinkError,
    miner::Miner,
    outbox::Outbox,
    pay::TaskPay,
    work::{read, Failed, Work},
};
use crate::{
    config::CoordinatorUrl,
    receipt::{ReceiptBuilder, SignedReceipt},
};

/// Text of one message; what has piled up beyond it goes into the next.
const MAX_PIECE_BYTES: usize = 16 * 1024;

/// Said when the engine ends without a last event.
const STOPPED: &str = "the model stopped without a word";
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
    pub(super) task: link::Task,
    pub(super) miner: Arc<Miner>,
    pub(super) coordinator: AccountId,
    pub(super) link: Hash,
    pub(super) url: CoordinatorUrl,
    pub(super) outbox: Outbox,
    pub(super) cancel: CancellationToken,
    pub(super) slot: Slot,
    pub(super) pay: TaskPay,
}

/// Why there is no receipt.
enum Trouble {
    /// The coordinator is told.
    Failed(Failed),
    /// There is nobody to tell.
    LinkGone,
}

impl From<Failed> for Trouble {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

impl From<LinkError> for Trouble {
    fn from(_: LinkError) -> Self {
        Self::LinkGone
    }
}

impl Attempt {
    /// Runs it to its end and tells the coordinator.
    pub(super) async fn run(self) {
        let begun = Instant::now();
        let outcome = self.execute().await;
        let (label, counted) = match &outcome {
            Ok(signed) => {
                let receipt = &signed.receipt;
                metrics::counter!("cuckoo_miner_tokens_total", "kind" => "prompt")
                    .increment(receipt.prompt_tokens.into());
                metrics::counter!("cuckoo_miner_tokens_total", "kind" => "completion")
                    .increment(receipt.completion_tokens.into());
                ("served", Counted::Served)
            }
            Err(Trouble::Failed(failed)) if failed.code == FailureCode::Busy => ("busy", Counted::RefusedBusy),
            Err(Trouble::Failed(failed)) => (failure_label(failed.code), Counted::Failed),
            Err(Trouble::LinkGone) => ("link_gone", Counted::Failed),
        };
        metrics::counter!("cuckoo_miner_tasks_total", "coordinator" => self.url.to_string(), "outcome" => label)
            .increment(1);
        metrics::histogram!("cuckoo_miner_task_seconds", "outcome" => label).record(begun.elapsed());
        self.miner.board().count(&self.url, counted);
        tracing::info!(
            target: "miner::task",
            attempt = self.id.attempt,
            task.id = hex::encode(self.id.task_id),
            model = shown(&self.task.model),
            outcome = label,
            completion_tokens = outcome.as_ref().map_or(0, |signed| signed.receipt.completion_tokens),
            duration_ms = begun.elapsed().as_millis() as u64,
            "task ended"
        );
        self.answer(outcome).await;
    }

    /// Sends the last message. The slot is free before it is sent: whoever reads it may send the next task at once.
    async fn answer(self, outcome: Result<SignedReceipt, Trouble>) {
        drop(self.slot);
        let message = match outcome {
            Ok(signed) => {
                // Before it is sent, since its voucher may come at once.
                self.pay.delivered(&self.task, &signed.receipt, signed.delivered);
                Message::Result(signed.into_result())
            }
            Err(Trouble::Failed(failed)) => Message::Failure(failure(self.id, failed)),
            Err(Trouble::LinkGone) => return,
        };
        drop(self.pay);
        // If the link is gone, its session ends by itself.
        let _ = self.outbox.send(message).await;
    }

    async fn execute(&self) -> Result<SignedReceipt, Trouble> {
        let assignment = read(&self.task, self.miner.models())?;
        let coordinator = self.coordinator.clone();
        let receipt = ReceiptBuilder::new(self.id.task_id, &self.task, coordinator, self.link, assignment.model_root);
        let working = async {
            match assignment.work {
                Work::Generate { request, echo } => self.generate(request, echo, receipt).await,
                Work::Embed { model, inputs } => self.embed(&model, inputs, receipt).await,
            }
        };
        tokio::select! {
            // What is asked to stop sends nothing more.
            biased;
            () = self.cancel.cancelled() => Err(Failed::new(FailureCode::Cancelled, "cancelled").into()),
            worked = tokio::time::timeout(assignment.timeout, working) => {
                worked.map_err(|_| Failed::new(FailureCode::Timeout, "the task's time is over"))?
            }
        }
    }

    async fn generate(
        &self,
        request: GenerateRequest,
        echo: Option<String>,
        mut receipt: ReceiptBuilder,
    ) -> Result<SignedReceipt, Trouble> {
        let mut generation = self.miner.engine().generate(request).await.map_err(Failed::from)?;
        if let Some(prompt) = echo {
            self.send_text(&mut receipt, prompt, 0).await?;
        }
        let mut unsent_tokens = 0;
        loop {
            let Batch { text, tokens, end } = Batch::next(&mut generation.events).await;
            unsent_tokens += tokens;
            let (prompt_tokens, completion_tokens, finish) = match end {
                None if text.is_empty() => continue,
                None => {
                    self.send_text(&mut receipt, text, std::mem::take(&mut unsent_tokens)).await?;
                    continue;
                }
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(end)) => end,
            };
            // Tokens that became no text, such as those of a stop string, are counted with the last piece.
            let missing = completion_tokens.saturating_sub(receipt.tokens()).max(unsent_tokens);
            if !text.is_empty() || missing > 0 {
                self.send_text(&mut receipt, text, missing).await?;
            }
            return Ok(self.sign(receipt, prompt_tokens, finish));
        }
    }

    async fn embed(
        &self,
        model: &str,
        inputs: Vec<String>,
        mut receipt: ReceiptBuilder,
    ) -> Result<SignedReceipt, Trouble> {
        let expected = inputs.len();
        let mut embedding = self.miner.engine().embed(model, inputs).await.map_err(Failed::from)?;
        let mut sent = 0;
        while let Some(event) = embedding.events.recv().await {
            match event {
                EmbeddingEvent::Vectors { vectors, .. } => {
                    for vector in vectors {
                        let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
                        receipt.vector(&bytes);
                        self.send(link::Output { vector: bytes.into(), ..self.output() }).await?;
                        sent += 1;
                    }
                }
                EmbeddingEvent::Done { prompt_tokens } if sent == expected => {
                    return Ok(self.sign(receipt, prompt_tokens, Finish::Stop));
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

    /// Sends text, in several messages if it is long; the first carries the tokens.
    async fn send_text(&self, receipt: &mut ReceiptBuilder, text: String, tokens: u32) -> Result<(), Trouble> {
        let mut tokens = tokens;
        for text in split(text) {
            receipt.text(&text, tokens);
            self.send(link::Output { text, tokens, ..self.output() }).await?;
            tokens = 0;
        }
        Ok(())
    }

    async fn send(&self, output: link::Output) -> Result<(), Trouble> {
        Ok(self.outbox.send(Message::Output(output)).await?)
    }

    fn output(&self) -> link::Output {
        link::Output { task_id: self.id.task_id.to_vec().into(), attempt: self.id.attempt, ..Default::default() }
    }

    fn sign(&self, receipt: ReceiptBuilder, prompt_tokens: u32, finish: Finish) -> SignedReceipt {
        receipt.sign(self.miner.key(), &self.miner.chain().genesis(), prompt_tokens, finish)
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

fn failure_label(code: FailureCode) -> &'static str {
    match code {
        FailureCode::Unspecified => "unspecified",
        FailureCode::Busy => "busy",
        FailureCode::UnknownModel => "unknown_model",
        FailureCode::InvalidRequest => "invalid_request",
        FailureCode::ContextLength => "context_length",
        FailureCode::Cancelled => "cancelled",
        FailureCode::Timeout => "timeout",
        FailureCode::Internal => "internal",
        FailureCode::Draining => "draining",
        FailureCode::Uncovered => "uncovered",
        FailureCode::Price => "price",
    }
}

/// Everything that a generation has reported by now, as one piece: the first token goes out at once, and later ones
/// pile up only while the network is slower than the model.
struct Batch {
    text: String,
    tokens: u32,
    /// Prompt tokens, completion tokens, and why it ended.
    end: Option<Result<(u32, u32, Finish), Failed>>,
}

impl Batch {
    async fn next(events: &mut mpsc::Receiver<GenerationEvent>) -> Self {
        let mut batch = Self { text: String::new(), tokens: 0, end: None };
        let mut event = events.recv().await;
        loop {
            match event {
                Some(GenerationEvent::Piece { text, tokens }) => {
                    batch.text.push_str(&text);
                    batch.tokens = batch.tokens.saturating_add(tokens);
                }
                Some(GenerationEvent::Done { prompt_tokens, completion_tokens, finish }) => {
                    let finish = match finish {
                        FinishReason::Stop => Finish::Stop,
                        FinishReason::Length => Finish::Length,
                    };
                    batch.end = Some(Ok((prompt_tokens, completion_tokens, finish)));
                }
                Some(GenerationEvent::Failed(error)) => batch.end = Some(Err(error.into())),
                None => batch.end = Some(Err(Failed::new(FailureCode::Internal, STOPPED))),
            }
            if batch.end.is_some() || batch.text.len() >= MAX_PIECE_BYTES {
                return batch;
            }
            event = match events.try_recv() {
                Ok(event) => Some(event),
                Err(TryRecvError::Empty) => return batch,
                Err(TryRecvError::Disconnected) => None,
            };
        }
    }
}

/// Cuts text into messages of whole characters; a short or empty text is one message.
fn split(text: String) -> Vec<String> {
    if text.len() <= MAX_PIECE_BYTES {
        return vec![text];
    }
    let mut pieces = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let end = rest.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= MAX_PIECE_BYTES).last();
        let (piece, after) = rest.split_at(end.unwrap_or(rest.len()));
        pieces.push(piece.to_owned());
        rest = after;
    }
    pieces
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

    #[test]
    fn long_text_is_cut_at_characters() {
        let text = "ä".repeat(MAX_PIECE_BYTES);
        let pieces = split(text.clone());
        assert!(pieces.len() > 1 && pieces.iter().all(|piece| piece.len() <= MAX_PIECE_BYTES));
        assert_eq!(pieces.concat(), text);
        assert_eq!(split(String::new()), [""]);
    }

    #[tokio::test]
    async fn what_has_piled_up_becomes_one_piece() {
        let (sender, mut events) = mpsc::channel(8);
        for text in ["a", "b"] {
            sender.send(GenerationEvent::Piece { text: text.into(), tokens: 1 }).await.unwrap();
        }
        let batch = Batch::next(&mut events).await;
        assert_eq!((batch.text.as_str(), batch.tokens), ("ab", 2));
        assert!(batch.end.is_none());
        drop(sender);
        let end = Batch::next(&mut events).await.end;
        assert!(matches!(end, Some(Err(Failed { code: FailureCode::Internal, .. }))));
    }
}
