use cuckoo_primitives::{
    challenge::Challenge,
    docket::{Case, Conviction, Fault},
    Hash,
};
use sp_runtime::Perbill;

use crate::{mock::*, *};

/// Alice did something in era 0, which was reported in era 1.
fn charge() {
    run_to_era(1);
    report(evidence(ALICE_KEY, 0, 0)).unwrap();
    Slashing::do_try_state().unwrap();
}

fn broken_docket(invariant: &'static str, corrupt: impl FnOnce()) {
    ExtBuilder::default().build_and_expect_broken(invariant, || {
        charge();
        corrupt();
    });
}

fn change(change: impl FnOnce(&mut Case)) {
    Cases::<Test>::mutate(0, |case| change(case.as_mut().unwrap()));
}

fn conviction(applied_in: u32) -> Conviction {
    Conviction {
        case: 7,
        fault: Fault::ReceiptEquivocation,
        offence_era: 0,
        fraction: Perbill::one(),
        loss: 0,
        evidence_hash: None,
        applied_in,
    }
}

fn absence(n: u8) -> Absence {
    Absence { validator: operator(n), missed_millionths: 1 }
}

#[test]
fn a_window_that_is_too_long_is_found() {
    broken_docket("stake cannot leave before it is slashed", || DeferEras::<Test>::put(BONDING_ERAS));
}

#[test]
fn a_docket_that_ran_ahead_is_found() {
    broken_docket("no era is done before it is over", || DueFrom::<Test>::put(2));
    broken_docket("nothing was due in an era that is done", || {
        Market::run_to_era(9);
        DueFrom::<Test>::put(9);
    });
}

#[test]
fn wrong_cases_are_found() {
    broken_docket("cases are counted", || NextCase::<Test>::put(0));
    broken_docket("a case costs something", || change(|case| case.fraction = Perbill::zero()));
    broken_docket("nobody is charged before the fault", || change(|case| case.offence_era = 2));
    broken_docket("nobody is charged before the fault", || change(|case| case.reported_in = 2));
    broken_docket("no case is applied before it was filed", || change(|case| case.apply_in = 0));
    broken_docket("every case is due in its era", || change(|case| case.apply_in = 9));
    broken_docket("every case is due in its era", || {
        Due::<Test>::remove(1 + DEFER_ERAS, 0u64.to_be_bytes());
    });
}

#[test]
fn what_is_due_without_a_case_is_found() {
    broken_docket("what is due is a case of that era", || Due::<Test>::insert(5, 1u64.to_be_bytes(), ()));
    broken_docket("what is due is a case of that era", || Due::<Test>::insert(5, 0u64.to_be_bytes(), ()));
}

#[test]
fn wrong_open_counts_are_found() {
    let invariant = "open counts are the cases of each stash";
    broken_docket(invariant, || OpenCount::<Test>::insert(ALICE, 2));
    broken_docket(invariant, || OpenCount::<Test>::remove(ALICE));
    broken_docket(invariant, || OpenCount::<Test>::insert(BOB, 0));
}

#[test]
fn unseen_faults_are_found() {
    let fault = (Fault::ReceiptEquivocation, ALICE);
    broken_docket("a case is seen while evidence counts", || Seen::<Test>::remove(0, &fault));
    broken_docket("what is seen became a case", || Seen::<Test>::insert(1, &fault, 1));
    broken_docket("what is seen became a case of that fault", || Seen::<Test>::insert(1, &fault, 0));
    broken_docket("nobody is seen to do what is yet to come", || Seen::<Test>::insert(2, &fault, 0));
}

#[test]
fn wrong_forgetting_is_found() {
    let invariant = "no fault is forgotten while evidence counts";
    broken_docket(invariant, || SeenFrom::<Test>::put(1));
    broken_docket(invariant, || SeenFrom::<Test>::put(2));
    broken_docket("faults of forgotten eras are forgotten", || {
        Market::run_to_era(EVIDENCE_ERAS + 1);
        SeenFrom::<Test>::put(1);
    });
}

#[test]
fn wrong_records_are_found() {
    let record = |convictions: &[Conviction]| {
        Convictions::<Test>::insert(ALICE, frame_support::BoundedVec::truncate_from(convictions.to_vec()));
    };
    broken_docket("only convicts have a record", || record(&[]));
    broken_docket("convictions are in order", || record(&[conviction(1), conviction(0)]));
    broken_docket("nobody is convicted in a later era", || record(&[conviction(2)]));
    broken_docket("a case is decided once", || record(&[Conviction { case: 0, ..conviction(1) }]));
}

