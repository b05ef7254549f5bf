//! Every call that changes a bond takes first what slashes have cost it.

use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Call, Error, Event, Ledgers};

/// Alice has 60 active and 40 unbonding, and owes 10 of the first and 30 of the second.
fn owing(test: impl FnOnce()) {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        assert_ok!(submit(&ALICE, Call::unbond { value: 40 }));
        Register::owes(ALICE, 10, 30);
        test();
    });
}

#[test]
fn unbond_settles_first() {
    owing(|| {
        assert_noop!(submit(&ALICE, Call::unbond { value: 60 }), Error::<Test>::NotEnoughActive);
        assert_ok!(submit(&ALICE, Call::unbond { value: 50 }));
        assert_eq!(funds(&ALICE), (900, 60, 0));
        assert_eq!(unlocking(&ALICE), [(60, BONDING_ERAS)]);
    });
}

#[test]
fn withdraw_unbonded_settles_first() {
    owing(|| {
        run_to_era(BONDING_ERAS);
        assert_ok!(submit(&ALICE, Call::withdraw_unbonded {}));
        System::assert_last_event(Event::Withdrawn { stash: ALICE, amount: 10 }.into());
        assert_eq!(funds(&ALICE), (910, 50, 50));
    });
}

#[test]
fn withdraw_unbonded_finds_nothing_of_what_was_slashed() {
    owing(|| {
        Register::owes(ALICE, 0, 40);
        run_to_era(BONDING_ERAS);
        assert_noop!(submit(&ALICE, Call::withdraw_unbonded {}), Error::<Test>::NothingToWithdraw);
    });
}

#[test]
fn rebond_settles_first() {
    owing(|| {
        assert_noop!(submit(&ALICE, Call::rebond { value: 11 }), Error::<Test>::NotEnoughUnlocking);
        assert_ok!(submit(&ALICE, Call::rebond { value: 10 }));
        assert_eq!(funds(&ALICE), (900, 60, 60));
    });
}

#[test]
fn bond_extra_settles_first() {
    owing(|| {
        assert_ok!(submit(&ALICE, Call::bond_extra { value: 5 }));
        assert_eq!(funds(&ALICE), (895, 65, 55));
    });
    owing(|| {
        Register::owes(ALICE, 60, 40);
        assert_noop!(submit(&ALICE, Call::bond_extra { value: 50 }), Error::<Test>::NotBonded);
    });
}

#[test]
fn claim_settles_first() {
    owing(|| {
        Register::earn(ALICE, 7);
        assert_ok!(submit(&ALICE, Call::claim {}));
        assert_eq!(funds(&ALICE), (907, 60, 50));
    });
}

#[test]
fn a_bond_is_shown_as_if_it_were_settled() {
    owing(|| {
        let bond = Stake::bond_of(ALICE).unwrap();
        assert_eq!((bond.total, bond.active), (60, 50));
        assert_eq!(bond.unlocking.iter().map(|part| part.amount).collect::<Vec<_>>(), [10]);
        // Looking took nothing.
        assert_eq!(funds(&ALICE), (900, 100, 60));
        Register::owes(ALICE, 60, 40);
        assert_eq!(Stake::bond_of(ALICE), None);
    });
}

#[test]
fn a_new_bond_does_not_pay_for_a_former_one() {
    ExtBuilder::default().build_and_execute(|| {
        Register::owes(ALICE, 50, 50);
        assert_ok!(submit(&ALICE, Call::bond { value: 100 }));
        assert_eq!(funds(&ALICE), (900, 100, 100));
        assert!(Ledgers::<Test>::contains_key(ALICE));
    });
}
