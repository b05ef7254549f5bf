use cuckoo_primitives::{registry::Budgets, Role};
use frame_support::assert_ok;

use crate::{mock::*, Earned, EraPot, Layer, Mark, Marks, OpenPots, Pools, Position, Totals, Voters};

fn voted(corrupt: impl FnOnce()) -> impl FnOnce() {
    || {
        assert_ok!(vote(&VOTER, &MINER_1, 100));
        corrupt();
    }
}

fn broken(invariant: &'static str, corrupt: impl FnOnce()) {
    ExtBuilder::default().build_and_expect_broken(invariant, voted(corrupt));
}

#[test]
fn positions_unlike_their_voter_are_found() {
    broken("positions add up to their voter", || Voters::<Test>::mutate(VOTER, |it| it.as_mut().unwrap().voted += 1));
}

#[test]
fn votes_beyond_the_bond_are_found() {
    broken("nobody votes more than the active bond", || take_bond(&VOTER));
}

#[test]
fn settlements_to_come_are_found() {
    broken("nobody was settled for a slash to come", || {
        Voters::<Test>::mutate(VOTER, |it| it.as_mut().unwrap().settled_slash = 1);
    });
}

#[test]
fn records_of_nothing_are_found() {
    broken("a voter of whom there is nothing to know is forgotten", || {
        Voters::<Test>::insert(STRANGER, crate::VoterRecord::default())
    });
    broken("a position of which nothing is left is forgotten", || {
        Voters::<Test>::mutate(VOTER, |it| {
            it.as_mut().unwrap().positions.try_push(Position::new(MINER_2, 0, 0)).unwrap();
        });
    });
}

#[test]
fn two_positions_on_one_candidate_are_found() {
    broken("a voter has one position each", || {
        Voters::<Test>::mutate(VOTER, |it| {
            let record = it.as_mut().unwrap();
            let mut again = record.positions[0].clone();
            again.live = Default::default();
            assert!(again.live.add(1, 0));
            again.left.try_push(crate::Left { from: 0, until: 0, amount: 1 }).unwrap();
            record.positions.try_push(again).unwrap();
        });
    });
}

#[test]
fn pools_unlike_their_positions_are_found() {
    broken("behind whom a position is, there is a pool", || Pools::<Test>::remove(MINER_1));
    broken("a pool counts its positions", || change_pool(|pool| pool.positions += 1));
    broken("a pool is no smaller than what is behind it", || {
        change_pool(|pool| pool.live.remove(Layer { from: 1, amount: 1 }))
    });
    broken("a pool is larger by rounding only", || change_pool(|pool| assert!(pool.live.add(1, 1))));
    broken("own stake is the candidate's position on itself", || change_pool(|pool| pool.own = Default::default()));
    ExtBuilder::default().build_and_expect_broken("a pool counts no less than what is behind it", || {
        run_to_era(1);
        assert_ok!(unvote(&MINER_1, &MINER_1, 10));
        change_pool(|pool| pool.leaving = Default::default());
    });
}

#[test]
fn pools_unlike_their_candidates_are_found() {
    broken("a pool knows whether its candidate is registered", || change_pool(|pool| pool.registered = false));
    ExtBuilder::default().build_and_expect_broken("only registered candidates stand", || {
        assert_ok!(vote(&VOTER, &MINER_1, 100));
        assert_ok!(deregister(&MINER_1));
        change_pool(|pool| pool.stands_from = Some(9));
    });
}

#[test]
fn missing_earnings_are_found() {
    broken("for whom there is a pool, earnings are counted", || Earned::<Test>::remove(MINER_2));
}

#[test]
fn marks_that_nobody_needs_are_found() {
    broken("marks are held by those who need them", || {
        Marks::<Test>::insert(MINER_2, 2, Mark { per_unit: None, held: 1 })
    });
    broken("marks are held by those who need them", || Marks::<Test>::remove(MINER_1, 1));
    broken("a mark is made when its era starts", || Marks::<Test>::mutate(MINER_1, 1, |mark| mark.per_unit = Some(0)));
}

#[test]
fn wrong_totals_are_found() {
    broken("totals are those of the pools", || {
        Totals::<Test>::mutate(Role::Miner, |total| *total = total.add(0, 1).unwrap())
    });
}

#[test]
fn rewards_that_nobody_holds_are_found() {
    broken("what is owed is in the reward pot", || Voters::<Test>::mutate(VOTER, |it| it.as_mut().unwrap().reward = 1));
    broken("what is owed is in the reward pot", || {
        Earned::<Test>::mutate(MINER_1, |it| it.as_mut().unwrap().commission = 1)
    });
}

#[test]
fn payments_for_eras_to_come_are_found() {
    ExtBuilder::default().build_and_expect_broken("nobody is paid for an era that is not over", || {
        run_to_era(1);
        assert_ok!(settle(&MINER_2, &MINER_2));
        Earned::<Test>::mutate(MINER_2, |it| it.as_mut().unwrap().paid_before = 2);
    });
}

fn pot_of(era: u32, unpaid: u128) -> EraPot {
    let budget = |planck| Budgets { staking: planck, mining: 0 };
    EraPot { era, budgets: budget(5), unpaid: budget(unpaid), miners: 0, coordinators: 0, authors: Default::default() }
}

#[test]
fn wrong_pots_are_found() {
    let broken = |invariant, pots: Vec<EraPot>| {
        ExtBuilder::default().build_and_expect_broken(invariant, || {
            run_to_era(3);
            OpenPots::<Test>::put(frame_support::BoundedVec::truncate_from(pots));
        });
    };
    broken("only eras that are over have a pot", vec![pot_of(3, 5)]);
    broken("pots are in order of their eras", vec![pot_of(2, 5), pot_of(1, 5)]);
    broken("no pot has more than its budgets", vec![pot_of(1, 6)]);
}

fn change_pool(change: impl FnOnce(&mut crate::PoolRecord)) {
    Pools::<Test>::mutate(MINER_1, |pool| change(pool.as_mut().unwrap()));
}
