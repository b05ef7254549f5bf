//! The attempts that run on one link.

use std::collections::HashMap;

use cuckoo_wire::link;
use tokio::sync::mpsc;

use crate::dispatch::{weight_of, AttemptId};

/// Messages that may wait for an attempt's own task. It waits for nobody while they come, so this is never reached by an
/// honest miner; the channel takes memory only for those that wait.
const MAX_WAITING: usize = 4096;

/// What a miner says about an attempt. Boxed on its way, as a channel has room for dozens from its beginning.
#[derive(Debug)]
pub(crate) enum AttemptMessage {
    /// The miner takes it on.
    Accept(link::Accept),
    /// A piece of the answer.
    Output(link::Output),
    /// It is done.
    Result(link::Result),
    /// It came to nothing.
    Failure(link::Failure),
    /// It sent more than an answer to this task can have.
    TooMuch,
}

/// The attempts that run on one link. Each is here until its own task leaves it, which it does when its pay is promised or
/// it is sure that there will be none.
#[derive(Default)]
pub(super) struct Running {
    attempts: HashMap<AttemptId, RunningAttempt>,
}

struct RunningAttempt {
    /// `None` when nothing more is heard of it.
    messages: Option<mpsc::Sender<Box<AttemptMessage>>>,
    /// What it may still send.
    bytes_left: usize,
    /// The miner has said its last word about it.
    has_ended: bool,
}

impl Running {
    /// Notes a new attempt that may answer with `max_bytes`; its messages arrive at the returned end, which closes after
    /// the last of them.
    pub(super) fn begin(&mut self, id: AttemptId, max_bytes: usize) -> mpsc::Receiver<Box<AttemptMessage>> {
        let (messages, received) = mpsc::channel(MAX_WAITING);
        let attempt = RunningAttempt { messages: Some(messages), bytes_left: max_bytes, has_ended: false };
        self.attempts.insert(id, attempt);
        received
    }

    /// Hands a piece to its attempt. Pieces of attempts that are gone are dropped: they crossed a cancellation.
    pub(super) fn output(&mut self, id: &AttemptId, output: link::Output) {
        let Some(attempt) = self.attempts.get_mut(id) else { return };
        let numbers = output.token_ids.len().saturating_mul(size_of::<u32>()).saturating_add(output.signature.len());
        let bytes = [output.text.len(), output.vector.len(), weight_of(&output.logprobs), numbers];
        let bytes = bytes.into_iter().fold(0, usize::saturating_add);
        let message = match attempt.bytes_left.checked_sub(bytes) {
            Some(left) => {
                attempt.bytes_left = left;
                AttemptMessage::Output(output)
            }
            None => AttemptMessage::TooMuch,
        };
        attempt.hand_on(message);
    }

    /// Tells an attempt that the miner takes it on; one that is gone crossed a cancellation.
    pub(super) fn accept(&mut self, id: &AttemptId, accept: link::Accept) {
        if let Some(attempt) = self.attempts.get_mut(id) {
            attempt.hand_on(AttemptMessage::Accept(accept));
        }
    }

    /// Hands its last message to an attempt.
    pub(super) fn end(&mut self, id: &AttemptId, last: AttemptMessage) {
        let Some(attempt) = self.attempts.get_mut(id) else { return };
        attempt.has_ended = true;
        attempt.hand_on(last);
        attempt.messages = None;
    }

    /// Whether the miner still works on it.
    pub(super) fn is_open(&self, id: &AttemptId) -> bool {
        self.attempts.get(id).is_some_and(|attempt| !attempt.has_ended)
    }

    /// Nobody hears this attempt any more.
    pub(super) fn leave(&mut self, id: &AttemptId) {
        self.attempts.remove(id);
    }

    /// Whether nothing runs, and all that did is paid for.
    pub(super) fn is_empty(&self) -> bool {
        self.attempts.is_empty()
    }
}

impl RunningAttempt {
    /// What finds no room ends the channel, since what is heard after a gap is worth nothing.
    fn hand_on(&mut self, message: AttemptMessage) {
        if self.messages.as_ref().is_some_and(|messages| messages.try_send(Box::new(message)).is_err()) {
            self.messages = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: AttemptId = AttemptId { task: [1; 16], attempt: 0 };

    fn text(text: &str) -> link::Output {
        link::Output { text: text.into(), ..Default::default() }
    }

    fn said(messages: &mut mpsc::Receiver<Box<AttemptMessage>>) -> Option<String> {
        match *messages.try_recv().ok()? {
            AttemptMessage::Accept(_) => Some("accept".into()),
            AttemptMessage::Output(output) => Some(output.text),
            AttemptMessage::TooMuch => Some("too much".into()),
            AttemptMessage::Result(_) => Some("result".into()),
            AttemptMessage::Failure(_) => Some("failure".into()),
        }
    }

    #[test]
    fn an_attempt_hears_its_pieces_up_to_its_last_message() {
        let mut running = Running::default();
        let mut messages = running.begin(ID, 100);
        running.output(&AttemptId { attempt: 1, ..ID }, text("of another"));
        running.accept(&AttemptId { attempt: 1, ..ID }, link::Accept::default());
        running.accept(&ID, link::Accept::default());
        running.output(&ID, text("a"));
        running.end(&ID, AttemptMessage::Result(link::Result::default()));
        running.output(&ID, text("late"));
        running.end(&ID, AttemptMessage::Failure(link::Failure::default()));
        assert_eq!(said(&mut messages).as_deref(), Some("accept"));
        assert_eq!(said(&mut messages).as_deref(), Some("a"));
        assert_eq!(said(&mut messages).as_deref(), Some("result"));
        assert!(matches!(messages.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
        assert!(!running.is_open(&ID) && !running.is_empty(), "it is not paid for yet");
        running.leave(&ID);
        assert!(running.is_empty());
    }

    #[test]
    fn numbers_and_signatures_are_bytes_of_an_answer() {
        let mut running = Running::default();
        let mut messages = running.begin(ID, 11);
        running.output(&ID, link::Output { token_ids: vec![1, 2], signature: vec![0; 3].into(), ..text("") });
        running.output(&ID, text("a"));
        let all: Vec<_> = std::iter::from_fn(|| said(&mut messages)).collect();
        assert_eq!(all, ["", "too much"]);
    }

    #[test]
    fn an_answer_has_no_more_bytes_than_it_may() {
        let mut running = Running::default();
        let mut messages = running.begin(ID, 3);
        ["ab", "cd", "e"].into_iter().for_each(|piece| running.output(&ID, text(piece)));
        let all: Vec<_> = std::iter::from_fn(|| said(&mut messages)).collect();
        assert_eq!(all, ["ab", "too much", "e"]);
        assert!(running.is_open(&ID));
    }

    #[test]
    fn who_sends_faster_than_is_read_is_not_heard_any_more() {
        let mut running = Running::default();
        let mut messages = running.begin(ID, usize::MAX);
        (0..=MAX_WAITING).for_each(|_| running.output(&ID, text("a")));
        running.output(&ID, text("after the gap"));
        let all: Vec<_> = std::iter::from_fn(|| said(&mut messages)).collect();
        assert_eq!(all, vec!["a"; MAX_WAITING]);
        assert!(matches!(messages.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
        assert!(running.is_open(&ID), "so that it can be cancelled");
    }
}
