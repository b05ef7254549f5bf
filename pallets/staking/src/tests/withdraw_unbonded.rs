use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Error, Event, Ledgers};

#[test]
fn withdraw_unbonded_frees_what_is_due_and_nothing_else() {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 20));
        run_to_era(1);
        assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 30));

        run_to_era(BONDING_ERAS - 1);
        assert_noop!(Stake::withdraw_unbonded(RuntimeOrigin::signed(ALICE)), Error::<Test>::NothingToWithdraw);
        run_to_era(BONDING_ERAS);
        assert_ok!(Stake::withdraw_unbonded(RuntimeOrigin::signed(ALICE)));
        assert_eq!(funds(&ALICE), (920, 80, 50));
        assert_eq!(unlocking(&ALICE), [(30, BONDING_ERAS + 1)]);
        System::assert_last_event(Event::Withdrawn { stash: ALICE, amount: 20 }.into());
        assert_noop!(Stake::withdraw_unbonded(RuntimeOrigin::signed(ALICE)), Error::<Test>::NothingToWithdraw);
    });
}

#[test]
fn withdraw_unbonded_removes_an_empty_ledger() {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 100));
        run_to_era(BONDING_ERAS + 5);
        assert_ok!(Stake::withdraw_unbonded(RuntimeOrigin::signed(ALICE)));
        assert_eq!(funds(&ALICE), (BALANCE, 0, 0));
        assert!(!Ledgers::<Test>::contains_key(ALICE));
        assert_ok!(Stake::bond(RuntimeOrigin::signed(ALICE), 50));
    });
}

#[test]
fn withdraw_unbonded_fails_if_nothing_unbonds() {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        assert_noop!(Stake::withdraw_unbonded(RuntimeOrigin::signed(BOB)), Error::<Test>::NotBonded);
        assert_noop!(Stake::withdraw_unbonded(RuntimeOrigin::signed(ALICE)), Error::<Test>::NothingToWithdraw);
    });
}

#[test]
fn withdraw_unbonded_waits_for_slashes_that_are_due() {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 20));
        run_to_era(1);
        assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 30));
        run_to_era(BONDING_ERAS + 1);
        Register::applied_through(BONDING_ERAS - 1);
        assert_noop!(Stake::withdraw_unbonded(RuntimeOrigin::signed(ALICE)), Error::<Test>::NothingToWithdraw);
        Register::applied_through(BONDING_ERAS);
        assert_ok!(Stake::withdraw_unbonded(RuntimeOrigin::signed(ALICE)));
        assert_eq!(unlocking(&ALICE), [(30, BONDING_ERAS + 1)]);
    });
}

#[test]
fn withdraw_unbonded_fails_while_debts_are_open() {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 20));
        run_to_era(BONDING_ERAS);
        Register::owe(&ALICE, 1);
        assert_noop!(Stake::withdraw_unbonded(RuntimeOrigin::signed(ALICE)), Error::<Test>::OwesDebts);
        Register::owe(&ALICE, 0);
        assert_ok!(Stake::withdraw_unbonded(RuntimeOrigin::signed(ALICE)));
    });
}
