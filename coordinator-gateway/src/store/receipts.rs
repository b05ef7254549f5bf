//! The journal of receipts.
//!
//! One task writes. It takes whatever has been handed in since its last write and stores it in one transaction, so that
//! under load many receipts share one sync of the disk. [`ReceiptJournal::append`] returns when the receipt is stored.
//! The same task removes old receipts, see [`super::pruning`].

use std::sync::{
    atomic::{AtomicI64, Ordering},
    Arc,
};

use codec::Encode;
use cuckoo_primitives::{
    task::{Receipt, TaskId},
    Signature,
};
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};

use super::{now_ms, pruning::Pruning, StoreError};

/// Most receipts of one transaction.
const MAX_BATCH: usize = 256;

/// How long a failure to write keeps the gateway from being ready.
const FAILURE_SHOWN_MS: i64 = 30_000;

const INSERT: &str = "INSERT INTO receipts (task_id, attempt, api_key_id, miner, model, prompt_tokens, \
                      completion_tokens, stored_ms, encoded, signature) ";

/// A receipt as it was signed, and whose task it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredReceipt {
    /// What the miner claims.
    pub(crate) receipt: Receipt,
    /// Over the receipt.
    pub(crate) signature: Signature,
    /// What the client asked for.
    pub(crate) model: String,
    /// The key with which the client asked.
    pub(crate) api_key_id: Option<Arc<str>>,
}

struct Pending {
    receipt: StoredReceipt,
    done: oneshot::Sender<Result<(), StoreError>>,
}

/// Stores and finds receipts.
#[derive(Clone)]
pub(crate) struct ReceiptJournal {
    queue: mpsc::Sender<Pending>,
    readers: SqlitePool,
    /// When a receipt was last not stored for the file's sake, in milliseconds since 1970; 0 if one has been since.
    failed_ms: Arc<AtomicI64>,
}

impl ReceiptJournal {
    pub(super) fn start(writer: SqliteConnection, readers: SqlitePool, pruning: Pruning) -> Self {
        let (queue, pending) = mpsc::channel(4 * MAX_BATCH);
        let failed_ms = Arc::new(AtomicI64::new(0));
        tokio::spawn(write(writer, pending, failed_ms.clone(), pruning));
        Self { queue, readers, failed_ms }
    }

    /// Whether receipts could not be written lately. It is forgotten after a while, as without tasks nothing is written
    /// that could show that the file is well again.
    pub(crate) fn is_failing(&self) -> bool {
        now_ms().saturating_sub(self.failed_ms.load(Ordering::Relaxed)) < FAILURE_SHOWN_MS
    }

    /// Stores `receipt`; when this returns, it is stored.
    pub(crate) async fn append(&self, receipt: StoredReceipt) -> Result<(), StoreError> {
        let (done, stored) = oneshot::channel();
        self.queue.send(Pending { receipt, done }).await.map_err(|_| StoreError::JournalClosed)?;
        stored.await.map_err(|_| StoreError::JournalClosed)?
    }

    /// The receipts of a task that belong to `api_key_id`, or to anybody if there is none, by attempt.
    pub(crate) async fn of_task(
        &self,
        task_id: &TaskId,
        api_key_id: Option<&str>,
    ) -> Result<Vec<(StoredReceipt, i64)>, StoreError> {
        let rows = sqlx::query(
            "SELECT encoded, signature, model, api_key_id, stored_ms FROM receipts \
             WHERE task_id = ? AND api_key_id IS ? ORDER BY attempt",
        )
        .bind(task_id.to_vec())
        .bind(api_key_id)
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                let encoded: Vec<u8> = row.try_get("encoded")?;
                let signature: Vec<u8> = row.try_get("signature")?;
                let api_key_id: Option<String> = row.try_get("api_key_id")?;
                let stored = StoredReceipt {
                    receipt: codec::DecodeAll::decode_all(&mut encoded.as_slice())
                        .map_err(|error| sqlx::Error::Decode(error.into()))?,
                    signature: signature
                        .as_slice()
                        .try_into()
                        .map_err(|error: std::array::TryFromSliceError| sqlx::Error::Decode(error.into()))?,
                    model: row.try_get("model")?,
                    api_key_id: api_key_id.map(Into::into),
                };
                Ok((stored, row.try_get("stored_ms")?))
            })
            .collect()
    }
}

