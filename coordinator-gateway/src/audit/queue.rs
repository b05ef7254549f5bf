//! Attempts that wait for their audit.

use std::{
    collections::HashMap,
    sync::{
        atomic::{AtomicUsize, Ordering},
        Arc,
    },
};

use cuckoo_primitives::AccountId;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::finished::Finished;

/// Most memory that attempts take while they wait: those that find no room are not audited, and counted.
const MAX_BYTES: usize = 256 * 1024 * 1024;
/// Most attempts that wait. Those that find no room are the same for all miners, who do not know of it.
const MAX_WAITING: usize = 65_536;
/// Most of one miner's that have not been opened yet. Honest ones open within a moment; who does not could else have the rest
/// of its answers passed over.
pub(super) const MAX_UNOPENED: u32 = 64;

/// Most embeddings that wait for the engine, which computes some of each again, and most of one miner's. The rest is not audited.
const MAX_EMBEDDINGS: u32 = 64;
const MAX_EMBEDDINGS_OF_ONE: u32 = 8;

/// The end at which attempts arrive.
#[derive(Clone)]
pub(crate) struct Waiting {
    queue: mpsc::Sender<Place>,
    bytes: Arc<AtomicUsize>,
    unopened: Unopened,
    /// Of embeddings, that the engine has not gone through.
    embeddings: Unopened,
}

/// How many attempts of each miner have not been opened.
type Unopened = Arc<Mutex<HashMap<AccountId, u32>>>;

/// Why an attempt is not audited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoRoom {
    /// For anybody's.
    ForAll,
    /// For this miner's: it has too many to open.
    ForMiner,
}

/// An attempt that waits, and what it takes.
pub(crate) struct Place {
    /// The attempt.
    pub(crate) finished: Finished,
    taken: usize,
    bytes: Arc<AtomicUsize>,
    /// Until it is opened.
    unopened: Option<Unopened>,
}

impl Place {
    /// It has been opened, or will never be.
    pub(super) fn is_opened(&mut self) {
        let Some(unopened) = self.unopened.take() else { return };
        let mut unopened = unopened.lock();
        if let Some(count) = unopened.get_mut(self.finished.miner()) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                unopened.remove(self.finished.miner());
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.is_opened();
        self.bytes.fetch_sub(self.taken, Ordering::AcqRel);
    }
}

/// Both ends.
pub(crate) fn queue() -> (Waiting, mpsc::Receiver<Place>) {
    let (queue, received) = mpsc::channel(MAX_WAITING);
    (Waiting { queue, bytes: Arc::default(), unopened: Arc::default(), embeddings: Arc::default() }, received)
}

impl Waiting {
    /// Has an attempt audited, if there is room.
    pub(super) fn push(&self, finished: Finished) -> Result<(), NoRoom> {
        let taken = finished.bytes();
        let with = |bytes: usize| Some(bytes.saturating_add(taken)).filter(|all| *all <= MAX_BYTES);
        if self.bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, with).is_err() {
            return Err(NoRoom::ForAll);
        }
        // What finds no room gives its bytes back.
        let mut place = Place { finished, taken, bytes: self.bytes.clone(), unopened: None };
        {
            let is_embedding = place.finished.is_embedding();
            let counted = if is_embedding { &self.embeddings } else { &self.unopened };
            let mut counts = counted.lock();
            if is_embedding && counts.values().sum::<u32>() >= MAX_EMBEDDINGS {
                return Err(NoRoom::ForAll);
            }
            let count = counts.entry(place.finished.miner().clone()).or_default();
            match (is_embedding, *count) {
                // It can do nothing about that.
                (true, MAX_EMBEDDINGS_OF_ONE..) => return Err(NoRoom::ForAll),
                (false, MAX_UNOPENED..) => return Err(NoRoom::ForMiner),
                _ => *count += 1,
            }
            place.unopened = Some(counted.clone());
        }
        self.queue.try_send(place).map_err(|_| NoRoom::ForAll)
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
        Finished {
            stash: receipt.receipt.spec.miner.clone(),
            own_stake: 1,
            price: 0,
            task: Arc::new(task),
            receipt,
            tokens: vec![1, 2],
            vectors: vec![],
            class: "cpu".into(),
            context_tokens: 100,
        }
    }

    #[tokio::test]
    async fn memory_bounds_what_waits_and_comes_back() {
        let (waiting, mut received) = queue();
        waiting.push(finished(MAX_BYTES / 2)).unwrap();
        // With what is around them both are too much.
        assert_eq!(waiting.push(finished(MAX_BYTES / 2)), Err(NoRoom::ForAll));
        waiting.push(finished(10)).unwrap();
        drop(received.recv().await.unwrap());
        waiting.push(finished(MAX_BYTES / 2)).unwrap();
        drop((received.recv().await, received.recv().await));
        assert_eq!((waiting.bytes.load(Ordering::Acquire), waiting.unopened.lock().len()), (0, 0));
    }

    #[tokio::test]
    async fn embeddings_take_no_room_of_texts() {
        let (waiting, mut received) = queue();
        let embedding = |miner: u8| {
            let mut finished = finished(10);
            let work = link::task::Work::Embedding(link::Embedding { inputs: vec!["a".into()] });
            finished.task = Arc::new(link::Task { work: Some(work), ..Default::default() });
            finished.receipt.receipt.spec.miner = AccountId::from([miner; 32]);
            finished
        };
        for miner in 0..8 {
            (0..MAX_EMBEDDINGS_OF_ONE).for_each(|_| waiting.push(embedding(miner)).unwrap());
            assert_eq!(waiting.push(embedding(miner)), Err(NoRoom::ForAll), "nobody is paused for that");
        }
        assert_eq!(waiting.push(embedding(8)), Err(NoRoom::ForAll));
        waiting.push(finished(10)).unwrap();
        drop(received.recv().await.unwrap());
        waiting.push(embedding(8)).unwrap();
    }

    #[tokio::test]
    async fn a_miner_that_opens_nothing_finds_no_room_and_others_do() {
        let (waiting, mut received) = queue();
        (0..MAX_UNOPENED).for_each(|_| waiting.push(finished(10)).unwrap());
        assert_eq!(waiting.push(finished(10)), Err(NoRoom::ForMiner));
        let mut other = finished(10);
        other.receipt.receipt.spec.miner = AccountId::from([0xee; 32]);
        waiting.push(other).unwrap();
        let mut first = received.recv().await.unwrap();
        first.is_opened();
        first.is_opened();
        waiting.push(finished(10)).unwrap();
        assert_eq!(waiting.push(finished(10)), Err(NoRoom::ForMiner), "it is counted once");
    }
}
