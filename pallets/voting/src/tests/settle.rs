use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Backings, Error, Event, Positions, Voters};

#[test]
fn settle_removes_what_counts_no_more() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 100));
        run_to_era(1);
        assert_ok!(unvote(&VOTER, &MINER_1, 100));
        assert_noop!(settle(&VOTER, &MINER_1), Error::<Test>::NothingToSettle);
        run_to_era(2);
        assert_ok!(settle(&VOTER, &MINER_1));
        System::assert_last_event(Event::Settled { voter: VOTER, candidate: MINER_1 }.into());
        assert!(!Positions::<Test>::contains_key(VOTER, MINER_1));
        assert!(!Voters::<Test>::contains_key(VOTER));
        assert!(Backings::<Test>::contains_key(MINER_1));
    });
}

#[test]
fn the_last_settlement_removes_the_backing() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 100));
        run_to_era(1);
        assert_ok!(deregister(&MINER_1));
        assert_ok!(unvote(&VOTER, &MINER_1, 100));
        run_to_era(2);
        assert_ok!(settle(&VOTER, &MINER_1));
        check_all();
        assert_ok!(settle(&MINER_1, &MINER_1));
        assert!(!Backings::<Test>::contains_key(MINER_1));
        assert!(!Voters::<Test>::contains_key(MINER_1));
    });
}

#[test]
fn settle_fails_while_votes_are_there() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(settle(&VOTER, &MINER_1), Error::<Test>::NothingToSettle);
        assert_ok!(vote(&VOTER, &MINER_1, 100));
        assert_noop!(settle(&VOTER, &MINER_1), Error::<Test>::NothingToSettle);
        run_to_era(5);
        assert_noop!(settle(&VOTER, &MINER_1), Error::<Test>::NothingToSettle);
    });
}
