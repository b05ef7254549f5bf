use std::{fs, os::unix::fs::FileExt, path::PathBuf};

use cuckoo_primitives::{
    challenge::{Answer, Question, KEPT_MS},
    fixture,
};
use futures::future::join_all;
use proptest::prelude::*;

use super::*;
use crate::kept::{
    fixture::{attempt, name},
    folder::PROBE_NAME,
    record::Record,
};

/// When the tasks of tests begin, in milliseconds after 1970.
const BEGAN_MS: u64 = 1_700_000_000_000;
const LIMITS: Limits = Limits { most_bytes: 1 << 20, segment_bytes: 1 << 16, segment_ms: SEGMENT_MS };

type Pair = (SignedReceipt, Vec<Leaf>);

/// What is kept, without a thread: whatever is put in is written when the call returns.
struct Store {
    shared: Arc<Shared>,
    writer: Writer,
}

impl Store {
    fn open(path: &Path, limits: Limits) -> Self {
        let folder = Folder::open(path).unwrap();
        let book = read(&folder).unwrap();
        let shared = Arc::new(Shared::new(folder, limits, book));
        Self { writer: Writer::new(shared.clone()), shared }
    }

    /// Keeps these with one sync.
    fn keep(&mut self, group: &[Pair]) -> Vec<Result<(), KeptError>> {
        let (keeps, mut dones): (Vec<_>, Vec<_>) = group
            .iter()
            .map(|(signed, leaves)| {
                let (done, is_done) = oneshot::channel();
                (Keep { signed: signed.clone(), leaves: leaves.clone(), done }, is_done)
            })
            .unzip();
        self.writer.keep(keeps);
        dones.iter_mut().map(|done| done.try_recv().unwrap()).collect()
    }

    fn release(&mut self, needed: &[&Pair], now_ms: u64) {
        let needed = needed.iter().map(|(signed, _)| key(&name(signed))).collect();
        self.writer.release(Release { needed, now_ms, done: oneshot::channel().0 });
    }

    /// What is found of an attempt: whether it is what was kept.
    fn has(&self, (signed, leaves): &Pair) -> bool {
        let Some(found) = self.shared.book.lock().find(&key(&name(signed))) else { return false };
        let (stored, count) = (found.stored, leaves.len() as u32);
        assert_eq!(found.leaves, count);
        assert_eq!(stored.receipt().unwrap(), *signed);
        assert_eq!(stored.leaves(0, count).unwrap().unwrap(), *leaves);
        true
    }

    /// The newest file and its length; a name that is before all others if there is none.
    fn newest(&self) -> (PathBuf, u64) {
        let path = self.shared.folder.path(self.shared.book.lock().newest().unwrap_or_default());
        let bytes = fs::metadata(&path).map_or(0, |found| found.len());
        (path, bytes)
    }
}

