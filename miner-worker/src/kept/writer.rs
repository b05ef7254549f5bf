//! The thread that writes what is kept, and deletes what nobody can ask for any more. Nobody else changes the folder.

use std::{fs::File, io, os::unix::fs::FileExt, sync::Arc};

use cuckoo_primitives::{commitment::Leaf, evidence::SignedReceipt, task::began_ms};

use super::{
    error::KeptError,
    folder::Name,
    record::Record,
    shared::{Keep, Release, Shared, Work},
};
use crate::link::dated::now_ms;

/// What is written to see whether the disk can be.
static PROBE: [u8; 64 << 10] = [0; 64 << 10];

/// Writes what is put into the queue.
pub(super) struct Writer {
    shared: Arc<Shared>,
    current: Option<Current>,
}

/// The file that is written.
struct Current {
    name: Name,
    file: Arc<File>,
    /// So many bytes of it are on the disk.
    end: u64,
    /// A write failed and may have left something behind them.
    is_dirty: bool,
}

impl Writer {
    /// Begins a file of its own with the first attempt: what a crash has left is not written on.
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, current: None }
    }

    /// Works until the queue is closed and nothing is left.
    pub(super) fn run(mut self) {
        while let Some(work) = self.shared.next() {
            match work {
                Work::Keep(group) => self.keep(group),
                Work::Release(release) => self.release(release),
                Work::Probe => self.probe(),
            }
        }
    }

    /// Writes these attempts with one sync, and says to each what became of it.
    pub(super) fn keep(&mut self, group: Vec<Keep>) {
        let mut records: Vec<Record> = Vec::new();
        let mut waiting = Vec::new();
        let mut bytes = self.shared.book.lock().bytes();
        for Keep { signed, leaves, done } in group {
            match self.record(&signed, &leaves, &records, bytes) {
                Ok(record) => {
                    bytes = bytes.saturating_add(record.header().record_bytes());
                    records.push(record);
                    waiting.push(done);
                }
                // Whoever waits no more need not know.
                Err(error) => drop(done.send(Err(error))),
            }
        }
        if records.is_empty() {
            return;
        }
        let written = self.append(&records);
        self.note(&written);
        for done in waiting {
            let _ = done.send(written.as_ref().copied().map_err(|_| KeptError::Unwritable));
        }
    }

    /// The record of an attempt that comes behind those `before` it, with which all files have so many bytes.
    fn record(
        &self,
        signed: &SignedReceipt,
        leaves: &[Leaf],
        before: &[Record],
        bytes: u64,
    ) -> Result<Record, KeptError> {
        let began_ms = began_ms(&signed.receipt.spec.task_id).unwrap_or_else(now_ms);
        let record = Record::new(began_ms, signed, leaves)?;
        let header = record.header();
        let is_twice = before.iter().any(|other| other.header().key == header.key);
        if is_twice || self.shared.book.lock().holds(&header.key) {
            return Err(KeptError::Twice);
        }
        match bytes.saturating_add(header.record_bytes()) <= self.shared.limits.most_bytes {
            true => Ok(record),
            false => Err(KeptError::Full),
        }
    }

    /// Appends these records; when it returns, they are on the disk and can be found. After an error none of them counts.
    fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let current = self.current()?;
        let begin = current.end;
        current.append(records)?;
        let (name, mut offset) = (current.name, begin);
        let mut book = self.shared.book.lock();
        for record in records {
            book.note(name, offset, record.header());
            book.note_coordinator(&record.header().key, record.coordinator().clone());
            offset = offset.saturating_add(record.header().record_bytes());
        }
        Ok(())
    }

    /// The file to write to, with nothing behind what counts.
    fn current(&mut self) -> io::Result<&mut Current> {
        let now_ms = now_ms();
        if let Some(current) = &mut self.current {
            current.tidy()?;
        }
        let limits = self.shared.limits;
        let goes_on = |current: &Current| {
            // A clock that was set back begins a new one too.
            let is_young = now_ms.checked_sub(current.name).is_some_and(|age_ms| age_ms < limits.segment_ms);
            current.end < limits.segment_bytes && is_young
        };
        let current = match self.current.take().filter(goes_on) {
            Some(current) => current,
            None => self.begin(now_ms)?,
        };
        Ok(self.current.insert(current))
    }

    /// Makes the next file. Its name is greater than all others', whatever the clock says: of the greatest alone the last
    /// write may have been cut short.
    fn begin(&self, now_ms: u64) -> io::Result<Current> {
        let newest = self.shared.book.lock().newest();
        let name = newest.map_or(now_ms, |newest| now_ms.max(newest.saturating_add(1)));
        let file = Arc::new(self.shared.folder.make(name)?);
        self.shared.book.lock().open(name, file.clone());
        Ok(Current { name, file, end: 0, is_dirty: false })
    }

    /// Deletes the files of which nobody can be asked any more.
    pub(super) fn release(&mut self, Release { needed, now_ms, done }: Release) {
        let outdated = self.shared.book.lock().outdated(&needed, now_ms);
        let mut gone = Vec::new();
        for name in outdated {
            match self.shared.folder.delete(name) {
                Ok(()) => gone.push(name),
                Err(error) if error.kind() == io::ErrorKind::NotFound => gone.push(name),
                Err(error) => {
                    let path = self.shared.folder.path(name);
                    tracing::warn!(
                        target: "miner::kept",
                        path = %path.display(),
                        %error,
                        "cannot delete what nobody can be asked for any more; trying again later"
                    );
                }
            }
        }
        if self.current.as_ref().is_some_and(|current| gone.contains(&current.name)) {
            self.current = None;
        }
        self.shared.book.lock().forget(&gone);
        let _ = done.send(());
    }

    /// Tries whether the disk can be written.
    pub(super) fn probe(&mut self) {
        let left = self.shared.limits.most_bytes.saturating_sub(self.shared.book.lock().bytes());
        let length = usize::try_from(left).map_or(PROBE.len(), |left| left.min(PROBE.len()));
        let bytes = PROBE.get(..length).unwrap_or_default();
        let probed = match self.current.is_some() {
            true => self.current().and_then(|current| current.probe(bytes)),
            // A file that is begun for this alone would stay behind empty, one for each start.
            false => self.shared.folder.probe(bytes),
        };
        self.note(&probed);
    }

    /// Says once what keeps it from being written, and once that it can be again.
    fn note(&self, written: &io::Result<()>) {
        let mut trouble = self.shared.trouble.lock();
        match written {
            Ok(()) => {
                if trouble.take().is_some() {
                    tracing::info!(target: "miner::kept", "what must be kept can be written again");
                }
            }
            Err(error) => {
                let said = Some(error.to_string());
                if *trouble != said {
                    tracing::error!(
                        target: "miner::kept",
                        path = %self.shared.folder.path(0).with_file_name("").display(),
                        %error,
                        "cannot write what this miner may be asked for, so it takes no task of which something must be \
                         kept; to mend it, free space on its disk"
                    );
                    *trouble = said;
                }
            }
        }
    }

    /// Has every write fail from now on, or none any more.
    #[cfg(test)]
    pub(super) fn spoil(&mut self, is_spoilt: bool) {
        if let Some(current) = &mut self.current {
            let path = self.shared.folder.path(current.name);
            current.file = Arc::new(File::options().read(true).write(!is_spoilt).open(path).unwrap());
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.leave();
    }
}

impl Current {
    /// Cuts off what a failed write may have left.
    fn tidy(&mut self) -> io::Result<()> {
        if self.is_dirty {
            self.file.set_len(self.end)?;
            self.is_dirty = false;
        }
        Ok(())
    }

    fn append(&mut self, records: &[Record]) -> io::Result<()> {
        self.is_dirty = true;
        let mut end = self.end;
        for record in records {
            let bytes = record.to_bytes(self.end);
            self.file.write_all_at(&bytes, end)?;
            end = end.saturating_add(bytes.len() as u64);
        }
        self.file.sync_data()?;
        self.end = end;
        self.is_dirty = false;
        Ok(())
    }

    fn probe(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.is_dirty = true;
        self.file.write_all_at(bytes, self.end)?;
        self.file.sync_data()?;
        self.tidy()
    }
}
