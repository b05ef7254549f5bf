//! The folder of what this program keeps, and the lock that makes it the only one that writes there.

use std::{
    env,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use cuckoo_primitives::AccountId;

const LOCK_FILE: &str = "lock";
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// An operator's own folder. While this value lives no other process has it.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// Why a folder cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// No default.
    #[error("the folder for this miner's data is unknown because HOME is not set; name it with --data-dir")]
    Unknown,
    /// The system refuses.
    #[error("cannot use {path}: {source}; name another folder with --data-dir")]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It has no locks.
    #[error(
        "cannot lock {}: {source}; two workers would spoil each other's wallet there, so name a folder on a local disk \
         with --data-dir", .path.display()
    )]
    NoLock {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has it.
    #[error(
        "another miner-worker{} uses {}: stop it, or give this one a --data-dir of its own", process(.pid),
        .path.display()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The number of that process, if it wrote it down.
        pid: Option<u32>,
    },
}

fn process(pid: &Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

impl DataDir {
    /// Where data are kept unless told otherwise: `cuckoo/miner` in the user's folder for state.
    pub fn default_base() -> Result<PathBuf, DataDirError> {
        let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
        Ok(state.ok_or(DataDirError::Unknown)?.join("cuckoo/miner"))
    }

    /// Makes the operator's folder below `base`, if there is none, and locks it.
    pub fn open(base: &Path, operator: &AccountId) -> Result<Self, DataDirError> {
        Self::lock(&base.join(operator.to_string()))
    }

    /// The same for an operator's folder itself.
    pub fn lock(path: &Path) -> Result<Self, DataDirError> {
        let refused = |path: &Path| {
            let path = path.to_owned();
            move |source| DataDirError::Io { path, source }
        };
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path).map_err(refused(path))?;
        // The folder may have been there before, for all to read.
        fs::set_permissions(path, PermissionsExt::from_mode(FOLDER_MODE)).map_err(refused(path))?;
        let lock_path = path.join(LOCK_FILE);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE);
        let mut lock = options.open(&lock_path).map_err(refused(&lock_path))?;
        // The lock ends with the process, however that ends.
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DataDirError::InUse { path: path.into(), pid: pid_in(&mut lock) })
            }
            Err(TryLockError::Error(source)) => return Err(DataDirError::NoLock { path: lock_path, source }),
        }
        let number = std::process::id().to_string();
        lock.set_len(0).and_then(|()| lock.write_all(number.as_bytes())).map_err(refused(&lock_path))?;
        Ok(Self { path: path.into(), _lock: lock })
    }

    /// The operator's folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The process number that is all of a lock file.
fn pid_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(base: &Path, operator: u8) -> Result<DataDir, DataDirError> {
        DataDir::open(base, &AccountId::from([operator; 32]))
    }

    #[test]
    fn a_folder_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join("deep/data");
        let data = open(&base, 1).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(data.path()), 0o700);
        assert_eq!(mode(data.path().parent().unwrap()), 0o700);
        assert_eq!(mode(&data.path().join(LOCK_FILE)), 0o600);
        let path = data.path().to_owned();
        drop(data);
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        let data = open(&base, 1).unwrap();
        assert_eq!(mode(data.path()), 0o700);
    }

    #[test]
    fn a_folder_has_one_worker() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path(), 1).unwrap();
        let error = open(dir.path(), 1).unwrap_err();
        assert!(matches!(error, DataDirError::InUse { .. }), "{error}");
        let said = error.to_string();
        assert!(said.contains("stop it") && said.contains(&format!("process {}", std::process::id())), "{said}");
        drop(first);
        open(dir.path(), 1).unwrap();
    }

    #[test]
    fn operators_and_workers_with_folders_of_their_own_do_not_meet() {
        let dir = tempfile::tempdir().unwrap();
        let _first = open(dir.path(), 1).unwrap();
        let _other_operator = open(dir.path(), 2).unwrap();
        let _other_worker = open(&dir.path().join("second"), 1).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let error = open(&dir.path().join("file"), 1).unwrap_err().to_string();
        assert!(error.contains("file") && error.contains("--data-dir"), "{error}");
    }
}
