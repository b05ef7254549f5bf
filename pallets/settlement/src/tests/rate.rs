use cuckoo_primitives::{registry, AccountId, EraIndex};
use frame_support::{
    assert_noop, assert_ok,
    traits::{OnRuntimeUpgrade, StorageVersion},
};
use sp_runtime::Perbill;

use crate::{
    migrations::{v1, MigrateV1ToV2},
    mock::*,
    *,
};

fn rate(key: u8, ratings: &[(AccountId, u32)]) -> frame_support::dispatch::DispatchResult {
    let ratings: Vec<_> = ratings.iter().map(|(miner, percent)| (miner.clone(), percents(*percent))).collect();
    dispatch(&operator(key), Call::rate { ratings: ratings.try_into().unwrap() })
}

fn percents(percents: u32) -> Perbill {
    Perbill::from_percent(percents)
}

fn settled_work(era: EraIndex) -> (u128, u128) {
    <Settlement as registry::Work<_>>::settled(&MIKE, era)
}

fn quality(miner: &AccountId, era: EraIndex) -> Perbill {
    Settlement::quality(miner.clone(), era)
}

#[test]
fn a_rating_counts_for_what_its_coordinator_pays_from_then_on() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deposit(&ANNE, 10_000));
        assert_ok!(deposit(&CLEO, 10_000));
        assert_ok!(redeem([for_mike(600)]));
        assert_eq!(quality(&MIKE, 0), Perbill::one());
        assert_ok!(rate(ANNES_KEY, &[(MIKE, 25), (NORA, 0)]));
        let rated = |miner, quality| Event::Rated { coordinator: ANNE, miner, quality };
        assert!(events().ends_with(&[rated(MIKE, percents(25)), rated(NORA, percents(0))]));

        // Miners are paid as before, and their work counts as before.
        let before = (earned(&MIKE), earned(&NORA));
        assert_ok!(redeem([
            for_mike(1_000),
            signed_by(CLEOS_KEY, voucher(&CLEO, &MIKE, FIRST, 1_000)),
            signed_by(ANNES_KEY, voucher(&ANNE, &NORA, FIRST, 1_000)),
        ]));
        assert_eq!((earned(&MIKE) - before.0, earned(&NORA) - before.1), (1_330, 950));
        assert_eq!(settled_work(0), (2_000, 3_000));
        // Of 2,000, three quarters of the 400 that Anne paid after it are taken off.
        assert_eq!((quality(&MIKE, 0), quality(&NORA, 0)), (percents(85), percents(0)));
        assert_eq!(<Settlement as registry::Work<_>>::quality(&MIKE, 0), percents(85));

        // The next era begins anew, and by what Anne thinks now.
        Market::run_to(1);
        assert_eq!(quality(&MIKE, 1), Perbill::one());
        assert_ok!(rate(ANNES_KEY, &[(MIKE, 50)]));
        assert_ok!(redeem([for_mike(1_200)]));
        assert_eq!((quality(&MIKE, 0), quality(&MIKE, 1)), (percents(85), percents(50)));
    });
}

#[test]
fn what_is_found_good_again_leaves_no_record() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(rate(ANNES_KEY, &[(MIKE, 40)]));
        assert_eq!(Settlement::rating(ANNE, MIKE), percents(40));
        assert_eq!(Settlement::rating(CLEO, MIKE), Perbill::one());
        assert_ok!(rate(ANNES_KEY, &[(MIKE, 100)]));
        assert_eq!((Settlement::rating(ANNE, MIKE), RatingOf::<Test>::iter().count()), (Perbill::one(), 0));
    });
}

#[test]
fn a_debt_is_of_the_quality_that_its_coordinator_finds_when_it_is_paid() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(rate(ANNES_KEY, &[(MIKE, 40)]));
        assert_ok!(redeem([for_mike(600)]));
        Market::run_to(GRACE_ERAS);
        assert_ok!(collect(&ANNE, &MIKE));
        assert_eq!(quality(&MIKE, GRACE_ERAS), percents(40));
    });
}

#[test]
fn quality_is_rounded_down() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deposit(&ANNE, 10_000));
        assert_ok!(rate(ANNES_KEY, &[(MIKE, 99)]));
        assert_ok!(redeem([for_mike(101)]));
        // Of 101 one percent is 1.01, and 2 are taken off.
        assert_eq!(quality(&MIKE, 0), Perbill::from_rational(99u32, 101));
        assert!(quality(&MIKE, 0) < percents(99));
    });
}

#[test]
fn rate_fails_if_not_by_a_coordinators_operator() {
    ExtBuilder::default().build_and_execute(|| {
        let call = || Call::rate { ratings: vec![(MIKE, Perbill::zero())].try_into().unwrap() };
        // Neither the stash nor anybody else.
        for who in [ANNE, MIKE, BOB, operator(7)] {
            assert_noop!(dispatch(&who, call()), Error::<Test>::NotAnOperator);
        }
        Market::employ(110, &MIKE);
        assert_noop!(rate(110, &[(MIKE, 0)]), Error::<Test>::NotAnOperator);
        Market::retire(ANNES_KEY);
        Market::run_to(1);
        assert_noop!(rate(ANNES_KEY, &[(MIKE, 0)]), Error::<Test>::NotAnOperator);
        Market::deregister(&CLEO);
        assert_noop!(rate(CLEOS_KEY, &[(MIKE, 0)]), Error::<Test>::NotAnOperator);
    });
}

#[test]
fn rate_fails_if_of_nobody_or_of_one_who_is_no_miner() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(rate(ANNES_KEY, &[]), Error::<Test>::NoRatings);
        assert_noop!(rate(ANNES_KEY, &[(MIKE, 0), (CLEO, 0)]), Error::<Test>::NotAMiner);
        assert_ok!(rate(ANNES_KEY, &[(MIKE, 0)]));
        Market::deregister(&MIKE);
        assert_noop!(rate(ANNES_KEY, &[(MIKE, 1)]), Error::<Test>::NotAMiner);
        assert_ok!(rate(ANNES_KEY, &[(MIKE, 100)]));
        assert_eq!(RatingOf::<Test>::iter().count(), 0);
    });
}

#[test]
fn work_of_version_1_was_good() {
    ExtBuilder::default().build_and_execute(|| {
        StorageVersion::new(1).put::<Settlement>();
        let mut works = EraSums::default();
        works.add(0, 300);
        works.add(2, 500);
        v1::WorkOf::<Test>::insert(MIKE, &works);
        WorkIn::<Test>::put(works);
        MigrateV1ToV2::<Test>::on_runtime_upgrade();
        assert_eq!(StorageVersion::get::<Settlement>(), 2);
        assert_eq!((settled_work(0), settled_work(2)), ((300, 300), (500, 500)));
        assert_eq!((quality(&MIKE, 0), quality(&MIKE, 1)), (Perbill::one(), Perbill::one()));
    });
}
