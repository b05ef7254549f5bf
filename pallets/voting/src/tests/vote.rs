use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use crate::{mock::*, Error, Event};

#[test]
fn vote_counts_from_the_next_era() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 300));
        System::assert_last_event(Event::Voted { voter: VOTER, candidate: MINER_1, amount: 300 }.into());
        assert_eq!(positions(&VOTER), [(MINER_1, 0, 300)]);
        assert_eq!(backing(&MINER_1), (OWN, OWN + 300));
        assert_eq!(Voting::voted(&VOTER), 300);
        run_to_era(1);
        assert_eq!(positions(&VOTER), [(MINER_1, 300, 300)]);
        assert_eq!(backing(&MINER_1), (OWN + 300, OWN + 300));
    });
}

#[test]
fn votes_for_one_candidate_add_up() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 300));
        run_to_era(1);
        assert_ok!(vote(&VOTER, &MINER_1, 1));
        assert_eq!(positions(&VOTER), [(MINER_1, 300, 301)]);
    });
}

#[test]
fn vote_fails_beyond_the_active_bond() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 600));
        assert_noop!(vote(&VOTER, &MINER_2, 401), Error::<Test>::ExceedsBond);
        assert_ok!(vote(&VOTER, &MINER_2, 400));
        assert_noop!(vote(&STRANGER, &MINER_1, MIN_VOTE), Error::<Test>::ExceedsBond);
    });
}

#[test]
fn what_unbonds_cannot_be_voted_and_what_is_voted_cannot_unbond() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(unbond(&VOTER, 400));
        assert_noop!(vote(&VOTER, &MINER_1, 601), Error::<Test>::ExceedsBond);
        assert_ok!(vote(&VOTER, &MINER_1, 500));
        assert!(unbond(&VOTER, 101).is_err());
        assert_ok!(unbond(&VOTER, 100));
    });
}

#[test]
fn vote_fails_for_who_is_no_candidate() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(vote(&VOTER, &STRANGER, 100), Error::<Test>::NotACandidate);
        assert_noop!(vote(&VOTER, &VOTER, 100), Error::<Test>::NotACandidate);
        assert_ok!(deregister(&MINER_1));
        assert_noop!(vote(&VOTER, &MINER_1, 100), Error::<Test>::NotACandidate);
    });
}

#[test]
fn vote_fails_below_the_least_vote() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(vote(&VOTER, &MINER_1, 0), Error::<Test>::ZeroAmount);
        assert_noop!(vote(&VOTER, &MINER_1, MIN_VOTE - 1), Error::<Test>::BelowMinVote);
        assert_ok!(vote(&VOTER, &MINER_1, MIN_VOTE));
        assert_ok!(vote(&VOTER, &MINER_1, 1));
    });
}

#[test]
fn vote_fails_with_too_many_positions() {
    ExtBuilder::default().build_and_execute(|| {
        for miner in [MINER_1, MINER_2, MINER_3] {
            assert_ok!(vote(&VOTER, &miner, 100));
        }
        assert_noop!(vote(&VOTER, &MINER_4, 100), Error::<Test>::TooManyPositions);
        // Those that are there can grow.
        assert_ok!(vote(&VOTER, &MINER_3, 100));
        // One that never counted makes room at once, one that counted when nobody is liable by it any more.
        assert_ok!(unvote(&VOTER, &MINER_3, 200));
        assert_ok!(vote(&VOTER, &MINER_4, 100));
        run_to_era(1);
        assert_ok!(unvote(&VOTER, &MINER_1, 100));
        assert_noop!(vote(&VOTER, &MINER_3, 100), Error::<Test>::TooManyPositions);
        run_to_era(1 + BONDING_ERAS);
        assert_noop!(vote(&VOTER, &MINER_3, 100), Error::<Test>::TooManyPositions);
        run_to_era(2 + BONDING_ERAS);
        assert_ok!(settle(&VOTER, &MINER_1));
        assert_ok!(vote(&VOTER, &MINER_3, 100));
    });
}

#[test]
fn vote_fails_on_overflow_and_unsigned() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 100));
        assert_noop!(vote(&VOTER, &MINER_1, u128::MAX), Error::<Test>::Overflow);
        assert_noop!(vote(&VOTER, &MINER_2, u128::MAX), Error::<Test>::Overflow);
        assert_noop!(vote(&STRANGER, &MINER_2, u128::MAX), Error::<Test>::ExceedsBond);
        assert_noop!(Voting::vote(RuntimeOrigin::none(), MINER_1, 100), DispatchError::BadOrigin);
    });
}

#[test]
fn a_chilled_candidate_can_be_voted() {
    ExtBuilder::default().build_and_execute(|| {
        assert!(chill(&MINER_1));
        assert_ok!(vote(&VOTER, &MINER_1, 100));
    });
}
