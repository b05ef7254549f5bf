//! Why an attempt or a whole task came to nothing.

use std::time::Duration;

use cuckoo_wire::link::ModelKind;

use crate::{
    auth::{HungUpTooOften, OverBudget},
    chain_guard::NotReady,
    dispatch::{attempt::Completed, receipt_check::BadReceipt},
    error::{shortened, shortened_reason, ApiError},
    settle::Unfunded,
};

/// Why one attempt came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The miner had no free slot after all.
    #[error("busy")]
    Busy,
    /// The miner says that not enough stands behind its pay.
    #[error("its pay is not covered, it says")]
    Uncovered,
    /// The miner says that the price is below what it asks.
    #[error("it asks more")]
    Price,
    /// The miner says that the task began far from its own time.
    #[error("its clock and this gateway's are minutes apart, it says; is this gateway's right?")]
    Clock,
    /// The miner is shutting down.
    #[error("shutting down")]
    Draining,
    /// The link ended.
    #[error("link lost")]
    LinkLost,
    /// Nothing came for too long.
    #[error("no {0} in time")]
    Silent(&'static str),
    /// The task's own time is over.
    #[error("out of time")]
    Deadline,
    /// The client went away, or did not read, so that the answer piled up.
    #[error("the client does not read")]
    Unread,
    /// The miner sent faster than anybody can read.
    #[error("more pieces at once than can be taken")]
    Flood,
    /// The miner says that the request itself is wrong.
    #[error("request refused")]
    ClientFault(ClientFault),
    /// The miner says that it failed.
    #[error("miner failure: {0}")]
    Miner(&'static str),
    /// The miner broke the protocol.
    #[error("protocol violation: {0}")]
    Violation(&'static str),
    /// The miner goes on with an answer in another way than another one had begun it. Who of them is wrong nobody knows.
    #[error("another text than the one that it was to go on with")]
    Differs,
    /// The receipt does not fit the task and its output.
    #[error("bad receipt: {0}")]
    BadReceipt(#[from] BadReceipt),
    /// The answer has no text.
    #[error("an answer without text")]
    Empty(Box<Completed>),
    /// We could not store the receipt.
    #[error("receipt not stored")]
    NotStored,
}

/// What of the request a miner could not serve.
#[derive(Debug, Clone)]
pub(crate) enum ClientFault {
    /// The prompt does not fit.
    ContextLength(String),
    /// Anything else.
    Invalid(String),
}

/// How a failure counts for the miner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    /// Not at all.
    Nobody,
    /// It is left alone for a moment, and nothing more.
    Busy,
    /// It takes no more tasks on this link.
    Leaving,
    /// It failed.
    Miner,
}

impl Failure {
    /// Whether the miner has failed if another one then serves the same task. If none does, the request may be the reason,
    /// and nobody shall have honest miners suspended by what he asks.
    pub(crate) fn is_suspicious(&self) -> bool {
        match self {
            Self::Silent(_) | Self::Miner(_) | Self::Empty(_) => true,
            Self::Busy | Self::Uncovered | Self::Price | Self::Clock | Self::Draining => false,
            Self::LinkLost | Self::Deadline | Self::Unread | Self::ClientFault(_) | Self::NotStored => false,
            // Whoever had begun the answer could have others suspended by it.
            Self::Differs => false,
            Self::Flood | Self::Violation(_) | Self::BadReceipt(_) => false,
        }
    }

    /// How the failure counts for the miner at once, whoever else serves the task.
    pub(crate) fn blame(&self) -> Blame {
        match self {
            Self::Busy | Self::Uncovered | Self::Price | Self::Clock => Blame::Busy,
            Self::Draining => Blame::Leaving,
            // The registry counts a lost link once, not once for each of its tasks.
            Self::LinkLost | Self::Deadline | Self::Unread | Self::ClientFault(_) | Self::NotStored => Blame::Nobody,
            Self::Silent(_) | Self::Miner(_) | Self::Empty(_) | Self::Differs => Blame::Nobody,
            Self::Flood | Self::Violation(_) | Self::BadReceipt(_) => Blame::Miner,
        }
    }

    /// A label for metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Uncovered => "uncovered",
            Self::Price => "price",
            Self::Clock => "clock",
            Self::Draining => "draining",
            Self::LinkLost => "link_lost",
            Self::Silent(_) => "silent",
            Self::Deadline => "deadline",
            Self::Unread => "unread",
            Self::Flood => "flood",
            Self::ClientFault(_) => "client_fault",
            Self::Miner(_) => "miner",
            Self::Violation(_) => "violation",
            Self::Differs => "differs",
            Self::BadReceipt(_) => "bad_receipt",
            Self::Empty(_) => "empty",
            Self::NotStored => "not_stored",
        }
    }
}

