//! The wallet's file: appending durably, opening what a crash has left, replacing it as a whole.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use cuckoo_primitives::Hash;

use super::{
    error::WalletError,
    record::{Entry, Record, RECORD_BYTES},
    scan::{Flaw, Scan},
};

const FILE_MODE: u32 = 0o600;
/// Above this length a file is written anew with what still counts.
const COMPACT_BYTES: u64 = 16 << 20;
/// No wallet is longer: a file is compacted long before.
const MAX_BYTES: u64 = 256 << 20;

/// A wallet's file, to be written by one process alone. The folder's lock sees to that.
#[derive(Debug)]
pub(crate) struct WalletFile {
    path: PathBuf,
    file: File,
    records: u64,
    /// A write failed and may have left something behind the last whole record.
    dirty: bool,
    /// The folder is not known to hold the file's name on the disk. As long as that is so, a crash may bring back the
    /// file that had the name before, so that nothing that is written here is durable.
    unnamed: bool,
}

/// The name of the wallet for the chain with this genesis hash.
pub(crate) fn file_name(genesis: &Hash) -> String {
    let hex: String = hex::encode(genesis.as_bytes()).chars().take(8).collect();
    format!("wallet-{hex}.log")
}

fn refused(path: &Path) -> impl Fn(io::Error) -> WalletError + '_ {
    move |source| WalletError::Io { path: path.into(), source }
}

/// A path beside `path` whose name has `suffix` appended.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Reads a wallet beside the process that writes it; `None` if there is none.
pub(crate) fn scan(path: &Path) -> Result<Option<Scan>, WalletError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(path)(error)),
    };
    Ok(Some(Scan::of(&read_all(path, &file)?)))
}

fn read_all(path: &Path, file: &File) -> Result<Vec<u8>, WalletError> {
    let bytes = file.metadata().map_err(refused(path))?.len();
    if bytes > MAX_BYTES {
        return Err(WalletError::TooLarge { path: path.into(), bytes });
    }
    let mut content = Vec::new();
    let mut limited = file.take(MAX_BYTES);
    limited.read_to_end(&mut content).map_err(refused(path))?;
    Ok(content)
}

/// The whole records of a file, or why it must not be used.
pub(crate) fn usable(path: &Path, scan: Scan) -> Result<Vec<Record>, WalletError> {
    match scan.flaw {
        None | Some(Flaw::Torn(_)) => Ok(scan.records),
        Some(Flaw::Damaged(record)) => Err(WalletError::Damaged { path: path.into(), record }),
        Some(Flaw::Unknown(record)) => Err(WalletError::Newer { path: path.into(), record }),
    }
}