fn bytes_in(folder: &Path) -> u64 {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

fn pair(number: u8, tokens: u32) -> Pair {
    attempt(number, BEGAN_MS, tokens)
}

/// What the coordinator of this attempt is shown of it.
async fn opened(kept: &Kept, signed: &SignedReceipt, first: u32, count: u32) -> Result<Vec<Leaf>, KeptError> {
    kept.leaves(&name(signed), &signed.receipt.spec.coordinator, first, count).await
}

fn record_bytes((signed, leaves): &Pair) -> u64 {
    Record::new(0, signed, leaves).unwrap().header().record_bytes()
}

#[tokio::test]
async fn what_was_kept_is_found_now_and_after_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let pairs: Vec<Pair> = (1..20).map(|number| pair(number, number.into())).collect();
    let kept = Kept::open(dir.path(), 1 << 20).unwrap();
    let all = join_all(pairs.iter().map(|(signed, leaves)| kept.keep(signed.clone(), leaves.clone()))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    for kept in [kept.clone(), {
        drop(kept);
        Kept::open(dir.path(), 1 << 20).unwrap()
    }] {
        for (signed, leaves) in &pairs {
            let tokens = leaves.len() as u32;
            assert_eq!(kept.receipt(&name(signed)).await, Ok(Some(signed.clone())));
            assert_eq!(opened(&kept, signed, 0, tokens).await, Ok(leaves.clone()));
            assert_eq!(opened(&kept, signed, 1, tokens - 1).await, Ok(leaves[1..].to_vec()));
            assert_eq!(opened(&kept, signed, 1, tokens).await, Err(KeptError::NoSuchToken { tokens }));
        }
        let report = kept.report();
        assert_eq!((report.attempts, report.bytes, report.trouble), (19, bytes_in(dir.path()), None));
    }
}

#[tokio::test]
async fn what_was_never_kept_is_unknown() {
    let dir = tempfile::tempdir().unwrap();
    let kept = Kept::open(dir.path(), 1 << 20).unwrap();
    let (signed, leaves) = pair(1, 3);
    assert_eq!(kept.receipt(&name(&signed)).await, Ok(None));
    assert_eq!(opened(&kept, &signed, 0, 1).await, Err(KeptError::Unknown));
    kept.keep(signed.clone(), leaves).await.unwrap();
    let others = [
        AttemptOf { attempt: 1, ..name(&signed) },
        AttemptOf { link: Hash::zero(), ..name(&signed) },
        name(&pair(2, 1).0),
    ];
    for other in others {
        assert_eq!(kept.proof(&other, 0).await, Err(KeptError::Unknown));
    }
}

#[tokio::test]
async fn a_proof_answers_a_challenge() {
    let dir = tempfile::tempdir().unwrap();
    let kept = Kept::open(dir.path(), 1 << 20).unwrap();
    let (signed, leaves) = pair(1, 11);
    kept.keep(signed.clone(), leaves.clone()).await.unwrap();
    for index in 0..11 {
        let (leaf, path) = kept.proof(&name(&signed), index).await.unwrap();
        assert_eq!(leaf, leaves[index as usize]);
        let question = Question::of_leaf(&signed.receipt, index).unwrap();
        assert!(question.is_answered_by(&Answer::Leaf { leaf, path }, &Hash::zero()));
    }
    assert_eq!(kept.proof(&name(&signed), 11).await, Err(KeptError::NoSuchToken { tokens: 11 }));
}

/// Has everything that is read from now on be damaged.
fn damage(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        fs::File::options().write(true).open(entry.unwrap().path()).unwrap().set_len(0).unwrap();
    }
}

#[tokio::test]
async fn nothing_is_read_for_leaves_that_are_not_there_or_for_another_coordinator() {
    let dir = tempfile::tempdir().unwrap();
    let kept = Kept::open(dir.path(), 1 << 20).unwrap();
    let (signed, leaves) = pair(1, 5);
    kept.keep(signed.clone(), leaves).await.unwrap();
    damage(dir.path());
    for (first, count) in [(0, 6), (5, 1), (u32::MAX, 1), (1, u32::MAX)] {
        let error = opened(&kept, &signed, first, count).await.unwrap_err();
        assert_eq!(error, KeptError::NoSuchToken { tokens: 5 }, "{count} from {first}");
    }
    let other = AccountId::from([99; 32]);
    for (first, count) in [(0, 1), (u32::MAX, 1)] {
        assert_eq!(kept.leaves(&name(&signed), &other, first, count).await, Err(KeptError::Unknown));
    }
    assert_eq!(opened(&kept, &signed, 0, 1).await, Err(KeptError::Unreadable), "this one is read");
}

#[tokio::test]
async fn whose_task_it_was_before_this_start_is_read_once() {
    let dir = tempfile::tempdir().unwrap();
    let (other, asked, unasked) = (AccountId::from([99; 32]), pair(1, 5).0, pair(2, 5).0);
    let mut store = Store::open(dir.path(), LIMITS);
    assert_eq!(store.keep(&[pair(1, 5), pair(2, 5)]), [Ok(()); 2]);
    drop(store);
    let kept = Kept::open(dir.path(), 1 << 20).unwrap();
    assert_eq!(kept.leaves(&name(&asked), &other, 0, 1).await, Err(KeptError::Unknown));
    damage(dir.path());
    assert_eq!(kept.leaves(&name(&asked), &other, 0, 1).await, Err(KeptError::Unknown));
    assert_eq!(kept.leaves(&name(&unasked), &other, 0, 1).await, Err(KeptError::Unreadable));
    assert_eq!(opened(&kept, &unasked, 5, 1).await, Err(KeptError::NoSuchToken { tokens: 5 }));
}

#[test]
fn what_waits_together_is_written_with_one_sync() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), LIMITS);
    let first = pair(1, 3);
    assert_eq!(store.keep(&[first.clone(), pair(2, 3), pair(3, 0)]), [Ok(()); 3]);
    assert_eq!(store.keep(&[pair(4, 1)]), [Ok(())]);
    let (path, length) = store.newest();
    let scan = Scan::of(&Arc::new(fs::File::open(path).unwrap()), length, Depth::Bodies).unwrap();
    let durable: Vec<u64> = scan.records.iter().map(|(_, header)| header.durable).collect();
    assert_eq!(durable[..3], [0; 3]);
    assert_eq!(durable[3], scan.records[3].0);
    assert_eq!(scan.records[1].0, record_bytes(&first));
}

