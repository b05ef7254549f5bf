use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, *};

#[test]
fn a_cancelled_withdrawal_never_leaves() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deposit(&ANNE, 1_000));
        assert_ok!(dispatch(&ANNE, Call::request_withdrawal { amount: 900 }));
        events();
        assert_ok!(dispatch(&ANNE, Call::cancel_withdrawal {}));
        assert_eq!(events(), [Event::WithdrawalCancelled { coordinator: ANNE }]);
        Market::run_to(WITHDRAWAL_ERAS);
        assert_noop!(dispatch(&ANNE, Call::withdraw {}), Error::<Test>::NoWithdrawal);
        assert_eq!(Settlement::solvency(ANNE).withdrawing, 0);
    });
}

#[test]
fn cancel_withdrawal_fails_if_none_was_asked_for() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deposit(&ANNE, 1_000));
        assert_noop!(dispatch(&ANNE, Call::cancel_withdrawal {}), Error::<Test>::NoWithdrawal);
    });
}
