//! Logarithm and exponential of fixed-point numbers, by tables that are computed in integers when this is compiled.

/// Steps into which a table divides an octave.
const STEPS: usize = 1 << STEP_BITS;
const STEP_BITS: u32 = 10;
/// ln 2 in 2^-32.
pub(crate) const LN_2: i64 = 2_977_044_472;
/// 1 / ln 2 in 2^-32.
const LOG2_E: u128 = 6_196_328_019;

/// log2(1 + step / STEPS) in 2^-32.
static LOG2: [u64; STEPS + 1] = log2_table();
/// 2^(-step / STEPS) in 2^-32.
static EXP2: [u64; STEPS + 1] = exp2_table();

/// log2 of a number from 1 on, in 2^-32; off by less than 2^-21.
pub(crate) fn log2(number: u128) -> i64 {
    let whole = number.max(1).ilog2();
    // The number with its highest bit at 63.
    let scaled = match whole.checked_sub(63) {
        Some(above) => number.wrapping_shr(above) as u64,
        None => (number as u64).wrapping_shl(63u32.wrapping_sub(whole)),
    };
    let rest = scaled & !(1 << 63);
    let fraction = between(&LOG2, rest.wrapping_shr(31));
    i64::from(whole).wrapping_shl(32).saturating_add(fraction as i64)
}

/// Natural logarithm of a number from 1 on, in 2^-32.
pub(crate) fn ln(number: u128) -> i64 {
    // log2 is below 2^39, so the product is below 2^71.
    (i128::from(log2(number)).saturating_mul(LN_2.into())).wrapping_shr(32) as i64
}

/// e^-x in 2^-32 for an `x` in 2^-16.
pub(crate) fn exp_minus(x: u64) -> u64 {
    let octaves = u128::from(x).saturating_mul(LOG2_E).wrapping_shr(16);
    let whole = (octaves.wrapping_shr(32)).min(63) as u32;
    let fraction = octaves as u64 & u64::from(u32::MAX);
    between(&EXP2, fraction).wrapping_shr(whole)
}

/// The value at `fraction` of a table's octave, in 2^-32, on the straight line between its neighbours.
fn between(table: &[u64; STEPS + 1], fraction: u64) -> u64 {
    const REST_BITS: u32 = 32 - STEP_BITS;
    let step = (fraction.wrapping_shr(REST_BITS) as usize).min(STEPS.saturating_sub(1));
    let rest = (fraction & ((1 << REST_BITS) - 1)) as i64;
    let at = |step: usize| table.get(step).copied().unwrap_or_default() as i64;
    let (low, high) = (at(step), at(step.saturating_add(1)));
    // Neighbours are less than 2^23 apart.
    let part = high.saturating_sub(low).saturating_mul(rest).wrapping_shr(REST_BITS);
    low.saturating_add(part) as u64
}

// What the compiler computes cannot go wrong later.
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
const fn log2_table() -> [u64; STEPS + 1] {
    let mut table = [0; STEPS + 1];
    let mut step = 0;
    while step < STEPS {
        // In 2^-62, from 1 to below 2: squaring it doubles the logarithm, whose next bit says whether it passed 2.
        let mut number = ((STEPS + step) as u128) << (62 - STEP_BITS);
        let (mut bits, mut bit) = (0u64, 0);
        // Two bits more than are kept, to round.
        while bit < 34 {
            number = (number * number) >> 62;
            bits <<= 1;
            if number >= 1 << 63 {
                number >>= 1;
                bits |= 1;
            }
            bit += 1;
        }
        table[step] = (bits + 2) >> 2;
        step += 1;
    }
    table[STEPS] = 1 << 32;
    table
}

#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
const fn exp2_table() -> [u64; STEPS + 1] {
    // 2^(-1 / 2^bit) in 2^-62, by roots.
    let mut roots = [0u128; STEP_BITS as usize];
    let (mut bit, mut root) = (0, 1u128 << 61);
    while bit < roots.len() {
        root = (root << 62).isqrt();
        roots[bit] = root;
        bit += 1;
    }
    let mut table = [0; STEPS + 1];
    let mut step = 0;
    while step < STEPS {
        let (mut value, mut bit) = (1u128 << 62, 0);
        while bit < roots.len() {
            if step >> (roots.len() - 1 - bit) & 1 == 1 {
                value = (value * roots[bit]) >> 62;
            }
            bit += 1;
        }
        table[step] = ((value + (1 << 29)) >> 30) as u64;
        step += 1;
    }
    table[STEPS] = 1 << 31;
    table
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UNIT: f64 = (1u64 << 32) as f64;

    #[test]
    fn constants_are_rounded() {
        assert_eq!(LN_2, (std::f64::consts::LN_2 * UNIT).round() as i64);
        assert_eq!(LOG2_E, (std::f64::consts::LOG2_E * UNIT).round() as u128);
    }

    #[test]
    fn tables_are_right_to_the_last_bit() {
        for step in 0..=STEPS {
            let part = step as f64 / STEPS as f64;
            assert!(LOG2[step].abs_diff(((1.0 + part).log2() * UNIT).round() as u64) <= 1, "{step}");
            assert!(EXP2[step].abs_diff(((-part).exp2() * UNIT).round() as u64) <= 1, "{step}");
        }
    }

    #[test]
    fn powers_of_two_are_exact() {
        for bit in 0..128 {
            assert_eq!(log2(1 << bit), bit << 32);
        }
        assert_eq!(exp_minus(0), 1 << 32);
        assert_eq!(exp_minus(u64::MAX), 0);
    }

    proptest! {
        #[test]
        fn the_logarithm_is_close(number in 1u128.., shift in 0u32..127) {
            let number = (number >> shift).max(1);
            let exact = (number as f64).log2();
            prop_assert!((log2(number) as f64 / UNIT - exact).abs() < 4.8e-7);
            prop_assert!((ln(number) as f64 / UNIT - (number as f64).ln()).abs() < 4.8e-7);
        }

        #[test]
        fn the_exponential_is_close(x in 0u64..(22 << 16)) {
            let exact = (-(x as f64) / 65_536.0).exp();
            let error = (exp_minus(x) as f64 / UNIT - exact).abs();
            prop_assert!(error < exact * 1e-6 + 1.0 / UNIT, "{x}: {error}");
        }

        #[test]
        fn what_is_larger_has_the_larger_logarithm(one in 1u128.., other in 1u128.., shift in 0u32..127) {
            let (one, other) = ((one >> shift).max(1), (other >> shift).max(1));
            prop_assert_eq!(log2(one.min(other)) <= log2(one.max(other)), true);
            let (one, other) = (one as u64, other as u64);
            prop_assert_eq!(exp_minus(one.min(other)) >= exp_minus(one.max(other)), true);
        }
    }
}
