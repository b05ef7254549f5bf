//! An exponential function of our own.

/// Below this the result is 0: what is that unlikely beside the likeliest token adds nothing to a sum.
const LOWEST: f32 = -86.0;
/// Adding and taking off this rounds an `f32` to a whole number, which the low bits of the sum hold.
const ROUNDER: f32 = 12_582_912.0;
/// ln 2 in two parts; the first has few enough bits that whole numbers up to 127 times it are exact.
const LN_2_HIGH: f32 = 355.0 / 512.0;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// `e^x` for `x` of at most 0, to a relative error of 2e-7; 0 for what is not above [`LOWEST`], infinity below included.
///
/// Of sums and products in a fixed order alone, so that it gives the same bits on every processor, which the system's
/// does not promise; and without a branch, so that the compiler computes many at once.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let clamped = if x > LOWEST { x } else { LOWEST };
    let rounded = clamped * std::f32::consts::LOG2_E + ROUNDER;
    let whole = rounded - ROUNDER;
    let rest = clamped - whole * LN_2_HIGH - whole * LN_2_LOW;
    // The series; `rest` is at most ln 2 / 2 either way, so what is left out is below 2^-27.
    let mut series = 1.0 / 5040.0;
    for term in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        series = series * rest + term;
    }
    let exponent = rounded.to_bits().wrapping_sub(ROUNDER.to_bits()).wrapping_add(127);
    let value = series * f32::from_bits(exponent << 23);
    if x > LOWEST {
        value
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_exponential_function() {
        for step in 0..860_000 {
            let x = -(step as f32) / 10_000.0;
            let expected = f64::from(x).exp();
            let error = (f64::from(exp(x)) - expected).abs() / expected;
            assert!(error < 2e-7, "{x}: {error}");
        }
        assert_eq!(exp(0.0), 1.0);
    }

    #[test]
    fn what_is_too_small_is_nothing() {
        for x in [-86.0, -1e30, f32::MIN, f32::NEG_INFINITY] {
            assert_eq!(exp(x), 0.0);
        }
        assert!(exp(-85.9) > 0.0);
    }

    #[test]
    fn its_bits_are_fixed() {
        let bits = [-0.1f32, -1.0, -7.25, -60.5].map(|x| exp(x).to_bits());
        assert_eq!(bits, [1_063_756_653, 1_052_531_378, 976_890_623, 332_555_488]);
    }
}