#[test]
fn an_attempt_is_kept_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), LIMITS);
    let again = (SignedReceipt { signature: [9; 64], ..pair(1, 3).0 }, pair(1, 3).1);
    assert_eq!(store.keep(&[pair(1, 3), again.clone(), pair(2, 3)]), [Ok(()), Err(KeptError::Twice), Ok(())]);
    assert_eq!(store.keep(std::slice::from_ref(&again)), [Err(KeptError::Twice)]);
    let mut store = Store::open(dir.path(), LIMITS);
    assert_eq!(store.keep(&[again]), [Err(KeptError::Twice)]);
    assert!(store.has(&pair(1, 3)) && store.has(&pair(2, 3)));
}

#[tokio::test]
async fn no_more_is_kept_than_may_be_until_something_is_too_old() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (pair(1, 4), attempt(2, BEGAN_MS + KEPT_MS, 4));
    let most_bytes = record_bytes(&old) + record_bytes(&new) - 1;
    let kept = Kept::open(dir.path(), most_bytes).unwrap();
    kept.keep(old.0.clone(), old.1.clone()).await.unwrap();
    assert_eq!(kept.keep(new.0.clone(), new.1.clone()).await, Err(KeptError::Full));
    assert!(!kept.has_room(4));
    kept.release(&[], BEGAN_MS + KEPT_MS).await;
    assert_eq!(kept.keep(new.0.clone(), new.1.clone()).await, Err(KeptError::Full), "it may still be asked for");
    kept.release(&[name(&old.0)], BEGAN_MS + KEPT_MS + 1).await;
    assert_eq!(kept.keep(new.0.clone(), new.1.clone()).await, Err(KeptError::Full), "it is asked for");
    kept.release(&[], BEGAN_MS + KEPT_MS + 1).await;
    assert_eq!(kept.receipt(&name(&old.0)).await, Ok(None));
    assert_eq!((kept.report().bytes, bytes_in(dir.path())), (0, 0));
    assert_eq!(kept.keep(new.0.clone(), new.1).await, Ok(()));
    assert_eq!(kept.receipt(&name(&new.0)).await, Ok(Some(new.0)));
}

#[tokio::test]
async fn room_is_reckoned_by_the_longest_leaves() {
    let dir = tempfile::tempdir().unwrap();
    let kept = Kept::open(dir.path(), most_bytes(100)).unwrap();
    assert!(kept.has_room(100) && !kept.has_room(101) && !kept.has_room(u32::MAX));
    // At temperature there are 64 candidates.
    let leaves = fixture::leaves(&fixture::drawing(), 100);
    let signed = SignedReceipt { receipt: fixture::receipt_of(&leaves), signature: [1; 64] };
    kept.keep(signed, leaves).await.unwrap();
    assert!(!kept.has_room(100));
}

#[test]
fn what_cannot_be_written_does_not_count_until_the_disk_can_be_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), LIMITS);
    assert_eq!(store.keep(&[pair(1, 3)]), [Ok(())]);
    let before = store.newest().1;
    store.writer.spoil(true);
    assert_eq!(store.keep(&[pair(2, 3), pair(3, 3)]), [Err(KeptError::Unwritable); 2]);
    assert!(store.shared.trouble.lock().is_some());
    store.writer.probe();
    assert!(store.shared.trouble.lock().is_some());
    assert!(store.has(&pair(1, 3)) && !store.has(&pair(2, 3)));
    // As if half of the write had arrived.
    let file = fs::File::options().write(true).open(store.newest().0).unwrap();
    file.write_all_at(&[9; 100], before).unwrap();
    store.writer.spoil(false);
    store.writer.probe();
    assert_eq!((store.shared.trouble.lock().clone(), store.newest().1), (None, before));
    assert_eq!(store.keep(&[pair(2, 3)]), [Ok(())]);
    let store = Store::open(dir.path(), LIMITS);
    assert!(store.has(&pair(1, 3)) && store.has(&pair(2, 3)) && !store.has(&pair(3, 3)));
}

