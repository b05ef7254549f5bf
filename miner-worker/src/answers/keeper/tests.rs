use std::{path::Path, sync::atomic::Ordering};

use cuckoo_primitives::{
    challenge::{Question, KEPT_MS},
    Candidate, EraProgress, Hash,
};

use super::*;
use crate::{
    answers::fixture::{about_leaf, about_result, operator, signed, signed_at, who, FakeSource, DUE_IN, FEE},
    kept::{fixture::name, Kept},
    link::{
        dated::now_ms,
        shares_fixture::{account, coordinator},
    },
};

const STASH: u8 = 200;

/// A keeper before a chain that asks as told.
struct Stage {
    source: Arc<FakeSource>,
    answers: Arc<Answers>,
    keeper: Keeper,
    now: Instant,
    number: BlockNumber,
}

impl Stage {
    fn new(folder: &Path) -> Self {
        let source = Arc::new(FakeSource::default());
        source.change(|state| state.balance = 1_000 * FEE);
        let kept = Kept::open(folder, 1 << 24).unwrap();
        let answers = Arc::new(Answers::new(kept, source.clone(), who()));
        Self { keeper: Keeper::new(answers.clone()), source, answers, now: Instant::now(), number: 1 }
    }

    fn ask(&self, id: ChallengeId, challenge: Challenge) {
        self.source.change(|state| state.open.insert(id, challenge));
    }

    /// So much time goes by, and blocks enough to read again. What there is to answer is sent, and ends.
    async fn pass(&mut self, time: Duration) -> Vec<ChallengeId> {
        self.now += time;
        self.number += EVERY_BLOCKS;
        let sent = self.look(DUE_IN - 1).await;
        let ids = sent.iter().map(|(id, _)| *id).collect();
        for (id, answer) in sent {
            let outcome = self.answers.source.submit(Call::Answer { id, answer }).await;
            self.keeper.ended(id, outcome, self.now);
        }
        self.keeper.show();
        ids
    }

    async fn look(&mut self, era: u32) -> Vec<(ChallengeId, Box<Answer>)> {
        self.see(&current(&view(self.number, era, true))).await
    }

    async fn see(&mut self, sight: &Sight<'_>) -> Vec<(ChallengeId, Box<Answer>)> {
        self.keeper.look(sight, self.now).await;
        self.keeper.next(sight, AT_ONCE, self.now).await
    }

    fn reads(&self) -> usize {
        self.source.change(|state| state.reads)
    }

    fn trouble(&self, id: ChallengeId) -> Option<String> {
        let open = self.answers.report().open;
        open.into_iter().find(|open| open.id == id).expect("it is open").trouble
    }
}

fn current(view: &MarketView) -> Sight<'_> {
    Sight { view, is_current: true }
}

fn view(number: BlockNumber, era: u32, is_registered: bool) -> MarketView {
    let era = EraProgress {
        era,
        sessions_done: 0,
        sessions_per_era: 1,
        session_blocks: 100,
        slot_ms: 1_000,
        bonding_eras: 2,
    };
    let own = Candidate { stash: account(STASH), operator: operator(), role: Role::Miner, ..coordinator(1, 1) };
    MarketView::from_candidates(number, Hash::zero(), era, is_registered.then_some(own))
}

#[tokio::test]
async fn what_is_asked_is_answered_and_shown() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(dir.path());
    let (receipt, leaves) = signed(1, 5);
    stage.answers.kept.keep(receipt.clone(), leaves.clone()).await.unwrap();
    stage.ask(3, about_leaf(&receipt, 4));
    stage.ask(4, about_result(&receipt));
    stage.look(1).await;
    let open = stage.answers.report().open;
    assert_eq!(open.iter().map(|open| (open.id, open.asks)).collect::<Vec<_>>(), [(3, "opening"), (4, "result")]);
    assert_eq!((open[0].due_in, open[0].task_id.clone()), (DUE_IN, hex::encode(receipt.receipt.spec.task_id)));

    let mut stage = Stage { keeper: Keeper::new(stage.answers.clone()), ..stage };
    assert_eq!(stage.pass(Duration::ZERO).await, [3, 4]);
    assert_eq!(stage.source.change(|state| state.stash.clone()), Some(account(STASH)));
    let answered = stage.source.change(|state| state.answered.clone());
    assert!(matches!(&answered[0], (3, Answer::Leaf { leaf, .. }) if *leaf == leaves[4]));
    assert_eq!(answered[1], (4, Answer::Receipt(receipt)));
    assert!(stage.pass(Duration::ZERO).await.is_empty());
    let report = stage.answers.report();
    assert_eq!((report.open, report.answered), (vec![], 2));
}