impl WalletFile {
    /// Opens the file, or makes it. What a write that was cut short has left is cut off and kept beside the file, as
    /// `.torn`.
    pub(crate) fn open(path: &Path) -> Result<(Self, Vec<Record>), WalletError> {
        let leftover = beside(path, ".new");
        match fs::remove_file(&leftover) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(refused(&leftover)(error)),
            _ => {}
        }
        let file = private().read(true).write(true).create(true).truncate(false).open(path).map_err(refused(path))?;
        file.set_permissions(PermissionsExt::from_mode(FILE_MODE)).map_err(refused(path))?;
        let content = read_all(path, &file)?;
        let scan = Scan::of(&content);
        let is_torn = matches!(scan.flaw, Some(Flaw::Torn(_)));
        let records = usable(path, scan)?;
        let whole = records.len().saturating_mul(RECORD_BYTES);
        if is_torn {
            let tail = content.get(whole..).unwrap_or_default();
            write_whole(&beside(path, ".torn"), tail)?;
            file.set_len(whole as u64).and_then(|()| file.sync_all()).map_err(refused(path))?;
            tracing::warn!(
                target: "miner::wallet",
                path = %path.display(),
                bytes = tail.len(),
                "the last write to the wallet was cut short; what it left is kept beside it as .torn"
            );
        }
        sync_folder(path)?;
        let file = Self { path: path.into(), file, records: records.len() as u64, dirty: false, unnamed: false };
        Ok((file, records))
    }

    /// Writes a new file of these records, each with its time, and puts it in the place of the one at `path`. Whenever
    /// this is cut short, there is the old file or the new one, whole. After an error the old one is still in its place;
    /// otherwise the new one is, though perhaps not durably: see [`Self::make_durable`].
    pub(crate) fn replace(path: &Path, records: Vec<(u64, Entry)>) -> Result<Self, WalletError> {
        let numbered = (0_u64..).zip(records);
        // All records before one are durable when it is first read, since the file gets its name only when all are.
        let bytes: Vec<u8> =
            numbered.flat_map(|(durable, (time_s, entry))| Record { durable, time_s, entry }.to_bytes()).collect();
        let new = beside(path, ".new");
        // From here on the new file is written through this handle, whatever becomes of its name.
        let written = write_whole(&new, &bytes).and_then(|file| {
            fs::rename(&new, path).map_err(refused(path))?;
            Ok(file)
        });
        let file = written.inspect_err(|_| {
            // On a full disk what was written of it would take the place that vouchers need.
            let _ = fs::remove_file(&new);
        })?;
        let records = (bytes.len() / RECORD_BYTES) as u64;
        Ok(Self { path: path.into(), file, records, dirty: false, unnamed: true })
    }

    /// Makes the name of a file that has replaced another durable. Nothing can be appended before.
    pub(crate) fn make_durable(&mut self) -> Result<(), WalletError> {
        if self.unnamed {
            sync_folder(&self.path)?;
            self.unnamed = false;
        }
        Ok(())
    }

    /// Appends these records; when it returns, they are on the disk. After an error none of them counts, and another
    /// try begins at the same place.
    pub(crate) fn append(&mut self, time_s: u64, entries: &[Entry]) -> Result<(), WalletError> {
        self.make_durable()?;
        self.write(time_s, entries).map_err(refused(&self.path))
    }

    fn write(&mut self, time_s: u64, entries: &[Entry]) -> io::Result<()> {
        let end = self.records.saturating_mul(RECORD_BYTES as u64);
        if self.dirty {
            self.file.set_len(end)?;
        }
        let durable = self.records;
        let records = entries.iter().map(|entry| Record { durable, time_s, entry: entry.clone() });
        let bytes: Vec<u8> = records.flat_map(|record| record.to_bytes()).collect();
        self.dirty = true;
        self.file.write_all_at(&bytes, end)?;
        self.file.sync_data()?;
        self.dirty = false;
        self.records = durable.saturating_add(entries.len() as u64);
        Ok(())
    }

    /// How many records it has.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    /// Whether it should be written anew with what still counts.
    pub(crate) fn is_large(&self) -> bool {
        self.records.saturating_mul(RECORD_BYTES as u64) > COMPACT_BYTES
    }

    /// The same file, which takes no more records.
    #[cfg(test)]
    pub(crate) fn read_only(self) -> Self {
        let file = File::open(&self.path).unwrap();
        Self { file, ..self }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(FILE_MODE);
    options
}

