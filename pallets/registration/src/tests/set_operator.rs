use cuckoo_primitives::{registry::Operators as _, Role};
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Call, Error, Event, Operators, MAX_RETIRED_OPERATORS};

#[test]
fn set_operator_puts_another_key_to_work() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        assert_ok!(set_operator(&ALICE, 2));
        System::assert_last_event(
            Event::OperatorSet { candidate: ALICE, operator: operator(2), retired: operator(1) }.into(),
        );
        assert_eq!(Registration::candidate(ALICE).unwrap().operator, operator(2));
        assert_eq!(Registration::candidate_of_operator(operator(2)).unwrap().stash, ALICE);
        assert_eq!(Registration::candidate_of_operator(operator(1)), None);
    });
}

#[test]
fn a_replaced_operator_stays_attributable() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        Stakes::run_to_era(2);
        assert_ok!(set_operator(&ALICE, 2));
        let record = Operators::<Test>::get(operator(1)).unwrap();
        assert_eq!((record.stash, record.role, record.retired_in), (ALICE, Role::Miner, Some(2)));
        // Both worked in the era in which one followed the other.
        for (key, era, worked) in [(1, 0, true), (1, 2, true), (1, 3, false), (2, 1, false), (2, 2, true), (2, 3, true)]
        {
            let served = worked.then_some((ALICE, Role::Miner));
            assert_eq!(Registration::served_by(&operator(key), era), served, "key {key} in era {era}");
        }
        assert_noop!(register_miner(&BOB, 1), Error::<Test>::OperatorTaken);
        // Its own stash may go back to it.
        assert_ok!(set_operator(&ALICE, 1));
        assert_eq!(Operators::<Test>::get(operator(1)).unwrap().retired_in, None);
    });
}

#[test]
fn a_key_is_attributable_for_as_long_as_evidence_counts() {
    ExtBuilder::default().build_and_execute(|| {
        let served = |era| Registration::served_by(&operator(1), era);
        assert_eq!(served(0), None);
        assert_ok!(register_miner(&ALICE, 1));
        Stakes::run_to_era(100);
        assert_eq!(served(99), Some((ALICE, Role::Miner)));
        assert_ok!(submit(&ALICE, Call::deregister {}));
        Stakes::run_to_era(100 + BONDING_ERAS - 1);
        assert_eq!(served(100), Some((ALICE, Role::Miner)));
        assert_eq!(served(101), None);
        Stakes::run_to_era(100 + BONDING_ERAS);
        assert_eq!(served(100), None);
        // Who has it afterwards does not answer for what was before.
        assert_ok!(register_miner(&BOB, 1));
        assert_eq!(served(100), None);
        assert_eq!(served(100 + BONDING_ERAS), Some((BOB, Role::Miner)));
    });
}

#[test]
fn a_key_that_comes_back_does_not_shake_off_what_it_did() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        Stakes::run_to_era(1);
        assert_ok!(set_operator(&ALICE, 2));
        Stakes::run_to_era(3);
        assert_ok!(set_operator(&ALICE, 1));
        for era in 0..4 {
            assert_eq!(Registration::served_by(&operator(1), era), Some((ALICE, Role::Miner)));
        }
        // But after the time in which evidence counts it begins anew.
        assert_ok!(submit(&ALICE, Call::deregister {}));
        Stakes::run_to_era(3 + BONDING_ERAS);
        assert_ok!(register_miner(&ALICE, 1));
        assert_eq!(Registration::served_by(&operator(1), 3 + BONDING_ERAS - 1), None);
    });
}

#[test]
fn set_operator_fails_with_a_key_that_is_taken_or_unwilling() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        assert_ok!(register_miner(&BOB, 2));
        assert_noop!(set_operator(&ALICE, 2), Error::<Test>::OperatorTaken);
        assert_noop!(set_operator(&ALICE, 1), Error::<Test>::OperatorUnchanged);
        let (operator, consent_expires) = (operator(3), latest());
        let proof = proof(3, &ALICE, Role::Coordinator);
        assert_noop!(submit(&ALICE, Call::set_operator { operator, consent_expires, proof }), Error::<Test>::BadProof);
    });
}

#[test]
fn set_operator_fails_if_not_registered() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(set_operator(&ALICE, 1), Error::<Test>::NotRegistered);
    });
}

#[test]
fn set_operator_fails_too_often_within_the_evidence_window() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        let last = MAX_RETIRED_OPERATORS as u8;
        for n in 2..=last {
            assert_ok!(set_operator(&ALICE, n));
        }
        assert_noop!(set_operator(&ALICE, last + 1), Error::<Test>::TooManyRetiredOperators);
        // To go back to a retired key takes no room, and neither does leaving.
        assert_ok!(set_operator(&ALICE, 1));
        frame_support::hypothetically_ok!(submit(&ALICE, Call::deregister {}));
        Stakes::run_to_era(BONDING_ERAS);
        assert_ok!(set_operator(&ALICE, last + 1));
    });
}

#[test]
fn register_fails_after_too_many_operators() {
    ExtBuilder::default().build_and_execute(|| {
        for n in 1..=MAX_RETIRED_OPERATORS as u8 {
            assert_ok!(register_miner(&ALICE, n));
            assert_ok!(submit(&ALICE, Call::deregister {}));
        }
        assert_noop!(register_miner(&ALICE, 100), Error::<Test>::TooManyRetiredOperators);
        Stakes::run_to_era(BONDING_ERAS);
        assert_ok!(register_miner(&ALICE, 100));
    });
}

#[test]
fn whom_a_key_served_last_is_known_for_as_long_as_evidence_counts() {
    ExtBuilder::default().build_and_execute(|| {
        let last = |key| Registration::last_served(&operator(key));
        assert_eq!(last(1), None);
        assert_ok!(register_miner(&ALICE, 1));
        Stakes::run_to_era(2);
        assert_eq!(last(1), Some((ALICE, Role::Miner, 2)));
        assert_ok!(set_operator(&ALICE, 2));
        Stakes::run_to_era(2 + BONDING_ERAS - 1);
        assert_eq!(last(1), Some((ALICE, Role::Miner, 2)));
        assert_eq!(last(2), Some((ALICE, Role::Miner, 2 + BONDING_ERAS - 1)));
        Stakes::run_to_era(2 + BONDING_ERAS);
        assert_eq!(last(1), None);
    });
}
