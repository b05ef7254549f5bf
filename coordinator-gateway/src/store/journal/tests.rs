//! What the journal keeps, over failures and restarts.

use super::*;
use crate::{config::JournalSync, store::Store};
use cuckoo_primitives::{fixture, task::TaskSpec, AccountId};
use sqlx::ConnectOptions;
use std::time::{Duration, Instant};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Less than what the receipts claim.
const CHARGED: Usage = Usage { prompt_tokens: 5, completion_tokens: 4, images: 0, audio_ms: 0 };
const KEEP: Duration = Duration::from_secs(90 * 24 * 60 * 60);

fn key(channel: u8) -> ChannelKey {
    ChannelKey { miner: AccountId::from([7; 32]), channel: [channel; 16] }
}

fn receipt(task: u8, attempt: u32, key: Option<&str>) -> Entry {
    Entry { stored: stored(task, attempt, key), charged: CHARGED, channel: self::key(1) }
}

fn costing(task: u8, attempt: u32, channel: u8, cost: Balance) -> Entry {
    Entry {
        stored: StoredReceipt { cost, ..stored(task, attempt, Some("key_a")) },
        charged: CHARGED,
        channel: key(channel),
    }
}

fn stored(task: u8, attempt: u32, key: Option<&str>) -> StoredReceipt {
    StoredReceipt {
        receipt: Receipt {
            spec: TaskSpec { task_id: [task; 16], attempt, ..fixture::spec() },
            prompt_tokens: 6,
            completion_tokens: 7,
            ..fixture::receipt()
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

#[tokio::test]
async fn a_file_that_others_lock_fails_all_that_wait_for_it_together() {
    const WAIT: Duration = Duration::from_millis(300);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
    let impatient = store.options.clone().busy_timeout(WAIT).connect().await.unwrap();
    let journal = Journal::start(impatient, store.pool.clone(), Pruning::new(KEEP), Box::new(|_| {}));
    journal.append(receipt(1, 0, None)).await.unwrap();
    let mut other = store.pool.acquire().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *other).await.unwrap();
    let begun = Instant::now();
    let appends = (0..50u32).map(|attempt| journal.append(receipt(9, attempt, None)));
    let stored = futures::future::join_all(appends).await;
    assert!(stored.iter().all(|stored| matches!(stored, Err(StoreError::JournalFailed))));
    // The first may have been taken alone, before the others were there, and each time it is tried once more.
    assert!(begun.elapsed() < 8 * WAIT, "{:?}", begun.elapsed());
    assert!(journal.is_failing());
    sqlx::query("ROLLBACK").execute(&mut *other).await.unwrap();
    journal.append(receipt(9, 0, None)).await.unwrap();
    assert!(!journal.is_failing());
}

#[tokio::test]
async fn a_file_that_others_have_for_a_little_too_long_costs_no_receipt() {
    const WAIT: Duration = Duration::from_secs(2);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
    let patient = store.options.clone().busy_timeout(WAIT).connect().await.unwrap();
    let journal = Journal::start(patient, store.pool.clone(), Pruning::new(KEEP), Box::new(|_| {}));
    journal.append(receipt(1, 0, None)).await.unwrap();
    let lock = store.pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let begun = Instant::now();
    let give_back = async {
        tokio::time::sleep(WAIT + WAIT / 2).await;
        lock.rollback().await.unwrap();
    };
    let append = |attempt| journal.append(receipt(9, attempt, None));
    let (first, second, ()) = tokio::join!(append(0), append(1), give_back);
    assert!(begun.elapsed() > WAIT, "{:?}", begun.elapsed());
    first.unwrap();
    second.unwrap();
    assert!(!journal.is_failing());
}

#[tokio::test]
async fn a_journal_whose_writer_is_gone_is_failing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
    let journal = store.journal(KEEP, |_| panic!("as a test wants it")).await.unwrap();
    assert!(!journal.is_failing());
    assert!(matches!(journal.append(receipt(1, 0, None)).await, Err(StoreError::JournalClosed)));
    journal.closed.cancelled().await;
    assert!(journal.is_failing());
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
    assert_eq!(
        left.iter().map(|(stored, _)| stored.receipt.spec.attempt).collect::<Vec<_>>(),
        Vec::from_iter(590..600)
    );
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
async fn what_is_charged_is_summed_by_key_and_model() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
    let (journal, _) = told(&store).await;
    for attempt in 0..3 {
        journal.append(costing(1, attempt, 1, 4)).await.unwrap();
    }
    journal.append(receipt(2, 0, None)).await.unwrap();
    let today = usage::day_of(now_ms());
    for (key, used) in [(Some("key_a"), (3, 15, 12, 12)), (None, (1, 5, 4, 0))] {
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
        journal.append(Entry { stored, charged: CHARGED, channel: self::key(1) }).await.unwrap();
    }
    // Not of a key that there is.
    journal.append(costing(2, 0, 1, 9)).await.unwrap();
    let all = 20 * cuckoo_primitives::CAI + 5;
    assert_eq!(*spent.lock(), [(key.clone(), 5), (key, all)]);
    assert_eq!(store.keys().list().await.unwrap()[0].spent, all);
}

#[tokio::test]
async fn what_was_handed_in_before_the_journal_closes_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
    let journal = journal_of(&store).await;
    // Keeps the writer from its first batch until more has been handed in behind it.
    let lock = store.pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let appends = (0..600u32).map(|attempt| {
        let journal = journal.clone();
        tokio::spawn(async move { journal.append(receipt(9, attempt, None)).await })
    });
    let appends: Vec<_> = appends.collect();
    while journal.queue.max_capacity() - journal.queue.capacity() < 300 {
        tokio::task::yield_now().await;
    }
    let closing = tokio::spawn({
        let journal = journal.clone();
        async move { journal.close().await }
    });
    tokio::task::yield_now().await;
    lock.rollback().await.unwrap();
    closing.await.unwrap();
    let stored = futures::future::join_all(appends).await.into_iter().filter(|append| append.as_ref().unwrap().is_ok());
    assert_eq!(stored.count(), 600);
    assert_eq!(count(&store).await, 600);
    let late = journal.append(receipt(1, 0, None)).await;
    assert!(matches!(late, Err(StoreError::JournalClosed)));
    tokio::time::timeout(Duration::from_secs(5), journal.close()).await.expect("to close it twice is no harm");
}
