use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Error, Event};

#[test]
fn unvote_frees_the_budget_at_once_and_counts_until_the_era_ends() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 1_000));
        run_to_era(1);
        assert_ok!(unvote(&VOTER, &MINER_1, 400));
        System::assert_last_event(Event::Unvoted { voter: VOTER, candidate: MINER_1, amount: 400 }.into());
        assert_eq!(backing(&MINER_1), (OWN + 1_000, OWN + 600));
        assert_eq!(Voting::voted(&VOTER), 600);
        assert_ok!(vote(&VOTER, &MINER_2, 400));
        run_to_era(2);
        assert_eq!(backing(&MINER_1), (OWN + 600, OWN + 600));
        assert_eq!(backing(&MINER_2), (OWN + 400, OWN + 400));
    });
}

#[test]
fn a_vote_taken_back_in_its_era_leaves_nothing() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 100));
        assert_ok!(unvote(&VOTER, &MINER_1, 100));
        assert_eq!(positions(&VOTER), []);
        assert!(!crate::Voters::<Test>::contains_key(VOTER));
    });
}

#[test]
fn unvote_fails_for_more_than_was_voted() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(unvote(&VOTER, &MINER_1, 1), Error::<Test>::NotEnoughVotes);
        assert_ok!(vote(&VOTER, &MINER_1, 100));
        assert_noop!(unvote(&VOTER, &MINER_1, 101), Error::<Test>::NotEnoughVotes);
        assert_noop!(unvote(&VOTER, &MINER_1, 0), Error::<Test>::ZeroAmount);
        run_to_era(1);
        assert_ok!(unvote(&VOTER, &MINER_1, 100));
        // It still counts, but it is gone.
        assert_eq!(positions(&VOTER), [(MINER_1, 100, 0)]);
        assert_noop!(unvote(&VOTER, &MINER_1, 1), Error::<Test>::NotEnoughVotes);
    });
}

#[test]
fn unvote_fails_if_dust_stays() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 100));
        assert_noop!(unvote(&VOTER, &MINER_1, 91), Error::<Test>::LeavesDust);
        assert_ok!(unvote(&VOTER, &MINER_1, 90));
    });
}

#[test]
fn unvote_fails_if_a_candidate_falls_to_its_floor() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(unvote(&MINER_1, &MINER_1, OWN - MIN_SELF_STAKE), Error::<Test>::OwnStakeTooLow);
        assert_noop!(unvote(&MINER_1, &MINER_1, OWN), Error::<Test>::OwnStakeTooLow);
        assert_ok!(unvote(&MINER_1, &MINER_1, OWN - MIN_SELF_STAKE - 1));
        // Its votes for others have no floor.
        assert_ok!(vote(&MINER_1, &MINER_2, 100));
        assert_ok!(unvote(&MINER_1, &MINER_2, 100));
    });
}

#[test]
fn unvote_works_after_the_candidate_left() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 100));
        assert_ok!(vote(&MINER_1, &MINER_1, 100));
        assert_ok!(deregister(&MINER_1));
        assert_eq!(backing(&MINER_1), (OWN, 100));
        assert_ok!(unvote(&VOTER, &MINER_1, 100));
        run_to_era(1);
        assert_eq!(backing(&MINER_1), (0, 0));
    });
}