#[tokio::test]
async fn the_challenges_are_read_every_few_blocks_however_many_are_answered() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(dir.path());
    stage.look(1).await;
    assert_eq!(stage.reads(), 1);
    for (number, reads) in [(2, 1), (3, 1), (4, 2), (6, 2), (7, 3), (1, 4), (2, 4)] {
        stage.number = number;
        stage.look(1).await;
        assert_eq!(stage.reads(), reads, "block {number}");
    }
    stage.keeper.ended(9, Ok(2), stage.now);
    stage.look(1).await;
    assert_eq!(stage.reads(), 4);
}

#[tokio::test]
async fn an_answer_that_fails_is_sent_again_later_and_later() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(dir.path());
    let (receipt, leaves) = signed(1, 5);
    stage.answers.kept.keep(receipt.clone(), leaves).await.unwrap();
    stage.ask(3, about_leaf(&receipt, 4));
    let poor = || ChainError::Rejected { reason: "Inability to pay some fees".into() };
    stage.source.change(|state| state.failures = vec![ChainError::Disconnected, poor(), poor()]);
    assert_eq!(stage.pass(Duration::ZERO).await, [3]);
    assert!(stage.trouble(3).unwrap().contains(&format!("send a little CAI to the operator's account {}", operator())));
    assert!(stage.pass(Duration::from_secs(4)).await.is_empty());
    assert_eq!(stage.pass(Duration::from_secs(1)).await, [3]);
    assert!(stage.pass(Duration::from_secs(9)).await.is_empty());
    assert_eq!(stage.pass(Duration::from_secs(1)).await, [3]);
    assert!(stage.pass(Duration::from_secs(19)).await.is_empty());
    assert_eq!(stage.answers.report().answered, 0);
    assert_eq!(stage.pass(Duration::from_secs(1)).await, [3]);
    assert_eq!(stage.answers.report().answered, 1);
    assert_eq!((backoff(0), backoff(4), backoff(5), backoff(99)), (BACKOFF.0, BACKOFF.0 * 16, BACKOFF.1, BACKOFF.1));
}

#[tokio::test]
async fn an_answer_is_sent_once_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(dir.path());
    let (receipt, leaves) = signed(1, 5);
    stage.answers.kept.keep(receipt.clone(), leaves).await.unwrap();
    stage.ask(3, about_leaf(&receipt, 4));
    assert_eq!(stage.look(1).await.len(), 1);
    assert!(stage.pass(Duration::from_secs(1_000)).await.is_empty(), "it is under way");
    // It is final, and the node at hand does not show that yet.
    stage.keeper.ended(3, Ok(9), stage.now);
    assert!(stage.pass(Duration::from_secs(59)).await.is_empty());
    assert_eq!(stage.pass(Duration::from_secs(1)).await, [3]);
}

#[tokio::test]
async fn of_many_challenges_some_are_answered_at_once_and_what_is_due_first_comes_first() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(dir.path());
    let (receipt, leaves) = signed(1, 40);
    stage.answers.kept.keep(receipt.clone(), leaves).await.unwrap();
    (0..40).for_each(|index| stage.ask(index, about_leaf(&receipt, index as u32)));
    stage.ask(99, Challenge { due_in: DUE_IN - 1, ..about_result(&receipt) });
    let view = view(1, 1, true);
    let sight = current(&view);
    stage.keeper.look(&sight, stage.now).await;
    let ids = |answers: Vec<(ChallengeId, Box<Answer>)>| answers.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(ids(stage.keeper.next(&sight, 3, stage.now).await), [99, 0, 1]);
    assert_eq!(ids(stage.keeper.next(&sight, 0, stage.now).await), [0; 0]);
    assert_eq!(ids(stage.keeper.next(&sight, 2, stage.now).await), [2, 3]);
}

