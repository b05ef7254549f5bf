use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, *};

fn request(amount: u128) -> sp_runtime::DispatchResult {
    dispatch(&ANNE, Call::request_withdrawal { amount })
}

#[test]
fn what_is_asked_back_is_told_and_goes_on_paying() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deposit(&ANNE, 1_000));
        Market::run_to(4);
        events();
        assert_ok!(request(900));
        let free_from = 4 + WITHDRAWAL_ERAS;
        assert_eq!(events(), [Event::WithdrawalRequested { coordinator: ANNE, amount: 900, free_from }]);
        let solvency = Settlement::solvency(ANNE);
        assert_eq!((solvency.escrow, solvency.withdrawing, solvency.withdraw_from), (1_000, 900, Some(free_from)));

        assert_ok!(redeem([for_mike(300)]));
        let solvency = Settlement::solvency(ANNE);
        assert_eq!((solvency.escrow, solvency.withdrawing), (700, 700));
    });
}

#[test]
fn a_second_request_replaces_the_first_and_its_time() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deposit(&ANNE, 1_000));
        assert_ok!(request(10));
        Market::run_to(2);
        assert_ok!(request(1_000));
        Market::run_to(WITHDRAWAL_ERAS);
        assert_noop!(dispatch(&ANNE, Call::withdraw {}), Error::<Test>::WithdrawalTooEarly);
        Market::run_to(2 + WITHDRAWAL_ERAS);
        assert_ok!(dispatch(&ANNE, Call::withdraw {}));
        assert_eq!(Settlement::solvency(ANNE).escrow, 0);
    });
}

#[test]
fn request_withdrawal_fails_for_nothing_and_for_more_than_there_is() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(request(1), Error::<Test>::NotEnoughEscrow);
        assert_ok!(deposit(&ANNE, 1_000));
        assert_noop!(request(0), Error::<Test>::NotEnoughEscrow);
        assert_noop!(request(1_001), Error::<Test>::NotEnoughEscrow);
        assert_ok!(request(1_000));
    });
}
