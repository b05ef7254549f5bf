use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, *};

fn deposit_from(from: &cuckoo_primitives::AccountId, amount: u128) -> sp_runtime::DispatchResult {
    dispatch(from, Call::deposit { coordinator: ANNE, amount })
}

#[test]
fn a_coordinator_puts_its_own_funds_into_escrow() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deposit(&ANNE, 600));
        assert_ok!(deposit(&ANNE, 400));
        assert_eq!(Settlement::solvency(ANNE).escrow, 1_000);
        assert_eq!(Balances::free_balance(ANNE), FUNDS - 1_000);
        let deposited = |amount| Event::Deposited { coordinator: ANNE, from: ANNE, amount };
        assert_eq!(events(), [deposited(600), deposited(400)]);
    });
}

#[test]
fn anyone_fills_a_coordinators_escrow() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deposit_from(&BOB, 700));
        assert_eq!(Settlement::solvency(ANNE).escrow, 700);
        assert_eq!((Balances::free_balance(BOB), Balances::free_balance(ANNE)), (FUNDS - 700, FUNDS));
        assert_eq!(events(), [Event::Deposited { coordinator: ANNE, from: BOB, amount: 700 }]);
    });
}

#[test]
fn deposit_fails_below_the_existential_deposit() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(deposit(&ANNE, ED - 1), Error::<Test>::TooSmall);
        assert_ok!(deposit(&ANNE, ED));
    });
}

#[test]
fn deposit_fails_for_an_account_that_is_no_coordinator() {
    ExtBuilder::default().build_and_execute(|| {
        for stash in [MIKE, BOB] {
            assert_noop!(deposit(&stash, 100), Error::<Test>::NotACoordinator);
        }
    });
}

#[test]
fn who_owes_and_has_left_can_still_pay() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(redeem([for_mike(500)]));
        Market::deregister(&ANNE);
        assert_ok!(deposit(&ANNE, 500));
        assert_ok!(collect(&ANNE, &MIKE));
        assert_noop!(deposit(&ANNE, 500), Error::<Test>::NotACoordinator);
    });
}

#[test]
fn deposit_fails_if_the_payer_would_not_survive() {
    ExtBuilder::default().build_and_execute(|| {
        assert!(deposit_from(&BOB, FUNDS).is_err());
        assert!(deposit_from(&BOB, FUNDS + 1).is_err());
        assert!(deposit(&ANNE, FUNDS + 1).is_err());
        assert_eq!(Settlement::solvency(ANNE).escrow, 0);
        assert_ok!(deposit_from(&BOB, FUNDS - ED));
    });
}
