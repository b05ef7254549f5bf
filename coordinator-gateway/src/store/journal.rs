//! The journal: receipts, what they cost, and what that adds to the promises of channels.
//!
//! One task writes, and only it. It takes whatever has been handed in since its last write and stores it in one
//! transaction, so that under load many receipts share one sync of the disk, and no receipt is ever stored without its
//! pay nor paid twice. [`Journal::append`] returns when the receipt is stored; the promises are shown to others before
//! that, so whoever learns of an answer finds its pay promised. The same task removes old receipts, see
//! [`super::pruning`].

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        atomic::{AtomicI64, Ordering},
        Arc,
    },
};

use codec::{DecodeAll, Encode};
use cuckoo_primitives::{
    settlement::Usage,
    task::{Receipt, TaskId},
    Balance, Signature,
};
use sqlx::{error::ErrorKind, sqlite::SqliteRow, Connection, QueryBuilder, Row, Sqlite, SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    keys, now_ms, planck, promises,
    pruning::Pruning,
    usage::{self, DailyUsage, UsageKey, Used},
    StoreError,
};
use crate::settle::{ChannelKey, Promise};

/// Most entries of one transaction.
const MAX_BATCH: usize = 256;

/// SQLite's codes for a file, or a table, that others have locked.
const SQLITE_BUSY: u32 = 5;
const SQLITE_LOCKED: u32 = 6;

/// How long a failure to write keeps the gateway from being ready.
const FAILURE_SHOWN_MS: i64 = 30_000;

const INSERT: &str = "INSERT INTO receipts (task_id, attempt, api_key_id, miner, model, prompt_tokens, \
                      completion_tokens, stored_ms, encoded, signature, cost) ";

/// A receipt as it was signed, whose task it is for, and what it costs.
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
    /// What the miner is paid for it, in planck.
    pub(crate) cost: Balance,
}

/// A receipt, and through which channel it is paid.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The receipt.
    pub(crate) stored: StoredReceipt,
    /// What of its counts is charged.
    pub(crate) charged: Usage,
    /// The channel.
    pub(crate) channel: ChannelKey,
}

/// What [`Journal::adopt`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Adopted {
    /// What the journal knew of.
    pub(crate) before: Promise,
    /// What it goes on from.
    pub(crate) now: Promise,
}

struct Pending {
    entry: Entry,
    done: oneshot::Sender<Result<(), StoreError>>,
}

impl Pending {
    /// Whoever waits for it may have gone.
    fn tell(self, stored: Result<(), StoreError>) {
        drop(self.done.send(stored));
    }
}

struct PendingAdoption {
    key: ChannelKey,
    floor: Promise,
    done: oneshot::Sender<Result<Adopted, StoreError>>,
}

/// What a transaction has changed, as it is now.
#[derive(Debug, Default)]
pub(crate) struct Committed {
    /// What channels promise.
    pub(crate) promises: Vec<(ChannelKey, Promise)>,
    /// What keys have spent, by id.
    pub(crate) spent: Vec<(String, Balance)>,
}

/// Told of what has changed, once it is stored.
type Ears = Box<dyn Fn(Committed) + Send + Sync>;

/// Stores and finds receipts, and keeps what has been promised.
#[derive(Clone)]
pub(crate) struct Journal {
    queue: mpsc::Sender<Pending>,
    adoptions: mpsc::Sender<PendingAdoption>,
    readers: SqlitePool,
    /// When a receipt was last not stored for the file's sake, in milliseconds since 1970; 0 if one has been since.
    failed_ms: Arc<AtomicI64>,
    closing: CancellationToken,
    closed: CancellationToken,
}

impl Journal {
    pub(super) fn start(connection: SqliteConnection, readers: SqlitePool, pruning: Pruning, ears: Ears) -> Self {
        let (queue, pending) = mpsc::channel(4 * MAX_BATCH);
        let (adoptions, adopting) = mpsc::channel(MAX_BATCH);
        let failed_ms = Arc::new(AtomicI64::new(0));
        let writer = Writer { connection, promises: HashMap::new(), ears, failed_ms: failed_ms.clone() };
        let (closing, closed) = (CancellationToken::new(), CancellationToken::new());
        tokio::spawn(writer.run(pending, adopting, pruning, closing.clone(), closed.clone().drop_guard()));
        Self { queue, adoptions, readers, failed_ms, closing, closed }
    }