/// Why a task came to nothing.
#[derive(Debug)]
pub(crate) enum DispatchError {
    /// No new tasks are accepted now.
    NotReady(NotReady),
    /// As many tasks as allowed are under way.
    Overloaded,
    /// No miner has ever offered the model.
    UnknownModel {
        /// What was asked for.
        model: String,
        /// What there is.
        available: Vec<String>,
    },
    /// The model is for something else.
    WrongKind {
        /// What was asked for.
        model: String,
        /// What it is for.
        kind: ModelKind,
    },
    /// Nothing stands behind what it may cost.
    Unfunded(Unfunded),
    /// Its key's budget does not do for it.
    OverBudget(OverBudget),
    /// The applications of its key have too often left tasks that miners had begun, and paid for nothing.
    HungUpTooOften(HungUpTooOften),
    /// Nobody can take it.
    NoMiner {
        /// Why.
        reason: String,
    },
    /// As many tasks as allowed wait for a slot.
    QueueFull,
    /// No slot became free in time.
    AllBusy {
        /// How long was waited.
        waited: Duration,
    },
    /// Every attempt failed.
    Failed {
        /// Attempts made.
        attempts: u32,
        /// How the last one failed.
        last: Failure,
    },
    /// The request itself is wrong.
    ClientFault(ClientFault),
    /// The task's time is over.
    Deadline,
    /// We could not store the receipt.
    NotStored,
}

impl From<DispatchError> for ApiError {
    fn from(error: DispatchError) -> Self {
        match error {
            DispatchError::NotReady(not_ready) => not_ready.into(),
            DispatchError::Overloaded => ApiError::unavailable("overloaded", "The gateway has too much to do."),
            DispatchError::UnknownModel { model, available } => ApiError::model_not_found(&model, &available),
            DispatchError::WrongKind { model, kind } => {
                let (what, endpoints) = match kind {
                    ModelKind::Embedding => ("an embedding model", "/v1/embeddings"),
                    ModelKind::Chat | ModelKind::Unspecified => {
                        ("a language model", "/v1/chat/completions or /v1/completions")
                    }
                };
                let message = format!("'{}' is {what}: use {endpoints}.", shortened(&model));
                ApiError::invalid("model", "model_not_supported", message)
            }
            DispatchError::NoMiner { reason } => {
                ApiError::unavailable("no_miner_available", format!("No miner can take this task: {reason}."))
            }
            DispatchError::Unfunded(unfunded) => unfunded.into(),
            DispatchError::OverBudget(over) => over.into(),
            DispatchError::HungUpTooOften(too_often) => too_often.into(),
            DispatchError::QueueFull => ApiError::too_many(
                "queue_full",
                "All miners are busy and the queue is full; try again after the time in retry-after.",
                Duration::from_secs(2),
            ),
            DispatchError::AllBusy { waited } => ApiError::unavailable(
                "all_miners_busy",
                format!("All miners were busy for {} ms; try again, /v1/miners shows who serves.", waited.as_millis()),
            ),
            DispatchError::Failed { attempts, last } => {
                ApiError::miners_failed(format!("{attempts} attempt(s) failed; the last one: {last}."))
            }
            DispatchError::ClientFault(ClientFault::ContextLength(reason)) => ApiError::bad_request(
                "context_length_exceeded",
                format!(
                    "The prompt is too long: {}. Shorten it, or ask for fewer tokens (max_tokens).",
                    shortened_reason(&reason)
                ),
            ),
            DispatchError::ClientFault(ClientFault::Invalid(reason)) => ApiError::bad_request(
                "invalid_request",
                format!("The miner cannot serve this request: {}.", shortened_reason(&reason)),
            ),
            DispatchError::Deadline => ApiError::deadline_exceeded("The task took too long."),
            DispatchError::NotStored => ApiError::internal(),
        }
    }
}
