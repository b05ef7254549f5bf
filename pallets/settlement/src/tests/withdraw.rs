use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, *};

fn withdraw() -> sp_runtime::DispatchResult {
    dispatch(&ANNE, Call::withdraw {})
}

/// Anne has 1,000 in escrow and asks 800 back in era 0.
fn requested(test: impl FnOnce()) {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deposit(&ANNE, 1_000));
        assert_ok!(dispatch(&ANNE, Call::request_withdrawal { amount: 800 }));
        events();
        test();
    });
}

#[test]
fn escrow_leaves_after_the_time_in_which_vouchers_are_redeemed() {
    requested(|| {
        Market::run_to(WITHDRAWAL_ERAS - 1);
        assert_noop!(withdraw(), Error::<Test>::WithdrawalTooEarly);
        Market::run_to(WITHDRAWAL_ERAS);
        assert_ok!(withdraw());
        assert_eq!(events(), [Event::Withdrawn { coordinator: ANNE, amount: 800 }]);
        assert_eq!(Balances::free_balance(ANNE), FUNDS - 200);
        assert_noop!(withdraw(), Error::<Test>::NoWithdrawal);
    });
}

#[test]
fn what_vouchers_took_meanwhile_does_not_leave() {
    requested(|| {
        assert_ok!(redeem([for_mike(700)]));
        Market::run_to(WITHDRAWAL_ERAS);
        assert_ok!(withdraw());
        assert_eq!(Balances::free_balance(ANNE), FUNDS - 700);
        assert_eq!(Settlement::solvency(ANNE).escrow, 0);
    });
}

#[test]
fn what_was_deposited_later_stays() {
    requested(|| {
        assert_ok!(deposit(&ANNE, 5_000));
        Market::run_to(WITHDRAWAL_ERAS);
        assert_ok!(withdraw());
        assert_eq!(Settlement::solvency(ANNE).escrow, 5_200);
    });
}

#[test]
fn withdraw_fails_while_debts_are_open() {
    requested(|| {
        Market::run_to(WITHDRAWAL_ERAS);
        assert_ok!(redeem([for_mike(1_500)]));
        assert_ok!(deposit(&ANNE, 400));
        assert_noop!(withdraw(), Error::<Test>::OwesDebts);
        assert_ok!(collect(&ANNE, &MIKE));
        assert_noop!(withdraw(), Error::<Test>::OwesDebts);
        assert_ok!(deposit(&ANNE, 300));
        assert_ok!(collect(&ANNE, &MIKE));
        assert_ok!(withdraw());
        assert_eq!(Settlement::solvency(ANNE).escrow, 0);
        assert_eq!(earned(&MIKE), 1_500 - 50 - 20 - 5);
    });
}

#[test]
fn withdraw_fails_if_none_was_asked_for() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deposit(&ANNE, 1_000));
        assert_noop!(withdraw(), Error::<Test>::NoWithdrawal);
    });
}
