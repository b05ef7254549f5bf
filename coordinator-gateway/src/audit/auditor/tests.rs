use cuckoo_audit::{
    score::{Failure, Scores, Stretch},
    threshold::{Book, Calibration, Pair},
};
use cuckoo_audit_engine::{Order, OwnModel, Produced, Unable};
use cuckoo_primitives::{
    evidence::SignedReceipt,
    fixture::{drawing, leaves, receipt_of},
    task::Finish,
    CAI,
};
use cuckoo_wire::link;

use super::*;
use crate::{
    audit::{queue::queue, statistics::Scoring},
    config::JournalSync,
    store::Store,
};

/// Has leaves, and opens them after it was asked often enough.
struct Scripted {
    leaves: Vec<Leaf>,
    refusals: Mutex<u32>,
    suspended: Mutex<Vec<Duration>>,
}

impl Scripted {
    fn new(leaves: Vec<Leaf>, refusals: u32) -> Arc<Self> {
        Arc::new(Self { leaves, refusals: Mutex::new(refusals), suspended: Mutex::default() })
    }
}

#[async_trait]
impl Audited for Scripted {
    async fn open(&self, _: &AccountId, _: &AttemptOf, first: u32, count: u32) -> Result<Vec<Leaf>, Unopened> {
        let mut refusals = self.refusals.lock();
        if let Some(left) = refusals.checked_sub(1) {
            *refusals = left;
            return Err(Unopened("busy".into()));
        }
        let range = first as usize..(first + count) as usize;
        Ok(self.leaves.get(range).unwrap_or_default().to_vec())
    }

    fn suspend(self: Arc<Self>, _: &AccountId, left: Duration) {
        if !left.is_zero() {
            self.suspended.lock().push(left);
        }
    }
}

/// An engine that says of each attempt what it was told to.
struct Says {
    models: Vec<OwnModel>,
    said: Result<Result<Scores, Failure>, Unable>,
}

#[async_trait]
impl Scoring for Says {
    fn models(&self) -> &[OwnModel] {
        &self.models
    }

    async fn score(&self, order: Order) -> Result<Result<Scores, Failure>, Unable> {
        match order.produced {
            Produced::Text { tokens, leaves, context_tokens, was_cancelled } => {
                assert_eq!((tokens.len(), context_tokens, was_cancelled), (leaves.len(), 100, false));
            }
            Produced::Vectors { count, some, was_cancelled } => {
                assert_eq!((count, was_cancelled), (2, order.receipt.finish == Finish::Cancelled));
                assert_eq!(some, [(0, vec![0.5, -1.0]), (1, vec![0.5, -1.0])]);
            }
        }
        self.said.clone()
    }
}

const TERMS: AuditTerms = AuditTerms { patience: Duration::from_millis(10), challenges_per_day: 3 };

struct Stage {
    miners: Arc<Scripted>,
    auditor: Arc<Auditor>,
    chosen: mpsc::Receiver<Place>,
    store: Store,
    _folder: tempfile::TempDir,
}

fn stores(store: &Store) -> AuditStores {
    AuditStores { evidence: store.evidence(), audits: store.audits(), demands: store.demands() }
}

/// With a miner that opens `leaves` when it has refused so often.
async fn stage(leaves: Vec<Leaf>, refusals: u32) -> Stage {
    with_engine(leaves, refusals, None).await
}

/// The same, with an engine.
async fn with_engine(leaves: Vec<Leaf>, refusals: u32, statistics: Option<Statistics>) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
    let (waiting, chosen) = queue();
    let miners = Scripted::new(leaves, refusals);
    let auditor = Auditor::new(Hash::zero(), miners.clone(), stores(&store), waiting, statistics, TERMS).await.unwrap();
    Stage { miners, auditor: Arc::new(auditor), chosen, store, _folder: folder }
}

/// An attempt of a task that began just now.
fn finished(leaves: &[Leaf]) -> Finished {
    let mut receipt = receipt_of(leaves);
    receipt.spec.task_id = *uuid::Uuid::now_v7().as_bytes();
    Finished {
        stash: AccountId::from([200; 32]),
        own_stake: 20_000 * CAI,
        price: CAI / 100,
        task: Arc::new(link::Task { model: "m".into(), ..Default::default() }),
        receipt: SignedReceipt { receipt, signature: [7; 64] },
        tokens: leaves.iter().map(|leaf| leaf.token).collect(),
        vectors: vec![],
        class: "cpu".into(),
        context_tokens: 100,
    }
}

