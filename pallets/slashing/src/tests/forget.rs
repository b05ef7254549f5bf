use cuckoo_primitives::{
    docket::{CaseId, Fault},
    AccountId,
};
use frame_support::assert_ok;

use crate::{mock::*, Asked, AskedFrom, Config, Heard, NextCase, Seen, SeenFrom, WeightInfo};

#[test]
fn a_fault_is_remembered_while_evidence_counts() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(report(evidence(ALICE_KEY, 0, 0)));
        run_to_era(EVIDENCE_ERAS);
        assert_eq!(Seen::<Test>::iter().count(), 1);
        run_to_era(EVIDENCE_ERAS + 1);
        assert_eq!(Seen::<Test>::iter().count(), 0);
        assert_eq!(SeenFrom::<Test>::get(), 1);
    });
}

#[test]
fn forgetting_is_spread_over_blocks() {
    ExtBuilder::default().build_and_execute(|| {
        let one = <Test as Config>::WeightInfo::forget_fault();
        let fit = Slashing::hook_limit().checked_div_per_component(&one).unwrap();
        let faults = fit + 1;
        for id in 0..faults {
            let mut stash = [0; 32];
            stash[..8].copy_from_slice(&id.to_le_bytes());
            Heard::<Test>::remember(0, Fault::ConsensusEquivocation, &AccountId::new(stash), id as CaseId);
        }
        NextCase::<Test>::put(faults as CaseId);
        Market::run_to_era(EVIDENCE_ERAS + 1);
        let mut left = faults as usize;
        let mut blocks = 0;
        while left > 0 {
            next_block();
            Slashing::do_try_state().unwrap();
            let now = Seen::<Test>::iter().count();
            assert!(now < left);
            left = now;
            blocks += 1;
        }
        assert_eq!(blocks, 2);
    });
}

#[test]
fn an_open_case_outlives_the_memory_of_its_fault() {
    ExtBuilder::default().build_and_execute(|| {
        run_to_era(EVIDENCE_ERAS);
        assert_ok!(report(evidence(ALICE_KEY, 0, 0)));
        run_to_era(EVIDENCE_ERAS + 1);
        assert_eq!(Seen::<Test>::iter().count(), 0);
        assert!(Slashing::case(0).is_some());
        Slashing::do_try_state().unwrap();
        run_to_era(EVIDENCE_ERAS + DEFER_ERAS);
        assert_eq!(Market::slashes().len(), 1);
        // The last slash for a fault comes before stake can have left that stood behind it.
        const { assert!(EVIDENCE_ERAS + DEFER_ERAS < BONDING_ERAS) };
    });
}

#[test]
fn a_question_is_remembered_while_evidence_counts() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(challenge(&CLEO, opening(ALICE_KEY, task_id(ms(0), 0), 0)));
        assert_ok!(challenge(&CLEO, opening(ALICE_KEY, task_id(ms(0), 0), 1)));
        assert_ok!(answer(&ALICE, 0, shown(0)));
        run_to_era(2);
        run_to_era(EVIDENCE_ERAS);
        assert_eq!(Asked::<Test>::iter().count(), 2);
        run_to_era(EVIDENCE_ERAS + 1);
        assert_eq!(Asked::<Test>::iter().count(), 0);
        assert_eq!(AskedFrom::<Test>::get(), 1);
    });
}

#[test]
fn forgetting_questions_is_spread_over_blocks() {
    ExtBuilder::default().build_and_execute(|| {
        let one = <Test as Config>::WeightInfo::forget_question();
        let questions = Slashing::hook_limit().checked_div_per_component(&one).unwrap() + 1;
        for n in 0..questions {
            Asked::<Test>::insert(0, cuckoo_primitives::Hash::from_low_u64_be(n), ());
        }
        Market::run_to_era(EVIDENCE_ERAS + 1);
        next_block();
        let left = Asked::<Test>::iter().count();
        assert!(left > 0 && left < questions as usize);
        next_block();
        assert_eq!(Asked::<Test>::iter().count(), 0);
    });
}
