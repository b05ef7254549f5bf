use cuckoo_primitives::{
    docket::{Case, Fault},
    evidence::Evidence,
    registry::OpenCases,
    task::Finish,
    Hash, Role,
};
use frame_support::{assert_noop, assert_ok, dispatch::Pays};
use sp_runtime::{DispatchError, Perbill};

use crate::{mock::*, Call, Error, Event};

#[test]
fn report_puts_a_case_on_the_docket() {
    ExtBuilder::default().build_and_execute(|| {
        run_to_era(3);
        let proof = evidence(ALICE_KEY, 1, 0);
        let evidence_hash = Some(proof.hash());
        assert_eq!(report(proof).unwrap().pays_fee, Pays::No);
        let case = Case {
            offender: ALICE,
            role: Role::Miner,
            fault: Fault::ReceiptEquivocation,
            offence_era: 1,
            fraction: Perbill::one(),
            reporter: Some(REPORTER),
            evidence_hash,
            reported_in: 3,
            apply_in: 3 + DEFER_ERAS,
        };
        assert_eq!(Slashing::case(0), Some(case));
        System::assert_last_event(
            Event::Charged {
                case: 0,
                offender: ALICE,
                fault: Fault::ReceiptEquivocation,
                offence_era: 1,
                fraction: Perbill::one(),
                reporter: Some(REPORTER),
                evidence_hash,
                apply_in: 3 + DEFER_ERAS,
            }
            .into(),
        );
        assert!(Market::is_chilled(&ALICE));
        assert!(Slashing::has_open_case(&ALICE));
        assert!(!Slashing::has_open_case(&BOB));
        // Nothing is taken yet.
        assert_eq!(Market::stake(&ALICE), STAKE);
    });
}

#[test]
fn report_fails_without_a_signature() {
    ExtBuilder::default().build_and_execute(|| {
        let call = Call::report { evidence: Box::new(evidence(ALICE_KEY, 0, 0)) };
        assert_noop!(submit(RuntimeOrigin::none(), call), DispatchError::BadOrigin);
    });
}

#[test]
fn a_refused_report_pays_its_fee() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(report(evidence(ALICE_KEY, 0, 0)));
        let refused = report(evidence(ALICE_KEY, 0, 0)).unwrap_err();
        assert_eq!(refused.post_info.pays_fee, Pays::Yes);
    });
}

#[test]
fn report_fails_if_the_fault_is_known() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(report(evidence(ALICE_KEY, 0, 0)));
        assert_noop!(report(evidence(ALICE_KEY, 0, 0)), Error::<Test>::AlreadyReported);
        // Another task of the same era, the same receipts in the other order, a third receipt: one case each way.
        assert_noop!(report(evidence(ALICE_KEY, 0, 1)), Error::<Test>::AlreadyReported);
        let Evidence::Receipts { first, second } = evidence(ALICE_KEY, 0, 0) else { panic!() };
        let swapped = Evidence::Receipts { first: second, second: first };
        assert_noop!(report(swapped), Error::<Test>::AlreadyReported);
        // Another era is another case.
        run_to_era(1);
        assert_ok!(report(evidence(ALICE_KEY, 1, 0)));
        assert_eq!(Slashing::docket(None, 10).len(), 2);
    });
}

#[test]
fn report_fails_if_the_fault_was_slashed_or_cancelled() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(report(evidence(ALICE_KEY, 0, 0)));
        assert_ok!(report(evidence(BOB_KEY, 0, 0)));
        assert_ok!(cancel(1));
        run_to_era(DEFER_ERAS);
        assert_eq!(Market::slashes().len(), 1);
        assert_noop!(report(evidence(ALICE_KEY, 0, 0)), Error::<Test>::AlreadyReported);
        assert_noop!(report(evidence(BOB_KEY, 0, 0)), Error::<Test>::AlreadyReported);
    });
}

#[test]
fn report_fails_if_both_receipts_say_the_same() {
    ExtBuilder::default().build_and_execute(|| {
        let once = signed(ALICE_KEY, receipt(ALICE_KEY, task_id(ms(0), 0)));
        let same = Evidence::Receipts { first: once.clone(), second: once.clone() };
        assert_noop!(report(same), Error::<Test>::NoDifference);
        // Another signature over the same receipt is valid too, and no contradiction.
        let again = signed(ALICE_KEY, once.receipt.clone());
        assert_ne!(once.signature, again.signature);
        let signed_twice = Evidence::Receipts { first: once, second: again };
        assert_noop!(report(signed_twice), Error::<Test>::NoDifference);
    });
}

#[test]
fn report_fails_for_receipts_of_different_links() {
    ExtBuilder::default().build_and_execute(|| {
        // What a coordinator gets that repeats an attempt after the miner has forgotten the first.
        let other_link = evidence_of(ALICE_KEY, receipt(ALICE_KEY, task_id(ms(0), 0)), |other| {
            other.spec.link = Hash::zero();
            other.output_hash = Hash::zero();
        });
        assert_noop!(report(other_link), Error::<Test>::OtherAttempt);
    });
}

