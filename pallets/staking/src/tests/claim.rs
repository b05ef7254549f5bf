use cuckoo_primitives::registry::RewardPot;
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Call, Emission, Error, Event, Payee};

fn bonded() -> ExtBuilder {
    ExtBuilder::default().bonds(&[(ALICE, 100)])
}

fn set_payee(payee: Payee) {
    assert_ok!(submit(&ALICE, Call::set_payee { payee }));
}

#[test]
fn claim_pays_the_stash() {
    bonded().build_and_execute(|| {
        Register::earn(ALICE, 70);
        assert_eq!(Stake::held(), 70);
        assert_ok!(submit(&ALICE, Call::claim {}));
        System::assert_last_event(Event::Claimed { stash: ALICE, payee: Payee::Stash, amount: 70 }.into());
        assert_eq!(Stake::held(), 0);
        assert_eq!(funds(&ALICE), (970, 100, 100));
        assert_eq!(Stake::emission().claimed, 70);
        assert_eq!(Balances::free_balance(Emission::<Test>::pot()), 1);
    });
}

#[test]
fn claim_pays_another_account() {
    bonded().build_and_execute(|| {
        set_payee(Payee::Account(BOB));
        Register::earn(ALICE, 70);
        assert_ok!(submit(&ALICE, Call::claim {}));
        assert_eq!((funds(&ALICE).0, funds(&BOB).0), (900, BALANCE + 70));
        // An account that does not exist yet comes into being.
        set_payee(Payee::Account(POOR));
        Register::earn(ALICE, 1);
        assert_ok!(submit(&ALICE, Call::claim {}));
        assert_eq!(funds(&POOR).0, 1);
    });
}

#[test]
fn claim_bonds_what_is_restaked() {
    bonded().build_and_execute(|| {
        set_payee(Payee::Restake);
        Register::earn(ALICE, 70);
        assert_ok!(submit(&ALICE, Call::claim {}));
        System::assert_last_event(Event::Claimed { stash: ALICE, payee: Payee::Restake, amount: 70 }.into());
        assert_eq!(funds(&ALICE), (900, 170, 170));
    });
}

#[test]
fn claim_bonds_what_is_restaked_though_nothing_is_free() {
    ExtBuilder::default().bonds(&[(ALICE, BALANCE - 1)]).build_and_execute(|| {
        set_payee(Payee::Restake);
        Register::earn(ALICE, 70);
        assert_ok!(submit(&ALICE, Call::claim {}));
        assert_eq!(funds(&ALICE), (1, BALANCE + 69, BALANCE + 69));
    });
}

#[test]
fn claim_pays_who_has_no_bond_any_more() {
    ExtBuilder::default().build_and_execute(|| {
        Register::earn(ALICE, 70);
        assert_ok!(submit(&ALICE, Call::claim {}));
        assert_eq!(funds(&ALICE).0, BALANCE + 70);
    });
}

#[test]
fn claim_fails_with_nothing_earned() {
    bonded().build_and_execute(|| {
        assert_noop!(submit(&ALICE, Call::claim {}), Error::<Test>::NothingToClaim);
        Register::earn(ALICE, 70);
        assert_ok!(submit(&ALICE, Call::claim {}));
        assert_noop!(submit(&ALICE, Call::claim {}), Error::<Test>::NothingToClaim);
    });
}

#[test]
fn claim_fails_if_the_payee_cannot_hold_it_and_loses_nothing() {
    bonded().existential_deposit(5).build_and_execute(|| {
        set_payee(Payee::Account(POOR));
        Register::earn(ALICE, 4);
        assert_noop!(submit(&ALICE, Call::claim {}), Error::<Test>::PayeeCannotReceive);
        assert_eq!(Register::earned(&ALICE), 4);
        Register::earn(ALICE, 1);
        assert_ok!(submit(&ALICE, Call::claim {}));
        assert_eq!(funds(&POOR).0, 5);
    });
}

#[test]
fn claim_fails_to_restake_less_than_the_least_bond() {
    bonded().build_and_execute(|| {
        set_payee(Payee::Restake);
        assert_ok!(submit(&ALICE, Call::unbond { value: 100 }));
        Register::earn(ALICE, MIN_BOND - 1);
        assert_noop!(submit(&ALICE, Call::claim {}), Error::<Test>::BelowMinBond);
        Register::earn(ALICE, 1);
        assert_ok!(submit(&ALICE, Call::claim {}));
        assert_eq!(funds(&ALICE), (900, 110, MIN_BOND));
    });
}

#[test]
fn claim_fails_for_more_than_was_emitted() {
    bonded().build_and_execute(|| {
        Register::earn(BOB, 70);
        Register::record(ALICE, 71);
        assert_noop!(submit(&ALICE, Call::claim {}), Error::<Test>::PotEmpty);
        assert_ok!(submit(&BOB, Call::claim {}));
        Register::record(BOB, u128::MAX);
        assert_noop!(submit(&BOB, Call::claim {}), Error::<Test>::Overflow);
    });
}

#[test]
fn claim_fails_unsigned() {
    bonded().build_and_execute(|| {
        assert_noop!(Stake::claim(RuntimeOrigin::none()), sp_runtime::DispatchError::BadOrigin);
    });
}
