//! One try of a task on one miner.

use std::sync::Arc;

use bytes::Bytes;
use cuckoo_primitives::{
    task::{OutputHasher, Receipt},
    AccountId, Balance, Hash, Signature,
};
use cuckoo_wire::{
    charge::{charged, Delivered},
    link::{self, FailureCode},
};
use tokio::{sync::mpsc, time::Instant};

use super::{
    bounds::{Bounds, MAX_VECTOR_BYTES},
    failure::{ClientFault, Failure},
    receipt_check::{check, Witnessed},
    registry::{Ceiling, Tried},
    task::{AttemptId, TaskSpec},
};
use crate::{
    auth::Spending,
    config::Limits,
    link::{AttemptMessage, Link, OfferedModel},
    settle::ChannelKey,
};

/// What an attempt reports.
#[derive(Debug)]
pub(crate) enum AttemptEvent {
    /// A piece of the answer.
    Piece(Piece),
    /// It is done, says the miner.
    Done(link::Result),
}

/// What a client's side of a task sees.
#[derive(Debug)]
pub(crate) enum TaskEvent {
    /// A piece of the answer.
    Piece(Piece),
    /// It is done, and its receipt is stored.
    Done(Box<Completed>),
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    /// Text.
    Text(String),
    /// An embedding, little-endian f32.
    Vector(Bytes),
}

/// A task that was answered.
#[derive(Clone, Debug)]
pub(crate) struct Completed {
    /// What the miner signed.
    pub(crate) receipt: Receipt,
    /// Its signature.
    pub(crate) signature: Signature,
}

/// One try of a task on one miner. Dropping it before its end cancels it.
pub(crate) struct Attempt {
    id: AttemptId,
    link: Arc<Link>,
    model: OfferedModel,
    messages: mpsc::Receiver<Box<AttemptMessage>>,
    bounds: Bounds,
    hasher: OutputHasher,
    tokens: u32,
    pieces: usize,
    text_bytes: usize,
    vector_len: usize,
    has_ended: bool,
    /// Set aside until its pay is promised or it came to nothing: of what covers the miner, and of the client's budget.
    _set_aside: (Ceiling, Spending),
}

impl Attempt {
    pub(super) fn new(
        id: AttemptId,
        link: Arc<Link>,
        model: OfferedModel,
        messages: mpsc::Receiver<Box<AttemptMessage>>,
        bounds: Bounds,
        set_aside: (Ceiling, Spending),
    ) -> Self {
        Self {
            id,
            link,
            model,
            messages,
            bounds,
            hasher: OutputHasher::default(),
            tokens: 0,
            pieces: 0,
            text_bytes: 0,
            vector_len: 0,
            has_ended: false,
            _set_aside: set_aside,
        }
    }

    /// Which try it is.
    pub(super) fn id(&self) -> AttemptId {
        self.id
    }

    /// Where it runs.
    pub(super) fn tried(&self) -> Tried {
        Tried::of(&self.link)
    }

    /// Who runs it.
    pub(crate) fn miner(&self) -> &AccountId {
        self.link.operator()
    }

    /// Through which channel it is paid.
    pub(super) fn channel(&self) -> &ChannelKey {
        self.link.channel()
    }

    /// What it costs after this receipt, in planck: the rule by which the miner reckons too.
    pub(super) fn cost(&self, spec: &TaskSpec, receipt: &Receipt) -> Balance {
        let vectors = if self.bounds.vectors.is_some() { self.pieces } else { 0 };
        let delivered = Delivered { text_bytes: self.text_bytes as u64, vectors };
        spec.price.cost(&charged(&spec.task, self.model.context_tokens, receipt, delivered))
    }

    /// The model as this miner offers it.
    pub(crate) fn model(&self) -> &OfferedModel {
        &self.model
    }