#[test]
fn report_fails_if_the_receipts_are_of_different_attempts() {
    ExtBuilder::default().build_and_execute(|| {
        let task = || receipt(ALICE_KEY, task_id(ms(0), 0));
        let other_attempt = evidence_of(ALICE_KEY, task(), |other| other.spec.attempt = 1);
        assert_noop!(report(other_attempt), Error::<Test>::OtherAttempt);
        let other_task = evidence_of(ALICE_KEY, task(), |other| other.spec.task_id = task_id(ms(0), 1));
        assert_noop!(report(other_task), Error::<Test>::OtherAttempt);
        let other_miner = evidence_of(ALICE_KEY, task(), |other| other.spec.miner = operator(BOB_KEY));
        assert_noop!(report(other_miner), Error::<Test>::OtherAttempt);
    });
}

#[test]
fn report_fails_if_a_signature_is_not_the_miners() {
    ExtBuilder::default().build_and_execute(|| {
        let forged = evidence_of(BOB_KEY, receipt(ALICE_KEY, task_id(ms(0), 0)), |other| other.finish = Finish::Stop);
        assert_noop!(report(forged), Error::<Test>::BadSignature);
        let Evidence::Receipts { first, mut second } = evidence(ALICE_KEY, 0, 0) else { panic!() };
        second.signature[0] ^= 1;
        assert_noop!(report(Evidence::Receipts { first, second }), Error::<Test>::BadSignature);
    });
}

#[test]
fn report_fails_if_the_task_has_no_time() {
    ExtBuilder::default().build_and_execute(|| {
        let undated = evidence_of(ALICE_KEY, receipt(ALICE_KEY, [7; 16]), |other| other.prompt_tokens += 1);
        assert_noop!(report(undated), Error::<Test>::Undated);
    });
}

#[test]
fn report_fails_outside_the_evidence_window() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(report(evidence(ALICE_KEY, 1, 0)), Error::<Test>::OutsideEvidenceWindow);
        run_to_era(EVIDENCE_ERAS + 1);
        assert_noop!(report(evidence(ALICE_KEY, 0, 0)), Error::<Test>::OutsideEvidenceWindow);
        assert_ok!(report(evidence(ALICE_KEY, 1, 0)));
        // A millisecond after this block.
        let soon = receipt(ALICE_KEY, task_id(ms(EVIDENCE_ERAS + 1) + 1, 0));
        let soon = evidence_of(ALICE_KEY, soon, |other| other.completion_tokens += 1);
        assert_noop!(report(soon.clone()), Error::<Test>::OutsideEvidenceWindow);
        run_to_era(EVIDENCE_ERAS + 2);
        assert_ok!(report(soon));
    });
}

#[test]
fn report_fails_if_nobody_used_the_key() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(report(evidence(99, 0, 0)), Error::<Test>::UnknownOperator);
    });
}

#[test]
fn a_key_that_was_replaced_still_answers() {
    ExtBuilder::default().build_and_execute(|| {
        run_to_era(1);
        Market::rotate(&ALICE, 50, Role::Miner);
        run_to_era(2);
        assert_ok!(report(evidence(ALICE_KEY, 1, 0)));
        assert_eq!(Slashing::case(0).unwrap().offender, ALICE);
        // Old key or new, it is one stash, and one case.
        assert_noop!(report(evidence(50, 1, 0)), Error::<Test>::AlreadyReported);
        // What a retired key signs afterwards is nobody's fault.
        assert_noop!(report(evidence(ALICE_KEY, 2, 0)), Error::<Test>::UnknownOperator);
    });
}

#[test]
fn a_key_answers_for_whom_it_worked_then() {
    ExtBuilder::default().build_and_execute(|| {
        Market::leave(&ALICE);
        run_to_era(2);
        Market::enter(&REPORTER, ALICE_KEY, Role::Coordinator);
        assert_ok!(report(evidence(ALICE_KEY, 0, 0)));
        let case = Slashing::case(0).unwrap();
        assert_eq!((case.offender, case.role), (ALICE, Role::Miner));
        assert_ok!(report(evidence(ALICE_KEY, 2, 0)));
        assert_eq!(Slashing::case(1).unwrap().offender, REPORTER);
    });
}

#[test]
fn a_stash_that_left_still_answers() {
    ExtBuilder::default().build_and_execute(|| {
        Market::leave(&ALICE);
        assert_ok!(report(evidence(ALICE_KEY, 0, 0)));
        run_to_era(DEFER_ERAS);
        assert_eq!(Market::slashes(), vec![(ALICE, 0, Perbill::one(), Some(REPORTER))]);
        assert_eq!(Market::stake(&ALICE), 0);
    });
}

#[test]
fn a_change_of_role_does_not_help() {
    ExtBuilder::default().build_and_execute(|| {
        run_to_era(1);
        Market::enter(&ALICE, ALICE_KEY, Role::Coordinator);
        assert_ok!(report(evidence(ALICE_KEY, 0, 0)));
        assert_eq!(Slashing::case(0).unwrap().role, Role::Miner);
        assert!(Market::is_chilled(&ALICE));
    });
}