async fn write(
    mut writer: SqliteConnection,
    mut pending: mpsc::Receiver<Pending>,
    failed_ms: Arc<AtomicI64>,
    mut pruning: Pruning,
) {
    let mut batch = Vec::with_capacity(MAX_BATCH);
    loop {
        tokio::select! {
            received = pending.recv_many(&mut batch, MAX_BATCH) => match received {
                0 => return,
                _ => store(&mut writer, &mut batch, &failed_ms).await,
            },
            () = tokio::time::sleep_until(pruning.due()) => pruning.run(&mut writer).await,
        }
    }
}

/// Stores what has been handed in and tells those who wait for it.
async fn store(writer: &mut SqliteConnection, batch: &mut Vec<Pending>, failed_ms: &AtomicI64) {
    metrics::histogram!("gateway_journal_batch_size").record(batch.len() as f64);
    match insert(writer, batch).await {
        Ok(()) => {
            failed_ms.store(0, Ordering::Relaxed);
            batch.drain(..).for_each(|entry| drop(entry.done.send(Ok(()))));
        }
        Err(error) => {
            tracing::error!(target: "gateway::store", %error, receipts = batch.len(), "receipts were not stored");
            // One receipt that cannot be stored must not take the others with it.
            for entry in batch.drain(..) {
                let stored = insert(writer, std::slice::from_ref(&entry)).await;
                match &stored {
                    Ok(()) => failed_ms.store(0, Ordering::Relaxed),
                    // A receipt that was there already says nothing about the file.
                    Err(error) if error.as_database_error().is_some_and(|error| error.is_unique_violation()) => {}
                    Err(_) => failed_ms.store(now_ms(), Ordering::Relaxed),
                }
                drop(entry.done.send(stored.map_err(|_| StoreError::JournalFailed)));
            }
        }
    }
}