#[tokio::test]
async fn what_is_asked_about_is_not_deleted_and_everything_else_is_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(dir.path());
    let began_ms = now_ms() - KEPT_MS - 1;
    let (asked, leaves) = signed_at(1, 5, began_ms);
    stage.answers.kept.keep(asked.clone(), leaves).await.unwrap();
    stage.source.change(|state| state.is_unreadable = true);
    stage.pass(Duration::ZERO).await;
    assert!(stage.answers.report().reading_trouble.is_some());
    assert_eq!(stage.answers.kept.report().attempts, 1, "nobody knows what is asked");
    assert!(stage.pass(Duration::from_secs(4)).await.is_empty());
    assert_eq!(stage.reads(), 1, "it pauses");

    stage.source.change(|state| state.is_unreadable = false);
    stage.ask(3, about_result(&asked));
    stage.source.change(|state| state.failures = vec![ChainError::Disconnected]);
    assert_eq!(stage.pass(Duration::from_secs(1)).await, [3]);
    assert_eq!(stage.answers.report().reading_trouble, None);
    assert_eq!(stage.answers.kept.receipt(&name(&asked)).await, Ok(Some(asked.clone())));
    assert_eq!(stage.pass(Duration::from_secs(5)).await, [3]);
    stage.pass(Duration::ZERO).await;
    assert_eq!(stage.answers.kept.report().attempts, 0);
    assert_eq!(stage.answers.kept.receipt(&name(&asked)).await, Ok(None));
}

#[tokio::test]
async fn that_nothing_came_of_it_is_said_in_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(dir.path());
    stage.ask(3, about_result(&signed(1, 5).0));
    assert!(stage.pass(Duration::ZERO).await.is_empty());
    assert!(stage.trouble(3).unwrap().contains("no receipt of it yet"));
    assert!(stage.pass(Duration::from_secs(59)).await.is_empty());
    assert_eq!(stage.pass(BACKOFF.0).await, [3]);
    assert_eq!(stage.source.change(|state| state.answered.clone()), [(3, Answer::Nothing)]);
}

#[tokio::test]
async fn what_cannot_be_answered_is_shown_and_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(dir.path());
    let (receipt, leaves) = signed(1, 5);
    stage.ask(3, about_leaf(&receipt, 4));
    stage.ask(4, Challenge { operator: account(77), ..about_result(&receipt) });
    assert!(stage.pass(Duration::ZERO).await.is_empty());
    assert!(stage.trouble(3).unwrap().contains("nothing is kept"));
    assert!(stage.trouble(4).unwrap().contains(&account(77).to_string()));
    stage.answers.kept.keep(receipt, leaves).await.unwrap();
    assert_eq!(stage.pass(BACKOFF.0).await, [3]);
    stage.pass(Duration::from_secs(1_000)).await;
    assert_eq!(stage.answers.report().open.len(), 1, "the other one is for another operator's worker");
}

#[tokio::test]
async fn who_is_registered_no_more_is_asked_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(dir.path());
    // Without a stash, from the beginning.
    let gone = |number| view(number, 1, false);
    stage.keeper.look(&current(&gone(1)), stage.now).await;
    assert_eq!((stage.reads(), stage.source.change(|state| state.stash.clone())), (1, None));
    stage.keeper.look(&current(&view(9, 1, true)), stage.now).await;
    stage.keeper.look(&current(&gone(20)), stage.now).await;
    assert_eq!((stage.reads(), stage.source.change(|state| state.stash.clone())), (3, Some(account(STASH))));
}