    /// Whether receipts could not be written lately, or will never be any more. The former is forgotten after a while, as
    /// without tasks nothing is written that could show that the file is well again.
    pub(crate) fn is_failing(&self) -> bool {
        // However it ended: nobody writes any more.
        if self.closed.is_cancelled() {
            return true;
        }
        now_ms().saturating_sub(self.failed_ms.load(Ordering::Relaxed)) < FAILURE_SHOWN_MS
    }

    /// Stores a receipt and adds its cost to what its channel promises; when this returns, that is stored. A receipt that
    /// is there already is an error, and is not paid again.
    pub(crate) async fn append(&self, entry: Entry) -> Result<(), StoreError> {
        let (done, stored) = oneshot::channel();
        self.queue.send(Pending { entry, done }).await.map_err(|_| StoreError::JournalClosed)?;
        stored.await.map_err(|_| StoreError::JournalClosed)?
    }

    /// Lets a channel promise at least `floor`; when this returns, that is stored.
    pub(crate) async fn adopt(&self, key: ChannelKey, floor: Promise) -> Result<Adopted, StoreError> {
        let (done, adopted) = oneshot::channel();
        let adoption = PendingAdoption { key, floor, done };
        self.adoptions.send(adoption).await.map_err(|_| StoreError::JournalClosed)?;
        adopted.await.map_err(|_| StoreError::JournalClosed)?
    }

    /// What a key has used of each model on each day, the newest first; without a key: what those used who have none.
    pub(crate) async fn usage_of(&self, api_key_id: Option<&str>) -> Result<Vec<DailyUsage>, StoreError> {
        Ok(usage::of_key(&self.readers, api_key_id.unwrap_or_default()).await?)
    }

    /// The receipts of a task that belong to `api_key_id`, or to anybody if there is none, by attempt.
    pub(crate) async fn of_task(
        &self,
        task_id: &TaskId,
        api_key_id: Option<&str>,
    ) -> Result<Vec<(StoredReceipt, i64)>, StoreError> {
        let rows = sqlx::query(
            "SELECT encoded, signature, model, api_key_id, stored_ms, cost FROM receipts \
             WHERE task_id = ? AND api_key_id IS ? ORDER BY attempt",
        )
        .bind(task_id.to_vec())
        .bind(api_key_id)
        .fetch_all(&self.readers)
        .await?;
        // What miners signed before protocol 6 has another form, and is evidence of nothing any more.
        let is_current = |row: &&SqliteRow| {
            let encoded: Result<Vec<u8>, _> = row.try_get("encoded");
            encoded.is_ok_and(|encoded| Receipt::decode_all(&mut &encoded[..]).is_ok())
        };
        rows.iter()
            .filter(is_current)
            .map(|row| {
                let encoded: Vec<u8> = row.try_get("encoded")?;
                let signature: Vec<u8> = row.try_get("signature")?;
                let api_key_id: Option<String> = row.try_get("api_key_id")?;
                let cost: Vec<u8> = row.try_get("cost")?;
                let stored = StoredReceipt {
                    receipt: Receipt::decode_all(&mut encoded.as_slice())
                        .map_err(|error| sqlx::Error::Decode(error.into()))?,
                    signature: signature
                        .as_slice()
                        .try_into()
                        .map_err(|error: std::array::TryFromSliceError| sqlx::Error::Decode(error.into()))?,
                    model: row.try_get("model")?,
                    api_key_id: api_key_id.map(Into::into),
                    cost: planck::from_blob(&cost)?,
                };
                Ok((stored, row.try_get("stored_ms")?))
            })
            .collect()
    }

    /// Takes nothing more, and returns when all that was handed in is stored, or was refused, and the file is closed.
    pub(crate) async fn close(&self) {
        self.closing.cancel();
        self.closed.cancelled().await;
    }
}

