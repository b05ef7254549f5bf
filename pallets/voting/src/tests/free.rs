//! Own stake pays the debts of its stash.

use cuckoo_primitives::registry::OwnStake;
use frame_support::assert_ok;

use crate::mock::*;

fn free(stash: &cuckoo_primitives::AccountId, amount: u128) -> (u128, u32) {
    let freed = <Voting as OwnStake<_>>::free(stash, amount);
    assert!(!freed.is_delayed);
    (freed.amount, freed.slashes)
}

#[test]
fn a_debt_takes_what_is_idle_then_what_unbonds_then_votes() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_2, 600));
        assert_ok!(unbond(&VOTER, 300));
        run_to_era(2);
        // 100 idle, 300 unbond, 600 are voted.
        assert_eq!(free(&VOTER, 450), (450, 0));
        assert_eq!((bonded(&VOTER), freed(), burned()), (550, 450, 0));
        assert_eq!(positions(&VOTER), [(MINER_2, 550, 550)]);
        assert_eq!(backing(&MINER_2), (OWN + 550, OWN + 550));
    });
}

#[test]
fn no_more_is_freed_than_there_is() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 600));
        run_to_era(2);
        assert_eq!(free(&VOTER, BOND + 1), (BOND, 0));
        assert_eq!(free(&VOTER, 1), (0, 0));
        assert_eq!((bonded(&VOTER), positions(&VOTER)), (0, vec![]));
        assert_eq!(backing(&MINER_1), (OWN, OWN));
    });
}

#[test]
fn a_candidate_that_pays_with_its_own_stake_steps_back_below_the_minimum() {
    ExtBuilder::default().build_and_execute(|| {
        run_to_era(2);
        let idle = BOND - OWN;
        assert_eq!(free(&MINER_1, idle), (idle, 0));
        assert!(!is_chilled(&MINER_1));
        assert_eq!(free(&MINER_1, OWN / 2), (OWN / 2, 0));
        assert!(is_chilled(&MINER_1));
        assert_eq!(backing(&MINER_1).1, OWN - OWN / 2);
    });
}

#[test]
fn slashes_come_before_debts() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, BOND));
        run_to_era(2);
        slash(&MINER_1, 2, 40);
        assert_eq!(free(&VOTER, BOND), (BOND * 6 / 10, 1));
        assert_eq!((bonded(&VOTER), freed()), (0, BOND * 6 / 10));
    });
}

#[test]
fn stake_that_paid_a_debt_answers_for_nothing_any_more() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, BOND));
        run_to_era(2);
        assert_eq!(free(&VOTER, BOND), (BOND, 0));
        bond(&VOTER, 500);
        run_to_era(3);
        slash(&MINER_1, 2, 100);
        let _nothing_or_done = settle(&VOTER, &MINER_1);
        assert_eq!(bonded(&VOTER), 500);
    });
}
