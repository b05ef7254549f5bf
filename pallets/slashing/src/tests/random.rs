//! Random sequences of reports, offences, challenges, answers, cancellations and eras: every invariant holds after each
//! step, each fault is slashed at most once, in its time, and by no less than it costs; silence is charged, an answer is
//! not, and a challenge costs nobody more than it says.

use std::collections::{BTreeMap, BTreeSet};

use cuckoo_primitives::{
    challenge::{Answer, ChallengeId, Question},
    docket::{CaseId, Fault},
    registry::AppliedSlashes,
    AccountId, Balance, EraIndex, Role,
};
use frame_support::traits::fungible::InspectHold;
use proptest::prelude::*;

use super::offences::offence;
use crate::{mock::*, Event, HoldReason, OpenChallenges, ANSWER_SHARE, BURNED_SHARE};

#[derive(Clone, Debug)]
enum Step {
    /// Key, eras ago, task.
    Report(u8, u32, u8),
    /// Validator, percent, eras ago.
    Offence(u8, u32, u32),
    Cancel(CaseId),
    /// Who asks, key, eras ago, task, which leaf; none for the result.
    Challenge(bool, u8, u32, u8, Option<u32>),
    /// Who answers, challenge, which leaf; none for nothing.
    Answer(u8, ChallengeId, Option<u32>),
    Leave(u8),
    Enter(u8),
    Block,
    Eras(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..4u8, 0..7u32, 0..3u8).prop_map(|(n, ago, task)| Step::Report(n, ago, task)),
        6 => (1..4u8, 0..40u32, 0..7u32).prop_map(|(n, percent, ago)| Step::Offence(n, percent, ago)),
        8 => (any::<bool>(), 4..7u8, 0..3u32, 0..2u8, proptest::option::of(0..3u32))
            .prop_map(|(who, n, ago, task, leaf)| Step::Challenge(who, n, ago, task, leaf)),
        6 => (3..8u8, 0..8u64, proptest::option::of(0..3u32))
            .prop_map(|(who, id, leaf)| Step::Answer(who, id, leaf)),
        2 => (0..12u64).prop_map(Step::Cancel),
        1 => (1..4u8).prop_map(Step::Leave),
        1 => (1..4u8).prop_map(Step::Enter),
        4 => Just(Step::Block),
        4 => (1..4u32).prop_map(Step::Eras),
    ]
}

fn stash(n: u8) -> AccountId {
    AccountId::new([n; 32])
}

/// Those who ask.
fn challenger(is_first: bool) -> AccountId {
    if is_first {
        CLEO
    } else {
        REPORTER
    }
}

/// The end of the era, by which a result is due.
fn to_the_end_of(era: EraIndex) {
    Market::run_to(ms(era) + ERA_MS - 1);
}

fn run(step: &Step, era: &mut EraIndex) {
    match step {
        Step::Report(n, ago, task) => {
            let _refused_or_done = report(evidence(*n, era.saturating_sub(*ago), *task));
        }
        Step::Offence(n, percent, ago) => {
            offence(&[stash(*n)], *percent, era.saturating_sub(*ago));
        }
        Step::Cancel(case) => {
            let _refused_or_done = cancel(*case);
        }
        Step::Challenge(who, n, ago, task, leaf) => {
            to_the_end_of(*era);
            let task = task_id(ms(era.saturating_sub(*ago)), *task);
            let demand = leaf.map_or_else(|| result(*n, task), |index| opening(*n, task, index));
            let _refused_or_done = challenge(&challenger(*who), demand);
        }
        Step::Answer(who, id, leaf) => {
            let _refused_or_done = answer(&stash(*who), *id, leaf.map_or(Answer::Nothing, shown));
        }
        Step::Leave(n) => Market::leave(&stash(*n)),
        Step::Enter(n) => Market::enter(&stash(*n), *n, Role::Validator),
        Step::Block => {
            next_block();
        }
        Step::Eras(count) => {
            *era += count;
            run_to_era(*era);
        }
    }
}

/// Follows the events: what became of each case.
#[derive(Default)]
struct Story {
    charged: BTreeMap<CaseId, (AccountId, Fault, EraIndex, EraIndex)>,
    ended: BTreeSet<CaseId>,
    slashed: BTreeSet<(AccountId, Fault, EraIndex)>,
    slashes: usize,
    /// Who asked what of whom, and until when.
    asked: BTreeMap<ChallengeId, (AccountId, AccountId, Question, EraIndex)>,
    settled: BTreeSet<ChallengeId>,
    /// What answers have cost and brought.
    balances: BTreeMap<AccountId, i128>,
    burned: Balance,
}

