//! Attempts that wait for their audit.

use std::sync::{
    atomic::{AtomicUsize, Ordering},
    Arc,
};

use tokio::sync::mpsc;

use super::finished::Finished;

/// Most memory that attempts take while they wait: those that find no room are not audited, and counted.
const MAX_BYTES: usize = 256 * 1024 * 1024;
/// Most attempts that wait. Those that find no room are the same for all miners, who do not know of it.
const MAX_WAITING: usize = 65_536;

/// The end at which attempts arrive.
#[derive(Clone)]
pub(crate) struct Waiting {
    queue: mpsc::Sender<Place>,
    bytes: Arc<AtomicUsize>,
}

/// An attempt that waits, and what it takes.
pub(crate) struct Place {
    /// The attempt.
    pub(crate) finished: Finished,
    taken: usize,
    bytes: Arc<AtomicUsize>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.bytes.fetch_sub(self.taken, Ordering::AcqRel);
    }
}

/// Both ends.
pub(crate) fn queue() -> (Waiting, mpsc::Receiver<Place>) {
    let (queue, received) = mpsc::channel(MAX_WAITING);
    (Waiting { queue, bytes: Arc::default() }, received)
}

impl Waiting {
    /// Has an attempt audited; false if there is no room.
    pub(crate) fn push(&self, finished: Finished) -> bool {
        let taken = finished.bytes();
        let with = |bytes: usize| Some(bytes.saturating_add(taken)).filter(|all| *all <= MAX_BYTES);
        if self.bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, with).is_err() {
            return false;
        }
        let place = Place { finished, taken, bytes: self.bytes.clone() };
        // What finds no room gives its bytes back.
        self.queue.try_send(place).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cuckoo_primitives::{evidence::SignedReceipt, fixture};
    use cuckoo_wire::link;

    use super::*;

    fn finished(prompt_bytes: usize) -> Finished {
        let work = link::Completion { prompt: "x".repeat(prompt_bytes), ..Default::default() };
        let task = link::Task { work: Some(link::task::Work::Completion(work)), ..Default::default() };
        let receipt = SignedReceipt { receipt: fixture::receipt(), signature: [0; 64] };
        Finished { task: Arc::new(task), receipt, tokens: vec![1, 2], class: "cpu".into(), context_tokens: 100 }
    }

    #[tokio::test]
    async fn memory_bounds_what_waits_and_comes_back() {
        let (waiting, mut received) = queue();
        assert!(waiting.push(finished(MAX_BYTES / 2)));
        assert!(!waiting.push(finished(MAX_BYTES / 2)), "with what is around them both are too much");
        assert!(waiting.push(finished(10)));
        drop(received.recv().await.unwrap());
        assert!(waiting.push(finished(MAX_BYTES / 2)));
        drop((received.recv().await, received.recv().await));
        assert_eq!(waiting.bytes.load(Ordering::Acquire), 0);
    }
}
