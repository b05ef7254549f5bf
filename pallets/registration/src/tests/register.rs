use cuckoo_primitives::{registry::Candidates as _, CandidateStatus, Role};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use crate::{mock::*, Call, Error, Event};

#[test]
fn register_makes_a_candidate_that_works_from_the_next_era() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        System::assert_last_event(
            Event::Registered { candidate: ALICE, operator: operator(1), role: Role::Miner }.into(),
        );

        let candidate = Registration::candidate(ALICE).unwrap();
        assert_eq!((candidate.stash, candidate.operator, candidate.role), (ALICE, operator(1), Role::Miner));
        assert_eq!(candidate.info, miner_info());
        assert_eq!((candidate.own_stake, candidate.backing, candidate.next_backing), (0, 0, MIN + 1));
        assert_eq!(candidate.status, CandidateStatus::Pending);

        Stakes::run_to_era(1);
        let candidate = Registration::candidate(ALICE).unwrap();
        assert_eq!((candidate.own_stake, candidate.backing), (MIN + 1, MIN + 1));
        assert!(candidate.is_active());
        assert_eq!(Registration::role(&ALICE), Some(Role::Miner));
        assert_eq!(Registration::own_stake_floor(&ALICE), Some(MIN));
        assert_eq!(Registration::own_stake_floor(&BOB), None);
    });
}

#[test]
fn register_fails_if_already_registered() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        assert_noop!(register_miner(&ALICE, 2), Error::<Test>::AlreadyRegistered);
    });
}

#[test]
fn register_fails_if_the_operator_is_the_stash() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(register_miner(&operator(1), 1), Error::<Test>::OperatorIsStash);
    });
}

#[test]
fn register_fails_if_the_operator_works_for_another() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        assert_noop!(register_miner(&BOB, 1), Error::<Test>::OperatorTaken);
    });
}

#[test]
fn register_fails_if_the_operator_retired_lately() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        Stakes::run_to_era(3);
        assert_ok!(submit(&ALICE, Call::deregister {}));
        Stakes::run_to_era(3 + BONDING_ERAS - 1);
        assert_noop!(register_miner(&BOB, 1), Error::<Test>::OperatorTaken);
        Stakes::run_to_era(3 + BONDING_ERAS);
        assert_ok!(register_miner(&BOB, 1));
        assert_eq!(Registration::candidate_of_operator(operator(1)).unwrap().stash, BOB);
    });
}

#[test]
fn register_takes_the_stashs_own_retired_operator_back() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        assert_ok!(submit(&ALICE, Call::deregister {}));
        assert_ok!(register_miner(&ALICE, 1));
        assert_eq!(Registration::candidate_of_operator(operator(1)).unwrap().stash, ALICE);
    });
}

#[test]
fn register_fails_below_the_minimum() {
    ExtBuilder::default().build_and_execute(|| {
        for too_little in [0, MIN] {
            assert_noop!(register_miner_with(&ALICE, 1, too_little), Error::<Test>::SelfStakeTooLow);
        }
        assert_ok!(register_miner_with(&ALICE, 1, MIN + 1));
    });
}

#[test]
fn register_fails_without_the_bond_and_leaves_nothing_behind() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(register_miner_with(&ALICE, 1, BOND + 1), NOT_BONDED);
        assert_eq!(Registration::candidate(ALICE), None);
        assert_ok!(register_miner(&BOB, 1));
    });
}

#[test]
fn register_fails_unsigned() {
    ExtBuilder::default().build_and_execute(|| {
        let proof = proof(1, &ALICE, Role::Miner);
        assert_noop!(
            Registration::register(
                RuntimeOrigin::none(),
                Role::Miner,
                operator(1),
                latest(),
                proof,
                MIN + 1,
                miner_info()
            ),
            DispatchError::BadOrigin
        );
    });
}

#[test]
fn register_fails_while_a_case_is_open() {
    ExtBuilder::default().build_and_execute(|| {
        Stakes::charge(&ALICE, true);
        assert_noop!(register_miner(&ALICE, 1), Error::<Test>::OpenCase);
        Stakes::charge(&ALICE, false);
        assert_ok!(register_miner(&ALICE, 1));
    });
}

#[test]
fn register_fails_after_too_many_slashes() {
    ExtBuilder::default().build_and_execute(|| {
        Stakes::bar(&ALICE);
        assert_noop!(register_miner(&ALICE, 1), Error::<Test>::SlashedTooOften);
        assert_ok!(register_miner(&BOB, 1));
    });
}

#[test]
fn register_fails_in_another_role_with_a_key_that_retired_lately() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        assert_ok!(submit(&ALICE, Call::deregister {}));
        // Else nobody could tell what it signed as a miner.
        assert_noop!(register(&ALICE, 1, Role::Validator, BOND), Error::<Test>::OperatorTaken);
        Stakes::run_to_era(BONDING_ERAS);
        assert_ok!(register(&ALICE, 1, Role::Validator, BOND));
    });
}