    /// The next event.
    pub(super) async fn next(&mut self, limits: &Limits) -> Result<AttemptEvent, Failure> {
        let (patience, awaited) = match self.pieces {
            0 => (limits.first_token_timeout(), "first token"),
            _ => (limits.token_timeout(), "next token"),
        };
        let until = self.bounds.deadline.min(Instant::now() + patience);
        let message = match tokio::time::timeout_at(until, self.messages.recv()).await {
            Err(_) if until == self.bounds.deadline => return Err(Failure::Deadline),
            Err(_) => return Err(Failure::Silent(awaited)),
            Ok(None) if self.link.has_ended() => {
                self.has_ended = true;
                return Err(Failure::LinkLost);
            }
            Ok(None) => return Err(Failure::Overflow),
            Ok(Some(message)) => *message,
        };
        match message {
            AttemptMessage::Output(output) => self.piece(output).map(AttemptEvent::Piece),
            AttemptMessage::Result(result) => {
                self.has_ended = true;
                Ok(AttemptEvent::Done(result))
            }
            AttemptMessage::Failure(failure) => {
                self.has_ended = true;
                // The miner counts from the task's arrival, so it may say so in the moment in which our own clock does.
                let is_late = failure.code() == FailureCode::Timeout && Instant::now() >= self.bounds.deadline;
                Err(if is_late { Failure::Deadline } else { failure_of(failure) })
            }
            AttemptMessage::TooMuch => Err(Failure::Violation("a longer answer than the task allows")),
        }
    }

    fn piece(&mut self, output: link::Output) -> Result<Piece, Failure> {
        self.pieces += 1;
        self.tokens = self.tokens.saturating_add(output.tokens);
        if self.tokens > self.bounds.max_tokens {
            return Err(Failure::Violation("more tokens than asked for"));
        }
        let Some(vectors) = self.bounds.vectors else {
            if !output.vector.is_empty() {
                return Err(Failure::Violation("a vector where text was asked for"));
            }
            self.text_bytes = self.text_bytes.saturating_add(output.text.len());
            self.hasher.update(output.text.as_bytes());
            return Ok(Piece::Text(output.text));
        };
        let length = output.vector.len();
        let has_shape = length > 0 && length.is_multiple_of(4) && length <= MAX_VECTOR_BYTES;
        let fits = self.vector_len == 0 || self.vector_len == length;
        if !output.text.is_empty() || !has_shape || !fits || self.pieces > vectors {
            return Err(Failure::Violation("not one vector of equal length for each input"));
        }
        if !values_of(&output.vector).all(f32::is_finite) {
            return Err(Failure::Violation("a vector with infinite values or none"));
        }
        self.vector_len = length;
        self.hasher.update(&output.vector);
        Ok(Piece::Vector(output.vector))
    }

    /// Checks the receipt against what was seen.
    pub(super) fn verify(
        &self,
        result: &link::Result,
        genesis: Hash,
        coordinator: &AccountId,
        request_hash: Hash,
    ) -> Result<Completed, Failure> {
        if self.bounds.vectors.is_some_and(|vectors| self.pieces != vectors) {
            return Err(Failure::Violation("not one vector of equal length for each input"));
        }
        if !self.bounds.can_have_taken(self.tokens, self.text_bytes) {
            return Err(Failure::Violation("more tokens than the text can have taken"));
        }
        let witnessed = Witnessed {
            genesis,
            task_id: self.id.task,
            attempt: self.id.attempt,
            coordinator: coordinator.clone(),
            miner: self.link.operator().clone(),
            link: self.link.hash(),
            model_root: self.model.model_root,
            request_hash,
            output_hash: self.hasher.clone().finish(),
            completion_tokens: self.tokens,
            max_prompt_tokens: self.bounds.max_prompt_tokens,
        };
        let (receipt, signature) = check(result, &witnessed)?;
        Ok(Completed { receipt, signature })
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.has_ended {
            self.link.cancel(&self.id);
        }
    }
}

/// The values of a vector as it crosses the link.
pub(crate) fn values_of(vector: &[u8]) -> impl Iterator<Item = f32> + '_ {
    vector.chunks_exact(4).map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

fn failure_of(failure: link::Failure) -> Failure {
    match failure.code() {
        FailureCode::Busy => Failure::Busy,
        FailureCode::Uncovered => Failure::Uncovered,
        FailureCode::Price => Failure::Price,
        FailureCode::Draining => Failure::Draining,
        FailureCode::InvalidRequest => Failure::ClientFault(ClientFault::Invalid(failure.reason)),
        FailureCode::ContextLength => Failure::ClientFault(ClientFault::ContextLength(failure.reason)),
        FailureCode::UnknownModel => Failure::Miner("it does not have the model that it offers"),
        FailureCode::Cancelled => Failure::Miner("it cancelled"),
        FailureCode::Timeout => Failure::Miner("it ran out of time"),
        FailureCode::Internal => Failure::Miner("internal error"),
        FailureCode::Unspecified => Failure::Miner("no reason given"),
    }
}
