use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Call, Error, Event};

#[test]
fn validate_comes_back_at_once() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        Stakes::run_to_era(1);
        assert_ok!(submit(&ALICE, Call::chill {}));
        assert_ok!(submit(&ALICE, Call::validate {}));
        System::assert_last_event(Event::Validated { candidate: ALICE }.into());
        assert!(Registration::candidate(ALICE).unwrap().is_active());
        assert!(!Stakes::is_suspended(&ALICE));
    });
}

#[test]
fn validate_fails_while_a_case_is_open_or_after_too_many_slashes() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        assert_ok!(submit(&ALICE, Call::chill {}));
        Stakes::charge(&ALICE, true);
        assert_noop!(submit(&ALICE, Call::validate {}), Error::<Test>::OpenCase);
        Stakes::charge(&ALICE, false);
        Stakes::bar(&ALICE);
        assert_noop!(submit(&ALICE, Call::validate {}), Error::<Test>::SlashedTooOften);
        assert!(Stakes::is_suspended(&ALICE));
    });
}

#[test]
fn validate_fails_if_not_chilled_or_not_registered() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(submit(&ALICE, Call::validate {}), Error::<Test>::NotRegistered);
        assert_ok!(register_miner(&ALICE, 1));
        assert_noop!(submit(&ALICE, Call::validate {}), Error::<Test>::NotChilled);
    });
}

#[test]
fn validate_fails_below_the_minimum() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        assert_ok!(submit(&ALICE, Call::chill {}));
        Stakes::lose(&ALICE, 1);
        assert_noop!(submit(&ALICE, Call::validate {}), Error::<Test>::SelfStakeTooLow);
    });
}

#[test]
fn validate_takes_first_what_slashes_have_cost() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        assert_ok!(submit(&ALICE, Call::chill {}));
        Stakes::owes(&ALICE, 1);
        assert_noop!(submit(&ALICE, Call::validate {}), Error::<Test>::SelfStakeTooLow);
    });
}