/// Inserts all of `batch` or nothing: a single statement is a transaction of its own.
async fn insert(writer: &mut SqliteConnection, batch: &[Pending]) -> Result<(), sqlx::Error> {
    let now = now_ms();
    let mut query = QueryBuilder::<Sqlite>::new(INSERT);
    query.push_values(batch, |mut row, entry| {
        let StoredReceipt { receipt, signature, model, api_key_id } = &entry.receipt;
        row.push_bind(receipt.task_id.to_vec())
            .push_bind(i64::from(receipt.attempt))
            .push_bind(api_key_id.as_deref().map(str::to_owned))
            .push_bind(AsRef::<[u8]>::as_ref(&receipt.miner).to_vec())
            .push_bind(model.clone())
            .push_bind(i64::from(receipt.prompt_tokens))
            .push_bind(i64::from(receipt.completion_tokens))
            .push_bind(now)
            .push_bind(receipt.encode())
            .push_bind(signature.to_vec());
    });
    query.build().execute(writer).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::JournalSync, store::Store};
    use cuckoo_primitives::{task::Finish, AccountId, Hash};
    use std::time::{Duration, Instant};

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const KEEP: Duration = Duration::from_secs(90 * 24 * 60 * 60);

    fn receipt(task: u8, attempt: u32, key: Option<&str>) -> StoredReceipt {
        StoredReceipt {
            receipt: Receipt {
                task_id: [task; 16],
                attempt,
                coordinator: AccountId::from([1; 32]),
                miner: AccountId::from([2; 32]),
                link: Hash::repeat_byte(9),
                model_root: Hash::repeat_byte(3),
                request_hash: Hash::repeat_byte(4),
                output_hash: Hash::repeat_byte(5),
                prompt_tokens: 6,
                completion_tokens: 7,
                finish: Finish::Stop,
            },
            signature: [8; 64],
            model: "m".into(),
            api_key_id: key.map(Into::into),
        }
    }

    #[tokio::test]
    async fn receipts_outlive_the_gateway_and_belong_to_their_key() {
        let folder = tempfile::tempdir().unwrap();
        let mine = receipt(1, 0, Some("key_a"));
        {
            let store = Store::open(folder.path(), JournalSync::Full).await.unwrap();
            let journal = store.journal(KEEP).await.unwrap();
            let appends = (0..600u32).map(|attempt| journal.append(receipt(9, attempt, None)));
            futures::future::try_join_all(appends).await.unwrap();
            journal.append(mine.clone()).await.unwrap();
            store.close().await;
        }
        let store = Store::open(folder.path(), JournalSync::Full).await.unwrap();
        let journal = store.journal(KEEP).await.unwrap();
        assert_eq!(journal.of_task(&[9; 16], None).await.unwrap().len(), 600);
        assert_eq!(journal.of_task(&[1; 16], Some("key_a")).await.unwrap()[0].0, mine);
        assert!(journal.of_task(&[1; 16], Some("key_b")).await.unwrap().is_empty());
        assert!(journal.of_task(&[1; 16], None).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_written_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
        let journal = store.journal(KEEP).await.unwrap();
        journal.append(receipt(1, 0, None)).await.unwrap();
        assert!(journal.append(receipt(1, 0, None)).await.is_err());
        assert!(!journal.is_failing(), "a receipt that is there already is not the file's fault");
        sqlx::query("ALTER TABLE receipts RENAME TO hidden").execute(&store.pool).await.unwrap();
        assert!(journal.append(receipt(2, 0, None)).await.is_err());
        assert!(journal.is_failing());
        sqlx::query("ALTER TABLE hidden RENAME TO receipts").execute(&store.pool).await.unwrap();
        journal.append(receipt(2, 0, None)).await.unwrap();
        assert!(!journal.is_failing());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn only_the_owner_reads_the_file_in_whatever_folder() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
        store.journal(KEEP).await.unwrap().append(receipt(1, 0, None)).await.unwrap();
        let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap()).collect();
        assert!(files.len() > 1, "there is a journal beside the file");
        for file in files {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", file.path());
        }
    }

    #[tokio::test]
    async fn a_receipt_that_cannot_be_stored_leaves_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Store::open(folder.path(), JournalSync::Normal).await.unwrap().journal(KEEP).await.unwrap();
        journal.append(receipt(1, 0, None)).await.unwrap();
        let (twice, fresh) = tokio::join!(journal.append(receipt(1, 0, None)), journal.append(receipt(2, 0, None)));
        assert!(matches!(twice, Err(StoreError::JournalFailed)));
        fresh.unwrap();
    }

    async fn count(store: &Store) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM receipts").fetch_one(&store.pool).await.unwrap()
    }

    #[tokio::test]
    async fn old_receipts_are_removed_in_batches_and_newer_ones_stay() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
        let journal = store.journal(KEEP).await.unwrap();
        // More than go at once.
        let appends = (0..600u32).map(|attempt| journal.append(receipt(9, attempt, None)));
        futures::future::try_join_all(appends).await.unwrap();
        drop(journal);
        let age = |days: u32| now_ms() - i64::try_from((days * DAY).as_millis()).unwrap();
        // At once, as the first writer may still look for old ones.
        let aged = sqlx::query("UPDATE receipts SET stored_ms = CASE WHEN attempt < 590 THEN ? ELSE ? END");
        aged.bind(age(91)).bind(age(89)).execute(&store.pool).await.unwrap();

        let journal = store.journal(KEEP).await.unwrap();
        let begun = Instant::now();
        while count(&store).await > 10 {
            assert!(begun.elapsed() < Duration::from_secs(30), "{} receipts are left", count(&store).await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        journal.append(receipt(1, 0, None)).await.unwrap();
        let left = journal.of_task(&[9; 16], None).await.unwrap();
        assert_eq!(left.iter().map(|(stored, _)| stored.receipt.attempt).collect::<Vec<_>>(), Vec::from_iter(590..600));
        assert_eq!(count(&store).await, 11);
    }

    #[tokio::test]
    async fn old_receipts_are_found_without_reading_all() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
        let plan = sqlx::query("EXPLAIN QUERY PLAN SELECT task_id, attempt FROM receipts WHERE stored_ms < 1 LIMIT 1");
        let detail: String = plan.fetch_one(&store.pool).await.unwrap().try_get("detail").unwrap();
        assert!(detail.contains("receipts_by_age"), "{detail}");
    }
}