#[tokio::test]
async fn there_is_no_room_while_the_disk_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("kept");
    let kept = Kept::open(&path, 1 << 20).unwrap();
    assert!(kept.has_room(1));
    fs::remove_dir(&path).unwrap();
    let (signed, leaves) = pair(1, 3);
    assert_eq!(kept.keep(signed.clone(), leaves.clone()).await, Err(KeptError::Unwritable));
    assert!(!kept.has_room(1) && kept.report().trouble.is_some());
    fs::create_dir(&path).unwrap();
    assert_eq!(kept.keep(signed, leaves).await, Ok(()));
    assert!(kept.has_room(1) && kept.report().trouble.is_none());
}

#[test]
fn a_disk_that_cannot_be_written_is_known_from_the_start_until_it_can_be() {
    let dir = tempfile::tempdir().unwrap();
    // In the way of the file by which it is tried.
    let in_the_way = dir.path().join(PROBE_NAME);
    fs::create_dir(&in_the_way).unwrap();
    let kept = Kept::open(dir.path(), 1 << 20).unwrap();
    assert!(!kept.has_room(1) && kept.report().trouble.is_some());
    drop(kept);
    // The same without the thread, which tries again only after a pause.
    let Store { shared, mut writer } = Store::open(dir.path(), LIMITS);
    let kept = Kept(Arc::new(Inner { shared, writer: None }));
    writer.probe();
    assert!(!kept.has_room(1) && kept.report().trouble.is_some());
    fs::remove_dir(&in_the_way).unwrap();
    writer.probe();
    assert!(kept.has_room(1) && kept.report().trouble.is_none());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "starts leave no files behind");
}

#[tokio::test]
async fn nobody_waits_for_a_thread_that_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let Store { shared, writer } = Store::open(dir.path(), LIMITS);
    let kept = Kept(Arc::new(Inner { shared, writer: None }));
    let (signed, leaves) = pair(1, 3);
    let keep = kept.keep(signed.clone(), leaves.clone());
    let (said, ()) = tokio::join!(keep, async { drop(writer) });
    assert_eq!(said, Err(KeptError::Unwritable));
    assert_eq!(kept.keep(signed, leaves).await, Err(KeptError::Unwritable));
    kept.release(&[], 0).await;
    assert!(!kept.has_room(1) && kept.report().trouble.is_some());
}

#[test]
fn files_follow_each_other_and_go_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { segment_bytes: 1, ..LIMITS };
    let mut store = Store::open(dir.path(), limits);
    let pairs: Vec<Pair> = (1..=5).map(|number| attempt(number, BEGAN_MS + u64::from(number), 2)).collect();
    pairs.iter().for_each(|pair| assert_eq!(store.keep(std::slice::from_ref(pair)), [Ok(())]));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 5);
    store.release(&[&pairs[0]], BEGAN_MS + KEPT_MS + 4);
    let there = |store: &Store| pairs.iter().map(|pair| store.has(pair)).collect::<Vec<_>>();
    assert_eq!(there(&store), [true, false, false, true, true]);
    // A start deletes nothing: nobody has said yet what is needed.
    let mut store = Store::open(dir.path(), limits);
    assert_eq!(there(&store), [true, false, false, true, true]);
    store.release(&[], u64::MAX);
    assert_eq!((there(&store), bytes_in(dir.path())), (vec![false; 5], 0));
    assert_eq!(store.keep(&pairs[..1]), [Ok(())]);
}

#[test]
fn a_clock_that_was_set_back_does_not_hide_the_newest_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), LIMITS);
    assert_eq!(store.keep(&[pair(1, 3)]), [Ok(())]);
    // As if it had been made in the year 2100.
    fs::rename(store.newest().0, store.shared.folder.path(4_102_444_800_000)).unwrap();
    let mut store = Store::open(dir.path(), LIMITS);
    assert_eq!(store.keep(&[pair(2, 3)]), [Ok(())]);
    let (path, length) = store.newest();
    assert_eq!(path, store.shared.folder.path(4_102_444_800_001));
    fs::File::options().write(true).open(path).unwrap().set_len(length - 1).unwrap();
    let store = Store::open(dir.path(), LIMITS);
    assert!(store.has(&pair(1, 3)) && !store.has(&pair(2, 3)));
    assert!(!store.shared.book.lock().is_damaged());
}

