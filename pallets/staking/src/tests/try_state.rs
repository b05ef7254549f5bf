use cuckoo_primitives::{AccountId, Balance, TOTAL_SUPPLY_CAP};
use frame_support::traits::fungible::MutateHold;

use crate::{
    mock::*, BondRecord, Emission, EmissionRecord, EmissionState, EraPosition, EraStarts, HoldReason, Ledgers, Payee,
    PayeeOf, Position, SessionsPerEra, UnlockChunk,
};

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
    with_bond().build_and_expect_broken("active stake covers the votes", || Register::set(ALICE, 101));
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

#[test]
fn starts_of_other_eras_are_found() {
    with_bond().build_and_expect_broken("the running era has a start", || EraStarts::<Test>::remove(0));
    with_bond().build_and_expect_broken("eras on record are those of evidence", || EraStarts::<Test>::insert(1, 1));
    with_bond().build_and_expect_broken("eras on record are those of evidence", || {
        run_to_era(BONDING_ERAS + 1);
        EraStarts::<Test>::insert(0, 0);
    });
    with_bond().build_and_expect_broken("eras start one after the other", || {
        run_to_era(2);
        EraStarts::<Test>::insert(1, u64::MAX);
    });
}

fn corrupt_emission(change: impl FnOnce(&mut EmissionRecord)) {
    EmissionState::<Test>::mutate(change);
}

#[test]
fn budgets_that_do_not_add_up_are_found() {
    let whole = "a budget is what remains, is open and was emitted";
    with_bond().build_and_expect_broken(whole, || corrupt_emission(|state| state.staking.remaining -= 1));
    with_bond().build_and_expect_broken(whole, || corrupt_emission(|state| state.mining.open += 1));
    with_bond().build_and_expect_broken(whole, || corrupt_emission(|state| state.mining.emitted += 1));
}

#[test]
fn a_pot_that_owes_more_than_it_holds_is_found() {
    let covered = "the pot holds what was emitted and not claimed, and its deposit";
    with_bond().build_and_expect_broken(covered, || {
        Register::earn(ALICE, 10);
        Balances::force_set_balance(RuntimeOrigin::root(), Emission::<Test>::pot(), 10).unwrap();
    });
    with_bond().build_and_expect_broken(covered, || corrupt_emission(|state| state.claimed = 1));
    with_bond().build_and_expect_broken(covered, || {
        Balances::force_set_balance(RuntimeOrigin::root(), Emission::<Test>::pot(), 0).unwrap();
    });
}

#[test]
fn a_supply_without_room_for_the_budgets_is_found() {
    with_bond().build_and_expect_broken("what is to come fits under the cap of the supply", || {
        let room = TOTAL_SUPPLY_CAP - Balances::total_issuance() - Stake::emission().to_come();
        Balances::force_set_balance(RuntimeOrigin::root(), BOB, BALANCE + room + 1).unwrap();
    });
}

#[test]
fn payees_of_nobody_are_found() {
    with_bond().build_and_expect_broken("a payee's stash has a bond", || {
        PayeeOf::<Test>::insert(BOB, Payee::Restake);
    });
    with_bond().build_and_expect_broken("the default payee is not stored", || {
        PayeeOf::<Test>::insert(ALICE, Payee::Stash);
    });
}
