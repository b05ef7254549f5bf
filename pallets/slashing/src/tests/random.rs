//! Random sequences of reports, offences, cancellations and eras: every invariant holds after each step, and each fault
//! is slashed at most once, in its time, and by no less than it costs.

use std::collections::{BTreeMap, BTreeSet};

use cuckoo_primitives::{
    docket::{CaseId, Fault},
    registry::AppliedSlashes,
    AccountId, EraIndex, Role,
};
use proptest::prelude::*;

use super::offences::offence;
use crate::{mock::*, Event};

#[derive(Clone, Debug)]
enum Step {
    /// Key, eras ago, task.
    Report(u8, u32, u8),
    /// Validator, percent, eras ago.
    Offence(u8, u32, u32),
    Cancel(CaseId),
    Leave(u8),
    Enter(u8),
    Block,
    Eras(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..4u8, 0..7u32, 0..3u8).prop_map(|(n, ago, task)| Step::Report(n, ago, task)),
        6 => (1..4u8, 0..40u32, 0..7u32).prop_map(|(n, percent, ago)| Step::Offence(n, percent, ago)),
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
            }
        }
        System::reset_events();
    }
}

proptest! {
    #[test]
    fn every_fault_is_slashed_once(steps in proptest::collection::vec(step(), 1..60)) {
        ExtBuilder::default().build_and_execute(|| {
            (1..4).for_each(|n| Market::enter(&stash(n), n, Role::Validator));
            let mut era = 0;
            let mut story = Story::default();
            for step in &steps {
                run(step, &mut era);
                story.read(era);
                Slashing::do_try_state().unwrap();
                assert_eq!(Market::slashes().len(), story.slashes);
                let through = Slashing::applied_through();
                assert!(through <= era);
                let open = story.charged.iter().filter(|(case, _)| !story.ended.contains(case));
                assert!(open.map(|(_, (.., apply_in))| *apply_in).all(|apply_in| apply_in > through));
            }
            // In the end every case is decided.
            while story.ended.len() < story.charged.len() {
                era += 1;
                run_to_era(era);
                story.read(era);
            }
            assert!(Slashing::docket(None, 100).is_empty());
        });
    }
}
