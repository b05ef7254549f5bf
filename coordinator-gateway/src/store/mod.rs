//! What must survive a restart: API keys, receipts, and what has been promised for them, in one SQLite file.
//!
//! The file is in WAL mode, so `coordinator-gateway keys` works on it while a gateway runs. Of gateways themselves there
//! is one to a folder.

mod audits;
mod demands;
mod evidence;
mod journal;
mod keys;
mod lock;
mod owner;
mod planck;
mod promises;
mod pruning;
mod topups;
mod usage;

use std::{io, path::Path, time::Duration};

use cuckoo_primitives::{AccountId, Balance, Hash};
use sqlx::{
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
    ConnectOptions, SqlitePool,
};

use crate::{
    config::JournalSync,
    settle::{ChannelKey, Promise},
};

pub(crate) use audits::{AuditRecord, AuditStore, Day};
pub(crate) use demands::{DemandStore, OpenDemand};
pub(crate) use evidence::EvidenceStore;
pub(crate) use journal::{Committed, Entry, Journal, StoredReceipt};
pub(crate) use keys::{hash_of, KeyFollower, KeyHash, KnownKey};
pub use keys::{ApiKey, KeyStore, NewKey};
pub(crate) use lock::FolderLock;
use pruning::Pruning;
pub(crate) use topups::{Before, Deposit};
pub(crate) use usage::DailyUsage;

/// Name of the file in the data folder.
const FILE_NAME: &str = "gateway.sqlite";
/// How long a statement waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that only read.
const READERS: u32 = 4;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data folder or the file in it cannot be made.
    #[error(
        "cannot make the data folder {path} and {FILE_NAME} in it: {source}; check permissions and free space, or name \
         another folder with --data-dir"
    )]
    Folder {
        /// The folder.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// There is nothing to look at.
    #[error(
        "there is no {FILE_NAME} in the folder {path}: name the gateway's folder with --data-dir; `coordinator-gateway keys \
         create` or `run` makes one"
    )]
    Missing {
        /// The folder.
        path: String,
    },
    /// The file was written by a newer gateway, or is damaged.
    #[error(
        "cannot bring {FILE_NAME} up to date: {0}; if a newer gateway wrote it, update this one, else name another folder \
         with --data-dir"
    )]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// Another gateway runs on the folder.
    #[error(
        "another gateway{} runs on the folder {path}; stop it first, or name another folder with --data-dir (a coordinator \
         has one gateway for each operator key)", of_process(.pid)
    )]
    InUse {
        /// The folder.
        path: String,
        /// The number of its process, if it is known.
        pid: Option<u32>,
    },
    /// The sums in it are promises of somebody else, or on another chain.
    #[error(
        "the journal in {FILE_NAME} is of the coordinator with the stash {stash} on the chain with the genesis {genesis:?}; \
         name another folder with --data-dir for this one"
    )]
    OtherJournal {
        /// Genesis hash of its chain.
        genesis: Hash,
        /// Stash of its coordinator.
        stash: AccountId,
    },
    /// SQLite refused.
    #[error("{FILE_NAME}: {0}; check the permissions and free space of the folder that --data-dir names")]
    Database(#[from] sqlx::Error),
    /// A name that people could not tell apart or read.
    #[error("a key's name has 1 to {max} characters, none of them a control character")]
    InvalidName {
        /// Most characters.
        max: usize,
    },
    /// There is no such key.
    #[error("there is no key with the id {0:?}; `coordinator-gateway keys list` shows all")]
    UnknownKey(String),
    /// The writer has stopped, which it does only when the gateway ends.
    #[error("the journal is closed")]
    JournalClosed,
    /// The journal could not write this record; the reason is in the log.
    #[error("the journal could not be written")]
    JournalFailed,
}

/// The open file.
#[derive(Clone)]
pub struct Store {
    pool: SqlitePool,
    options: SqliteConnectOptions,
}

impl Store {
    /// Opens the file in `data_dir`, making both if need be, and brings its tables up to date.
    pub async fn open(data_dir: &Path, sync: JournalSync) -> Result<Self, StoreError> {
        make_folder(data_dir).map_err(|source| StoreError::Folder { path: data_dir.display().to_string(), source })?;
        make_private(&data_dir.join(FILE_NAME))
            .map_err(|source| StoreError::Folder { path: data_dir.display().to_string(), source })?;
        let options = SqliteConnectOptions::new()
            .filename(data_dir.join(FILE_NAME))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(match sync {
                JournalSync::Full => SqliteSynchronous::Full,
                JournalSync::Normal => SqliteSynchronous::Normal,
            })
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new().max_connections(READERS).connect_with(options.clone()).await?;
        MIGRATIONS.run(&pool).await?;
        Ok(Self { pool, options })
    }

