//! The folder of what this program keeps, and the locks that make it the only one of its operator.

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

/// An operator's own folder. While this value lives no other process has it, nor the operator's key file.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _locks: Vec<File>,
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
    /// Another worker runs.
    #[error(
        "another miner-worker{} works with the operator key {operator} ({} is locked): stop it, or give this one an \
         operator key of its own", process(.pid), .path.display()
    )]
    InUse {
        /// Whose key it is.
        operator: AccountId,
        /// The file that it has locked.
        path: PathBuf,
        /// Its number, if it wrote it down.
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

    /// Makes the operator's folder below `base`, if there is none, and locks it and the key file.
    pub fn open(base: &Path, operator: &AccountId, key_file: &Path) -> Result<Self, DataDirError> {
        let path = base.join(operator.to_string());
        let refused = |path: &Path| {
            let path = path.to_owned();
            move |source| DataDirError::Io { path, source }
        };
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&path).map_err(refused(&path))?;
        // The folder may have been there before, for all to read.
        fs::set_permissions(&path, PermissionsExt::from_mode(FOLDER_MODE)).map_err(refused(&path))?;
        let lock_path = path.join(LOCK_FILE);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE);
        let mut lock = options.open(&lock_path).map_err(refused(&lock_path))?;
        lock_or_say_who(&mut lock, &lock_path, operator)?;
        let number = std::process::id().to_string();
        lock.set_len(0).and_then(|()| lock.write_all(number.as_bytes())).map_err(refused(&lock_path))?;

        let mut locks = vec![lock];
        // With another --data-dir the same key would still throw the other worker's links out. A pipe is read once only.
        if fs::metadata(key_file).map_err(refused(key_file))?.is_file() {
            let mut key = File::open(key_file).map_err(refused(key_file))?;
            lock_or_say_who(&mut key, key_file, operator)?;
            locks.push(key);
        }
        Ok(Self { path, _locks: locks })
    }

    /// The operator's folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The lock ends with the process, however that ends.
fn lock_or_say_who(file: &mut File, path: &Path, operator: &AccountId) -> Result<(), DataDirError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            Err(DataDirError::InUse { operator: operator.clone(), path: path.into(), pid: pid_in(file) })
        }
        Err(TryLockError::Error(error)) => {
            // Some network file systems have no locks. Two workers would then still be told apart by their links.
            tracing::warn!(target: "miner", path = %path.display(), %error, "cannot lock; run one worker per operator key");
            Ok(())
        }
    }
}

/// The process number that is all of a lock file; a key file holds none.
fn pid_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place {
        dir: tempfile::TempDir,
        key: PathBuf,
    }

    impl Place {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let key = dir.path().join("operator.key");
            fs::write(&key, "//Miner1\n").unwrap();
            Self { dir, key }
        }

        fn open(&self, base: &str, operator: u8, key: &Path) -> Result<DataDir, DataDirError> {
            DataDir::open(&self.dir.path().join(base), &AccountId::from([operator; 32]), key)
        }
    }

    #[test]
    fn a_folder_is_its_owners_alone() {
        let place = Place::new();
        let data = place.open("deep/data", 1, &place.key).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(data.path()), 0o700);
        assert_eq!(mode(data.path().parent().unwrap()), 0o700);
        assert_eq!(mode(&data.path().join(LOCK_FILE)), 0o600);
        let path = data.path().to_owned();
        drop(data);
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        let data = place.open("deep/data", 1, &place.key).unwrap();
        assert_eq!(mode(data.path()), 0o700);
    }

    #[test]
    fn an_operator_has_one_worker() {
        let place = Place::new();
        let copy = place.dir.path().join("copy.key");
        fs::copy(&place.key, &copy).unwrap();
        let first = place.open("data", 1, &place.key).unwrap();
        // The same folder with a copy of the key, and another folder with the same key file.
        for (base, key) in [("data", &copy), ("elsewhere", &place.key)] {
            let error = place.open(base, 1, key).unwrap_err();
            assert!(matches!(error, DataDirError::InUse { .. }), "{error}");
            assert!(error.to_string().contains("stop it"), "{error}");
        }
        let error = place.open("data", 1, &copy).unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        drop(first);
        place.open("data", 1, &place.key).unwrap();
    }

    #[test]
    fn operators_share_a_folder_without_meeting() {
        let place = Place::new();
        let other = place.dir.path().join("other.key");
        fs::write(&other, "//Miner2\n").unwrap();
        let _first = place.open("data", 1, &place.key).unwrap();
        let _second = place.open("data", 2, &other).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let place = Place::new();
        fs::write(place.dir.path().join("file"), "").unwrap();
        let error = place.open("file", 1, &place.key).unwrap_err().to_string();
        assert!(error.contains("file") && error.contains("--data-dir"), "{error}");
    }
}
