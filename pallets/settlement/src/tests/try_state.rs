use cuckoo_primitives::settlement::Debt;
use frame_support::assert_ok;

use crate::{mock::*, *};

/// Anne owes Mike 700, has asked 100 back, and paid 300 for his work.
fn broken(invariant: &'static str, corrupt: impl FnOnce()) {
    ExtBuilder::default().build_and_expect_broken(invariant, || {
        assert_ok!(deposit(&ANNE, 300));
        assert_ok!(dispatch(&ANNE, Call::request_withdrawal { amount: 100 }));
        assert_ok!(redeem([for_mike(1_000)]));
        Settlement::do_try_state().unwrap();
        corrupt();
    });
}

#[test]
fn wrong_debts_are_found() {
    broken("what is owed is the sum of open debts", || Owed::<Test>::insert(ANNE, 699));
    broken("what is owed is the sum of open debts", || Owed::<Test>::insert(CLEO, 1));
    broken("what is owed is the sum of open debts", || Debts::<Test>::remove(ANNE, MIKE));
    broken("a debt is open or was taken", || Debts::<Test>::insert(ANNE, NORA, Debt::default()));
}

#[test]
fn wrong_withdrawals_are_found() {
    broken("a withdrawal is of something", || {
        Withdrawals::<Test>::mutate(ANNE, |asked| asked.as_mut().unwrap().amount = 0)
    });
}

#[test]
fn wrong_work_is_found() {
    broken("the era's work is that of its miners", || WorkIn::<Test>::mutate(|work| work.0[0].1 += 1));
    broken("the era's work is that of its miners", || WorkOf::<Test>::remove(MIKE));
    broken("eras of work are in order", || {
        WorkOf::<Test>::mutate(MIKE, |work| work.0.try_push((0, Work::default())).unwrap());
    });
    broken("poor work is part of the work", || WorkOf::<Test>::mutate(MIKE, |work| work.0[0].1.poor = 301));
}

#[test]
fn wrong_ratings_are_found() {
    broken("a rating takes something off", || RatingOf::<Test>::insert(ANNE, MIKE, sp_runtime::Perbill::one()));
}

#[test]
fn wrong_terms_are_found() {
    broken("redeeming and paying have an era", || GraceEras::<Test>::put(0));
    broken("redeeming and paying have an era", || RedeemEras::<Test>::put(0));
    broken("escrow stays until vouchers are redeemed", || WithdrawalEras::<Test>::put(REDEEM_ERAS));
}