fn forged(count: u32) -> Vec<Leaf> {
    let mut leaves = leaves(&drawing(), count);
    leaves[3].token = leaves[3].candidates.iter().find(|it| it.token != leaves[3].token).unwrap().token;
    leaves
}

impl Stage {
    async fn audited(&self, finished: &Finished) -> AuditRecord {
        let (waiting, mut places) = queue();
        waiting.push(finished.clone()).unwrap();
        self.auditor.audit(places.recv().await.unwrap()).await;
        self.store.audits().newest(None, 1).await.unwrap().remove(0)
    }
}

#[tokio::test]
async fn honest_attempts_pass_and_earn_trust() {
    // More than are opened at once.
    let honest = leaves(&drawing(), 300);
    let stage = stage(honest.clone(), 0).await;
    let finished = finished(&honest);
    let record = stage.audited(&finished).await;
    assert_eq!((record.outcome.as_str(), record.tokens), ("passed", 300));
    assert_eq!(stage.auditor.standing(&finished.stash).streak, 1);
    assert!(stage.store.evidence().unreported(9).await.unwrap().is_empty());
    assert!(stage.store.demands().due(9).await.unwrap().is_empty());
}

#[test]
fn what_is_worth_a_part_of_the_stake_is_audited_more() {
    let of = |price| Finished { price, ..finished(&leaves(&drawing(), 1)) };
    let rate = |price| choice::rate(Rate::FLOOR, of(price).bound());
    assert_eq!([0, CAI / 100, 100 * CAI].map(rate), [Rate::FLOOR; 3]);
    // Three times 1,000 of 21,000.
    assert!((rate(1_000 * CAI).share() - 1.0 / 7.0).abs() < 1e-5);
    assert_eq!(rate(10_000 * CAI), Rate::ALL);
    assert_eq!(Finished { own_stake: 0, ..of(1) }.bound(), 1.0);
}

#[tokio::test]
async fn a_miner_that_is_busy_is_asked_again() {
    let honest = leaves(&drawing(), 10);
    let stage = stage(honest.clone(), 4).await;
    assert_eq!(stage.audited(&finished(&honest)).await.outcome, "passed");
}

#[tokio::test]
async fn a_token_that_was_not_drawn_goes_to_court() {
    let forged = forged(10);
    let stage = stage(forged.clone(), 0).await;
    let finished = finished(&forged);
    assert_eq!(stage.audited(&finished).await.outcome, "fault");
    let evidence = stage.store.evidence().unreported(9).await.unwrap();
    assert!(matches!(&evidence[..], [Evidence::Sampling { index: 3, .. }]));
    assert_eq!(stage.auditor.standing(&finished.stash).failed, 1);
}

#[tokio::test]
async fn who_opens_nothing_or_something_else_is_challenged_as_often_as_may_be() {
    let honest = leaves(&drawing(), 10);
    for (opened, refusals) in [(honest.clone(), u32::MAX), (forged(10), 0), (Vec::new(), 0)] {
        let stage = stage(opened, refusals).await;
        for _ in 0..5 {
            assert_eq!(stage.audited(&finished(&honest)).await.outcome, "unopened");
        }
        let due = stage.store.demands().due(9).await.unwrap();
        assert_eq!(due.len(), 3);
        assert!(due.iter().all(|it| matches!(&it.demand, Demand::Opening { index, .. } if *index < 10)));
    }
}

#[tokio::test]
async fn what_is_known_of_a_miner_outlives_the_gateway() {
    let forged = forged(10);
    let stage = stage(forged.clone(), 0).await;
    let finished = finished(&forged);
    stage.audited(&finished).await;
    let (waiting, _) = queue();
    let miners = Scripted::new(vec![], 0);
    let next = Auditor::new(Hash::zero(), miners, stores(&stage.store), waiting, None, TERMS).await.unwrap();
    assert_eq!(next.standing(&finished.stash), stage.auditor.standing(&finished.stash));
}