#[tokio::test]
async fn damage_is_never_taken_for_never_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), LIMITS);
    (1..=3).for_each(|number| assert_eq!(store.keep(&[pair(number, 3)]), [Ok(())]));
    let path = store.newest().0;
    drop(store);
    let whole = fs::read(&path).unwrap();
    let second = record_bytes(&pair(1, 3)) as usize;
    let receipt = |kept: Kept, number| async move { kept.receipt(&name(&pair(number, 3).0)).await };
    // In the header, and in the body.
    for at in [second + 20, second + 300] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let kept = Kept::open(dir.path(), 1 << 20).unwrap();
        for number in [1, 3] {
            assert_eq!(receipt(kept.clone(), number).await, Ok(Some(pair(number, 3).0)), "damage at {at}");
        }
        assert_eq!(receipt(kept.clone(), 2).await, Err(KeptError::Incomplete));
        assert_eq!(receipt(kept, 9).await, Err(KeptError::Incomplete), "it may have been the damaged one");
        assert_eq!(fs::read(&path).unwrap(), bytes, "nothing is cut off");
    }
    // What is damaged while it is in use is found when it is read.
    fs::write(&path, &whole).unwrap();
    let kept = Kept::open(dir.path(), 1 << 20).unwrap();
    fs::File::options().write(true).open(&path).unwrap().write_all_at(&[0; 9], second as u64 + 300).unwrap();
    assert_eq!(receipt(kept, 2).await, Err(KeptError::Unreadable));
}

#[test]
fn what_a_newer_version_keeps_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), LIMITS);
    assert_eq!(store.keep(&[pair(1, 3)]), [Ok(())]);
    let path = store.newest().0;
    fs::File::options().write(true).open(&path).unwrap().write_all_at(&[2], 7).unwrap();
    let before = fs::read(&path).unwrap();
    assert_eq!(Kept::open(dir.path(), 1 << 20).err(), Some(KeptError::Newer));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn what_is_said_to_coordinators_names_no_place() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let error = Kept::open(&dir.path().join("file"), 1 << 20).unwrap_err();
    assert_eq!(error, KeptError::Unreadable);
    assert!(!error.to_string().contains('/') && error.to_string().contains("log"), "{error}");
}

/// All files of one folder in another.
fn copied(from: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
    }
    dir
}

#[test]
fn a_crash_at_any_byte_of_a_write_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), LIMITS);
    let acknowledged = [pair(1, 2), pair(2, 0), pair(3, 1)];
    assert_eq!(store.keep(&acknowledged[..2]), [Ok(()); 2]);
    assert_eq!(store.keep(&acknowledged[2..]), [Ok(())]);
    let begin = store.newest().1;
    let last = [pair(4, 1), pair(5, 0)];
    assert_eq!(store.keep(&last), [Ok(()); 2]);
    let (path, end) = store.newest();
    drop(store);
    for cut in begin..=end {
        // Either nothing of the rest has arrived, or its length alone has; tried less often, since each sync takes its time.
        for is_length_there in [false, true].into_iter().take(if cut % 7 == 0 { 2 } else { 1 }) {
            let crashed = copied(dir.path());
            let path = crashed.path().join(path.file_name().unwrap());
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_len(cut).unwrap();
            if is_length_there {
                file.set_len(end).unwrap();
            }
            let mut store = Store::open(crashed.path(), LIMITS);
            assert!(acknowledged.iter().all(|pair| store.has(pair)), "cut at {cut}");
            assert!(!store.shared.book.lock().is_damaged(), "cut at {cut}");
            let first_end = begin + record_bytes(&last[0]);
            // Records end in zeros where a leaf has no projection, and those can arrive with the length.
            assert!(store.has(&last[0]) || cut < first_end, "cut at {cut}");
            assert!(cut >= first_end || !store.has(&last[1]), "cut at {cut}");
            if cut % 29 > 0 {
                continue;
            }
            assert_eq!(store.keep(&[pair(6, 1)]), [Ok(())]);
            let store = Store::open(crashed.path(), LIMITS);
            assert!(acknowledged.iter().chain(&[pair(6, 1)]).all(|pair| store.has(pair)), "cut at {cut}");
        }
    }
}

/// What happens to a store.
#[derive(Clone, Debug)]
enum Happening {
    /// Attempts of so many tokens are kept together.
    Keep(Vec<u32>),
    /// So much time goes by; of all that is kept, the one at this part of a thousand is needed.
    Release { after_ms: u64, needed: Option<usize> },
    /// Attempts of so many tokens are about to be kept when there is a crash: of what was written, this part arrived, and
    /// then zeros if the length did.
    Crash { tokens: Vec<u32>, permille: u64, is_length_there: bool },
    /// The program ends and begins.
    Restart,
}

