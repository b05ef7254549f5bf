use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Call, Error, Event, Operators, Retired};

#[test]
fn forget_operators_clears_what_evidence_cannot_reach() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        assert_ok!(set_operator(&ALICE, 2));
        Stakes::run_to_era(1);
        assert_ok!(submit(&ALICE, Call::deregister {}));

        Stakes::run_to_era(BONDING_ERAS - 1);
        assert_noop!(submit(&BOB, Call::forget_operators { stash: ALICE }), Error::<Test>::NothingToForget);
        Stakes::run_to_era(BONDING_ERAS);
        assert_ok!(submit(&BOB, Call::forget_operators { stash: ALICE }));
        System::assert_last_event(Event::OperatorsForgotten { candidate: ALICE, count: 1 }.into());
        assert!(!Operators::<Test>::contains_key(operator(1)));
        assert!(Operators::<Test>::contains_key(operator(2)));

        Stakes::run_to_era(BONDING_ERAS + 1);
        assert_ok!(submit(&BOB, Call::forget_operators { stash: ALICE }));
        assert!(!Retired::<Test>::contains_key(ALICE));
        assert_eq!(Operators::<Test>::iter().count(), 0);
    });
}

#[test]
fn forget_operators_fails_for_strangers() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(submit(&BOB, Call::forget_operators { stash: ALICE }), Error::<Test>::NothingToForget);
    });
}
