use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Error, Event};

#[test]
fn rebond_takes_the_newest_first() {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 20));
        run_to_era(1);
        assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 30));
        assert_ok!(Stake::rebond(RuntimeOrigin::signed(ALICE), 35));
        assert_eq!(unlocking(&ALICE), [(15, BONDING_ERAS)]);
        assert_eq!(funds(&ALICE), (900, 100, 85));
        System::assert_last_event(Event::Rebonded { stash: ALICE, amount: 35 }.into());
        assert_ok!(Stake::rebond(RuntimeOrigin::signed(ALICE), 15));
        assert_eq!(unlocking(&ALICE), []);
    });
}

#[test]
fn rebond_fails_for_more_than_unbonds() {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        assert_noop!(Stake::rebond(RuntimeOrigin::signed(BOB), 10), Error::<Test>::NotBonded);
        assert_noop!(Stake::rebond(RuntimeOrigin::signed(ALICE), 10), Error::<Test>::NotEnoughUnlocking);
        assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 20));
        assert_noop!(Stake::rebond(RuntimeOrigin::signed(ALICE), 21), Error::<Test>::NotEnoughUnlocking);
        assert_noop!(Stake::rebond(RuntimeOrigin::signed(ALICE), 0), Error::<Test>::ZeroAmount);
    });
}

#[test]
fn rebond_fails_if_dust_would_be_active() {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 100));
        assert_noop!(Stake::rebond(RuntimeOrigin::signed(ALICE), MIN_BOND - 1), Error::<Test>::BelowMinBond);
        assert_ok!(Stake::rebond(RuntimeOrigin::signed(ALICE), MIN_BOND));
    });
}
