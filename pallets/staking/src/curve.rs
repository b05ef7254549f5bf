//! How much of what is left of a budget an era may pay.

use cuckoo_primitives::Balance;
use sp_runtime::{helpers_128bit::multiply_by_rational_with_rounding, Rounding};

/// Half of what is left of a budget is paid in this time: four years of 365.25 days, in milliseconds.
pub const HALF_LIFE_MS: u64 = 126_230_400_000;

/// One, in the fixed-point numbers of this file: they are multiples of 2^-127.
const ONE: u128 = 1 << 127;
/// The natural logarithm of 2, rounded down.
const LN_2: u128 = 0x58b9_0bfb_e8e7_bcd5_e4f1_d9cc_01f9_7b57;
/// The series below has no more than 34 terms that are not zero, as its argument is below 0.7.
const MAX_TERMS: u128 = 40;

/// The part of what is left of a budget that an era may pay: `1 - 2^(-era / half-life)`.
///
/// It is worked out anew for each era: for eras of a day that takes ten multiplications, less than reading it from
/// storage. Its error is below 2^-120, so that over all eras of four years, be they as short as a second, it moves less
/// than one part in 10^28: under a planck of the budgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EraShare(u128);

impl EraShare {
    /// The share of an era of `era_ms` milliseconds.
    pub fn of_era(era_ms: u64) -> Self {
        let halvings = era_ms.checked_div(HALF_LIFE_MS).unwrap_or(0);
        let rest = era_ms.checked_rem(HALF_LIFE_MS).unwrap_or(0);
        let kept =
            u32::try_from(halvings).ok().and_then(|halvings| kept_after(rest).checked_shr(halvings)).unwrap_or(0);
        Self(ONE.saturating_sub(kept))
    }

    /// The share of `remaining` planck, rounded down.
    pub fn of(self, remaining: Balance) -> Balance {
        product(remaining, self.0)
    }
}

/// `2^(-time / half-life)` for a `time_ms` below the half-life: the series of `e^-y` with `y = ln 2 * time / half-life`.
/// Every term is rounded down, which costs at most a few units each.
fn kept_after(time_ms: u64) -> u128 {
    let y = scaled(LN_2, time_ms.into(), HALF_LIFE_MS.into());
    let (mut plus, mut minus) = (ONE, 0u128);
    let mut term = ONE;
    for n in 1..=MAX_TERMS {
        term = product(term, y).checked_div(n).unwrap_or(0);
        if term == 0 {
            break;
        }
        let side = if n & 1 == 1 { &mut minus } else { &mut plus };
        *side = side.saturating_add(term);
    }
    plus.saturating_sub(minus)
}

/// `a` times the fixed-point number `b`, rounded down.
fn product(a: u128, b: u128) -> u128 {
    scaled(a, b, ONE)
}

/// `a * b / c`, rounded down. Here `b` is never above `c`, so that it fits.
fn scaled(a: u128, b: u128, c: u128) -> u128 {
    multiply_by_rational_with_rounding(a, b, c, Rounding::Down).unwrap_or(a)
}