    /// Opens the file in `data_dir` as [`Store::open`] does, but only if it is there.
    pub async fn open_existing(data_dir: &Path, sync: JournalSync) -> Result<Self, StoreError> {
        match data_dir.join(FILE_NAME).is_file() {
            true => Self::open(data_dir, sync).await,
            false => Err(StoreError::Missing { path: data_dir.display().to_string() }),
        }
    }

    /// The API keys.
    pub fn keys(&self) -> KeyStore {
        KeyStore::new(self.pool.clone(), self.options.clone())
    }

    /// What audits have found.
    pub(crate) fn audits(&self) -> AuditStore {
        AuditStore::new(self.pool.clone())
    }

    /// What miners are to be asked on the chain.
    pub(crate) fn demands(&self) -> DemandStore {
        DemandStore::new(self.pool.clone())
    }

    /// What proves faults of miners.
    pub(crate) fn evidence(&self) -> EvidenceStore {
        EvidenceStore::new(self.pool.clone())
    }

    /// Makes the journal that of this coordinator on this chain, if it is nobody's yet; else it must be already.
    pub(crate) async fn claim(&self, genesis: Hash, stash: &AccountId) -> Result<(), StoreError> {
        owner::claim(&self.pool, genesis, stash).await
    }

    /// Genesis hash of the chain and stash of the coordinator whose journal it is; `None` if it is nobody's yet.
    pub(crate) async fn owner(&self) -> Result<Option<(Hash, AccountId)>, StoreError> {
        owner::of(&self.pool).await
    }

    /// Begins a deposit of as much of `wanted` planck as may still be deposited today, if that is `per_day` in all and not
    /// less than `least`. It counts from now on, and is under way until it is ended or given back; another fails meanwhile.
    pub(crate) async fn begin_deposit(
        &self,
        wanted: Balance,
        per_day: Balance,
        least: Balance,
        before: Before,
    ) -> Result<Option<Deposit>, StoreError> {
        topups::begin(&self.pool, wanted, per_day, least, before).await
    }

    /// The deposit that is under way, perhaps since before this program began.
    pub(crate) async fn deposit_under_way(&self) -> Result<Option<Deposit>, StoreError> {
        topups::under_way(&self.pool).await
    }

    /// The deposit was made, or nobody will ever know.
    pub(crate) async fn end_deposit(&self) -> Result<(), StoreError> {
        topups::end(&self.pool).await
    }

    /// The deposit was certainly not made and never will be.
    pub(crate) async fn give_back_deposit(&self, unmade: &Deposit) -> Result<(), StoreError> {
        topups::give_back(&self.pool, unmade).await
    }

    /// What has been promised through each channel.
    pub(crate) async fn promises(&self) -> Result<Vec<(ChannelKey, Promise)>, StoreError> {
        Ok(promises::all(&self.pool).await?)
    }

    /// Starts the one writer of receipts and promises, which also removes receipts that are older than `keep`.
    /// `committed` is told of what has changed, once that is stored.
    pub(crate) async fn journal(
        &self,
        keep: Duration,
        committed: impl Fn(Committed) + Send + Sync + 'static,
    ) -> Result<Journal, StoreError> {
        let writer = self.options.connect().await?;
        Ok(Journal::start(writer, self.pool.clone(), Pruning::new(keep), Box::new(committed)))
    }

    /// Closes every connection.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

fn of_process(pid: &Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

/// Makes the folder, for its owner alone where the system can say so.
fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes the file, and lets nobody but its owner read it, whatever the folder allows; SQLite gives the files that it
/// puts beside it the same mode.
fn make_private(path: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    drop(file);
    Ok(())
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_not_made_to_be_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let wrong = folder.path().join("wrong");
        let error = Store::open_existing(&wrong, JournalSync::Normal).await.err().unwrap();
        assert!(matches!(error, StoreError::Missing { .. }));
        assert!(error.to_string().contains("--data-dir") && error.to_string().contains("keys create"), "{error}");
        assert!(!wrong.exists());
        Store::open(&wrong, JournalSync::Normal).await.unwrap().close().await;
        Store::open_existing(&wrong, JournalSync::Normal).await.unwrap();
    }
}
