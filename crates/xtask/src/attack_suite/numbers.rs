//! Floating point numbers of sixteen bits, and random ones.

use rand_chacha::{rand_core::RngCore, ChaCha8Rng};

/// The nearest number of sixteen bits; what is too small for its least normal one becomes 0.
pub(super) fn half(number: f32) -> u16 {
    let bits = number.to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    // Half of what is cut off is added first, so that it is rounded.
    let rounded = (bits & 0x7fff_ffff) + 0x1000;
    match (rounded >> 23).checked_sub(112) {
        None | Some(0) => sign,
        Some(exponent) if exponent > 30 => sign | 0x7bff,
        Some(exponent) => sign | (exponent << 10) as u16 | (rounded >> 13) as u16 & 0x3ff,
    }
}

/// The number that sixteen bits stand for.
pub(super) fn of_half(bits: u16) -> f32 {
    let fraction = f32::from(bits & 0x3ff) / 1024.0;
    let exponent = i32::from(bits >> 10 & 0x1f);
    let size = if exponent == 0 { fraction * 2f32.powi(-14) } else { (1.0 + fraction) * 2f32.powi(exponent - 15) };
    if bits & 0x8000 == 0 {
        size
    } else {
        -size
    }
}

/// From -1 to 1.
pub(super) fn uniform(random: &mut ChaCha8Rng) -> f32 {
    f32::from(random.next_u32() as u16) / 32_767.5 - 1.0
}

/// Of the standard normal distribution, but for its ends: the sum of twelve uniform numbers.
pub(super) fn normal(random: &mut ChaCha8Rng) -> f32 {
    (0..12).map(|_| uniform(random) / 2.0).sum()
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn halves_are_read_as_they_were_written() {
        for number in [0.0, 1.0, -2.0, 0.5, 1.5, 6.25e-5, 65_504.0, -0.333] {
            assert!((of_half(half(number)) - number).abs() <= number.abs() / 2_048.0, "{number}");
        }
        assert_eq!((half(1.0), half(-2.0), half(1e9), half(1e-9)), (0x3c00, 0xc000, 0x7bff, 0));
    }

    #[test]
    fn normal_numbers_have_mean_0_and_deviation_1() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let numbers: Vec<f32> = (0..20_000).map(|_| normal(&mut random)).collect();
        let mean = numbers.iter().sum::<f32>() / 20_000.0;
        let square = numbers.iter().map(|number| number * number).sum::<f32>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (square - 1.0).abs() < 0.05, "{mean} {square}");
    }
}
