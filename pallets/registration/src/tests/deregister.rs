use cuckoo_primitives::{
    registry::{Backing, Candidates as _},
    Role,
};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::Perbill;

use crate::{mock::*, Call, Commissions, Error, Event, Operators};

#[test]
fn deregister_ends_the_candidacy_and_releases_the_own_stake() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        Stakes::run_to_era(2);
        assert_ok!(submit(&ALICE, Call::deregister {}));
        System::assert_last_event(
            Event::Deregistered { candidate: ALICE, role: Role::Miner, released: MIN + 1 }.into(),
        );
        assert_eq!(Registration::candidate(ALICE), None);
        assert_eq!(Registration::candidate_of_operator(operator(1)), None);
        assert_eq!(Registration::candidates(Role::Miner, None, 10), []);
        assert_eq!(Stakes::own_stake(&ALICE), (MIN + 1, 0));
        assert_eq!(Operators::<Test>::get(operator(1)).unwrap().retired_in, Some(2));
    });
}

#[test]
fn deregister_works_while_chilled() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        assert_ok!(submit(&ALICE, Call::chill {}));
        assert_ok!(submit(&ALICE, Call::deregister {}));
        // Whoever registers anew is not chilled.
        assert_ok!(register_miner(&ALICE, 1));
        Stakes::run_to_era(1);
        assert!(Registration::candidate(ALICE).unwrap().is_active());
    });
}

#[test]
fn deregister_fails_if_not_registered() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(submit(&ALICE, Call::deregister {}), Error::<Test>::NotRegistered);
    });
}

#[test]
fn deregister_works_while_a_case_is_open() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        Stakes::charge(&ALICE, true);
        assert_ok!(submit(&ALICE, Call::deregister {}));
        assert_noop!(register_miner(&ALICE, 1), Error::<Test>::OpenCase);
    });
}

#[test]
fn deregister_pays_by_the_commission_and_ends_it() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        assert_ok!(submit(&ALICE, Call::set_commission { rate: Perbill::from_percent(30) }));
        Stakes::run_to_era(2);
        Stakes::paid();
        assert_ok!(submit(&ALICE, Call::deregister {}));
        assert_eq!(Stakes::paid(), [(ALICE, Perbill::from_percent(30))]);
        assert!(!Commissions::<Test>::contains_key(ALICE));
        assert_ok!(register_miner(&ALICE, 1));
        assert_eq!(Registration::commission(&ALICE, 3), Perbill::zero());
    });
}