#[tokio::test]
async fn attempts_of_a_miner_that_nobody_knows_are_all_chosen() {
    let honest = leaves(&drawing(), 10);
    let mut stage = stage(honest.clone(), 0).await;
    for _ in 0..30 {
        stage.auditor.consider(finished(&honest)).await;
    }
    // What commits to nothing cannot be audited.
    let mut uncommitted = finished(&honest);
    uncommitted.receipt.receipt.commitment = None;
    stage.auditor.consider(uncommitted).await;
    let mut chosen = 0;
    while stage.chosen.try_recv().is_ok() {
        chosen += 1;
    }
    assert_eq!(chosen, 30);
}

#[tokio::test]
async fn what_is_chosen_is_audited() {
    let honest = leaves(&drawing(), 10);
    let Stage { auditor, chosen, store, _folder, .. } = stage(honest.clone(), 0).await;
    auditor.consider(finished(&honest)).await;
    let (stop, audits) = (CancellationToken::new(), store.audits());
    let running = tokio::spawn(auditor.run(chosen, stop.clone()));
    let audited = async {
        while audits.newest(None, 1).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), audited).await.unwrap();
    stop.cancel();
    running.await.unwrap();
}

fn scores(margin: f64) -> Scores {
    let stretch = |number| Stretch { number, margin, ..Stretch::default() };
    Scores { stretches: (0..16).map(stretch).collect(), tokens: 128, disagreeing: 9, has_ended: false }
}

/// Says `said` of attempts, which are judged if `is_judged`.
fn statistics(said: Result<Result<Scores, Failure>, Unable>, is_judged: bool) -> Statistics {
    let pair = Pair {
        miner_class: "cpu".into(),
        auditor_class: "cpu".into(),
        model_root: hex::encode(receipt_of(&[]).spec.model_root),
        calibration: Calibration::of(&vec![Stretch::default(); 12_500], 100_000),
    };
    let (root, class) = (receipt_of(&[]).spec.model_root, "cpu".into());
    let models = vec![OwnModel { id: "m".into(), root, is_embedding: false, context_tokens: 100, class }];
    Statistics::new(Arc::new(Says { models, said }), Book::new(if is_judged { vec![pair] } else { vec![] }).unwrap())
}

#[tokio::test]
async fn what_an_engine_says_is_judged_where_honest_miners_were_measured() {
    let honest = leaves(&drawing(), 300);
    for (said, is_judged, outcome, streak) in [
        (Ok(Ok(scores(0.0))), true, "passed", 1),
        (Ok(Ok(scores(0.5))), true, "deviant", 0),
        (Ok(Ok(scores(0.5))), false, "passed", 1),
        (Ok(Ok(scores(3.0))), false, "deviant", 0),
        (Ok(Err(Failure::Output)), false, "failed", 0),
        (Err(Unable("it has ended".into())), true, "void", 0),
    ] {
        let is_scored = matches!(said, Ok(Ok(_)));
        let stage = with_engine(honest.clone(), 0, Some(statistics(said, is_judged))).await;
        let finished = finished(&honest);
        let record = stage.audited(&finished).await;
        assert_eq!((record.outcome.as_str(), record.distances.is_some()), (outcome, is_scored), "{}", record.reason);
        let standing = stage.auditor.standing(&finished.stash);
        assert_eq!((standing.streak, standing.judged_quality(0).is_some()), (streak, outcome != "void"));
        // One deviant answer suspends nobody; what no honest miner can have done does.
        assert_eq!(!stage.miners.suspended.lock().is_empty(), outcome == "failed");
    }
}

/// Vectors that were asked for just now.
fn embedded() -> Finished {
    let vector = [0.5f32, -1.0].iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let inputs = vec!["a".to_owned(), "b".to_owned()];
    let work = Some(link::task::Work::Embedding(link::Embedding { inputs }));
    let mut finished = finished(&[]);
    (finished.receipt.receipt.commitment, finished.receipt.receipt.spec.drawing) = (None, None);
    finished.task = Arc::new(link::Task { model: "e".into(), work, ..Default::default() });
    Finished { vectors: vec![vector.into(); 2], ..finished }
}

