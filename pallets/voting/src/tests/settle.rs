use frame_support::{assert_noop, assert_ok, dispatch::Pays};
use sp_runtime::DispatchError;

use crate::{mock::*, Error, Event, Voters};

#[test]
fn settle_forgets_a_position_once_nobody_is_liable_by_it() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 100));
        run_to_era(1);
        assert_ok!(unvote(&VOTER, &MINER_1, 100));
        assert_noop!(settle(&VOTER, &MINER_1), Error::<Test>::NothingToSettle);
        run_to_era(1 + BONDING_ERAS);
        // The last era in which it can be slashed for era 1.
        assert_ok!(settle(&VOTER, &MINER_1));
        assert!(Voters::<Test>::contains_key(VOTER));
        run_to_era(2 + BONDING_ERAS);
        assert_ok!(settle(&VOTER, &MINER_1));
        System::assert_last_event(Event::Settled { voter: VOTER, candidate: MINER_1, lost: 0 }.into());
        assert!(!Voters::<Test>::contains_key(VOTER));
    });
}

#[test]
fn what_waits_for_slashes_is_not_forgotten() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 100));
        run_to_era(1);
        assert_ok!(unvote(&VOTER, &MINER_1, 100));
        set_applied_through(Some(3));
        run_to_era(20);
        assert_ok!(settle(&VOTER, &MINER_1));
        assert!(Voters::<Test>::contains_key(VOTER));
        slash(&MINER_1, 1, 50);
        set_applied_through(None);
        assert_ok!(settle(&VOTER, &MINER_1));
        assert_eq!(bonded(&VOTER), BOND - 50);
        assert!(!Voters::<Test>::contains_key(VOTER));
    });
}

#[test]
fn settle_fails_if_there_is_nothing_to_settle() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(settle(&VOTER, &MINER_1), Error::<Test>::NothingToSettle);
        assert_ok!(vote(&VOTER, &MINER_1, 100));
        assert_noop!(settle(&VOTER, &MINER_1), Error::<Test>::NothingToSettle);
        assert_noop!(Voting::settle(RuntimeOrigin::none(), VOTER, MINER_1), DispatchError::BadOrigin);
    });
}

#[test]
fn settle_is_free_if_it_takes_something() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 100));
        run_to_era(1);
        assert_eq!(settle_pays(&VOTER, &MINER_1), Pays::Yes);
        slash(&MINER_1, 1, 10);
        assert_eq!(settle_pays(&VOTER, &MINER_1), Pays::No);
        System::assert_last_event(Event::Settled { voter: VOTER, candidate: MINER_1, lost: 10 }.into());
    });
}
