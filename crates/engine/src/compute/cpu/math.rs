//! Functions of our own, so that results do not depend on a system's library: additions, multiplications and fused steps
//! alone, without branches that would keep the compiler from computing several at once.

/// `1 / ln 2`.
const LOG2_E: f32 = std::f32::consts::LOG2_E;
/// `ln 2` in two parts: multiples of the first, which has few bits, are exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// Adding and subtracting it rounds to a whole number, which then is in the lowest bits.
const ROUNDER: f32 = 12_582_912.0;
/// Beyond these results would be no normal numbers.
const EXP_RANGE: (f32, f32) = (-87.0, 88.0);

/// e to the power of `x`, which counts as -87 below that and as 88 above; within two units of the last place.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let x = x.clamp(EXP_RANGE.0, EXP_RANGE.1);
    let shifted = x.mul_add(LOG2_E, ROUNDER);
    let whole = shifted - ROUNDER;
    let rest = (-whole).mul_add(LN_2_HIGH, x);
    let rest = (-whole).mul_add(LN_2_LOW, rest);
    // The series of e^x; beyond |x| = ln(2) / 2 nothing is left to it.
    let mut sum = 1.0 / 5040.0;
    for factor in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = rest.mul_add(sum, factor);
    }
    let exponent = shifted.to_bits().wrapping_sub(ROUNDER.to_bits()).wrapping_add(127);
    sum * f32::from_bits(exponent << 23)
}

/// `x / (1 + exp(-x))`.
#[inline(always)]
pub(super) fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

/// `x` times the probability that a normal number is below it.
#[inline(always)]
pub(super) fn gelu(x: f32) -> f32 {
    let distance = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let near = 0.5 + 0.5 * erf_near(distance).copysign(x);
    let tail = 0.5 * erfc_far(distance);
    let far = if x < 0.0 { tail } else { 1.0 - tail };
    x * if distance < 1.0 { near } else { far }
}

/// The error function for 0 to 1: its series at 0.
#[inline(always)]
fn erf_near(x: f32) -> f32 {
    const SERIES: [f32; 11] = [
        std::f32::consts::FRAC_2_SQRT_PI,
        -0.376_126_4,
        0.112_837_92,
        -0.026_866_17,
        0.005_223_977_6,
        -8.548_327e-4,
        1.205_533_3e-4,
        -1.492_565e-5,
        1.646_211_4e-6,
        -1.636_584_4e-7,
        1.480_719_3e-8,
    ];
    let square = x * x;
    x * SERIES.into_iter().rev().fold(0.0, |sum: f32, factor| sum.mul_add(square, factor))
}

/// One less the error function for 1 and more: `exp(-x^2)` times a polynomial in `1 / (1 + x / 2)`, fitted to 1e-8 at
/// Chebyshev's points up to where the result vanishes.
#[inline(always)]
fn erfc_far(x: f32) -> f32 {
    const FITTED: [f32; 9] = [
        -8.019_529e-6,
        0.282_291_7,
        0.280_069,
        0.258_060_87,
        0.140_989_38,
        0.140_804_44,
        -0.019_746_807,
        -0.153_537_5,
        0.071_438_42,
    ];
    let place = 1.0 / x.mul_add(0.5, 1.0);
    let polynomial = FITTED.into_iter().rev().fold(0.0, |sum: f32, factor| sum.mul_add(place, factor));
    // What rounding takes from the square matters to its exponential.
    let square = x * x;
    let lost = x.mul_add(x, -square);
    exp(-square) * (1.0 - lost) * polynomial
}

/// Cosine and sine of an angle in radians, up to a few millions.
pub(super) fn cos_sin(angle: f64) -> (f32, f32) {
    use std::f64::consts::FRAC_PI_2;
    /// What `FRAC_PI_2` lacks of a quarter turn.
    const FRAC_PI_2_REST: f64 = 6.123_233_995_736_766e-17;
    let quarters = (angle / FRAC_PI_2).round_ties_even();
    let rest = (-quarters).mul_add(FRAC_PI_2, angle);
    let rest = (-quarters).mul_add(FRAC_PI_2_REST, rest);
    let square = rest * rest;
    // The series, with 1 / (n * (n + 1)) for each step.
    let series = |first: f64| {
        (0..9).rev().fold(1.0, |sum: f64, step| {
            let n = first + 2.0 * f64::from(step);
            (-square / (n * (n + 1.0))).mul_add(sum, 1.0)
        })
    };
    let (cos, sin) = (series(1.0), rest * series(2.0));
    let (cos, sin) = match quarters.rem_euclid(4.0) {
        0.0 => (cos, sin),
        1.0 => (-sin, cos),
        2.0 => (-cos, -sin),
        _ => (sin, -cos),
    };
    (cos as f32, sin as f32)
}

