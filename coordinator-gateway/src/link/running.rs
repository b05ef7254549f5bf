//! The attempts that run on one link.

use std::{collections::HashMap, time::Duration};

use cuckoo_wire::link;
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    time::Instant,
};

use crate::dispatch::{AttemptId, Slot};

/// After a cancellation the slot is free when the miner says so, or after this.
const CANCEL_GRACE: Duration = Duration::from_secs(3);
/// Pieces that may wait for a client that reads slowly. The channel takes memory only for those that do.
const MAX_PIECES_WAITING: usize = 4096;

/// What a miner says about an attempt. Boxed on its way, as a channel has room for dozens from its beginning.
#[derive(Debug)]
pub(crate) enum AttemptMessage {
    /// A piece of the answer.
    Output(link::Output),
    /// It is done.
    Result(link::Result),
    /// It came to nothing.
    Failure(link::Failure),
    /// It sent more than an answer to this task can have.
    TooMuch,
}

/// Whether the miner should be told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Routed {
    /// Nothing to do.
    Fine,
    /// The attempt has just been given up; the miner should stop.
    Stop,
}

/// The attempts that run on one link. Removing one frees its slot, so it must not happen under the registry's lock;
/// it never does, as only the link's own task and the attempts' tasks do it.
#[derive(Default)]
pub(super) struct Running {
    attempts: HashMap<AttemptId, RunningAttempt>,
}

struct RunningAttempt {
    messages: Option<mpsc::Sender<Box<AttemptMessage>>>,
    /// What it may still send.
    bytes_left: usize,
    cancelled: Option<Instant>,
    /// Held for its effect when dropped.
    _slot: Slot,
}

impl Running {
    /// Notes a new attempt that may answer with `max_bytes`; its messages arrive at the returned end.
    pub(super) fn begin(&mut self, id: AttemptId, slot: Slot, max_bytes: usize) -> mpsc::Receiver<Box<AttemptMessage>> {
        let (messages, received) = mpsc::channel(MAX_PIECES_WAITING);
        let attempt = RunningAttempt { messages: Some(messages), bytes_left: max_bytes, cancelled: None, _slot: slot };
        self.attempts.insert(id, attempt);
        received
    }

    /// Hands a piece to its attempt. Pieces of attempts that are gone are dropped: they crossed a cancellation.
    pub(super) fn output(&mut self, id: &AttemptId, output: link::Output) -> Routed {
        let Some(attempt) = self.attempts.get_mut(id) else { return Routed::Fine };
        let Some(messages) = &attempt.messages else { return Routed::Fine };
        let message = match attempt.bytes_left.checked_sub(output.text.len().saturating_add(output.vector.len())) {
            Some(left) => {
                attempt.bytes_left = left;
                AttemptMessage::Output(output)
            }
            None => AttemptMessage::TooMuch,
        };
        let is_too_much = matches!(message, AttemptMessage::TooMuch);
        match messages.try_send(Box::new(message)) {
            Ok(()) if !is_too_much => Routed::Fine,
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Closed(_)) => {
                attempt.give_up();
                Routed::Stop
            }
        }
    }

    /// Ends an attempt with its last message; the returned value frees the slot when dropped.
    #[must_use = "dropping it frees the slot, which must not happen under this lock"]
    pub(super) fn end(&mut self, id: &AttemptId, last: AttemptMessage) -> Option<impl Sized> {
        let attempt = self.attempts.remove(id)?;
        if let Some(messages) = &attempt.messages {
            // A full channel means a client that does not read; its attempt sees the channel's end.
            drop(messages.try_send(Box::new(last)));
        }
        Some(attempt)
    }

    /// Nobody waits for this attempt any more.
    pub(super) fn cancel(&mut self, id: &AttemptId) -> Routed {
        match self.attempts.get_mut(id) {
            Some(attempt) if attempt.cancelled.is_none() => {
                attempt.give_up();
                Routed::Stop
            }
            _ => Routed::Fine,
        }
    }

    /// Takes an attempt back that was never sent.
    #[must_use = "dropping it frees the slot, which must not happen under this lock"]
    pub(super) fn take_back(&mut self, id: &AttemptId) -> Option<impl Sized> {
        self.attempts.remove(id)
    }

    /// Attempts that were cancelled long ago and never answered.
    #[must_use = "dropping it frees the slots, which must not happen under this lock"]
    pub(super) fn overdue(&mut self) -> Vec<impl Sized> {
        let now = Instant::now();
        let is_overdue = |attempt: &RunningAttempt| {
            attempt.cancelled.is_some_and(|cancelled| now.saturating_duration_since(cancelled) > CANCEL_GRACE)
        };
        let overdue: Vec<AttemptId> =
            self.attempts.iter().filter(|(_, attempt)| is_overdue(attempt)).map(|(id, _)| *id).collect();
        overdue.iter().filter_map(|id| self.attempts.remove(id)).collect()
    }

    /// Whether nothing runs.
    pub(super) fn is_empty(&self) -> bool {
        self.attempts.is_empty()
    }
}

impl RunningAttempt {
    fn give_up(&mut self) {
        self.messages = None;
        self.cancelled = Some(Instant::now());
    }
}
