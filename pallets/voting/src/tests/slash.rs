use cuckoo_primitives::registry::Backing;
use frame_support::assert_ok;

use crate::{mock::*, Event, MAX_SLASHES, MAX_SLASHES_STANDING};
use sp_runtime::Perbill;

/// [`VOTER`] has had all of its bond behind [`MINER_1`] since era 1, and era 2 runs.
fn voted() {
    assert_ok!(vote(&VOTER, &MINER_1, BOND));
    run_to_era(2);
}

#[test]
fn a_slash_takes_the_same_part_of_everybody() {
    ExtBuilder::default().build_and_execute(|| {
        voted();
        assert_eq!(slash(&MINER_1, 2, 10), OWN / 10);
        System::assert_last_event(
            Event::BackingSlashed { candidate: MINER_1, offence_era: 2, fraction: Perbill::from_percent(10) }.into(),
        );
        // The offender has paid, the sums are right, and the voter pays when it is settled.
        assert_eq!(bonded(&MINER_1), BOND - OWN / 10);
        let left = (OWN + BOND) * 9 / 10;
        assert_eq!(backing(&MINER_1), (left, left));
        assert_eq!(bonded(&VOTER), BOND);
        check_all();
        assert_ok!(settle(&VOTER, &MINER_1));
        assert_eq!(bonded(&VOTER), BOND * 9 / 10);
        assert_eq!(positions(&VOTER), [(MINER_1, BOND * 9 / 10, BOND * 9 / 10)]);
        assert_eq!(Voting::voted(&VOTER), BOND * 9 / 10);
    });
}

#[test]
fn stake_that_joined_after_the_offence_is_untouched() {
    ExtBuilder::default().build_and_execute(|| {
        run_to_era(2);
        assert_ok!(vote(&VOTER, &MINER_1, 500));
        run_to_era(3);
        assert_ok!(vote(&VOTER_2, &MINER_1, 500));
        slash(&MINER_1, 2, 100);
        assert_eq!(backing(&MINER_1), (500, 1_000));
        assert_ok!(settle(&VOTER, &MINER_1));
        assert_ok!(settle(&VOTER_2, &MINER_1));
        assert_eq!((bonded(&VOTER), bonded(&VOTER_2)), (BOND, BOND));
        // Of era 3 the first of them is liable.
        slash(&MINER_1, 3, 100);
        assert_ok!(settle(&VOTER, &MINER_1));
        assert_eq!((bonded(&VOTER), bonded(&VOTER_2)), (BOND - 500, BOND));
        assert_eq!(backing(&MINER_1), (0, 500));
    });
}

#[test]
fn stake_that_left_is_liable_while_it_unbonds() {
    ExtBuilder::default().build_and_execute(|| {
        voted();
        assert_ok!(unvote(&VOTER, &MINER_1, BOND));
        assert_ok!(unbond(&VOTER, BOND));
        run_to_era(2 + BONDING_ERAS - 1);
        assert_eq!(withdraw(&VOTER), 0);
        slash(&MINER_1, 2, 40);
        run_to_era(2 + BONDING_ERAS);
        assert_eq!(withdraw(&VOTER), BOND * 6 / 10);
    });
}

#[test]
fn stake_that_left_is_not_liable_for_what_came_later() {
    ExtBuilder::default().build_and_execute(|| {
        voted();
        assert_ok!(unvote(&VOTER, &MINER_1, BOND));
        run_to_era(3);
        slash(&MINER_1, 3, 100);
        assert!(settle(&VOTER, &MINER_1).is_ok());
        assert_eq!(bonded(&VOTER), BOND);
    });
}

#[test]
fn stake_that_moved_is_liable_for_both() {
    ExtBuilder::default().build_and_execute(|| {
        voted();
        assert_ok!(revote(&VOTER, &MINER_1, &MINER_2, BOND));
        run_to_era(3);
        slash(&MINER_1, 2, 50);
        // The sums of the new candidate follow when the voter is settled.
        assert_eq!(backing(&MINER_2).1, OWN + BOND);
        check_all();
        assert_ok!(settle(&VOTER, &MINER_2));
        assert_eq!(backing(&MINER_2), (OWN + BOND / 2, OWN + BOND / 2));
        slash(&MINER_2, 3, 50);
        assert_ok!(settle(&VOTER, &MINER_1));
        assert_eq!(bonded(&VOTER), BOND / 4);
        assert_eq!(backing(&MINER_2), (OWN / 2 + BOND / 4, OWN / 2 + BOND / 4));
    });
}

#[test]
fn settling_late_costs_as_much() {
    ExtBuilder::default().build_and_execute(|| {
        voted();
        assert_ok!(revote(&VOTER, &MINER_1, &MINER_2, BOND));
        run_to_era(3);
        slash(&MINER_1, 2, 50);
        slash(&MINER_2, 3, 50);
        run_to_era(9);
        check_all();
        assert_ok!(settle(&VOTER, &MINER_2));
        assert_eq!(bonded(&VOTER), BOND / 4);
        assert_eq!(backing(&MINER_2), (OWN / 2 + BOND / 4, OWN / 2 + BOND / 4));
    });
}