#[test]
fn wrong_liveness_is_found() {
    broken_docket("who authored has a block", || Authors::<Test>::insert(ALICE, ()));
    broken_docket("nobody is absent twice", || {
        Absences::<Test>::put(frame_support::BoundedVec::truncate_from(vec![absence(1), absence(2), absence(1)]));
    });
}

/// Cleo asks Alice in era 1 about a task of era 0.
fn broken_challenge(invariant: &'static str, corrupt: impl FnOnce()) {
    ExtBuilder::default().build_and_expect_broken(invariant, || {
        run_to_era(1);
        challenge(&CLEO, opening(ALICE_KEY, task_id(ms(0), 0), 0)).unwrap();
        Slashing::do_try_state().unwrap();
        corrupt();
    });
}

fn change_challenge(change: impl FnOnce(&mut Challenge)) {
    OpenChallenges::<Test>::mutate(0, |challenge| change(challenge.as_mut().unwrap()));
}

#[test]
fn challenges_that_ran_ahead_are_found() {
    broken_challenge("no answer is late before its era is over", || AnswersDueFrom::<Test>::put(2));
    broken_challenge("no answer is waited for that was due in an era that is done", || {
        Market::run_to_era(3);
        AnswersDueFrom::<Test>::put(3);
    });
}

#[test]
fn wrong_challenges_are_found() {
    broken_challenge("challenges are counted", || NextChallenge::<Test>::put(0));
    let times = "a challenge runs to the end of the next era";
    broken_challenge(times, || change_challenge(|it| it.offence_era = 2));
    broken_challenge(times, || change_challenge(|it| it.due_in = 3));
    broken_challenge("every answer is due in its era", || change_challenge(|it| it.due_in = 1));
    broken_challenge("every answer is due in its era", || AnswersDue::<Test>::remove(2, 0u64.to_be_bytes()));
    broken_challenge("every challenge is found by its miner", || change_challenge(|it| it.miner = BOB));
    broken_challenge("every challenge is found by its miner", || {
        ChallengesOf::<Test>::remove(ALICE, 0u64.to_be_bytes());
    });
}

#[test]
fn indexes_without_a_challenge_are_found() {
    let due = "what is to be answered is a challenge of that era";
    broken_challenge(due, || AnswersDue::<Test>::insert(2, 1u64.to_be_bytes(), ()));
    broken_challenge(due, || AnswersDue::<Test>::insert(1, 0u64.to_be_bytes(), ()));
    let asked = "what a miner is asked is a challenge of it";
    broken_challenge(asked, || ChallengesOf::<Test>::insert(ALICE, 1u64.to_be_bytes(), ()));
    broken_challenge(asked, || ChallengesOf::<Test>::insert(BOB, 0u64.to_be_bytes(), ()));
}

#[test]
fn wrong_deposits_are_found() {
    let invariant = "what is held of a challenger is its deposits";
    broken_challenge(invariant, || change_challenge(|it| it.deposit += 1));
    broken_challenge(invariant, || change_challenge(|it| it.challenger = REPORTER));
    broken_challenge(invariant, || {
        Deposits::<Test>::take(&CLEO).unwrap();
    });
}

#[test]
fn wrong_questions_are_found() {
    let remembered = "what is asked is remembered";
    broken_challenge(remembered, || drop(Asked::<Test>::clear(10, None)));
    broken_challenge(remembered, || change_challenge(|it| it.operator = operator(BOB_KEY)));
    broken_challenge(remembered, || change_challenge(|it| it.offence_era = 1));
    broken_challenge("nobody is asked about what is yet to come", || {
        Asked::<Test>::insert(2, Hash::zero(), ());
    });
    let forgotten = "no question is forgotten while evidence counts";
    broken_challenge(forgotten, || AskedFrom::<Test>::put(1));
    broken_challenge(forgotten, || AskedFrom::<Test>::put(2));
    broken_challenge("questions about forgotten eras are forgotten", || {
        Market::run_to_era(EVIDENCE_ERAS + 1);
        AskedFrom::<Test>::put(1);
    });
}
