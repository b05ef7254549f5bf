//! What one miner says that takes no work to say: it is believed when a second one says so too, or when none is left to ask.

use std::time::Duration;

use super::{
    attempt::{Attempt, Completed, TaskEvent},
    failure::{Blame, ClientFault},
    registry::Tried,
};
use crate::link::OfferedModel;

/// How long a task about which one miner has said so waits for another one.
pub(super) const SECOND_OPINION_WAIT: Duration = Duration::from_secs(2);

/// A miner says that the client is at fault. Its word alone is not enough while another can be asked: a miner that
/// refuses everything would look flawless, and clients do not repeat what was their fault.
pub(super) struct Refusal {
    pub(super) fault: ClientFault,
    pub(super) by: Tried,
    pub(super) context_tokens: u32,
}

impl Refusal {
    /// How it counts for the miner that another one could serve the task. Servers differ in what they take, so that a task
    /// can be found that one of them refuses and another serves: that is no failure.
    pub(super) fn blame(&self, server: &OfferedModel) -> Blame {
        match self.fault {
            ClientFault::ContextLength(_) if server.context_tokens > self.context_tokens => Blame::Nobody,
            ClientFault::ContextLength(_) => Blame::Miner,
            ClientFault::Invalid(_) => Blame::Busy,
        }
    }
}

/// A miner says that the answer has no text. Its word alone is not enough while another can be asked: it takes no work to
/// say so. It costs nothing, and is a whole answer for the client once it is believed.
pub(super) struct Silence {
    pub(super) attempt: Attempt,
    pub(super) completed: Box<Completed>,
}

impl Silence {
    /// As the end of a stream.
    pub(super) fn ended(self) -> (Attempt, TaskEvent) {
        (self.attempt, TaskEvent::Done(self.completed))
    }
}
