//! The noise that makes a choice a draw.

use blake2::{digest::consts::U32, Blake2b, Digest};

use crate::fixed::{ln, LN_2};

const DOMAIN: &[u8] = b"cuckoo/noise/v1";

/// The noise of all tokens at one position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noise {
    keys: [u64; 2],
}

impl Noise {
    /// Of the completion with this seed at `position`, counted from its first token.
    pub fn new(seed: &[u8; 32], position: u32) -> Self {
        let digest: [u8; 32] = Blake2b::<U32>::new()
            .chain_update(DOMAIN)
            .chain_update(seed)
            .chain_update(position.to_le_bytes())
            .finalize()
            .into();
        let mut keys = [0; 2];
        for (key, bytes) in keys.iter_mut().zip(digest.as_chunks::<8>().0) {
            *key = u64::from_le_bytes(*bytes);
        }
        Self { keys }
    }

    /// The noise of a token in 2^-16: of the standard Gumbel distribution, from -3.9 to 45.1.
    pub fn gumbel(&self, token: u32) -> i64 {
        gumbel_of(self.uniform(token))
    }

    /// 64 bits that look random.
    fn uniform(&self, token: u32) -> u64 {
        let [one, other] = self.keys;
        mix(mix(u64::from(token).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ one) ^ other)
    }
}

/// The last step of SplitMix64 (Steele, Lea, Flood, 2014), variant 13 of D. Stafford's mixers.
fn mix(mut word: u64) -> u64 {
    word = (word ^ word.wrapping_shr(30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word.wrapping_shr(27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word.wrapping_shr(31)
}

/// -ln(-ln(1 - v)) in 2^-16, where v = (uniform + 1/2) / 2^64.
fn gumbel_of(uniform: u64) -> i64 {
    /// Binary digits of `v`.
    const DIGITS: u32 = 65;
    let v = u128::from(uniform).wrapping_shl(1) | 1;
    // What -ln(1 - v) is, and with how many binary digits behind the point.
    let (exponential, digits) = if v < 1 << (DIGITS - 4) {
        // The series, since of a small number the table knows few digits: v + v^2/2 + v^3/3 + ...
        let times_v = |number: u128| number.saturating_mul(v).wrapping_shr(DIGITS);
        let (mut sum, mut power) = (v, v);
        for divisor in 2..=7 {
            power = times_v(power);
            sum = sum.saturating_add(power.checked_div(divisor).unwrap_or(0));
        }
        (sum, i64::from(DIGITS))
    } else {
        let rest = (1u128 << DIGITS).saturating_sub(v);
        let octaves = i64::from(DIGITS).saturating_mul(LN_2);
        (octaves.saturating_sub(ln(rest)) as u128, 32)
    };
    let logarithm = ln(exponential).saturating_sub(digits.saturating_mul(LN_2));
    // Rounded to the nearest.
    logarithm.saturating_neg().saturating_add(1 << 15).wrapping_shr(16)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exact(uniform: u64) -> f64 {
        let v = (uniform as f64 + 0.5) / 2f64.powi(64);
        -(-(-v).ln_1p()).ln()
    }

    #[test]
    fn the_ends_are_finite() {
        assert_eq!(gumbel_of(0), (exact(0) * 65_536.0).round() as i64);
        let last = -((65.0 * std::f64::consts::LN_2).ln());
        assert_eq!(gumbel_of(u64::MAX), (last * 65_536.0).round() as i64);
    }

    #[test]
    fn positions_and_seeds_and_tokens_have_noise_of_their_own() {
        let noise = |seed: u8, position, token| Noise::new(&[seed; 32], position).uniform(token);
        let all = [noise(1, 0, 0), noise(1, 0, 1), noise(1, 1, 0), noise(2, 0, 0), noise(1, 256, 0)];
        for (index, one) in all.iter().enumerate() {
            assert!(all[..index].iter().all(|other| (one ^ other).count_ones() > 10));
        }
    }

    #[test]
    fn its_values_are_fixed() {
        let noise = Noise::new(&[7; 32], 3);
        assert_eq!([0, 1, 49_151, u32::MAX].map(|token| noise.gumbel(token)), GOLDEN);
    }

    const GOLDEN: [i64; 4] = [41_177, 2_264, 25_900, 151_291];

    #[test]
    fn a_million_values_are_of_the_gumbel_distribution() {
        // Kolmogorov and Smirnov: the greatest distance of a million true draws is above 0.00195 once in a thousand times.
        const DRAWS: usize = 1_000_000;
        let mut values: Vec<f64> = (0..DRAWS as u32 / 1_000)
            .flat_map(|position| {
                let noise = Noise::new(&[9; 32], position);
                (0..1_000).map(move |token| noise.gumbel(token) as f64 / 65_536.0)
            })
            .collect();
        values.sort_by(f64::total_cmp);
        let distance = values.iter().enumerate().map(|(index, value)| {
            let share = (-(-value).exp()).exp();
            (share - index as f64 / DRAWS as f64).abs().max(((index + 1) as f64 / DRAWS as f64 - share).abs())
        });
        let greatest = distance.fold(0.0, f64::max);
        assert!(greatest < 0.00195, "{greatest}");
    }

    proptest! {
        #[test]
        fn it_is_the_gumbel_quantile(uniform: u64, shift in 0u32..64, from_above: bool) {
            let small = uniform >> shift;
            let uniform = if from_above { u64::MAX - small } else { small };
            // Near one a float has fewer digits than we.
            prop_assume!(uniform < u64::MAX - (1 << 40));
            let error = (gumbel_of(uniform) as f64 / 65_536.0 - exact(uniform)).abs();
            prop_assert!(error < 2e-5, "{uniform}: {error}");
        }
    }
}
