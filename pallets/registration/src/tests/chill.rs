use cuckoo_primitives::CandidateStatus;
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Call, Error, Event};

#[test]
fn chill_steps_back_at_once() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        Stakes::run_to_era(1);
        assert_ok!(submit(&ALICE, Call::chill {}));
        System::assert_last_event(Event::Chilled { candidate: ALICE }.into());
        let candidate = Registration::candidate(&ALICE).unwrap();
        assert_eq!(candidate.status, CandidateStatus::Chilled);
        assert_eq!(candidate.own_stake, MIN + 1);
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
