use cuckoo_primitives::{AccountId, Balance};
use frame_support::traits::fungible::MutateHold;

use crate::{mock::*, BondRecord, EraPosition, HoldReason, Ledgers, Position, SessionsPerEra, UnlockChunk};

/// A stash with 50 active and 50 unbonding planck.
fn with_bond() -> ExtBuilder {
    ExtBuilder::default().bonds(&[(ALICE, 100)])
}

fn corrupt(stash: AccountId, change: impl FnOnce(&mut BondRecord<Test>)) {
    Ledgers::<Test>::mutate(stash, |record| change(record.as_mut().unwrap()));
}

fn set_chunks(record: &mut BondRecord<Test>, chunks: &[(Balance, u32)]) {
    let chunks: Vec<_> = chunks.iter().map(|&(amount, free_from)| UnlockChunk { amount, free_from }).collect();
    record.active = record.total - chunks.iter().map(|chunk| chunk.amount).sum::<Balance>();
    record.unlocking = chunks.try_into().unwrap();
}

#[test]
fn a_hold_unlike_the_total_is_found() {
    with_bond().build_and_expect_broken("the hold equals the ledger's total", || {
        corrupt(ALICE, |record| {
            record.total += 1;
            record.active += 1;
        });
    });
    with_bond().build_and_expect_broken("the hold equals the ledger's total", || {
        Balances::hold(&HoldReason::Bonded.into(), &ALICE, 1).unwrap();
    });
}

#[test]
fn an_empty_ledger_is_found() {
    with_bond().build_and_expect_broken("an empty ledger is removed", || {
        Ledgers::<Test>::insert(POOR, BondRecord::default());
    });
}

#[test]
fn parts_unlike_the_total_are_found() {
    with_bond().build_and_expect_broken("the total is active plus unlocking", || {
        corrupt(ALICE, |record| record.active -= 1);
    });
}

#[test]
fn active_dust_is_found() {
    with_bond().build_and_expect_broken("active stake is no dust", || {
        corrupt(ALICE, |record| set_chunks(record, &[(99, 1)]));
    });
}

#[test]
fn bad_chunks_are_found() {
    with_bond().build_and_expect_broken("unlocking chunks are not empty", || {
        corrupt(ALICE, |record| set_chunks(record, &[(0, 1)]));
    });
    with_bond().build_and_expect_broken("unlocking chunks are ordered", || {
        corrupt(ALICE, |record| set_chunks(record, &[(10, 2), (10, 1)]));
    });
    with_bond().build_and_expect_broken("unlocking chunks are ordered", || {
        corrupt(ALICE, |record| set_chunks(record, &[(10, 2), (10, 2)]));
    });
    with_bond().build_and_expect_broken("unlocking ends within the bonding eras", || {
        corrupt(ALICE, |record| set_chunks(record, &[(10, BONDING_ERAS + 1)]));
    });
}

#[test]
fn votes_beyond_the_active_stake_are_found() {
    with_bond().build_and_expect_broken("active stake covers the votes", || VoteRegister::set(ALICE, 101));
}

#[test]
fn a_clock_out_of_step_is_found() {
    with_bond().build_and_expect_broken("an era has sessions", || SessionsPerEra::<Test>::put(0));
    with_bond().build_and_expect_broken("the era counts whole groups of sessions", || {
        Position::<Test>::put(EraPosition { era: 1, first_session: 2, session: 2 });
    });
    with_bond().build_and_expect_broken("the session lies in its era", || {
        Position::<Test>::put(EraPosition { era: 1, first_session: 3, session: 6 });
    });
    with_bond().build_and_expect_broken("the session lies in its era", || {
        Position::<Test>::put(EraPosition { era: 1, first_session: 3, session: 2 });
    });
}
