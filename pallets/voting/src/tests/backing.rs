//! What registration asks of this pallet.

use cuckoo_primitives::registry::{Backing, VotedStake};
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Error, Event};

/// Has bonded and is no candidate.
const NEWCOMER: sp_runtime::AccountId32 = VOTER;

#[test]
fn registering_votes_for_oneself() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register(&NEWCOMER, MIN_SELF_STAKE + 1));
        System::assert_has_event(
            Event::Voted { voter: NEWCOMER, candidate: NEWCOMER, amount: MIN_SELF_STAKE + 1 }.into(),
        );
        assert_eq!(positions(&NEWCOMER), [(NEWCOMER, 0, MIN_SELF_STAKE + 1)]);
        assert_eq!(Voting::own_stake(&NEWCOMER), (0, MIN_SELF_STAKE + 1));
        run_to_era(1);
        assert!(Registration::candidate(&NEWCOMER).unwrap().is_active());
    });
}

#[test]
fn registering_fails_beyond_the_bond() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&NEWCOMER, &MINER_1, 100));
        assert_noop!(register(&NEWCOMER, BOND - 99), Error::<Test>::ExceedsBond);
        assert_ok!(register(&NEWCOMER, BOND - 100));
    });
}

#[test]
fn deregistering_takes_the_own_votes_back() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&MINER_1, &MINER_1, 200));
        assert_ok!(vote(&VOTER, &MINER_1, 300));
        run_to_era(1);
        assert_ok!(deregister(&MINER_1));
        System::assert_has_event(Event::Unvoted { voter: MINER_1, candidate: MINER_1, amount: OWN + 200 }.into());
        assert_eq!(Voting::own_stake(&MINER_1), (OWN + 200, 0));
        assert_eq!(backing(&MINER_1), (OWN + 500, 300));
        // All of its bond is free to unbond.
        assert_eq!(<Voting as VotedStake<_>>::voted(&MINER_1), 0);
        assert_ok!(submit(&MINER_1, pallet_cuckoo_staking::Call::unbond { value: BOND }));
    });
}

#[test]
fn votes_of_others_wait_for_a_candidate_that_comes_back() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 300));
        assert_ok!(deregister(&MINER_1));
        run_to_era(4);
        assert_eq!(backing(&MINER_1), (300, 300));
        assert_ok!(register(&MINER_1, 60));
        assert_eq!(backing(&MINER_1), (300, 360));
        assert_eq!(Voting::own_stake(&MINER_1), (0, 60));
    });
}

#[test]
fn coming_back_in_the_same_era_keeps_what_counts() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deregister(&MINER_1));
        assert_ok!(register(&MINER_1, 60));
        assert_eq!(Voting::own_stake(&MINER_1), (OWN, 60));
        assert_eq!(backing(&MINER_1), (OWN, 60));
    });
}

#[test]
fn strangers_have_no_stake() {
    ExtBuilder::default().build_and_execute(|| {
        assert_eq!(Voting::own_stake(&STRANGER), (0, 0));
        assert_eq!(backing(&STRANGER), (0, 0));
        assert_eq!(Voting::release_self(&STRANGER), Ok(0));
    });
}
