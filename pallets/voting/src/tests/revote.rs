use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Error, Event};

#[test]
fn revote_moves_stake_from_the_next_era() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 1_000));
        run_to_era(1);
        assert_ok!(revote(&VOTER, &MINER_1, &MINER_2, 400));
        System::assert_last_event(Event::Revoted { voter: VOTER, from: MINER_1, to: MINER_2, amount: 400 }.into());
        assert_eq!((backing(&MINER_1), backing(&MINER_2)), ((OWN + 1_000, OWN + 600), (OWN, OWN + 400)));
        assert_eq!(Voting::voted(&VOTER), 1_000);
        run_to_era(2);
        assert_eq!((backing(&MINER_1).0, backing(&MINER_2).0), (OWN + 600, OWN + 400));
    });
}

#[test]
fn revote_leaves_a_candidate_that_is_gone() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 100));
        assert_ok!(deregister(&MINER_1));
        assert_noop!(revote(&VOTER, &MINER_2, &MINER_1, 100), Error::<Test>::NotACandidate);
        assert_ok!(revote(&VOTER, &MINER_1, &MINER_2, 100));
        assert_eq!(positions(&VOTER), [(MINER_2, 0, 100)]);
    });
}

#[test]
fn revote_fails_with_amounts_that_do_not_fit() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 100));
        assert_noop!(revote(&VOTER, &MINER_1, &MINER_2, 0), Error::<Test>::ZeroAmount);
        assert_noop!(revote(&VOTER, &MINER_1, &MINER_2, 101), Error::<Test>::NotEnoughVotes);
        assert_noop!(revote(&VOTER, &MINER_1, &MINER_2, 91), Error::<Test>::LeavesDust);
        assert_noop!(revote(&VOTER, &MINER_1, &MINER_2, MIN_VOTE - 1), Error::<Test>::BelowMinVote);
        assert_noop!(revote(&VOTER, &MINER_1, &MINER_1, 50), Error::<Test>::SameCandidate);
    });
}

#[test]
fn revote_fails_if_a_candidate_falls_to_its_floor() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(revote(&MINER_1, &MINER_1, &MINER_2, OWN - MIN_SELF_STAKE), Error::<Test>::OwnStakeTooLow);
        assert_ok!(revote(&MINER_1, &MINER_1, &MINER_2, OWN - MIN_SELF_STAKE - 1));
    });
}

#[test]
fn revote_fails_with_too_many_positions() {
    ExtBuilder::default().build_and_execute(|| {
        for miner in [MINER_1, MINER_2, MINER_3] {
            assert_ok!(vote(&VOTER, &miner, 100));
        }
        assert_noop!(revote(&VOTER, &MINER_1, &MINER_4, 50), Error::<Test>::TooManyPositions);
        // All of a vote that never counted makes room.
        assert_ok!(revote(&VOTER, &MINER_1, &MINER_4, 100));
        run_to_era(1);
        assert_noop!(revote(&VOTER, &MINER_2, &MINER_1, 100), Error::<Test>::TooManyPositions);
    });
}
