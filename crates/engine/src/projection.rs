//! Telling hidden states apart by a few numbers.

use rand_chacha::{
    rand_core::{RngCore, SeedableRng},
    ChaCha8Rng,
};

use crate::api::Projection;

/// Where the signs come from; those of each width are a stream of their own.
const DOMAIN: [u8; 32] = *b"cuckoo/hidden-state-projection/1";
/// The states of every so many-th position are projected.
const EVERY: u32 = 8;
/// One, in the units of a projection.
const ONE: f32 = 256.0;

/// The projection of the hidden state that the token at `position` of a completion is drawn from; `None` if it has none.
pub(crate) fn projection_at(position: u32, hidden: &[f32]) -> Option<Projection> {
    position.is_multiple_of(EVERY).then(|| project(hidden))
}

/// Products with sixteen rows of signs, divided by the root of the length, in 2^-8, rounded, a half to the even number, and
/// cut to sixteen bits.
fn project(hidden: &[f32]) -> Projection {
    let mut signs = ChaCha8Rng::from_seed(DOMAIN);
    signs.set_stream(hidden.len() as u64);
    let mut sums = [0f32; 16];
    // A lane is a row, so that each sum is in the order of the state's numbers, however many rows are computed at once.
    for pair in hidden.chunks(2) {
        let word = signs.next_u32();
        for (number, signs) in pair.iter().zip([word as u16, (word >> 16) as u16]) {
            for (row, sum) in sums.iter_mut().enumerate() {
                let sign = u32::from(signs >> row & 1) << 31;
                *sum += f32::from_bits(number.to_bits() ^ sign);
            }
        }
    }
    let scale = ONE / (hidden.len() as f32).sqrt();
    sums.map(|sum| (sum * scale).round_ties_even() as i16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(width: usize) -> Vec<f32> {
        (0..width).map(|at| ((at * 7_919) % 997) as f32 / 100.0 - 4.98).collect()
    }

    #[test]
    fn projections_are_fixed() {
        // Computed by another implementation.
        let narrow = [-576, 2407, -172, -641, -811, -91, 857, 1890, -117, -176, 171, -391, -1278, -364, -181, -1166];
        assert_eq!(project(&state(64)), narrow);
        let wide = [-425, 1204, -22, 503, -765, -811, -571, 831, 2084, 122, 189, -282, 648, 863, -123, -746];
        assert_eq!(project(&state(577)), wide);
    }

    #[test]
    fn every_eighth_position_has_one() {
        let positions: Vec<u32> = (0..20).filter(|at| projection_at(*at, &state(64)).is_some()).collect();
        assert_eq!(positions, [0, 8, 16]);
    }

    #[test]
    fn what_is_too_large_is_cut() {
        let state: Vec<f32> = state(64).iter().map(|number| number * 1e9).collect();
        assert!(project(&state).iter().all(|number| [i16::MIN, i16::MAX].contains(number)));
    }

    #[test]
    fn states_that_differ_by_much_differ_by_as_much_in_their_projections() {
        // Of random signs each product has the length of the difference, on average.
        let (one, other) = (state(4_096), state(4_096).iter().map(|number| number * 1.1 + 0.05).collect::<Vec<_>>());
        let distance = |a: f64, b: f64| (a - b).powi(2);
        let whole: f64 = one.iter().zip(&other).map(|(a, b)| distance((*a).into(), (*b).into())).sum::<f64>() / 4_096.0;
        let (a, b) = (project(&one), project(&other));
        let projected: f64 =
            a.iter().zip(b).map(|(a, b)| distance((*a).into(), b.into())).sum::<f64>() / 16.0 / 65_536.0;
        assert!((0.3..3.0).contains(&(projected / whole)), "{projected} {whole}");
    }
}