/// A new file of these bytes, on the disk.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<File, WalletError> {
    let file = private().read(true).write(true).create(true).truncate(true).open(path);
    let mut file = file.map_err(refused(path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(refused(path))?;
    Ok(file)
}

/// Makes a new or renamed file's name durable.
fn sync_folder(path: &Path) -> Result<(), WalletError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(refused(folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wallet::fixture::{account, voucher, GENESIS};

    fn entry(amount: u128) -> Entry {
        Entry::Voucher { signed: voucher(1, 2, amount), era: 3 }
    }

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self) -> PathBuf {
            self.0.path().join(file_name(&GENESIS))
        }

        fn open(&self) -> (WalletFile, Vec<Entry>) {
            let (file, records) = WalletFile::open(&self.path()).unwrap();
            (file, records.into_iter().map(|record| record.entry).collect())
        }
    }

    #[test]
    fn what_was_appended_is_read_back() {
        let place = Place::new();
        let (mut file, records) = place.open();
        assert!(records.is_empty());
        file.append(5, &[entry(1)]).unwrap();
        file.append(6, &[entry(2), entry(3)]).unwrap();
        let (file, records) = place.open();
        assert_eq!(records, [entry(1), entry(2), entry(3)]);
        assert_eq!(file.records(), 3);
        assert_eq!(fs::metadata(place.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_torn_tail_is_cut_off_and_kept() {
        let place = Place::new();
        let (mut file, _) = place.open();
        file.append(5, &[entry(1)]).unwrap();
        file.append(6, &[entry(2)]).unwrap();
        let mut content = fs::read(place.path()).unwrap();
        content.truncate(RECORD_BYTES + 100);
        fs::write(place.path(), &content).unwrap();
        let (mut file, records) = place.open();
        assert_eq!(records, [entry(1)]);
        assert_eq!(fs::read(beside(&place.path(), ".torn")).unwrap(), content[RECORD_BYTES..]);
        file.append(7, &[entry(4)]).unwrap();
        assert_eq!(place.open().1, [entry(1), entry(4)]);
    }

    #[test]
    fn damage_in_the_middle_is_refused_with_record_and_file() {
        let place = Place::new();
        let (mut file, _) = place.open();
        for amount in 1..5 {
            file.append(5, &[entry(amount)]).unwrap();
        }
        let mut content = fs::read(place.path()).unwrap();
        content[2 * RECORD_BYTES + 40] ^= 1;
        fs::write(place.path(), &content).unwrap();
        let error = WalletFile::open(&place.path()).unwrap_err();
        assert!(matches!(error, WalletError::Damaged { record: 2, .. }), "{error}");
        let said = error.to_string();
        assert!(said.contains(&file_name(&GENESIS)) && said.contains("wallet repair"), "{said}");
        assert_eq!(fs::read(place.path()).unwrap(), content, "nothing is changed");
    }

    #[test]
    fn a_replaced_file_holds_the_new_records_and_takes_more() {
        let place = Place::new();
        let (mut file, _) = place.open();
        file.append(5, &[entry(1), entry(2)]).unwrap();
        let generation = Entry::Generation { coordinator: account(1), generation: 1 };
        let mut file = WalletFile::replace(&place.path(), vec![(4, generation.clone()), (5, entry(2))]).unwrap();
        file.append(6, &[entry(3)]).unwrap();
        assert_eq!(place.open().1, [generation, entry(2), entry(3)]);
        // Everything in it was durable before it was read first.
        let mut content = fs::read(place.path()).unwrap();
        content[10] ^= 1;
        fs::write(place.path(), content).unwrap();
        assert!(matches!(WalletFile::open(&place.path()), Err(WalletError::Damaged { record: 0, .. })));
    }

    #[test]
    fn nothing_is_appended_to_a_replacement_before_its_name_is_durable_and_nothing_is_lost() {
        let place = Place::new();
        let (mut file, _) = place.open();
        file.append(5, &[entry(1)]).unwrap();
        let generation = Entry::Generation { coordinator: account(1), generation: 1 };
        let mut file = WalletFile::replace(&place.path(), vec![(4, generation.clone()), (5, entry(1))]).unwrap();
        // The folder cannot be synced, as when a disk fails for a moment right after the file got its name.
        let aside = beside(place.0.path(), ".aside");
        fs::rename(place.0.path(), &aside).unwrap();
        assert!(file.append(6, &[entry(2)]).is_err());
        assert_eq!(file.records(), 2);
        fs::rename(&aside, place.0.path()).unwrap();
        file.append(7, &[entry(3)]).unwrap();
        assert_eq!(place.open().1, [generation, entry(1), entry(3)], "what counts is in the file that has the name");
    }

    #[test]
    fn what_an_unfinished_replacement_left_is_removed() {
        let place = Place::new();
        let (mut file, _) = place.open();
        file.append(5, &[entry(1)]).unwrap();
        fs::write(beside(&place.path(), ".new"), [1; 300]).unwrap();
        assert_eq!(place.open().1, [entry(1)]);
        assert!(!beside(&place.path(), ".new").exists());
    }

    #[test]
    fn a_failed_append_counts_for_nothing_and_can_be_tried_again() {
        let place = Place::new();
        let (mut file, _) = place.open();
        file.append(5, &[entry(1)]).unwrap();
        let writable = std::mem::replace(&mut file.file, File::open(place.path()).unwrap());
        assert!(file.append(6, &[entry(2), entry(3)]).is_err());
        assert_eq!(file.records(), 1);
        // As if half of it had arrived.
        writable.write_all_at(&[9; 100], RECORD_BYTES as u64).unwrap();
        file.file = writable;
        file.append(7, &[entry(4)]).unwrap();
        assert_eq!(place.open().1, [entry(1), entry(4)]);
    }
}
