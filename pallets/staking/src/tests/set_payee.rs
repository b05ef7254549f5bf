use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Call, Error, Event, Payee, PayeeOf};

#[test]
fn set_payee_chooses_where_rewards_go() {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        assert_eq!(Stake::payee(ALICE), Payee::Stash);
        for payee in [Payee::Restake, Payee::Account(BOB)] {
            assert_ok!(submit(&ALICE, Call::set_payee { payee: payee.clone() }));
            assert_eq!(Stake::payee(ALICE), payee);
            System::assert_last_event(Event::PayeeSet { stash: ALICE, payee }.into());
        }
        assert_ok!(submit(&ALICE, Call::set_payee { payee: Payee::Stash }));
        assert!(!PayeeOf::<Test>::contains_key(ALICE));
    });
}

#[test]
fn set_payee_fails_if_not_bonded() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(submit(&ALICE, Call::set_payee { payee: Payee::Restake }), Error::<Test>::NotBonded);
    });
}

#[test]
fn the_payee_goes_with_the_bond() {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        assert_ok!(submit(&ALICE, Call::set_payee { payee: Payee::Account(BOB) }));
        assert_ok!(submit(&ALICE, Call::unbond { value: 100 }));
        assert_eq!(Stake::payee(ALICE), Payee::Account(BOB));
        run_to_era(BONDING_ERAS);
        assert_ok!(submit(&ALICE, Call::withdraw_unbonded {}));
        assert_eq!(Stake::payee(ALICE), Payee::Stash);
    });
}
