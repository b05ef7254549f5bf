use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Error, Event};

#[test]
fn unbond_starts_the_release() {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        run_to_era(2);
        assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 30));
        assert_eq!(funds(&ALICE), (900, 100, 70));
        assert_eq!(unlocking(&ALICE), [(30, 2 + BONDING_ERAS)]);
        System::assert_last_event(Event::Unbonded { stash: ALICE, amount: 30, free_from: 2 + BONDING_ERAS }.into());
    });
}

#[test]
fn unbond_merges_what_unbonds_in_one_era() {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 10));
        assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 20));
        run_to_era(1);
        assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 5));
        assert_eq!(unlocking(&ALICE), [(30, BONDING_ERAS), (5, BONDING_ERAS + 1)]);
    });
}

#[test]
fn unbond_fails_if_not_bonded() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(Stake::unbond(RuntimeOrigin::signed(ALICE), 10), Error::<Test>::NotBonded);
    });
}

#[test]
fn unbond_fails_for_more_than_is_active() {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        assert_noop!(Stake::unbond(RuntimeOrigin::signed(ALICE), 101), Error::<Test>::NotEnoughActive);
        assert_noop!(Stake::unbond(RuntimeOrigin::signed(ALICE), 0), Error::<Test>::ZeroAmount);
        assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 100));
        assert_noop!(Stake::unbond(RuntimeOrigin::signed(ALICE), 1), Error::<Test>::NotEnoughActive);
    });
}

#[test]
fn unbond_fails_if_dust_stays() {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        assert_noop!(Stake::unbond(RuntimeOrigin::signed(ALICE), 91), Error::<Test>::LeavesDust);
        assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 90));
    });
}

#[test]
fn unbond_fails_if_the_stake_is_voted() {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        Register::set(ALICE, 60);
        assert_noop!(Stake::unbond(RuntimeOrigin::signed(ALICE), 41), Error::<Test>::StillVoted);
        assert_noop!(Stake::unbond(RuntimeOrigin::signed(ALICE), 100), Error::<Test>::StillVoted);
        assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 40));
        Register::set(ALICE, 0);
        assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 60));
    });
}

#[test]
fn unbond_fails_with_too_many_chunks_until_some_are_withdrawn() {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        for era in 0..3 {
            run_to_era(era);
            assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 5));
        }
        // The newest chunk can still grow.
        assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 5));
        run_to_era(3);
        assert_noop!(Stake::unbond(RuntimeOrigin::signed(ALICE), 5), Error::<Test>::TooManyUnlockingChunks);
        run_to_era(BONDING_ERAS);
        assert_ok!(Stake::withdraw_unbonded(RuntimeOrigin::signed(ALICE)));
        assert_ok!(Stake::unbond(RuntimeOrigin::signed(ALICE), 5));
    });
}
