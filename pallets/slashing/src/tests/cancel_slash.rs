use cuckoo_primitives::registry::OpenCases;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use crate::{mock::*, Call, Error, Event};

#[test]
fn cancel_slash_takes_the_case_off_the_docket() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(report(evidence(ALICE_KEY, 0, 0)));
        assert_ok!(cancel(0));
        System::assert_last_event(Event::SlashCancelled { case: 0, offender: ALICE }.into());
        assert_eq!(Slashing::case(0), None);
        assert!(!Slashing::has_open_case(&ALICE));
        // It stays chilled, and may come back.
        assert!(Market::is_chilled(&ALICE));
        Market::validate(&ALICE);
        run_to_era(DEFER_ERAS + 1);
        assert_eq!(Market::slashes(), vec![]);
        assert!(!Market::is_chilled(&ALICE));
        assert!(Slashing::convictions(ALICE).is_empty());
    });
}

#[test]
fn cancel_slash_leaves_the_stashs_other_cases() {
    ExtBuilder::default().build_and_execute(|| {
        run_to_era(1);
        assert_ok!(report(evidence(ALICE_KEY, 0, 0)));
        assert_ok!(report(evidence(ALICE_KEY, 1, 0)));
        assert_ok!(cancel(0));
        assert!(Slashing::has_open_case(&ALICE));
        run_to_era(1 + DEFER_ERAS);
        assert_eq!(Market::slashes().iter().map(|(_, era, ..)| *era).collect::<Vec<_>>(), vec![1]);
    });
}

#[test]
fn cancel_slash_fails_for_others() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(report(evidence(ALICE_KEY, 0, 0)));
        for origin in [RuntimeOrigin::signed(ALICE), RuntimeOrigin::signed(REPORTER), RuntimeOrigin::none()] {
            assert_noop!(submit(origin, Call::cancel_slash { case: 0 }), DispatchError::BadOrigin);
        }
    });
}

#[test]
fn cancel_slash_fails_if_no_such_case_waits() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(cancel(0), Error::<Test>::NoSuchCase);
        assert_ok!(report(evidence(ALICE_KEY, 0, 0)));
        assert_ok!(report(evidence(BOB_KEY, 0, 0)));
        assert_ok!(cancel(0));
        assert_noop!(cancel(0), Error::<Test>::NoSuchCase);
        run_to_era(DEFER_ERAS);
        assert_noop!(cancel(1), Error::<Test>::NoSuchCase);
    });
}
