use cuckoo_primitives::era::EraAmount;

use crate::{mock::*, BackingRecord, Backings, Positions, VoterRecord, Voters};

fn amount(now: u128) -> EraAmount {
    EraAmount::counting_now(0, now)
}

#[test]
fn positions_unlike_their_voters_are_found() {
    let invariant = "positions add up to their voters";
    ExtBuilder::default().build_and_expect_broken(invariant, || {
        Voters::<Test>::mutate(MINER_1, |record| record.voted += 1);
    });
    ExtBuilder::default().build_and_expect_broken(invariant, || {
        Voters::<Test>::mutate(MINER_1, |record| record.positions += 1);
    });
    ExtBuilder::default().build_and_expect_broken(invariant, || Voters::<Test>::remove(MINER_1));
    ExtBuilder::default().build_and_expect_broken(invariant, || {
        Voters::<Test>::insert(STRANGER, VoterRecord::default());
    });
    ExtBuilder::default().build_and_expect_broken(invariant, || Positions::<Test>::remove(MINER_1, MINER_1));
}

#[test]
fn votes_beyond_the_bond_are_found() {
    ExtBuilder::default().build_and_expect_broken("nobody votes more than the active bond", || {
        Positions::<Test>::insert(STRANGER, MINER_1, amount(1));
        Voters::<Test>::insert(STRANGER, VoterRecord { voted: 1, positions: 1 });
    });
}

#[test]
fn too_many_positions_are_found() {
    ExtBuilder::default().build_and_expect_broken("nobody has too many positions", || {
        for miner in MINERS {
            Positions::<Test>::insert(VOTER, miner, amount(1));
        }
        Voters::<Test>::insert(VOTER, VoterRecord { voted: 4, positions: 4 });
    });
}

#[test]
fn positions_unlike_their_candidates_are_found() {
    let invariant = "positions add up to their candidates";
    ExtBuilder::default().build_and_expect_broken(invariant, || {
        Backings::<Test>::mutate(MINER_1, |record| record.total = record.total.add(0, 1).unwrap());
    });
    ExtBuilder::default().build_and_expect_broken(invariant, || Backings::<Test>::remove(MINER_1));
}

#[test]
fn own_stake_unlike_the_position_is_found() {
    ExtBuilder::default().build_and_expect_broken("own stake is the candidate's position on itself", || {
        Backings::<Test>::mutate(MINER_1, |record| record.own = amount(OWN - 1));
    });
}

#[test]
fn backing_without_positions_is_found() {
    ExtBuilder::default().build_and_expect_broken("a candidate without positions has no backing", || {
        Backings::<Test>::insert(STRANGER, BackingRecord { own: amount(0), total: amount(1) });
    });
}