#[test]
fn settling_late_costs_as_much_in_whatever_order_the_slashes_came() {
    let left = |settled_at_once: bool| {
        ExtBuilder::default().build().execute_with(|| {
            voted();
            assert_ok!(revote(&VOTER, &MINER_1, &MINER_2, BOND));
            run_to_era(3);
            // What the first of them leaves is all that answers for the second.
            slash(&MINER_2, 3, 50);
            if settled_at_once {
                assert_ok!(settle(&VOTER, &MINER_2));
            }
            slash(&MINER_1, 2, 50);
            assert_ok!(settle(&VOTER, &MINER_1));
            check_all();
            bonded(&VOTER)
        })
    };
    assert_eq!(left(true), BOND / 4);
    assert_eq!(left(false), BOND / 4);
}

#[test]
fn debts_take_what_is_idle_then_what_unbonds_then_other_votes() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 900));
        run_to_era(1);
        assert_ok!(unvote(&VOTER, &MINER_1, 900));
        assert_ok!(vote(&VOTER, &MINER_2, 600));
        assert_ok!(unbond(&VOTER, 300));
        run_to_era(2);
        // 100 idle, 300 unbond, 600 are voted.
        slash(&MINER_1, 1, 50);
        assert_ok!(settle(&VOTER, &MINER_1));
        assert_eq!(bonded(&VOTER), 550);
        assert_eq!(positions(&VOTER), [(MINER_2, 550, 550)]);
        assert_eq!(backing(&MINER_2).1, OWN + 550);
        // Whoever watches backing is told whose has changed.
        System::assert_has_event(Event::DebtTaken { voter: VOTER, candidate: MINER_2, amount: 50 }.into());
    });
}

#[test]
fn what_is_bonded_after_a_loss_is_not_liable_for_older_stake() {
    ExtBuilder::default().build_and_execute(|| {
        voted();
        assert_ok!(revote(&VOTER, &MINER_1, &MINER_2, BOND));
        run_to_era(3);
        slash(&MINER_2, 3, 100);
        assert_ok!(settle(&VOTER, &MINER_2));
        assert_eq!(bonded(&VOTER), 0);
        bond(&VOTER, 500);
        slash(&MINER_1, 2, 100);
        let _nothing_or_done = settle(&VOTER, &MINER_1);
        assert_eq!(bonded(&VOTER), 500);
    });
}

#[test]
fn a_candidate_under_its_minimum_steps_back() {
    ExtBuilder::default().build_and_execute(|| {
        run_to_era(1);
        slash(&MINER_1, 1, 49);
        assert!(!is_chilled(&MINER_1));
        slash(&MINER_1, 1, 49);
        assert!(is_chilled(&MINER_1));
        assert!(!validate(&MINER_1));
    });
}

#[test]
fn a_candidate_that_a_debt_takes_under_its_minimum_steps_back() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&MINER_2, &MINER_1, BOND - OWN));
        run_to_era(1);
        assert_ok!(unvote(&MINER_2, &MINER_1, BOND - OWN));
        assert_ok!(vote(&MINER_2, &MINER_2, BOND - OWN));
        run_to_era(2);
        slash(&MINER_1, 1, 100);
        assert!(!is_chilled(&MINER_2));
        assert_ok!(settle(&MINER_2, &MINER_1));
        assert_eq!((bonded(&MINER_2), backing(&MINER_2).1), (OWN, OWN));
        assert!(!is_chilled(&MINER_2));
        // Now with all of it elsewhere before.
        assert_ok!(vote(&MINER_3, &MINER_4, BOND - OWN));
        run_to_era(3);
        assert_ok!(unvote(&MINER_3, &MINER_4, BOND - OWN));
        assert_ok!(unbond(&MINER_3, BOND - OWN));
        run_to_era(3 + BONDING_ERAS - 1);
        slash(&MINER_4, 3, 100);
        assert_ok!(settle(&MINER_3, &MINER_4));
        assert_eq!((bonded(&MINER_3), is_chilled(&MINER_3)), (OWN, false));
    });
}

#[test]
fn a_candidate_slashed_too_often_may_not_stand() {
    ExtBuilder::default().build_and_execute(|| {
        run_to_era(1);
        for number in 0..MAX_SLASHES {
            assert_eq!(Voting::may_stand(&MINER_1), number < MAX_SLASHES_STANDING);
            slash(&MINER_1, 1, 0);
        }
        // One more finds no room, and takes nothing.
        assert_eq!(slash(&MINER_1, 1, 100), 0);
        assert_eq!(bonded(&MINER_1), BOND);
    });
}

#[test]
fn who_had_nobody_behind_it_loses_nothing() {
    ExtBuilder::default().build_and_execute(|| {
        assert_eq!(slash(&STRANGER, 0, 100), 0);
        assert!(System::events().is_empty(), "nothing was slashed");
    });
}
