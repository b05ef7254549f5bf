use cuckoo_primitives::{Balance, CAI};

use crate::{EraShare, HALF_LIFE_MS};

const BUDGET: Balance = 300_000_000 * CAI;
const HOUR_MS: u64 = 3_600_000;

/// What remains of `budget` after `eras` eras of which each may pay `share`.
fn after(budget: Balance, share: EraShare, eras: u64) -> Balance {
    (0..eras).fold(budget, |remaining, _| remaining - share.of(remaining))
}

/// Each era leaves less than a planck too much (its share is rounded down), and all errors of the share together come to
/// less than a planck, either way.
fn assert_within_rounding(remaining: Balance, exact: Balance, eras: u64) {
    assert!(remaining + 1 >= exact, "{remaining} is too little beside {exact}");
    assert!(remaining <= exact + Balance::from(eras) + 1, "{remaining} is too much beside {exact}");
}

#[test]
fn half_is_left_after_four_years_whatever_the_length_of_eras() {
    for era_ms in [30_000, HOUR_MS, 24 * HOUR_MS] {
        let eras = HALF_LIFE_MS / era_ms;
        assert_eq!(eras * era_ms, HALF_LIFE_MS);
        let left = after(BUDGET, EraShare::of_era(era_ms), eras);
        assert_within_rounding(left, BUDGET / 2, eras);
    }
}

#[test]
fn an_eighth_is_left_after_twelve_years() {
    let eras = 3 * HALF_LIFE_MS / HOUR_MS;
    assert_within_rounding(after(BUDGET, EraShare::of_era(HOUR_MS), eras), BUDGET / 8, eras);
}

#[test]
fn the_share_of_a_day_is_exact() {
    // 1 - 2^(-1/1461) of 300,000,000 CAI, to the planck.
    assert_eq!(EraShare::of_era(24 * HOUR_MS).of(BUDGET), DAY_OF_MINING);
}

/// Worked out with 80 digits.
const DAY_OF_MINING: Balance = 142_296_258_824_875_557_609_732;

#[test]
fn long_eras_pay_all_but_the_halves_that_are_left() {
    assert_eq!(EraShare::of_era(HALF_LIFE_MS).of(BUDGET), BUDGET / 2);
    assert_eq!(EraShare::of_era(3 * HALF_LIFE_MS).of(BUDGET), BUDGET / 8 * 7);
    assert_eq!(EraShare::of_era(u64::MAX).of(BUDGET), BUDGET);
    assert_eq!(EraShare::of_era(0).of(BUDGET), 0);
}

#[test]
fn longer_eras_pay_more_and_never_more_than_is_left() {
    let mut before = 0;
    for exponent in 0..63 {
        let share = EraShare::of_era(1 << exponent);
        assert!(share.of(BUDGET) >= before);
        before = share.of(BUDGET);
        assert!(before <= BUDGET);
        assert_eq!(share.of(0), 0);
        assert!(share.of(Balance::MAX) >= before);
    }
}