/// Owns what has been promised. Nobody else writes those rows.
struct Writer {
    connection: SqliteConnection,
    /// What is stored of the channels that were written lately; what is not here is read when it is needed.
    promises: HashMap<ChannelKey, Promise>,
    ears: Ears,
    failed_ms: Arc<AtomicI64>,
}

impl Writer {
    async fn run(
        mut self,
        mut pending: mpsc::Receiver<Pending>,
        mut adopting: mpsc::Receiver<PendingAdoption>,
        mut pruning: Pruning,
        closing: CancellationToken,
        _closed: DropGuard,
    ) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        loop {
            tokio::select! {
                received = pending.recv_many(&mut batch, MAX_BATCH) => match received {
                    0 => return drop(self.connection.close().await),
                    _ => self.record(&mut batch).await,
                },
                // What has been handed in by now is stored, and nothing else.
                () = closing.cancelled(), if !pending.is_closed() => pending.close(),
                Some(adoption) = adopting.recv() => self.adopt(adoption).await,
                () = tokio::time::sleep_until(pruning.due()) => pruning.run(&mut self.connection).await,
            }
        }
    }

    /// Stores what has been handed in and tells those who wait for it.
    async fn record(&mut self, batch: &mut Vec<Pending>) {
        metrics::histogram!("gateway_journal_batch_size").record(batch.len() as f64);
        let mut stored = self.store(batch).await;
        // All of it or nothing: whoever is not paid for an answer does not give the next.
        if let Some(error) = stored.as_ref().err().filter(|error| is_of_others(error)) {
            tracing::warn!(target: "gateway::store", %error, "others write to the file for long; trying once more");
            stored = self.store(batch).await;
        }
        match stored {
            Ok(()) => {
                self.failed_ms.store(0, Ordering::Relaxed);
                batch.drain(..).for_each(|pending| pending.tell(Ok(())));
            }
            Err(error) => {
                tracing::error!(target: "gateway::store", %error, receipts = batch.len(), "receipts were not stored");
                match is_of_one_entry(&error) {
                    true => self.record_each(batch).await,
                    false => self.fail(batch.drain(..)),
                }
            }
        }
    }

    /// One receipt that cannot be stored must not take the others with it.
    async fn record_each(&mut self, batch: &mut Vec<Pending>) {
        let mut pending = batch.drain(..);
        while let Some(one) = pending.next() {
            let stored = self.store(std::slice::from_ref(&one)).await;
            match stored {
                Ok(()) => {
                    self.failed_ms.store(0, Ordering::Relaxed);
                    one.tell(Ok(()));
                }
                // It says nothing about the file.
                Err(error) if is_of_one_entry(&error) => one.tell(Err(StoreError::JournalFailed)),
                Err(error) => {
                    tracing::error!(target: "gateway::store", %error, "nor were they one by one");
                    self.fail(std::iter::once(one).chain(pending));
                    return;
                }
            }
        }
    }

    /// The file cannot be written. Each entry alone would wait for it as long as all of them did.
    fn fail(&self, pending: impl Iterator<Item = Pending>) {
        self.failed_ms.store(now_ms(), Ordering::Relaxed);
        pending.for_each(|pending| pending.tell(Err(StoreError::JournalFailed)));
    }

    /// Stores all of `batch` or nothing, and tells what is so after it.
    async fn store(&mut self, batch: &[Pending]) -> Result<(), sqlx::Error> {
        let stored = self.try_store(batch).await;
        match stored {
            Ok(committed) => {
                self.promises.extend(committed.promises.iter().cloned());
                let cost = batch.iter().fold(0, |sum: Balance, pending| sum.saturating_add(pending.entry.stored.cost));
                crate::metrics::promised(cost);
                (self.ears)(committed);
                Ok(())
            }
            Err(error) => {
                // Whether it is on the disk or not is read there.
                for pending in batch {
                    self.promises.remove(&pending.entry.channel);
                }
                Err(error)
            }
        }
    }

    async fn try_store(&mut self, batch: &[Pending]) -> Result<Committed, sqlx::Error> {
        // At once, as what is read here must not change before it is written.
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        let now = now_ms();
        let mut promises: HashMap<ChannelKey, Promise> = HashMap::new();
        let mut used: BTreeMap<UsageKey, Used> = BTreeMap::new();
        let mut costs: BTreeMap<&str, Balance> = BTreeMap::new();
        for Pending { entry: Entry { stored, charged, channel }, .. } in batch {
            let before = match promises.get(channel).or_else(|| self.promises.get(channel)) {
                Some(known) => *known,
                None => promises::of(&mut transaction, channel).await?,
            };
            promises.insert(channel.clone(), before.and(stored.cost));
            let key = UsageKey {
                api_key_id: stored.api_key_id.as_deref().unwrap_or_default().to_owned(),
                day: usage::day_of(now),
                model: stored.model.clone(),
            };
            let sum = used.entry(key).or_default();
            *sum = sum.and(Used::by(charged, stored.cost));
            if let Some(key) = stored.api_key_id.as_deref().filter(|_| stored.cost > 0) {
                let sum = costs.entry(key).or_default();
                *sum = sum.saturating_add(stored.cost);
            }
        }
        insert(&mut transaction, batch, now).await?;
        promises::set(&mut transaction, promises.iter()).await?;
        for (key, used) in used {
            usage::add(&mut transaction, &key, used).await?;
        }
        let mut spent = Vec::with_capacity(costs.len());
        for (key, cost) in costs {
            spent.extend(keys::spend(&mut transaction, key, cost).await?.map(|sum| (key.to_owned(), sum)));
        }
        transaction.commit().await?;
        Ok(Committed { promises: promises.into_iter().collect(), spent })
    }

    async fn adopt(&mut self, adoption: PendingAdoption) {
        let PendingAdoption { key, floor, done } = adoption;
        let adopted = self.try_adopt(&key, floor).await;
        match &adopted {
            Ok(adopted) => {
                self.promises.insert(key.clone(), adopted.now);
                (self.ears)(Committed { promises: vec![(key, adopted.now)], spent: Vec::new() });
            }
            Err(error) => {
                tracing::error!(target: "gateway::store", %error, "a channel was not stored");
                self.promises.remove(&key);
                self.failed_ms.store(now_ms(), Ordering::Relaxed);
            }
        }
        drop(done.send(adopted.map_err(|_| StoreError::JournalFailed)));
    }

    async fn try_adopt(&mut self, key: &ChannelKey, floor: Promise) -> Result<Adopted, sqlx::Error> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        let before = promises::of(&mut transaction, key).await?;
        let now = before.or_more(floor);
        promises::set(&mut transaction, [(key, &now)].into_iter()).await?;
        transaction.commit().await?;
        Ok(Adopted { before, now })
    }
}

