use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Error, Event, Ledgers};

#[test]
fn bond_holds_the_funds_on_the_stash() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(Stake::bond(RuntimeOrigin::signed(ALICE), 400));
        assert_eq!(funds(&ALICE), (600, 400, 400));
        System::assert_last_event(Event::Bonded { stash: ALICE, amount: 400 }.into());
    });
}

#[test]
fn bonded_funds_cannot_be_transferred() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(Stake::bond(RuntimeOrigin::signed(ALICE), 400));
        assert!(Balances::transfer_allow_death(RuntimeOrigin::signed(ALICE), BOB, 601).is_err());
        assert_ok!(Balances::transfer_allow_death(RuntimeOrigin::signed(ALICE), BOB, 599));
        assert_eq!(funds(&ALICE), (1, 400, 400));
    });
}

#[test]
fn bond_fails_if_already_bonded() {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        assert_noop!(Stake::bond(RuntimeOrigin::signed(ALICE), 100), Error::<Test>::AlreadyBonded);
        assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 100));
        assert_noop!(Stake::bond(RuntimeOrigin::signed(ALICE), 100), Error::<Test>::AlreadyBonded);
    });
}

#[test]
fn bond_fails_below_the_minimum() {
    ExtBuilder::default().build_and_execute(|| {
        for too_little in [0, MIN_BOND - 1] {
            assert_noop!(Stake::bond(RuntimeOrigin::signed(ALICE), too_little), Error::<Test>::BelowMinBond);
        }
        assert_ok!(Stake::bond(RuntimeOrigin::signed(ALICE), MIN_BOND));
    });
}

#[test]
fn bond_fails_without_the_funds() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(Stake::bond(RuntimeOrigin::signed(POOR), 100), Error::<Test>::NotEnoughFree);
        // The existential deposit stays free.
        assert_noop!(Stake::bond(RuntimeOrigin::signed(ALICE), BALANCE), Error::<Test>::NotEnoughFree);
        assert_noop!(Stake::bond(RuntimeOrigin::signed(ALICE), u128::MAX), Error::<Test>::NotEnoughFree);
        assert_ok!(Stake::bond(RuntimeOrigin::signed(ALICE), BALANCE - 1));
        assert!(!Ledgers::<Test>::contains_key(POOR));
    });
}

#[test]
fn bond_fails_unsigned() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(Stake::bond(RuntimeOrigin::none(), 100), sp_runtime::DispatchError::BadOrigin);
    });
}
