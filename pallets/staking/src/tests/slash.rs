//! What a slash takes, and what whoever was slashed can still do.

use cuckoo_primitives::registry::{Bonds, Taken};
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Call, Error, Event, Ledgers};

/// Alice has 60 active, 25 and 15 unbonding.
fn partly_unbonding(test: impl FnOnce()) {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        assert_ok!(submit(&ALICE, Call::unbond { value: 25 }));
        run_to_era(1);
        assert_ok!(submit(&ALICE, Call::unbond { value: 15 }));
        test();
    });
}

#[test]
fn take_active_burns_what_is_active() {
    partly_unbonding(|| {
        let issuance = Balances::total_issuance();
        assert_eq!((Stake::active(&ALICE), Stake::total(&ALICE)), (60, 100));
        assert_eq!(Stake::take_active(&ALICE, 20, Taken::Burned), 20);
        System::assert_last_event(Event::Slashed { stash: ALICE, amount: 20 }.into());
        assert_eq!(funds(&ALICE), (900, 80, 40));
        assert_eq!(Balances::total_issuance(), issuance - 20);
        // No more than there is.
        assert_eq!(Stake::take_active(&ALICE, 41, Taken::Burned), 40);
        assert_eq!((Stake::active(&ALICE), Stake::total(&ALICE)), (0, 40));
        assert_eq!(unlocking(&ALICE).len(), 2);
    });
}

#[test]
fn take_unlocking_takes_first_what_would_be_free_last() {
    partly_unbonding(|| {
        let issuance = Balances::total_issuance();
        assert_eq!(Stake::take_unlocking(&ALICE, 16, Taken::Burned), 16);
        System::assert_last_event(Event::Slashed { stash: ALICE, amount: 16 }.into());
        assert_eq!(unlocking(&ALICE), [(24, BONDING_ERAS)]);
        assert_eq!(funds(&ALICE), (900, 84, 60));
        assert_eq!(Stake::take_unlocking(&ALICE, u128::MAX, Taken::Burned), 24);
        assert_eq!(unlocking(&ALICE), []);
        assert_eq!(Balances::total_issuance(), issuance - 40);
    });
}

#[test]
fn nothing_is_slashed_of_nothing() {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        let events = System::events().len();
        assert_eq!(Stake::take_active(&BOB, 10, Taken::Reported(&ALICE)), 0);
        assert_eq!(Stake::take_unlocking(&ALICE, 10, Taken::Reported(&BOB)), 0);
        assert_eq!(Stake::take_active(&ALICE, 0, Taken::Reported(&BOB)), 0);
        assert_eq!((Stake::active(&POOR), Stake::total(&POOR)), (0, 0));
        assert_eq!(System::events().len(), events);
    });
}

#[test]
fn the_reporter_gets_its_share_and_the_rest_burns() {
    partly_unbonding(|| {
        let issuance = Balances::total_issuance();
        assert_eq!(Stake::take_active(&ALICE, 59, Taken::Reported(&BOB)), 59);
        // A tenth, rounded down.
        assert_eq!(funds(&BOB).0, BALANCE + 5);
        assert_eq!(Balances::total_issuance(), issuance - 54);
        assert_eq!(Stake::take_unlocking(&ALICE, 10, Taken::Reported(&BOB)), 10);
        assert_eq!(funds(&BOB).0, BALANCE + 6);
    });
}

#[test]
fn the_share_of_an_account_that_cannot_hold_it_burns() {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).existential_deposit(5).build_and_execute(|| {
        let issuance = Balances::total_issuance();
        assert_eq!(Stake::take_active(&ALICE, 40, Taken::Reported(&POOR)), 40);
        assert_eq!((Balances::total_issuance(), funds(&POOR).0), (issuance - 40, 0));
        assert_eq!(Stake::take_active(&ALICE, 50, Taken::Reported(&POOR)), 50);
        assert_eq!((Balances::total_issuance(), funds(&POOR).0), (issuance - 85, 5));
    });
}

