use cuckoo_primitives::{Balance, Role};
use frame_support::assert_ok;

use crate::mock::*;

/// A budget of which the stakes here are even parts.
const BUDGET: Balance = 1_200_000;

fn earned(miner: &sp_runtime::AccountId32) -> Balance {
    pay_all();
    claim(miner)
}

#[test]
fn an_era_is_paid_by_backing() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 200));
        run_to_era(1);
        assert!(end_era(0, BUDGET));
        // 600 planck of stake: MINER_1 has half of it, of which the voter has two thirds.
        assert_eq!(earned(&VOTER), BUDGET / 3);
        assert!(MINERS.iter().all(|miner| earned(miner) == BUDGET / 6));
        assert_eq!(claim(&VOTER), 0);
    });
}

#[test]
fn the_staking_budget_is_for_all_roles_and_the_mining_budget_for_miners() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register(&VOTER, Role::Coordinator, 400));
        run_to_era(1);
        end_era(BUDGET, BUDGET);
        assert_eq!(earned(&VOTER), BUDGET / 2);
        assert!(MINERS.iter().all(|miner| earned(miner) == BUDGET / 8 + BUDGET / 4));
    });
}

#[test]
fn validators_share_by_backing_and_blocks() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register(&VOTER, Role::Validator, 200));
        assert_ok!(register(&VOTER_2, Role::Validator, 600));
        run_to_era(1);
        for author in [&VOTER, &VOTER, &VOTER, &VOTER_2] {
            Voting::note_author(author);
        }
        // No validator, no part.
        Voting::note_author(&MINER_1);
        Voting::note_author(&STRANGER);
        end_era(BUDGET, 0);
        // 400 of miners and 800 of validators; the validators' part by 200 * 3 : 600 * 1.
        let near_a_third = BUDGET / 3 - 1..=BUDGET / 3;
        assert!(near_a_third.contains(&earned(&VOTER)) && near_a_third.contains(&earned(&VOTER_2)));
        assert!(MINERS.iter().all(|miner| earned(miner) == BUDGET / 12));
        // Who authored nothing gets nothing, and its backing takes nothing from others.
        Voting::note_author(&VOTER);
        end_era(BUDGET, 0);
        assert_eq!((earned(&VOTER), earned(&VOTER_2)), (BUDGET / 3, 0));
    });
}

#[test]
fn blocks_of_the_next_era_do_not_replace_those_of_the_last() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register(&VOTER, Role::Validator, 400));
        run_to_era(1);
        Voting::note_author(&VOTER);
        end_era(BUDGET, 0);
        Voting::note_author(&VOTER);
        assert_eq!(earned(&VOTER), BUDGET / 2);
    });
}

#[test]
fn commission_goes_to_the_candidate() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 300));
        set_commission(&MINER_1, 10);
        run_to_era(1);
        end_era(0, 7_000_000);
        // 4,000,000 for 400 planck of stake: 400,000 commission, 900,000 for each hundred.
        assert_eq!((earned(&MINER_1), earned(&VOTER)), (400_000 + 900_000, 2_700_000));
    });
}

#[test]
fn votes_earn_from_the_next_era_until_the_end_of_their_last() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 200));
        end_era(0, BUDGET);
        assert_eq!(earned(&VOTER), 0);
        assert_ok!(unvote(&VOTER, &MINER_1, 200));
        end_era(0, BUDGET);
        assert_eq!(earned(&VOTER), BUDGET / 3);
        end_era(0, BUDGET);
        assert_eq!(earned(&VOTER), 0);
    });
}

#[test]
fn a_vote_that_nobody_touched_for_long_earns_exactly() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 200));
        for _ in 0..200 {
            end_era(0, BUDGET);
            pay_all();
        }
        assert_eq!(earned(&VOTER), 199 * BUDGET / 3);
        assert_eq!(earned(&MINER_2), BUDGET / 4 + 199 * BUDGET / 6);
    });
}

