//! The handle to what is kept.

use std::{fmt, path::Path, sync::Arc, thread::JoinHandle};

use cuckoo_primitives::{
    challenge::AttemptOf,
    commitment::{self, hash_of, Leaf},
    evidence::SignedReceipt,
    AccountId, Hash,
};
use serde::Serialize;
use tokio::sync::oneshot;

use super::{
    book::{Book, Found},
    error::KeptError,
    folder::{Folder, Name},
    record::{key, most_bytes},
    scan::{Depth, Scan},
    shared::{Keep, Limits, Release, Shared},
    stored::{ReadError, Stored},
    writer::Writer,
};
use crate::link::dated::now_ms;

/// A file is followed by another when it is this long, or was begun so long ago: so much more than must be is kept at
/// most.
const SEGMENT_BYTES: u64 = 256 << 20;
const SEGMENT_MS: u64 = 10 * 60 * 1_000;

/// What this miner can be asked for. Cheap to clone; the folder's lock must be held for as long as any clone lives.
#[derive(Clone)]
pub struct Kept(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

/// How much is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptReport {
    /// How many attempts.
    pub attempts: usize,
    /// How much of the disk they take.
    pub bytes: u64,
    /// How much that may be.
    pub most_bytes: u64,
    /// Why nothing can be written.
    pub trouble: Option<String>,
}

impl Kept {
    /// Opens what is kept in `folder`, or makes it. It never takes more than `most_bytes` of the disk.
    pub fn open(folder: &Path, most_bytes: u64) -> Result<Self, KeptError> {
        Self::with(folder, Limits { most_bytes, segment_bytes: SEGMENT_BYTES, segment_ms: SEGMENT_MS })
    }

    fn with(path: &Path, limits: Limits) -> Result<Self, KeptError> {
        let refused = |error: ReadError| {
            tracing::error!(target: "miner::kept", path = %path.display(), %error, "cannot open what is kept");
            match error {
                ReadError::Newer => KeptError::Newer,
                ReadError::Io(_) | ReadError::Damaged => KeptError::Unreadable,
            }
        };
        let folder = Folder::open(path).map_err(|error| refused(error.into()))?;
        let book = read(&folder).map_err(refused)?;
        let shared = Arc::new(Shared::new(folder, limits, book));
        let mut writer = Writer::new(shared.clone());
        // A full disk is known before there is an answer to lose by it.
        writer.probe();
        let thread = std::thread::Builder::new().name("kept".into());
        let writer = thread.spawn(move || writer.run()).map_err(|error| refused(error.into()))?;
        Ok(Self(Arc::new(Inner { shared, writer: Some(writer) })))
    }

    /// Keeps how the tokens of an attempt were drawn, and the receipt that commits to them; returns when both are on the
    /// disk. Several that come at once share one sync. After an error the receipt must not be sent.
    pub async fn keep(&self, signed: SignedReceipt, leaves: Vec<Leaf>) -> Result<(), KeptError> {
        let (done, is_done) = oneshot::channel();
        self.0.shared.keep(Keep { signed, leaves, done });
        // A writer that is gone has panicked, and said so.
        is_done.await.unwrap_or(Err(KeptError::Unwritable))
    }

    /// Whether attempts of so many tokens together can be kept.
    pub fn has_room(&self, tokens: u32) -> bool {
        let shared = &self.0.shared;
        let with = shared.book.lock().bytes().saturating_add(most_bytes(tokens));
        with <= shared.limits.most_bytes && shared.trouble.lock().is_none()
    }

    /// `count` leaves of an attempt from the one at `first` on, counted from its first, for the coordinator whose task
    /// it was.
    ///
    /// Nothing is read for leaves that are not there or for another coordinator, or a few bytes sent would have the
    /// disk read a megabyte. But whose task it was that was kept before this start is not known until it was read once.
    pub async fn leaves(
        &self,
        attempt: &AttemptOf,
        coordinator: &AccountId,
        first: u32,
        count: u32,
    ) -> Result<Vec<Leaf>, KeptError> {
        let Found { stored, leaves: tokens, coordinator: known } = self.find(attempt)?;
        if known.as_ref().is_some_and(|known| known != coordinator) {
            return Err(KeptError::Unknown);
        }
        if first.checked_add(count).is_none_or(|end| end > tokens) {
            return Err(KeptError::NoSuchToken { tokens });
        }
        let asker = coordinator.clone();
        let (named, leaves) = read_record(attempt, move || stored.leaves_for(&asker, first, count)).await?;
        let is_theirs = named == *coordinator;
        if known.is_none() {
            self.0.shared.book.lock().note_coordinator(&key(attempt), named);
        }
        leaves.ok_or(if is_theirs { KeptError::NoSuchToken { tokens } } else { KeptError::Unknown })
    }