#[tokio::test]
async fn an_account_without_funds_is_warned_of_before_it_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(dir.path());
    stage.source.change(|state| state.balance = FEE);
    stage.pass(Duration::ZERO).await;
    assert!(stage.answers.report().funds_trouble.unwrap().contains(&operator().to_string()));
    let can_answer = stage.answers.can_answer();
    assert!(!can_answer.load(Ordering::Relaxed));
    stage.source.change(|state| state.balance = 100 * FEE);
    stage.pass(FUNDS_AGAIN - Duration::from_secs(1)).await;
    assert!(stage.answers.report().funds_trouble.is_some(), "it is not asked for in every block");
    stage.pass(Duration::from_secs(1)).await;
    assert_eq!(stage.answers.report().funds_trouble, None);
    assert!(can_answer.load(Ordering::Relaxed));
}

/// However fast it is asked, a miner answers within an era: a flood of questions is no way to have it slashed.
#[tokio::test]
async fn a_flood_is_answered_as_fast_as_blocks_become_final() {
    const ASKED: u32 = 3_000;
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(dir.path());
    let (receipt, leaves) = signed(1, ASKED);
    stage.answers.kept.keep(receipt.clone(), leaves).await.unwrap();
    (0..ASKED).for_each(|index| stage.ask(index.into(), about_leaf(&receipt, index)));
    let mut rounds = 0;
    while stage.source.change(|state| !state.open.is_empty()) {
        stage.pass(Duration::from_secs(12)).await;
        rounds += 1;
    }
    assert_eq!(rounds, ASKED.div_ceil(AT_ONCE as u32));
    assert_eq!(stage.reads(), rounds as usize, "an answer is no reason to read them all");
    assert!(stage.answers.report().open.len() <= SHOWN);
}

#[tokio::test]
async fn while_the_chain_stands_still_by_this_clock_proofs_are_sent_and_nothing_is_deleted_or_denied() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(dir.path());
    let (old, leaves) = signed_at(1, 5, now_ms() - KEPT_MS - 1);
    stage.answers.kept.keep(old, leaves).await.unwrap();
    let (asked, leaves) = signed(2, 5);
    stage.answers.kept.keep(asked.clone(), leaves).await.unwrap();
    stage.ask(3, about_leaf(&asked, 0));
    stage.ask(4, about_result(&signed(9, 5).0));
    let view = view(1, DUE_IN, true);
    let ids = |answers: Vec<(ChallengeId, Box<Answer>)>| answers.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(ids(stage.see(&Sight { view: &view, is_current: false }).await), [3]);
    assert!(stage.trouble(4).unwrap().contains("stands still"));
    assert_eq!(stage.answers.kept.report().attempts, 2);
    stage.now += BACKOFF.0;
    assert_eq!(ids(stage.see(&current(&view)).await), [4]);
}

#[tokio::test]
async fn what_is_deleted_follows_from_the_time_of_the_block_that_was_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(dir.path());
    let (old, leaves) = signed_at(1, 5, now_ms() - KEPT_MS - 1);
    stage.answers.kept.keep(old, leaves).await.unwrap();
    let mut view = view(1, 1, true);
    // The machine slept after that block, and who asked meanwhile is not known.
    view.time_ms -= 10_000;
    stage.see(&current(&view)).await;
    assert_eq!(stage.answers.kept.report().attempts, 1);
}

#[tokio::test]
async fn an_answer_that_panics_is_no_longer_under_way() {
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::new(dir.path());
    let mut sending = Sending::default();
    // The chain of these tests panics at wrong answers.
    sending.send(stage.answers.clone(), 5, Box::new(Answer::Nothing));
    assert_eq!(sending.len(), 1);
    let (id, outcome) = sending.next().await.unwrap();
    assert_eq!((id, sending.len()), (5, 0));
    assert!(matches!(outcome, Err(ChainError::Lost { .. })));
    let receipt = signed(1, 5).0;
    stage.ask(6, about_result(&receipt));
    assert!(matches!(about_result(&receipt).question, Question::Result { .. }));
    sending.send(stage.answers, 6, Box::new(Answer::Receipt(receipt)));
    assert!(matches!(sending.next().await, Some((6, Ok(1)))));
    assert!(sending.next().await.is_none());
}