#[test]
fn who_stepped_back_in_an_era_is_not_paid_for_it() {
    ExtBuilder::default().build_and_execute(|| {
        end_era(0, BUDGET);
        chill(&MINER_1);
        // Era 0 is paid, though nobody had paid it when MINER_1 stepped back.
        assert_eq!(earned(&MINER_1), BUDGET / 4);
        assert!(validate(&MINER_1));
        end_era(0, BUDGET);
        assert_eq!((earned(&MINER_1), earned(&MINER_2)), (0, BUDGET / 4 + BUDGET / 3));
        end_era(0, BUDGET);
        assert_eq!(earned(&MINER_1), BUDGET / 4);
    });
}

#[test]
fn who_left_is_paid_for_the_eras_before() {
    ExtBuilder::default().build_and_execute(|| {
        end_era(0, BUDGET);
        assert_ok!(deregister(&MINER_1));
        assert_eq!(earned(&MINER_1), BUDGET / 4);
        end_era(0, BUDGET);
        assert_eq!((earned(&MINER_1), earned(&MINER_2)), (0, BUDGET / 4 + BUDGET / 3));
    });
}

#[test]
fn poor_work_earns_less_and_the_rest_stays_in_the_budget() {
    ExtBuilder::default().build_and_execute(|| {
        set_quality(&MINER_1, 25);
        end_era(0, BUDGET);
        assert_eq!(earned(&MINER_1), BUDGET / 16);
        assert_eq!(earned(&MINER_2), BUDGET / 4);
        assert_eq!(pot().2, BUDGET / 4 - BUDGET / 16);
    });
}

#[test]
fn paid_work_is_needed_and_counts_up_to_the_share_of_stake() {
    // Four miners with the same stake behind each.
    for (own, all, earned_of_quarter) in
        [(0, 100, 0), (10, 100, BUDGET / 10), (25, 100, BUDGET / 4), (90, 100, BUDGET / 4), (0, 0, 0)]
    {
        ExtBuilder::default().build_and_execute(|| {
            set_work(&MINER_1, own, all);
            end_era(0, BUDGET);
            assert_eq!(earned(&MINER_1), earned_of_quarter, "{own} of {all}");
            assert_eq!(earned(&MINER_2), BUDGET / 4);
            assert_eq!(pot().2, BUDGET / 4 - earned_of_quarter);
        });
    }
}

#[test]
fn slashed_stake_earns_until_it_is_slashed() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 200));
        run_to_era(1);
        end_era(0, BUDGET);
        slash(&MINER_1, 1, 40);
        // Era 1 with 200 of 600, era 2 with 120 of 480.
        end_era(0, BUDGET);
        pay_all();
        check_all();
        let expected = BUDGET / 3 + BUDGET / 4;
        assert!((expected - 1..=expected).contains(&earned(&VOTER)));
    });
}

#[test]
fn stake_that_is_owed_earns_nothing_since_the_slash() {
    let earned_elsewhere = |settled_at_once: bool| {
        let mut earned_there = 0;
        ExtBuilder::default().build_and_execute(|| {
            assert_ok!(vote(&VOTER, &MINER_1, BOND));
            run_to_era(1);
            assert_ok!(revote(&VOTER, &MINER_1, &MINER_2, BOND));
            run_to_era(2);
            slash(&MINER_1, 1, 100);
            if settled_at_once {
                assert_ok!(settle(&VOTER, &MINER_2));
            }
            end_era(0, BUDGET);
            end_era(0, BUDGET);
            earned_there = earned(&VOTER);
            assert_eq!(bonded(&VOTER), 0);
        });
        earned_there
    };
    assert_eq!((earned_elsewhere(true), earned_elsewhere(false)), (0, 0));
}

#[test]
fn looking_at_votes_changes_nothing() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&VOTER, &MINER_1, 200));
        end_era(0, BUDGET);
        slash(&MINER_1, 0, 10);
        let record = crate::Voters::<Test>::get(VOTER);
        assert_eq!(positions(&VOTER), [(MINER_1, 200, 200)]);
        assert_eq!(Voting::voted(&VOTER), 200);
        assert_eq!(Voting::pending_reward(VOTER), 0);
        assert_eq!(Voting::pending_reward(MINER_1), BUDGET / 4);
        assert_eq!(crate::Voters::<Test>::get(VOTER), record);
    });
}
