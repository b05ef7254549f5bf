use cuckoo_primitives::settlement::Debt;
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, *};

/// Anne owes Mike 1,000 since era 4.
fn indebted(test: impl FnOnce()) {
    ExtBuilder::default().build_and_execute(|| {
        Market::run_to(4);
        assert_ok!(redeem([for_mike(1_000)]));
        events();
        test();
    });
}

fn paid(from_escrow: u128, from_stake: u128, fee: u128) -> Event<Test> {
    Event::DebtPaid { coordinator: ANNE, miner: MIKE, from_escrow, from_stake, fee }
}

#[test]
fn a_debt_is_paid_from_escrow_at_once() {
    indebted(|| {
        assert_ok!(deposit(&ANNE, 3_000));
        events();
        assert_ok!(collect(&ANNE, &MIKE));
        assert_eq!(events(), [paid(1_000, 0, 50)]);
        assert_eq!((earned(&MIKE), Settlement::solvency(ANNE).owed), (950, 0));
        assert!(!Market::is_chilled(&ANNE));
        assert_eq!(Debts::<Test>::iter().count(), 0);
    });
}

#[test]
fn a_debt_is_paid_from_stake_after_the_grace_period() {
    indebted(|| {
        let stake = Market::bond(&ANNE);
        Market::run_to(4 + GRACE_ERAS - 1);
        assert_noop!(collect(&ANNE, &MIKE), Error::<Test>::GraceRuns);
        Market::run_to(4 + GRACE_ERAS);
        assert_ok!(collect(&ANNE, &MIKE));
        assert_eq!(events(), [paid(0, 1_000, 50)]);
        assert_eq!((earned(&MIKE), Market::bond(&ANNE)), (950, stake - 1_000));
        assert_eq!(Balances::free_balance(ANNE), FUNDS);
        assert!(Market::is_chilled(&ANNE));
        assert_noop!(collect(&ANNE, &MIKE), Error::<Test>::NoDebt);
    });
}

#[test]
fn escrow_pays_before_stake() {
    indebted(|| {
        assert_ok!(deposit(&ANNE, 400));
        Market::run_to(4 + GRACE_ERAS);
        events();
        assert_ok!(collect(&ANNE, &MIKE));
        assert_eq!(events(), [paid(400, 600, 50)]);
    });
}

#[test]
fn within_the_grace_period_escrow_pays_what_it_can() {
    indebted(|| {
        assert_ok!(deposit(&ANNE, 400));
        events();
        assert_ok!(collect(&ANNE, &MIKE));
        assert_eq!(events(), [paid(400, 0, 20)]);
        assert_eq!(Settlement::solvency(ANNE).owed, 600);
        assert_eq!(Settlement::debt(ANNE, MIKE), Debt { open: 600, since: 4, taken: 0, taken_in: 0 });
        assert_eq!(Settlement::debt(ANNE, NORA), Debt::default());
        assert_noop!(collect(&ANNE, &MIKE), Error::<Test>::GraceRuns);
    });
}

#[test]
fn a_debt_that_grows_keeps_its_time() {
    indebted(|| {
        Market::run_to(4 + GRACE_ERAS);
        assert_ok!(redeem([for_mike(1_500)]));
        assert_ok!(collect(&ANNE, &MIKE));
        assert_eq!(earned(&MIKE), 1_425);
    });
}

#[test]
fn a_debt_outlives_the_stake_and_takes_what_comes() {
    indebted(|| {
        Market::set_bond(&ANNE, 300);
        Market::run_to(4 + GRACE_ERAS);
        assert_ok!(collect(&ANNE, &MIKE));
        assert_noop!(collect(&ANNE, &MIKE), Error::<Test>::NothingLeft);
        assert_eq!(Settlement::solvency(ANNE).owed, 700);
        Market::set_bond(&ANNE, 200);
        assert_ok!(collect(&ANNE, &MIKE));
        assert_ok!(deposit(&ANNE, 500));
        assert_ok!(collect(&ANNE, &MIKE));
        assert_eq!((earned(&MIKE), Settlement::solvency(ANNE).owed), (1_000 - 15 - 10 - 25, 0));
    });
}

#[test]
fn escrow_pays_while_slashes_keep_the_stake() {
    indebted(|| {
        assert_ok!(deposit(&ANNE, 400));
        Market::run_to(4 + GRACE_ERAS);
        Market::delay(&ANNE, 1);
        events();
        assert_ok!(collect(&ANNE, &MIKE));
        assert_eq!(events(), [paid(400, 0, 20)]);
        assert!(!Market::is_chilled(&ANNE));
        assert_ok!(collect(&ANNE, &MIKE));
        assert_eq!(events(), [paid(0, 600, 30)]);
    });
}

#[test]
fn calls_that_only_take_slashes_bring_the_stake_nearer() {
    indebted(|| {
        Market::run_to(4 + GRACE_ERAS);
        Market::delay(&ANNE, 2);
        for _ in 0..2 {
            let origin = RuntimeOrigin::signed(BOB);
            let weight = Settlement::collect(origin, ANNE, MIKE).unwrap().actual_weight.unwrap();
            assert_eq!(weight, <Test as Config>::WeightInfo::collect(cuckoo_primitives::registry::MAX_SETTLED));
            assert!(events().is_empty());
        }
        assert_ok!(collect(&ANNE, &MIKE));
        assert_eq!(events(), [paid(0, 1_000, 50)]);
    });
}

#[test]
fn stake_that_can_be_free_soon_covers_no_new_work_but_what_is_claimed_now() {
    ExtBuilder::default().build_and_execute(|| {
        let redeemed_by = REDEEM_ERAS + 1;
        assert_eq!((Settlement::cover(ANNE, MIKE), Settlement::claimable(ANNE, MIKE)), (10_000, 10_000));
        Market::unbond(&ANNE, redeemed_by + 1);
        assert_eq!(Settlement::cover(ANNE, MIKE), 10_000);
        Market::unbond(&ANNE, redeemed_by);
        assert_eq!((Settlement::cover(ANNE, MIKE), Settlement::claimable(ANNE, MIKE)), (0, 10_000));
        assert_ok!(redeem([for_mike(10_001)]));
        assert_eq!(Settlement::solvency(ANNE).owed, 10_000);
        assert_eq!(Settlement::claimable(ANNE, MIKE), 0);
    });
}

#[test]
fn collect_fails_where_nothing_is_owed() {
    indebted(|| {
        assert_noop!(collect(&ANNE, &NORA), Error::<Test>::NoDebt);
        assert_noop!(collect(&CLEO, &MIKE), Error::<Test>::NoDebt);
    });
}

#[test]
fn what_stake_paid_counts_against_the_cover_until_stake_could_have_moved() {
    indebted(|| {
        Market::run_to(4 + GRACE_ERAS);
        assert_ok!(collect(&ANNE, &MIKE));
        // A fifth of the bond as it was, less what was taken.
        let cover = 10_000 - 1_000;
        assert_eq!(Settlement::cover(ANNE, MIKE), cover);
        Market::run_to(4 + GRACE_ERAS + BONDING_ERAS - 1);
        assert_eq!(Settlement::cover(ANNE, MIKE), cover);
        Market::run_to(4 + GRACE_ERAS + BONDING_ERAS);
        assert_eq!(Settlement::cover(ANNE, MIKE), Market::bond(&ANNE) / 5);
    });
}
