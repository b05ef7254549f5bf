use cuckoo_primitives::{AccountId, Role};

use sp_runtime::Perbill;

use crate::{
    mock::*, CandidateRecord, Candidates, CommissionChange, CommissionRecord, Commissions, OperatorRecord, Operators,
    Retired, RoleOf, ValidatorCount,
};

/// Alice is a miner, run by key 1.
fn with_miner() -> ExtBuilder {
    ExtBuilder::default().candidates(&[(ALICE, 1, Role::Miner, "")])
}

fn corrupt(change: impl FnOnce(&mut CandidateRecord)) {
    Candidates::<Test>::mutate(Role::Miner, ALICE, |record| change(record.as_mut().unwrap()));
}

/// An operator that worked for Bob, who is no candidate.
fn retired(n: u8, listed: &[AccountId]) {
    Operators::<Test>::insert(
        operator(n),
        OperatorRecord { stash: BOB, role: Role::Miner, since: 0, retired_in: Some(0) },
    );
    Retired::<Test>::insert(BOB, frame_support::BoundedVec::try_from(listed.to_vec()).unwrap());
}

#[test]
fn roles_unlike_the_candidates_are_found() {
    with_miner().build_and_expect_broken("a stash with a role is a candidate in it", || {
        RoleOf::<Test>::insert(ALICE, Role::Validator);
    });
    with_miner().build_and_expect_broken("a candidate has one role", || RoleOf::<Test>::remove(ALICE));
}

#[test]
fn operators_unlike_the_candidates_are_found() {
    with_miner().build_and_expect_broken("the operator is another account than the stash", || {
        corrupt(|record| record.operator = ALICE);
    });
    with_miner().build_and_expect_broken("a candidate's operator works for it", || {
        corrupt(|record| record.operator = operator(2));
    });
    with_miner().build_and_expect_broken("a candidate's operator works for it", || {
        Operators::<Test>::mutate(operator(1), |record| record.as_mut().unwrap().role = Role::Validator);
    });
    with_miner().build_and_expect_broken("an operator at work is its candidate's", || {
        let record = Operators::<Test>::get(operator(1)).unwrap();
        Operators::<Test>::insert(operator(2), record);
    });
}

#[test]
fn work_that_ends_before_it_begins_is_found() {
    with_miner().build_and_expect_broken("nobody retired before coming to work", || {
        Operators::<Test>::mutate(operator(1), |record| record.as_mut().unwrap().since = 1);
    });
}

#[test]
fn bad_info_is_found() {
    with_miner().build_and_expect_broken("what a candidate says of itself is valid", || {
        corrupt(|record| record.info.name = Default::default());
    });
}

#[test]
fn the_future_is_found() {
    with_miner().build_and_expect_broken("nobody registered in a later era", || {
        corrupt(|record| record.registered_in = 1);
    });
    with_miner().build_and_expect_broken("nobody retired in a later era", || {
        retired(3, &[operator(3)]);
        Operators::<Test>::mutate(operator(3), |record| record.as_mut().unwrap().retired_in = Some(1));
    });
}

#[test]
fn lists_unlike_the_retired_operators_are_found() {
    with_miner().build_and_expect_broken("a retired operator is listed", || retired(3, &[operator(1)]));
    with_miner().build_and_expect_broken("a listed operator is retired", || {
        retired(3, &[operator(3), operator(1)]);
    });
    with_miner().build_and_expect_broken("an operator is listed once", || {
        retired(3, &[operator(3), operator(3)]);
    });
    with_miner().build_and_expect_broken("an empty list of retired operators is removed", || {
        Retired::<Test>::insert(BOB, frame_support::BoundedVec::default());
    });
}

#[test]
fn a_candidate_that_cannot_leave_is_found() {
    with_miner().build_and_expect_broken("a candidate can always deregister", || {
        let keys: Vec<_> = (10..10 + crate::MAX_RETIRED_OPERATORS as u8).map(operator).collect();
        for key in &keys {
            let record = OperatorRecord { stash: ALICE, role: Role::Miner, since: 0, retired_in: Some(0) };
            Operators::<Test>::insert(key, record);
        }
        Retired::<Test>::insert(ALICE, frame_support::BoundedVec::try_from(keys).unwrap());
    });
}

#[test]
fn miscounted_validators_are_found() {
    with_miner().build_and_expect_broken("the validators are counted", || ValidatorCount::<Test>::put(1));
}

fn commission(rate: u32, next: Option<(u32, u32)>, raise: Option<(u32, u32)>) {
    let change = |(from, percent)| CommissionChange { from, rate: Perbill::from_percent(percent) };
    let (next, raise) = (next.map(change), raise.map(change));
    Commissions::<Test>::insert(ALICE, CommissionRecord { rate: Perbill::from_percent(rate), next, raise });
}

#[test]
fn impossible_commissions_are_found() {
    with_miner().build_and_expect_broken("a commission is a candidate's", || {
        Commissions::<Test>::insert(BOB, CommissionRecord::default());
    });
    with_miner().build_and_expect_broken("a commission changes from the next era on", || {
        commission(10, Some((2, 5)), None);
    });
    with_miner().build_and_expect_broken("a raise is announced two eras ahead", || {
        commission(10, None, Some((3, 15)));
    });
    with_miner().build_and_expect_broken("a raise comes after other changes", || {
        commission(10, Some((1, 5)), Some((1, 10)));
    });
    let steep = "a raise is no steeper than allowed";
    with_miner().build_and_expect_broken(steep, || commission(10, None, Some((2, 16))));
    with_miner().build_and_expect_broken(steep, || commission(10, Some((1, 5)), Some((2, 11))));
    with_miner().build_and_expect_broken(steep, || commission(10, None, Some((2, 10))));
}