/// Sums sixteen numbers, halves onto halves.
#[inline(always)]
pub(super) fn sum_lanes(lanes: [f32; 16]) -> f32 {
    let eight: [f32; 8] = std::array::from_fn(|lane| lanes[lane] + lanes[lane + 8]);
    let four: [f32; 4] = std::array::from_fn(|lane| eight[lane] + eight[lane + 4]);
    (four[0] + four[2]) + (four[1] + four[3])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ulps(value: f32, exact: f64) -> f64 {
        let rounded = exact as f32;
        let unit = f64::from(f32::from_bits(rounded.abs().to_bits() + 1)) - f64::from(rounded.abs());
        (f64::from(value) - exact).abs() / unit
    }

    #[test]
    fn exp_is_within_two_units_of_the_last_place() {
        let mut worst = 0f64;
        for step in 0..=1_750_000 {
            let x = -87.0 + step as f32 * 1e-4;
            worst = worst.max(ulps(exp(x), f64::from(x.min(88.0)).exp()));
        }
        assert!(worst < 2.0, "{worst}");
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-1e30), exp(-87.0));
        assert_eq!(exp(f32::INFINITY), exp(88.0));
        assert!(exp(f32::NAN).is_nan());
    }

    /// Values of x / 2 * (1 + erf(x / sqrt 2)).
    const GELU: [(f32, f64); 18] = [
        (-6.0, -5.919525870226207e-09),
        (-4.0, -0.00012668496733247986),
        (-3.0, -0.004049694094890287),
        (-2.0, -0.04550026389635844),
        (-1.5, -0.10021080190328713),
        (-1.4, -0.11305932599958403),
        (-1.0, -0.15865525393145707),
        (-0.5, -0.15426876936299344),
        (-0.1, -0.04601721689885652),
        (0.001, 0.0005003989660005341),
        (0.1, 0.0539827845912596),
        (0.5, 0.34573123063700656),
        (1.0, 0.8413447460685429),
        (1.4, 1.286940650158558),
        (1.5, 1.399789198096713),
        (2.0, 1.9544997361036416),
        (3.0, 2.99595030590511),
        (5.0, 4.99999856674214),
    ];

    #[test]
    fn gelu_is_exact_to_six_digits_and_more_near_zero() {
        for (x, exact) in GELU {
            // Rounding the argument of the exponential matters more the larger it is.
            let allowed = 2e-7 * (1.0 + f64::from(x * x) / 4.0) * exact.abs();
            assert!((f64::from(gelu(x)) - exact).abs() <= allowed, "{x}: {} {exact}", gelu(x));
        }
        assert_eq!(gelu(0.0), 0.0);
        assert_eq!(gelu(30.0), 30.0);
        assert!(gelu(-30.0).abs() < 1e-30);
    }

    #[test]
    fn gelu_has_no_step_where_its_forms_meet() {
        let border = std::f32::consts::SQRT_2;
        let (below, above) = (f32::from_bits(border.to_bits() - 2), f32::from_bits(border.to_bits() + 2));
        assert!((gelu(below) - gelu(above)).abs() < 1e-6);
        assert!((gelu(-below) - gelu(-above)).abs() < 1e-6);
    }

    #[test]
    fn silu_is_what_its_formula_says() {
        for step in -2000..2000 {
            let x = step as f32 * 0.01;
            let exact = f64::from(x) / (1.0 + (-f64::from(x)).exp());
            assert!((f64::from(silu(x)) - exact).abs() <= 3e-7 * exact.abs(), "{x}");
        }
        assert!(silu(-1e9).abs() < 1e-20 && silu(1e9) == 1e9);
    }

    #[test]
    fn turns_are_exact_for_a_million_positions() {
        for position in (0..1_000_000u32).step_by(997).chain([0, 1, 999_999]) {
            for frequency in [1.0f32, 0.749_894_2, 0.01, 1.0e-4] {
                let angle = f64::from(position) * f64::from(frequency);
                let (cos, sin) = cos_sin(angle);
                assert!((f64::from(cos) - angle.cos()).abs() < 6e-8 && (f64::from(sin) - angle.sin()).abs() < 6e-8);
            }
        }
    }
}