#[test]
fn an_empty_ledger_is_removed() {
    partly_unbonding(|| {
        assert_ok!(submit(&ALICE, Call::set_payee { payee: crate::Payee::Restake }));
        assert_eq!(Stake::take_unlocking(&ALICE, 40, Taken::Burned), 40);
        assert_eq!(Stake::take_active(&ALICE, 60, Taken::Burned), 60);
        assert!(!Ledgers::<Test>::contains_key(ALICE));
        assert_eq!(funds(&ALICE), (900, 0, 0));
        assert_ok!(submit(&ALICE, Call::bond { value: 50 }));
        assert_eq!(Stake::payee(ALICE), crate::Payee::Stash);
    });
}

/// Alice has less than the least bond active, and 30 unbonding.
fn with_dust(test: impl FnOnce()) {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        assert_ok!(submit(&ALICE, Call::unbond { value: 30 }));
        assert_eq!(Stake::take_active(&ALICE, 70 - MIN_BOND + 1, Taken::Burned), 70 - MIN_BOND + 1);
        Stake::do_try_state().unwrap();
        test();
    });
}

#[test]
fn slashed_dust_can_unbond_as_a_whole() {
    with_dust(|| {
        assert_noop!(submit(&ALICE, Call::unbond { value: MIN_BOND - 2 }), Error::<Test>::LeavesDust);
        assert_ok!(submit(&ALICE, Call::unbond { value: MIN_BOND - 1 }));
        run_to_era(BONDING_ERAS);
        assert_ok!(submit(&ALICE, Call::withdraw_unbonded {}));
        assert_eq!(funds(&ALICE), (900 + 30 + MIN_BOND - 1, 0, 0));
    });
}

#[test]
fn slashed_dust_can_grow_to_the_minimum() {
    for call in [Call::bond_extra { value: 1 }, Call::rebond { value: 1 }] {
        with_dust(|| {
            assert_ok!(submit(&ALICE, call));
            assert_eq!(funds(&ALICE).2, MIN_BOND);
        });
    }
    with_dust(|| {
        assert_eq!(Stake::take_active(&ALICE, 1, Taken::Burned), 1);
        assert_noop!(submit(&ALICE, Call::bond_extra { value: 1 }), Error::<Test>::BelowMinBond);
        assert_noop!(submit(&ALICE, Call::rebond { value: 1 }), Error::<Test>::BelowMinBond);
        assert_ok!(submit(&ALICE, Call::rebond { value: 2 }));
        assert_eq!(funds(&ALICE).2, MIN_BOND);
    });
}

#[test]
fn beside_slashed_dust_the_rest_can_be_withdrawn() {
    with_dust(|| {
        run_to_era(BONDING_ERAS);
        assert_ok!(submit(&ALICE, Call::withdraw_unbonded {}));
        assert_eq!(funds(&ALICE), (930, MIN_BOND - 1, MIN_BOND - 1));
    });
}

#[test]
fn what_is_freed_is_the_stashs_own_again_and_nothing_burns() {
    partly_unbonding(|| {
        let issuance = Balances::total_issuance();
        assert_eq!(Stake::take_active(&ALICE, 70, Taken::Freed), 60);
        System::assert_last_event(Event::FreedForDebt { stash: ALICE, amount: 60 }.into());
        assert_eq!(Stake::take_unlocking(&ALICE, 20, Taken::Freed), 20);
        System::assert_last_event(Event::FreedForDebt { stash: ALICE, amount: 20 }.into());
        assert_eq!(funds(&ALICE), (980, 20, 0));
        assert_eq!(unlocking(&ALICE), [(20, BONDING_ERAS)]);
        assert_eq!(Balances::total_issuance(), issuance);
    });
}

#[test]
fn what_unbonds_lasts_until_it_is_free() {
    partly_unbonding(|| {
        for (through, lasting) in [(0, 100), (BONDING_ERAS - 1, 100), (BONDING_ERAS, 75), (BONDING_ERAS + 1, 60)] {
            assert_eq!(Stake::lasting(&ALICE, through), lasting, "through era {through}");
        }
        assert_eq!(Stake::lasting(&POOR, 0), 0);
    });
}