    /// The receipt of an attempt; `None` if there never was one, or if it is too long ago.
    pub async fn receipt(&self, attempt: &AttemptOf) -> Result<Option<SignedReceipt>, KeptError> {
        match self.find(attempt) {
            Ok(Found { stored, .. }) => read_record(attempt, move || stored.receipt()).await.map(Some),
            Err(KeptError::Unknown) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The leaf at `index` of an attempt, and its way to the root that the receipt commits to.
    pub async fn proof(&self, attempt: &AttemptOf, index: u32) -> Result<(Leaf, commitment::Path), KeptError> {
        let Found { stored, leaves: tokens, .. } = self.find(attempt)?;
        let proof = read_record(attempt, move || proof(&stored, index)).await?;
        proof.ok_or(KeptError::NoSuchToken { tokens })
    }

    /// Deletes what nobody can ask for any more at this time, in milliseconds after 1970; the attempts that are `needed`
    /// are kept on, whatever their age.
    ///
    /// Only whoever has just read all open challenges knows which are needed. Nothing is deleted otherwise.
    pub(crate) async fn release(&self, needed: &[AttemptOf], now_ms: u64) {
        let (done, is_done) = oneshot::channel();
        self.0.shared.release(Release { needed: needed.iter().map(key).collect(), now_ms, done });
        // If there is a newer word already, that one counts.
        let _ = is_done.await;
    }

    /// How much is kept.
    pub fn report(&self) -> KeptReport {
        let shared = &self.0.shared;
        let (attempts, bytes) = {
            let book = shared.book.lock();
            (book.attempts(), book.bytes())
        };
        KeptReport { attempts, bytes, most_bytes: shared.limits.most_bytes, trouble: shared.trouble.lock().clone() }
    }

    /// Where an attempt's record is, and what is known of it without reading it.
    fn find(&self, attempt: &AttemptOf) -> Result<Found, KeptError> {
        let book = self.0.shared.book.lock();
        let unknown = || if book.is_damaged() { KeptError::Incomplete } else { KeptError::Unknown };
        book.find(&key(attempt)).ok_or_else(unknown)
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kept").field(&self.report()).finish()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.close();
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has said so already.
            let _ = writer.join();
        }
    }
}

/// Reads something of this attempt's record, where that keeps nobody waiting.
async fn read_record<T: Send + 'static>(
    attempt: &AttemptOf,
    read: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, KeptError> {
    let reading = tokio::task::spawn_blocking(read).await;
    let refused = |error: &dyn fmt::Display| {
        tracing::error!(
            target: "miner::kept",
            %error,
            task.id = hex::encode(attempt.task_id),
            attempt = attempt.attempt,
            "cannot read what is kept of an attempt"
        );
        KeptError::Unreadable
    };
    reading.map_err(|error| refused(&error))?.map_err(|error| refused(&error))
}

/// What the files hold. Of the last one, what a write that was cut short has left is cut off.
fn read(folder: &Folder) -> Result<Book, ReadError> {
    let names = folder.files()?;
    let mut book = Book::default();
    for name in &names {
        let depth = if names.last() == Some(name) { Depth::Bodies } else { Depth::Headers };
        read_file(folder, *name, depth, &mut book)?;
    }
    Ok(book)
}

fn read_file(folder: &Folder, name: Name, depth: Depth, book: &mut Book) -> Result<(), ReadError> {
    let file = Arc::new(folder.file(name)?);
    let mut length = file.metadata()?.len();
    let mut scan = Scan::of(&file, length, depth)?;
    // A file is complete before the next one is begun.
    if let Some(end) = scan.torn_at().filter(|_| depth == Depth::Bodies) {
        file.set_len(end)?;
        tracing::warn!(
            target: "miner::kept",
            path = %folder.path(name).display(),
            bytes = length.saturating_sub(end),
            "the last write of what is kept was cut short; what it left, which nobody was told of, is cut off"
        );
        scan.cut(end);
        length = end;
    }
    if depth == Depth::Bodies {
        // What only this program was killed in is whole and perhaps not on the disk.
        file.sync_all()?;
    }
    book.open(name, file);
    if !scan.damage.is_empty() {
        tracing::error!(
            target: "miner::kept",
            path = %folder.path(name).display(),
            places = ?scan.damage,
            "some of what is kept is damaged, so that this miner may not be able to answer for it; check the disk"
        );
        // Its last record was written at most so long after it was begun, of a task from at most that long ahead.
        book.note_damage(name, name.saturating_add(2 * SEGMENT_MS).min(now_ms()));
    }
    book.note_length(name, length);
    scan.records.iter().for_each(|(offset, header)| book.note(name, *offset, header));
    Ok(())
}

/// A leaf and its way to the root over all; `None` if there is no such leaf.
fn proof(stored: &Stored, index: u32) -> Result<Option<(Leaf, commitment::Path)>, ReadError> {
    let count = stored.count()?;
    let mut leaves = stored.leaves(0, count)?.ok_or(ReadError::Damaged)?;
    let hashes: Vec<Hash> = leaves.iter().map(hash_of).collect();
    let path = commitment::path(&hashes, index as usize);
    Ok(path.map(|path| (leaves.swap_remove(index as usize), path)))
}

#[cfg(test)]
mod tests;
