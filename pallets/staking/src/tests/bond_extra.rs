use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Error, Event};

#[test]
fn bond_extra_adds_to_the_bond() {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        assert_ok!(Stake::bond_extra(RuntimeOrigin::signed(ALICE), 1));
        assert_eq!(funds(&ALICE), (899, 101, 101));
        System::assert_last_event(Event::Bonded { stash: ALICE, amount: 1 }.into());
    });
}

#[test]
fn bond_extra_revives_a_bond_that_unbonds() {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 100));
        assert_noop!(Stake::bond_extra(RuntimeOrigin::signed(ALICE), MIN_BOND - 1), Error::<Test>::BelowMinBond);
        assert_ok!(Stake::bond_extra(RuntimeOrigin::signed(ALICE), MIN_BOND));
        assert_eq!(funds(&ALICE), (890, 110, MIN_BOND));
    });
}

#[test]
fn bond_extra_fails_if_not_bonded() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(Stake::bond_extra(RuntimeOrigin::signed(ALICE), 100), Error::<Test>::NotBonded);
    });
}

#[test]
fn bond_extra_fails_without_the_funds() {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        assert_noop!(Stake::bond_extra(RuntimeOrigin::signed(ALICE), 900), Error::<Test>::NotEnoughFree);
        assert_noop!(Stake::bond_extra(RuntimeOrigin::signed(ALICE), u128::MAX), Error::<Test>::Overflow);
        assert_noop!(Stake::bond_extra(RuntimeOrigin::signed(ALICE), 0), Error::<Test>::ZeroAmount);
    });
}
