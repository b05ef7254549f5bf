//! What a cheat may try, each beside the honest twin that must not be hurt.

use cuckoo_primitives::{AccountId, TOTAL_SUPPLY_CAP};
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, *};

fn friend(n: u8) -> AccountId {
    AccountId::new([200 + n; 32])
}

#[test]
fn friends_of_a_coordinator_cannot_use_up_what_covers_an_honest_miner() {
    ExtBuilder::default().build_and_execute(|| {
        // Forty friends with huge vouchers; among them they bond all CAI that the honest miners do not.
        let rest = TOTAL_SUPPLY_CAP / 5 * 3 - Market::bond(&ANNE) - Market::bond(&CLEO);
        for n in 0..40 {
            Market::set_bond(&friend(n), rest / 40);
            assert_ok!(redeem([signed_by(ANNES_KEY, voucher(&ANNE, &friend(n), FIRST, u128::MAX))]));
        }
        Market::run_to(GRACE_ERAS);
        for n in 0..40 {
            assert_ok!(collect(&ANNE, &friend(n)));
        }
        // Mike comes last, with all that covers him.
        let honest = 10_000;
        assert_ok!(redeem([for_mike(honest)]));
        Market::run_to(2 * GRACE_ERAS);
        assert_ok!(collect(&ANNE, &MIKE));
        assert_eq!(earned(&MIKE), honest / 20 * 19);
    });
}

#[test]
fn friends_without_a_bond_get_nothing_of_the_stake() {
    ExtBuilder::default().build_and_execute(|| {
        let stake = Market::bond(&ANNE);
        for n in 0..40 {
            let signed = signed_by(ANNES_KEY, voucher(&ANNE, &friend(n), FIRST, u128::MAX));
            assert_noop!(redeem([signed]), Error::<Test>::Uncovered);
        }
        assert_eq!(Market::bond(&ANNE), stake);
        assert_ok!(redeem([for_mike(5_000)]));
        Market::run_to(GRACE_ERAS);
        assert_ok!(collect(&ANNE, &MIKE));
        assert_eq!(earned(&MIKE), 4_750);
    });
}

#[test]
fn a_huge_claim_on_record_does_not_stand_before_others() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(redeem([signed_by(ANNES_KEY, voucher(&ANNE, &NORA, FIRST, u128::MAX))]));
        assert_ok!(deposit(&ANNE, 1_000));
        assert_ok!(redeem([for_mike(1_000)]));
        assert_eq!(earned(&MIKE), 950);
    });
}

#[test]
fn a_withdrawal_that_was_ready_for_long_is_told_and_never_counts_as_escrow() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deposit(&ANNE, 1_000));
        assert_ok!(dispatch(&ANNE, Call::request_withdrawal { amount: 1_000 }));
        Market::run_to(100);
        assert_ok!(deposit(&ANNE, 400));
        let solvency = Settlement::solvency(ANNE);
        assert_eq!(solvency.escrow - solvency.withdrawing, 400);
    });
}

#[test]
fn the_same_vouchers_in_any_batches_pay_once() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deposit(&ANNE, 10_000));
        assert_ok!(redeem([for_mike(100), for_mike(100), for_mike(300), for_mike(200), for_mike(300)]));
        assert_noop!(redeem([for_mike(300), for_mike(100)]), Error::<Test>::NothingDue);
        assert_eq!(earned(&MIKE), 95 + 190);
        assert_eq!(Settlement::solvency(ANNE).escrow, 9_700);
    });
}
