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

use codec::Encode;
use cuckoo_primitives::{
    task::{Receipt, TaskId},
    Balance, Signature,
};
use sqlx::{Connection, QueryBuilder, Row, Sqlite, SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};

use super::{
    keys, now_ms, planck, promises,
    pruning::Pruning,
    usage::{self, DailyUsage, UsageKey, Used},
    StoreError,
};
use crate::settle::{ChannelKey, Promise};

/// Most entries of one transaction.
const MAX_BATCH: usize = 256;

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
}

impl Journal {
    pub(super) fn start(connection: SqliteConnection, readers: SqlitePool, pruning: Pruning, ears: Ears) -> Self {
        let (queue, pending) = mpsc::channel(4 * MAX_BATCH);
        let (adoptions, adopting) = mpsc::channel(MAX_BATCH);
        let failed_ms = Arc::new(AtomicI64::new(0));
        let writer = Writer { connection, promises: HashMap::new(), ears, failed_ms: failed_ms.clone() };
        tokio::spawn(writer.run(pending, adopting, pruning));
        Self { queue, adoptions, readers, failed_ms }
    }

    /// Whether receipts could not be written lately. It is forgotten after a while, as without tasks nothing is written
    /// that could show that the file is well again.
    pub(crate) fn is_failing(&self) -> bool {
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
        rows.iter()
            .map(|row| {
                let encoded: Vec<u8> = row.try_get("encoded")?;
                let signature: Vec<u8> = row.try_get("signature")?;
                let api_key_id: Option<String> = row.try_get("api_key_id")?;
                let cost: Vec<u8> = row.try_get("cost")?;
                let stored = StoredReceipt {
                    receipt: codec::DecodeAll::decode_all(&mut encoded.as_slice())
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
    ) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        loop {
            tokio::select! {
                received = pending.recv_many(&mut batch, MAX_BATCH) => match received {
                    0 => return,
                    _ => self.record(&mut batch).await,
                },
                Some(adoption) = adopting.recv() => self.adopt(adoption).await,
                () = tokio::time::sleep_until(pruning.due()) => pruning.run(&mut self.connection).await,
            }
        }
    }

    /// Stores what has been handed in and tells those who wait for it.
    async fn record(&mut self, batch: &mut Vec<Pending>) {
        metrics::histogram!("gateway_journal_batch_size").record(batch.len() as f64);
        match self.store(batch).await {
            Ok(()) => {
                self.failed_ms.store(0, Ordering::Relaxed);
                batch.drain(..).for_each(|pending| drop(pending.done.send(Ok(()))));
            }
            Err(error) => {
                tracing::error!(target: "gateway::store", %error, receipts = batch.len(), "receipts were not stored");
                // One receipt that cannot be stored must not take the others with it.
                for pending in batch.drain(..) {
                    let stored = self.store(std::slice::from_ref(&pending)).await;
                    match &stored {
                        Ok(()) => self.failed_ms.store(0, Ordering::Relaxed),
                        // A receipt that was there already says nothing about the file.
                        Err(error) if error.as_database_error().is_some_and(|error| error.is_unique_violation()) => {}
                        Err(_) => self.failed_ms.store(now_ms(), Ordering::Relaxed),
                    }
                    drop(pending.done.send(stored.map_err(|_| StoreError::JournalFailed)));
                }
            }
        }
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
        for Pending { entry: Entry { stored, channel }, .. } in batch {
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
            *sum = sum.and(Used::by(&stored.receipt, stored.cost));
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

async fn insert(connection: &mut SqliteConnection, batch: &[Pending], now: i64) -> Result<(), sqlx::Error> {
    let mut query = QueryBuilder::<Sqlite>::new(INSERT);
    query.push_values(batch, |mut row, pending| {
        let StoredReceipt { receipt, signature, model, api_key_id, cost } = &pending.entry.stored;
        row.push_bind(receipt.task_id.to_vec())
            .push_bind(i64::from(receipt.attempt))
            .push_bind(api_key_id.as_deref().map(str::to_owned))
            .push_bind(AsRef::<[u8]>::as_ref(&receipt.miner).to_vec())
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
mod tests {
    use super::*;
    use crate::{config::JournalSync, store::Store};
    use cuckoo_primitives::{task::Finish, AccountId, Hash};
    use std::time::{Duration, Instant};

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const KEEP: Duration = Duration::from_secs(90 * 24 * 60 * 60);

    fn key(channel: u8) -> ChannelKey {
        ChannelKey { miner: AccountId::from([7; 32]), channel: [channel; 16] }
    }

    fn receipt(task: u8, attempt: u32, key: Option<&str>) -> Entry {
        Entry { stored: stored(task, attempt, key), channel: self::key(1) }
    }

    fn costing(task: u8, attempt: u32, channel: u8, cost: Balance) -> Entry {
        Entry { stored: StoredReceipt { cost, ..stored(task, attempt, Some("key_a")) }, channel: key(channel) }
    }

    fn stored(task: u8, attempt: u32, key: Option<&str>) -> StoredReceipt {
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
            cost: 0,
        }
    }

    async fn journal_of(store: &Store) -> Journal {
        store.journal(KEEP, |_| {}).await.unwrap()
    }

    #[tokio::test]
    async fn receipts_outlive_the_gateway_and_belong_to_their_key() {
        let folder = tempfile::tempdir().unwrap();
        let mine = receipt(1, 0, Some("key_a"));
        {
            let store = Store::open(folder.path(), JournalSync::Full).await.unwrap();
            let journal = journal_of(&store).await;
            let appends = (0..600u32).map(|attempt| journal.append(receipt(9, attempt, None)));
            futures::future::try_join_all(appends).await.unwrap();
            journal.append(mine.clone()).await.unwrap();
            store.close().await;
        }
        let store = Store::open(folder.path(), JournalSync::Full).await.unwrap();
        let journal = journal_of(&store).await;
        assert_eq!(journal.of_task(&[9; 16], None).await.unwrap().len(), 600);
        assert_eq!(journal.of_task(&[1; 16], Some("key_a")).await.unwrap()[0].0, mine.stored);
        assert!(journal.of_task(&[1; 16], Some("key_b")).await.unwrap().is_empty());
        assert!(journal.of_task(&[1; 16], None).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_written_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
        let journal = journal_of(&store).await;
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
        journal_of(&store).await.append(receipt(1, 0, None)).await.unwrap();
        let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap()).collect();
        assert!(files.len() > 1, "there is a journal beside the file");
        for file in files {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", file.path());
        }
    }

    #[tokio::test]
    async fn a_receipt_that_cannot_be_stored_leaves_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal_of(&Store::open(folder.path(), JournalSync::Normal).await.unwrap()).await;
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
        let journal = journal_of(&store).await;
        // More than go at once.
        let appends = (0..600u32).map(|attempt| journal.append(receipt(9, attempt, None)));
        futures::future::try_join_all(appends).await.unwrap();
        drop(journal);
        let age = |days: u32| now_ms() - i64::try_from((days * DAY).as_millis()).unwrap();
        // At once, as the first writer may still look for old ones.
        let aged = sqlx::query("UPDATE receipts SET stored_ms = CASE WHEN attempt < 590 THEN ? ELSE ? END");
        aged.bind(age(91)).bind(age(89)).execute(&store.pool).await.unwrap();

        let journal = journal_of(&store).await;
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

    /// All that was told of one channel, in order.
    type Told = Arc<parking_lot::Mutex<Vec<(ChannelKey, Promise)>>>;

    async fn told(store: &Store) -> (Journal, Told) {
        let told = Told::default();
        let ears = told.clone();
        let journal = store.journal(KEEP, move |committed| ears.lock().extend(committed.promises)).await.unwrap();
        (journal, told)
    }

    #[tokio::test]
    async fn results_at_once_make_one_growing_sequence_without_gaps() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
        let (journal, told) = told(&store).await;
        let appends = (0..600u32).map(|attempt| journal.append(costing(9, attempt, 1 + (attempt % 2) as u8, 10)));
        futures::future::try_join_all(appends).await.unwrap();
        for channel in [1, 2] {
            let amounts: Vec<Promise> =
                told.lock().iter().filter(|(key, _)| *key == self::key(channel)).map(|(_, promise)| *promise).collect();
            assert!(amounts.iter().is_sorted_by_key(|promise| promise.amount));
            assert!(amounts.iter().all(|promise| promise.amount == 10 * u128::from(promise.tasks)));
            assert_eq!(*amounts.last().unwrap(), Promise { amount: 3_000, tasks: 300 });
        }
    }

    #[tokio::test]
    async fn promises_survive_a_restart_and_go_on() {
        let folder = tempfile::tempdir().unwrap();
        // More than an INTEGER holds.
        let much = 20 * cuckoo_primitives::CAI;
        {
            let store = Store::open(folder.path(), JournalSync::Full).await.unwrap();
            let (journal, _) = told(&store).await;
            journal.append(costing(1, 0, 1, much)).await.unwrap();
            store.close().await;
        }
        let store = Store::open(folder.path(), JournalSync::Full).await.unwrap();
        assert_eq!(store.promises().await.unwrap(), [(key(1), Promise { amount: much, tasks: 1 })]);
        let (journal, told) = told(&store).await;
        journal.append(costing(1, 1, 1, much + 1)).await.unwrap();
        assert_eq!(*told.lock(), [(key(1), Promise { amount: 2 * much + 1, tasks: 2 })]);
    }

    #[tokio::test]
    async fn a_receipt_that_comes_twice_is_paid_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
        let (journal, _) = told(&store).await;
        let (first, again, other) = tokio::join!(
            journal.append(costing(1, 0, 1, 5)),
            journal.append(costing(1, 0, 1, 5)),
            journal.append(costing(2, 0, 1, 7))
        );
        first.unwrap();
        assert!(matches!(again, Err(StoreError::JournalFailed)));
        other.unwrap();
        assert!(journal.append(costing(1, 0, 2, 5)).await.is_err(), "through another channel neither");
        assert_eq!(store.promises().await.unwrap(), [(key(1), Promise { amount: 12, tasks: 2 })]);
    }

    #[tokio::test]
    async fn what_could_not_be_stored_is_not_promised() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
        let (journal, told) = told(&store).await;
        journal.append(costing(1, 0, 1, 5)).await.unwrap();
        sqlx::query("ALTER TABLE usage RENAME TO hidden").execute(&store.pool).await.unwrap();
        assert!(journal.append(costing(2, 0, 1, 7)).await.is_err());
        assert!(journal.of_task(&[2; 16], Some("key_a")).await.unwrap().is_empty(), "nor is its receipt there");
        sqlx::query("ALTER TABLE hidden RENAME TO usage").execute(&store.pool).await.unwrap();
        journal.append(costing(3, 0, 1, 1)).await.unwrap();
        let amounts: Vec<Balance> = told.lock().iter().map(|(_, promise)| promise.amount).collect();
        assert_eq!(amounts, [5, 6]);
    }

    #[tokio::test]
    async fn a_channel_is_raised_but_never_lowered() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
        let (journal, told) = told(&store).await;
        journal.append(costing(1, 0, 1, 5)).await.unwrap();
        let at = |amount, tasks| Promise { amount, tasks };
        let raised = journal.adopt(key(1), at(9, 1)).await.unwrap();
        assert_eq!(raised, Adopted { before: at(5, 1), now: at(9, 1) });
        let kept = journal.adopt(key(1), at(8, 0)).await.unwrap();
        assert_eq!(kept, Adopted { before: at(9, 1), now: at(9, 1) });
        journal.append(costing(1, 1, 1, 1)).await.unwrap();
        assert_eq!(told.lock().last(), Some(&(key(1), at(10, 2))));
    }

    #[tokio::test]
    async fn usage_is_summed_by_key_and_model() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
        let (journal, _) = told(&store).await;
        for attempt in 0..3 {
            journal.append(costing(1, attempt, 1, 4)).await.unwrap();
        }
        journal.append(receipt(2, 0, None)).await.unwrap();
        let today = usage::day_of(now_ms());
        for (key, used) in [(Some("key_a"), (3, 18, 21, 12)), (None, (1, 6, 7, 0))] {
            let days = journal.usage_of(key).await.unwrap();
            let Used { tasks, prompt_tokens, completion_tokens, cost } = days[0].used;
            assert_eq!((tasks, prompt_tokens, completion_tokens, cost), used);
            assert_eq!((days.len(), days[0].model.as_str()), (1, "m"));
            assert!((today - 1..=today).contains(&days[0].day));
        }
        assert!(journal.usage_of(Some("key_b")).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_a_key_spends_is_committed_with_its_receipts() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
        let key = store.keys().create("app").await.unwrap().id;
        let spent: Arc<parking_lot::Mutex<Vec<(String, Balance)>>> = Arc::default();
        let ears = spent.clone();
        let journal = store.journal(KEEP, move |committed| ears.lock().extend(committed.spent)).await.unwrap();
        for (attempt, cost) in [(0, 5), (1, 0), (2, 20 * cuckoo_primitives::CAI)] {
            let stored = StoredReceipt { cost, ..stored(1, attempt, Some(&key)) };
            journal.append(Entry { stored, channel: self::key(1) }).await.unwrap();
        }
        // Not of a key that there is.
        journal.append(costing(2, 0, 1, 9)).await.unwrap();
        let all = 20 * cuckoo_primitives::CAI + 5;
        assert_eq!(*spent.lock(), [(key.clone(), 5), (key, all)]);
        assert_eq!(store.keys().list().await.unwrap()[0].spent, all);
    }
}
