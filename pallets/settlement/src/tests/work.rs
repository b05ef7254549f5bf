use cuckoo_primitives::registry::Work;
use frame_support::assert_ok;

use crate::{mock::*, *};

fn in_era(miner: &cuckoo_primitives::AccountId, era: u32) -> (u128, u128) {
    <Settlement as Work<_>>::settled(miner, era)
}

#[test]
fn work_counts_in_the_era_in_which_it_is_paid() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deposit(&ANNE, 10_000));
        assert_ok!(redeem([for_mike(600), signed_by(ANNES_KEY, voucher(&ANNE, &NORA, FIRST, 400))]));
        Market::run_to(1);
        assert_ok!(redeem([for_mike(700)]));
        assert_eq!((in_era(&MIKE, 0), in_era(&NORA, 0)), ((600, 1_000), (400, 1_000)));
        assert_eq!((in_era(&MIKE, 1), in_era(&NORA, 1)), ((100, 100), (0, 100)));
        assert_eq!(in_era(&MIKE, 2), (0, 0));
    });
}

#[test]
fn a_debt_counts_when_it_is_paid() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(redeem([for_mike(600)]));
        assert_eq!(in_era(&MIKE, 0), (0, 0));
        Market::run_to(GRACE_ERAS);
        assert_ok!(collect(&ANNE, &MIKE));
        assert_eq!(in_era(&MIKE, GRACE_ERAS), (600, 600));
    });
}

#[test]
fn only_registered_miners_have_work() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deposit(&ANNE, 10_000));
        assert_ok!(redeem([signed_by(ANNES_KEY, voucher(&ANNE, &BOB, FIRST, 600))]));
        assert_eq!(in_era(&BOB, 0), (0, 0));
    });
}

#[test]
fn work_of_long_ago_is_forgotten() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deposit(&ANNE, 10_000));
        for era in 0..=ERAS_REMEMBERED {
            Market::run_to(era);
            assert_ok!(redeem([for_mike(100 * u128::from(era + 1))]));
        }
        assert_eq!(in_era(&MIKE, 0), (0, 0));
        assert_eq!(in_era(&MIKE, 1), (100, 100));
    });
}