fn happening() -> impl Strategy<Value = Happening> {
    let tokens = || proptest::collection::vec(0_u32..6, 1..4);
    let needed = proptest::option::of(0_usize..1_000);
    prop_oneof![
        4 => tokens().prop_map(Happening::Keep),
        2 => (0..KEPT_MS, needed).prop_map(|(after_ms, needed)| Happening::Release { after_ms, needed }),
        2 => (tokens(), 0_u64..=1_000, any::<bool>())
            .prop_map(|(tokens, permille, is_length_there)| Happening::Crash { tokens, permille, is_length_there }),
        1 => Just(Happening::Restart),
    ]
}

/// A store, and what must be in it.
struct Life {
    dir: tempfile::TempDir,
    limits: Limits,
    store: Store,
    now_ms: u64,
    number: u8,
    acknowledged: Vec<Pair>,
}

impl Life {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let limits = Limits { most_bytes: 20_000, segment_bytes: 2_500, segment_ms: SEGMENT_MS };
        let store = Store::open(dir.path(), limits);
        Self { dir, limits, store, now_ms: BEGAN_MS, number: 0, acknowledged: Vec::new() }
    }

    fn group(&mut self, tokens: &[u32]) -> Vec<Pair> {
        let next = |tokens: &u32| {
            self.number += 1;
            attempt(self.number, self.now_ms, *tokens)
        };
        tokens.iter().map(next).collect()
    }

    fn keep(&mut self, tokens: &[u32]) {
        let group = self.group(tokens);
        let before = bytes_in(self.dir.path());
        let said = self.store.keep(&group);
        let all: u64 = group.iter().map(record_bytes).sum();
        assert!(said.iter().all(Result::is_ok) || before + all > self.limits.most_bytes, "there is room");
        for (pair, said) in group.into_iter().zip(said) {
            match said {
                Ok(()) => self.acknowledged.push(pair),
                Err(error) => assert_eq!(error, KeptError::Full),
            }
        }
    }

    fn release(&mut self, after_ms: u64, needed: Option<usize>) {
        self.now_ms += after_ms;
        let needed = needed.and_then(|permille| self.acknowledged.get(self.acknowledged.len() * permille / 1_000));
        let needed: Vec<Pair> = needed.cloned().into_iter().collect();
        self.store.release(&needed.iter().collect::<Vec<_>>(), self.now_ms);
        let now_ms = self.now_ms;
        let may_go = |pair: &Pair| {
            let began_ms = cuckoo_primitives::task::began_ms(&pair.0.receipt.spec.task_id).unwrap();
            began_ms + KEPT_MS < now_ms && !needed.contains(pair)
        };
        if self.acknowledged.iter().all(may_go) {
            assert_eq!(bytes_in(self.dir.path()), 0, "all of it is too old");
        }
        let store = &self.store;
        self.acknowledged.retain(|pair| !may_go(pair) || store.has(pair));
    }

    fn crash(&mut self, tokens: &[u32], permille: u64, is_length_there: bool) {
        let group = self.group(tokens);
        let (path, end) = self.store.newest();
        self.store.keep(&group);
        let (newest, length) = self.store.newest();
        let begin = if newest == path { end } else { 0 };
        if length > 0 {
            let file = fs::File::options().write(true).open(newest).unwrap();
            file.set_len(begin + (length - begin) * permille / 1_000).unwrap();
            if is_length_there {
                file.set_len(length).unwrap();
            }
        }
        self.restart();
        // What is there is whole, and stays.
        let store = &self.store;
        self.acknowledged.extend(group.into_iter().filter(|pair| store.has(pair)));
    }

    fn restart(&mut self) {
        self.store = Store::open(self.dir.path(), self.limits);
    }

    fn check(&self) {
        assert!(self.acknowledged.iter().all(|pair| self.store.has(pair)));
        assert!(!self.store.shared.book.lock().is_damaged());
        let bytes = bytes_in(self.dir.path());
        assert_eq!(self.store.shared.book.lock().bytes(), bytes);
        assert!(bytes <= self.limits.most_bytes, "{bytes} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_what_was_acknowledged_is_there_and_no_more_than_may_be(
        happenings in proptest::collection::vec(happening(), 1..25),
    ) {
        let mut life = Life::new();
        for happening in happenings {
            match happening {
                Happening::Keep(tokens) => life.keep(&tokens),
                Happening::Release { after_ms, needed } => life.release(after_ms, needed),
                Happening::Crash { tokens, permille, is_length_there } => life.crash(&tokens, permille, is_length_there),
                Happening::Restart => life.restart(),
            }
            life.check();
        }
    }
}
