//! What registration asks of this pallet.

use cuckoo_primitives::{registry::Backing, Role};
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Earned, Error, Event, Pools, Voters};

#[test]
fn a_candidate_votes_for_itself() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register(&VOTER, Role::Coordinator, 60));
        System::assert_has_event(Event::Voted { voter: VOTER, candidate: VOTER, amount: 60 }.into());
        assert_eq!(positions(&VOTER), [(VOTER, 0, 60)]);
        assert_eq!(Voting::own_stake(&VOTER), (0, 60));
        run_to_era(1);
        assert_eq!(Voting::own_stake(&VOTER), (60, 60));
    });
}

#[test]
fn registering_fails_beyond_the_bond() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 100));
        assert_noop!(register(&VOTER, Role::Miner, BOND - 99), Error::<Test>::ExceedsBond);
        assert_ok!(register(&VOTER, Role::Miner, BOND - 100));
    });
}

#[test]
fn who_leaves_gets_its_votes_back_and_others_keep_theirs() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 300));
        run_to_era(1);
        assert_eq!(deregister(&MINER_1), Ok(OWN));
        assert_eq!(backing(&MINER_1), (OWN + 300, 300));
        assert_eq!(Voting::voted(&MINER_1), 0);
        // Once more: there is nothing to take back.
        assert_eq!(deregister(&MINER_1), Ok(0));
        run_to_era(2);
        assert_eq!(backing(&MINER_1), (300, 300));
    });
}

#[test]
fn a_stash_comes_back_in_another_role_with_the_votes_that_stayed() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 300));
        assert_ok!(deregister(&MINER_1));
        assert_ok!(register(&MINER_1, Role::Validator, OWN));
        run_to_era(1);
        assert_eq!(backing(&MINER_1), (OWN + 300, OWN + 300));
    });
}

#[test]
fn nothing_is_left_of_a_candidate_that_everybody_left() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 100));
        run_to_era(1);
        assert_ok!(deregister(&MINER_1));
        assert_ok!(unvote(&VOTER, &MINER_1, 100));
        run_to_era(2 + BONDING_ERAS);
        assert_ok!(settle(&VOTER, &MINER_1));
        check_all();
        assert_ok!(settle(&MINER_1, &MINER_1));
        assert!(!Pools::<Test>::contains_key(MINER_1));
        assert!(!Earned::<Test>::contains_key(MINER_1));
        assert!(!Voters::<Test>::contains_key(MINER_1));
    });
}