/// Whether an error is about what one entry says, or about a row that only it needs, so that others can be stored.
fn is_of_one_entry(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => !matches!(error.kind(), ErrorKind::Other),
        sqlx::Error::Encode(_) | sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => true,
        _ => false,
    }
}

/// Whether another process has the file for longer than is waited for it, so that to wait once more may help.
fn is_of_others(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    // The low byte is the kind, the rest tells more about it.
    let kind = code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
    matches!(kind, Some(SQLITE_BUSY | SQLITE_LOCKED))
}

async fn insert(connection: &mut SqliteConnection, batch: &[Pending], now: i64) -> Result<(), sqlx::Error> {
    let mut query = QueryBuilder::<Sqlite>::new(INSERT);
    query.push_values(batch, |mut row, pending| {
        let StoredReceipt { receipt, signature, model, api_key_id, cost } = &pending.entry.stored;
        row.push_bind(receipt.spec.task_id.to_vec())
            .push_bind(i64::from(receipt.spec.attempt))
            .push_bind(api_key_id.as_deref().map(str::to_owned))
            .push_bind(AsRef::<[u8]>::as_ref(&receipt.spec.miner).to_vec())
            .push_bind(model.clone())
            .push_bind(i64::from(receipt.prompt_tokens))
            .push_bind(i64::from(receipt.completion_tokens))
            .push_bind(now)
            .push_bind(receipt.encode())
            .push_bind(signature.to_vec())
            .push_bind(planck::to_blob(*cost));
    });
    query.build().execute(connection).await.map(|_| ())
}

#[cfg(test)]
mod tests;