fn vectors(distance: f64) -> Result<Result<Scores, Failure>, Unable> {
    let stretch = |number| Stretch { number, state: distance, ..Stretch::default() };
    Ok(Ok(Scores { stretches: (0..2).map(stretch).collect(), ..scores(0.0) }))
}

#[tokio::test]
async fn vectors_are_compared_without_asking_the_miner() {
    for (said, outcome, streak) in [
        (vectors(0.0), "passed", 1),
        (vectors(0.09), "passed", 1),
        (Ok(Err(Failure::Vector { index: 1 })), "failed", 0),
        (Err(Unable("too long".into())), "void", 0),
    ] {
        let stage = with_engine(vec![], u32::MAX, Some(statistics(said, false))).await;
        let finished = embedded();
        let record = stage.audited(&finished).await;
        assert_eq!(record.outcome, outcome, "{}", record.reason);
        assert_eq!(record.tokens, finished.receipt.receipt.prompt_tokens);
        let standing = stage.auditor.standing(&finished.stash);
        // Texts have to earn their own trust.
        assert_eq!((standing.embeddings.streak(), standing.streak), (streak, 0));
        assert_eq!(!stage.miners.suspended.lock().is_empty(), outcome == "failed");
        assert!(stage.store.demands().due(9).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn vectors_a_little_off_add_up() {
    let stage = with_engine(vec![], u32::MAX, Some(statistics(vectors(0.2), false))).await;
    let mut audits = 0;
    while stage.miners.suspended.lock().is_empty() {
        stage.audited(&embedded()).await;
        audits += 1;
        assert!(audits < 10, "three vectors convict");
    }
    assert!(audits > 1, "never by one");
}

#[tokio::test]
async fn embeddings_of_models_that_are_here_are_chosen_cut_off_or_not() {
    let mut stage = with_engine(vec![], 0, Some(statistics(vectors(0.0), false))).await;
    let mut cut_off = embedded();
    cut_off.receipt.receipt.finish = Finish::Cancelled;
    let mut other = embedded();
    other.receipt.receipt.spec.model_root = Hash::repeat_byte(0xee);
    let nothing = Finished { vectors: vec![], ..embedded() };
    for finished in [cut_off.clone(), other, nothing, embedded()] {
        stage.auditor.consider(finished).await;
    }
    let mut chosen = 0;
    while stage.chosen.try_recv().is_ok() {
        chosen += 1;
    }
    assert_eq!(chosen, 2);
    assert_eq!(stage.audited(&cut_off).await.outcome, "passed");
    // It shows nothing new.
    assert_eq!(stage.auditor.rate(&embedded(), Basis::Vectors), Rate::FLOOR);
    let work = Some(link::task::Work::Embedding(link::Embedding { inputs: vec!["c".into()] }));
    let new = Finished { task: Arc::new(link::Task { work, ..Default::default() }), ..embedded() };
    assert_eq!(stage.auditor.rate(&new, Basis::Vectors), Rate::ALL);
}

#[tokio::test]
async fn a_suspension_outlives_the_gateway() {
    let honest = leaves(&drawing(), 10);
    let stage = with_engine(honest.clone(), 0, Some(statistics(Ok(Err(Failure::Output)), false))).await;
    stage.audited(&finished(&honest)).await;
    let (waiting, _) = queue();
    let miners = Scripted::new(vec![], 0);
    Auditor::new(Hash::zero(), miners.clone(), stores(&stage.store), waiting, None, TERMS).await.unwrap();
    let day = Duration::from_secs(24 * 60 * 60);
    let suspended = miners.suspended.lock().clone();
    assert!(matches!(&suspended[..], [left] if *left <= day && *left > day / 2), "{suspended:?}");
}

#[tokio::test]
async fn other_models_are_checked_without_an_engine() {
    let honest = leaves(&drawing(), 10);
    let stage = with_engine(honest.clone(), 0, Some(statistics(Ok(Err(Failure::Output)), true))).await;
    let mut other = finished(&honest);
    other.receipt.receipt.spec.model_root = Hash::repeat_byte(0xee);
    assert_eq!(stage.audited(&other).await.outcome, "passed");
}
