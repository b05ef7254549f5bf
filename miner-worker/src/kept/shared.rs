//! What the handles of what is kept share with the thread that writes it.

use std::time::Duration;

use cuckoo_primitives::{commitment::Leaf, evidence::SignedReceipt};
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::{book::Book, error::KeptError, folder::Folder, record::Key};

/// Pause after a failed write, before it is tried whether the disk can be written again.
const RETRY: Duration = Duration::from_secs(5);

/// How much is kept, and in what pieces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Most bytes of all files together.
    pub(super) most_bytes: u64,
    /// A file that is this long, or was begun so long ago, is followed by another.
    pub(super) segment_bytes: u64,
    pub(super) segment_ms: u64,
}

/// What all handles share with the thread that writes.
pub(super) struct Shared {
    pub(super) folder: Folder,
    pub(super) limits: Limits,
    pub(super) book: Mutex<Book>,
    /// Why nothing can be written at the moment.
    pub(super) trouble: Mutex<Option<String>>,
    queue: Mutex<Queue>,
    /// Something has been put into the queue.
    wake: Condvar,
}

#[derive(Default)]
struct Queue {
    keeps: Vec<Keep>,
    release: Option<Release>,
    is_closing: bool,
    /// Nobody does what is put into it any more.
    is_left: bool,
}

/// An attempt that is to be kept, and who waits for that.
pub(super) struct Keep {
    pub(super) signed: SignedReceipt,
    pub(super) leaves: Vec<Leaf>,
    pub(super) done: oneshot::Sender<Result<(), KeptError>>,
}

/// Leave to delete what nobody can ask for any more at this time, but for what is `needed`.
pub(super) struct Release {
    pub(super) needed: Vec<Key>,
    pub(super) now_ms: u64,
    pub(super) done: oneshot::Sender<()>,
}

/// What there is to do.
pub(super) enum Work {
    /// To write these, all with one sync.
    Keep(Vec<Keep>),
    /// To make room.
    Release(Release),
    /// To try whether the disk can be written again.
    Probe,
}

impl Shared {
    pub(super) fn new(folder: Folder, limits: Limits, book: Book) -> Self {
        Self {
            folder,
            limits,
            book: Mutex::new(book),
            trouble: Mutex::default(),
            queue: Mutex::default(),
            wake: Condvar::new(),
        }
    }

    /// Puts an attempt into the queue.
    pub(super) fn keep(&self, keep: Keep) {
        self.put(|queue| queue.keeps.push(keep));
    }

    /// Has room made as soon as possible. The newest word counts.
    pub(super) fn release(&self, release: Release) {
        self.put(|queue| queue.release = Some(release));
    }

    fn put(&self, put: impl FnOnce(&mut Queue)) {
        let mut queue = self.queue.lock();
        if !queue.is_left {
            put(&mut queue);
            self.wake.notify_one();
        }
    }

    /// The thread that writes has ended, in whatever way: nobody waits for it any more.
    pub(super) fn leave(&self) {
        *self.queue.lock() = Queue { is_left: true, ..Queue::default() };
        self.trouble
            .lock()
            .get_or_insert_with(|| "the thread that writes it has ended; start this worker again".into());
    }

    /// Has the thread end as soon as nothing is left to write.
    pub(super) fn close(&self) {
        self.queue.lock().is_closing = true;
        self.wake.notify_one();
    }

    /// Waits for something to do; `None` when it is closed and nothing is left.
    pub(super) fn next(&self) -> Option<Work> {
        let mut queue = self.queue.lock();
        loop {
            // What is deleted makes room for what is written.
            if let Some(release) = queue.release.take() {
                return Some(Work::Release(release));
            }
            if !queue.keeps.is_empty() {
                return Some(Work::Keep(std::mem::take(&mut queue.keeps)));
            }
            if queue.is_closing {
                return None;
            }
            let is_in_trouble = self.trouble.lock().is_some();
            match is_in_trouble {
                false => self.wake.wait(&mut queue),
                true if self.wake.wait_for(&mut queue, RETRY).timed_out() => return Some(Work::Probe),
                true => {}
            }
        }
    }
}
