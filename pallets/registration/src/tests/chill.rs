use cuckoo_primitives::{
    registry::{self, Candidates as _},
    AccountId, CandidateStatus,
};
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Call, Error, Event};

#[test]
fn chill_steps_back_at_once() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        Stakes::run_to_era(1);
        assert_ok!(submit(&ALICE, Call::chill {}));
        System::assert_last_event(Event::Chilled { candidate: ALICE }.into());
        let candidate = Registration::candidate(ALICE).unwrap();
        assert_eq!(candidate.status, CandidateStatus::Chilled);
        assert_eq!(candidate.own_stake, MIN + 1);
        assert!(Stakes::is_suspended(&ALICE));
    });
}

#[test]
fn whoever_is_slashed_is_chilled_once() {
    ExtBuilder::default().build_and_execute(|| {
        let chill = <Registration as registry::Candidates<AccountId>>::chill;
        assert!(!chill(&ALICE));
        assert_ok!(register_miner(&ALICE, 1));
        assert!(chill(&ALICE));
        System::assert_last_event(Event::Chilled { candidate: ALICE }.into());
        assert!(Stakes::is_suspended(&ALICE));
        let events = System::events().len();
        assert!(!chill(&ALICE));
        assert!(!chill(&BOB));
        assert_eq!(System::events().len(), events);
        assert_eq!(Registration::role(&BOB), None);
    });
}

#[test]
fn chill_fails_twice_or_if_not_registered() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(submit(&ALICE, Call::chill {}), Error::<Test>::NotRegistered);
        assert_ok!(register_miner(&ALICE, 1));
        assert_ok!(submit(&ALICE, Call::chill {}));
        assert_noop!(submit(&ALICE, Call::chill {}), Error::<Test>::AlreadyChilled);
    });
}