impl Story {
    fn read(&mut self, era: EraIndex) {
        for event in events() {
            match event {
                Event::Charged { case, offender, fault, offence_era, apply_in, .. } => {
                    assert!(offence_era + EVIDENCE_ERAS >= era && offence_era <= era);
                    let told = self.charged.insert(case, (offender, fault, offence_era, apply_in));
                    assert_eq!(told, None, "case {case} was filed twice");
                }
                Event::Slashed { case, fraction, .. } => {
                    let (offender, fault, offence_era, apply_in) = self.charged[&case].clone();
                    assert!(era >= apply_in && !fraction.is_zero());
                    assert!(self.ended.insert(case), "case {case} was decided twice");
                    let fault = (offender, fault, offence_era);
                    assert!(self.slashed.insert(fault.clone()), "{fault:?} was slashed twice");
                    self.slashes += 1;
                }
                Event::SlashCancelled { case, .. } => assert!(self.ended.insert(case), "case {case} was decided twice"),
                Event::Raised { case, .. } => assert!(!self.ended.contains(&case)),
                Event::ValidatorAbsent { .. } => unreachable!("no session ends here"),
                Event::Challenged { challenge, miner, challenger, question, due_in, .. } => {
                    assert_eq!(due_in, era + 1);
                    let asked = (challenger, miner, question, due_in);
                    assert_eq!(self.asked.insert(challenge, asked), None, "{challenge} was made twice");
                }
                Event::Answered { challenge, miner, by, shown } => {
                    let (challenger, asked, question, due_in) = self.asked[&challenge].clone();
                    assert!(era <= due_in && miner == asked);
                    assert!(shown.is_some() || by == miner);
                    assert_eq!(shown.is_some(), matches!(question, Question::Leaf { .. }));
                    assert!(self.settled.insert(challenge), "{challenge} ended twice");
                    let (share, burned) = (ANSWER_SHARE.mul_floor(DEPOSIT), BURNED_SHARE.mul_ceil(DEPOSIT));
                    *self.balances.entry(by).or_default() += share as i128;
                    *self.balances.entry(challenger).or_default() -= (share + burned) as i128;
                    self.burned += burned;
                }
                Event::Unanswered { challenge, miner, challenger, .. } => {
                    let (asked_by, asked, _, due_in) = self.asked[&challenge].clone();
                    assert!(era > due_in && (asked_by, asked) == (challenger, miner));
                    assert!(self.settled.insert(challenge), "{challenge} ended twice");
                }
            }
        }
        System::reset_events();
    }

    /// What is held and what is free is what the events say.
    fn check_balances(&self) {
        let open = |who: &AccountId| {
            let open = self.asked.iter().filter(|(id, (by, ..))| by == who && !self.settled.contains(id));
            open.count() as Balance * DEPOSIT
        };
        for who in [CLEO, REPORTER] {
            assert_eq!(Balances::balance_on_hold(&HoldReason::Challenge.into(), &who), open(&who));
            let expected = (FUNDS - open(&who)) as i128 + self.balances.get(&who).copied().unwrap_or(0);
            assert_eq!(Balances::free_balance(&who) as i128, expected);
        }
        for n in 3..8 {
            let earned = self.balances.get(&stash(n)).copied().unwrap_or(0);
            assert_eq!(Balances::free_balance(stash(n)) as i128, earned);
        }
        assert_eq!(Balances::total_issuance(), 2 * FUNDS - self.burned);
    }
}

proptest! {
    #[test]
    fn every_fault_is_slashed_once(steps in proptest::collection::vec(step(), 1..60)) {
        ExtBuilder::default().build_and_execute(|| {
            (1..4).for_each(|n| Market::enter(&stash(n), n, Role::Validator));
            (4..7).for_each(|n| Market::enter(&stash(n), n, Role::Miner));
            let mut era = 0;
            let mut story = Story::default();
            for step in &steps {
                run(step, &mut era);
                story.read(era);
                Slashing::do_try_state().unwrap();
                story.check_balances();
                assert_eq!(Market::slashes().len(), story.slashes);
                let through = Slashing::applied_through();
                assert!(through <= era);
                let open = story.charged.iter().filter(|(case, _)| !story.ended.contains(case));
                assert!(open.map(|(_, (.., apply_in))| *apply_in).all(|apply_in| apply_in > through));
            }
            // In the end every challenge is over and every case is decided.
            while story.settled.len() < story.asked.len() || story.ended.len() < story.charged.len() {
                era += 1;
                run_to_era(era);
                story.read(era);
            }
            assert!(Slashing::docket(None, 100).is_empty());
            assert_eq!(OpenChallenges::<Test>::iter().count(), 0);
            story.check_balances();
        });
    }
}
