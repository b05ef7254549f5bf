//! The journal of receipts.
//!
//! One task writes. It takes whatever has been handed in since its last write and stores it in one transaction, so that
//! under load many receipts share one sync of the disk. [`ReceiptJournal::append`] returns when the receipt is stored.

use std::sync::Arc;

use codec::Encode;
use cuckoo_primitives::{
    task::{Receipt, TaskId},
    Signature,
};
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};

use super::{now_ms, StoreError};

/// Most receipts of one transaction.
const MAX_BATCH: usize = 256;

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
}

impl ReceiptJournal {
    pub(super) fn start(writer: SqliteConnection, readers: SqlitePool) -> Self {
        let (queue, pending) = mpsc::channel(4 * MAX_BATCH);
        tokio::spawn(write(writer, pending));
        Self { queue, readers }
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

async fn write(mut writer: SqliteConnection, mut pending: mpsc::Receiver<Pending>) {
    let mut batch = Vec::with_capacity(MAX_BATCH);
    while pending.recv_many(&mut batch, MAX_BATCH).await > 0 {
        metrics::histogram!("gateway_journal_batch_size").record(batch.len() as f64);
        match insert(&mut writer, &batch).await {
            Ok(()) => batch.drain(..).for_each(|entry| drop(entry.done.send(Ok(())))),
            Err(error) => {
                tracing::error!(target: "gateway::store", %error, receipts = batch.len(), "receipts were not stored");
                // One receipt that cannot be stored must not take the others with it.
                for entry in batch.drain(..) {
                    let stored = insert(&mut writer, std::slice::from_ref(&entry)).await;
                    drop(entry.done.send(stored.map_err(|_| StoreError::JournalFailed)));
                }
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

    fn receipt(task: u8, attempt: u32, key: Option<&str>) -> StoredReceipt {
        StoredReceipt {
            receipt: Receipt {
                task_id: [task; 16],
                attempt,
                coordinator: AccountId::from([1; 32]),
                miner: AccountId::from([2; 32]),
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
            let journal = store.journal().await.unwrap();
            let appends = (0..600u32).map(|attempt| journal.append(receipt(9, attempt, None)));
            futures::future::try_join_all(appends).await.unwrap();
            journal.append(mine.clone()).await.unwrap();
            store.close().await;
        }
        let store = Store::open(folder.path(), JournalSync::Full).await.unwrap();
        let journal = store.journal().await.unwrap();
        assert_eq!(journal.of_task(&[9; 16], None).await.unwrap().len(), 600);
        assert_eq!(journal.of_task(&[1; 16], Some("key_a")).await.unwrap()[0].0, mine);
        assert!(journal.of_task(&[1; 16], Some("key_b")).await.unwrap().is_empty());
        assert!(journal.of_task(&[1; 16], None).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_receipt_that_cannot_be_stored_leaves_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Store::open(folder.path(), JournalSync::Normal).await.unwrap().journal().await.unwrap();
        journal.append(receipt(1, 0, None)).await.unwrap();
        let (twice, fresh) = tokio::join!(journal.append(receipt(1, 0, None)), journal.append(receipt(2, 0, None)));
        assert!(matches!(twice, Err(StoreError::JournalFailed)));
        fresh.unwrap();
    }
}
