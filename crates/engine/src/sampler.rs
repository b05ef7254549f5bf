//! Choosing the next token.

use std::cmp::Ordering;

use rand_chacha::{
    rand_core::{RngCore, SeedableRng},
    ChaCha8Rng,
};

use crate::api::{EngineError, Sampling};

/// Separates this use of the seed from any other.
const NOISE_DOMAIN: &[u8; 24] = b"cuckoo/sample/noise/v1\0\0";

/// Chooses tokens for one generation. The choice at a position depends on the logits, the parameters, the seed and the
/// position, and on nothing that happened before; so neither scheduling nor resuming elsewhere changes it.
#[derive(Clone, Debug)]
pub(crate) struct Sampler {
    temperature: f64,
    top_p: f64,
    noise: ChaCha8Rng,
}

impl Sampler {
    pub(crate) fn new(sampling: &Sampling) -> Self {
        let mut seed = [0; 32];
        let (key, domain) = seed.split_at_mut(8);
        key.copy_from_slice(&sampling.seed.to_le_bytes());
        domain.copy_from_slice(NOISE_DOMAIN);
        Self {
            temperature: f64::from(sampling.temperature),
            top_p: f64::from(sampling.top_p),
            noise: ChaCha8Rng::from_seed(seed),
        }
    }

    /// The token for `position`, counted from the beginning of the prompt.
    pub(crate) fn choose(&self, logits: &[f32], position: u64) -> Result<u32, EngineError> {
        if logits.is_empty() || logits.iter().any(|logit| logit.is_nan() || *logit == f32::INFINITY) {
            return Err(EngineError::Internal("the model computed something that is no number".into()));
        }
        let best = argmax(logits);
        let index = if self.temperature == 0.0 {
            best
        } else {
            let top = logits.get(best).copied().unwrap_or_default();
            self.draw(weights(logits, top, self.temperature), position).unwrap_or(best)
        };
        u32::try_from(index).map_err(|_| EngineError::Internal("the vocabulary is too large".into()))
    }

    /// Draws an index with a probability in proportion to its weight, among the likeliest that make up `top_p`.
    fn draw(&self, weights: Vec<f64>, position: u64) -> Option<usize> {
        let total: f64 = weights.iter().sum();
        let candidates: Vec<(usize, f64)> = if self.top_p < 1.0 {
            nucleus(&weights, total, self.top_p)
        } else {
            weights.into_iter().enumerate().collect()
        };
        let total: f64 = candidates.iter().map(|(_, weight)| weight).sum();
        let mut left = self.uniform(position) * total;
        for (index, weight) in &candidates {
            left -= weight;
            if left < 0.0 {
                return Some(*index);
            }
        }
        // Rounding left a crumb: it belongs to the last candidate that has any weight.
        candidates.iter().rev().find(|(_, weight)| *weight > 0.0).map(|(index, _)| *index)
    }

    /// A number in [0, 1) of its own for every seed and position.
    fn uniform(&self, position: u64) -> f64 {
        let mut noise = self.noise.clone();
        noise.set_stream(position);
        // 53 bits are what an f64 holds exactly.
        (noise.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Index of the largest; the first of several.
fn argmax(logits: &[f32]) -> usize {
    let mut best = (0, f32::NEG_INFINITY);
    for (index, logit) in logits.iter().enumerate() {
        if *logit > best.1 {
            best = (index, *logit);
        }
    }
    best.0
}

/// Unnormalised probabilities, the largest being one.
fn weights(logits: &[f32], top: f32, temperature: f64) -> Vec<f64> {
    if top == f32::NEG_INFINITY {
        return Vec::new();
    }
    logits.iter().map(|logit| (f64::from(logit - top) / temperature).exp()).collect()
}

/// The fewest likeliest candidates whose weights reach `top_p` of `total`, likeliest first, then by index.
fn nucleus(weights: &[f64], total: f64, top_p: f64) -> Vec<(usize, f64)> {
    // All candidates below this together cannot make up what the nucleus may leave out, so none of them is in it; this
    // leaves few to sort. Half of it keeps clear of rounding.
    let negligible = (1.0 - top_p) * total / weights.len().max(1) as f64 / 2.0;
    let mut candidates: Vec<_> =
        weights.iter().copied().enumerate().filter(|(_, weight)| *weight >= negligible).collect();
    candidates.sort_by(|(a_index, a), (b_index, b)| {
        b.partial_cmp(a).unwrap_or(Ordering::Equal).then_with(|| a_index.cmp(b_index))
    });
    let mut sum = 0.0;
    let enough = candidates.iter().position(|(_, weight)| {
        sum += weight;
        sum >= top_p * total
    });
    candidates.truncate(enough.map_or(candidates.len(), |last| last + 1));
    candidates
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sampler(temperature: f32, top_p: f32, seed: u64) -> Sampler {
        Sampler::new(&Sampling { temperature, top_p, seed, ..Sampling::default() })
    }

    fn logits_of(probabilities: &[f64]) -> Vec<f32> {
        probabilities.iter().map(|p| p.ln() as f32).collect()
    }

    /// Sum of squared deviations from `expected`, each in units of its expectation.
    fn chi_square(counts: &[u32], expected: &[f64]) -> f64 {
        let draws: u32 = counts.iter().sum();
        counts
            .iter()
            .zip(expected)
            .map(|(count, share)| {
                let mean = share * f64::from(draws);
                (f64::from(*count) - mean).powi(2) / mean
            })
            .sum()
    }

    fn counts(sampler: &Sampler, logits: &[f32], draws: u64) -> Vec<u32> {
        let mut counts = vec![0; logits.len()];
        for position in 0..draws {
            counts[sampler.choose(logits, position).unwrap() as usize] += 1;
        }
        counts
    }

    #[test]
    fn temperature_zero_takes_the_likeliest_and_the_first_of_equals() {
        assert_eq!(sampler(0.0, 1.0, 1).choose(&[0.5, 2.0, 2.0, -1.0], 7), Ok(1));
    }

    #[test]
    fn draws_follow_the_probabilities() {
        let probabilities = [0.5, 0.25, 0.15, 0.07, 0.03];
        // 18.5 is exceeded once in a thousand with four degrees of freedom; the seeds are fixed.
        for seed in 0..5 {
            let counts = counts(&sampler(1.0, 1.0, seed), &logits_of(&probabilities), 20_000);
            assert!(chi_square(&counts, &probabilities) < 18.5, "{counts:?}");
        }
    }

    #[test]
    fn temperature_sharpens_and_flattens() {
        let probabilities: [f64; 3] = [0.6, 0.3, 0.1];
        for temperature in [0.5, 2.0] {
            let powers = probabilities.map(|p| p.powf(1.0 / temperature));
            let expected = powers.map(|power| power / powers.iter().sum::<f64>());
            let counts = counts(&sampler(temperature as f32, 1.0, 3), &logits_of(&probabilities), 20_000);
            // One in a thousand with two degrees of freedom.
            assert!(chi_square(&counts, &expected) < 13.8, "{counts:?} {expected:?}");
        }
    }

    #[test]
    fn top_p_keeps_the_smallest_set_that_reaches_it() {
        let logits = logits_of(&[0.1, 0.5, 0.25, 0.15]);
        let counts = counts(&sampler(1.0, 0.7, 11), &logits, 20_000);
        assert_eq!((counts[0], counts[3]), (0, 0));
        // One in a thousand with one degree of freedom.
        assert!(chi_square(&counts[1..3], &[2.0 / 3.0, 1.0 / 3.0]) < 10.8, "{counts:?}");
    }

    #[test]
    fn a_tiny_top_p_is_greedy() {
        assert_eq!(counts(&sampler(2.0, 1e-6, 5), &logits_of(&[0.3, 0.4, 0.3]), 100), [0, 100, 0]);
    }

    #[test]
    fn seed_and_position_each_change_the_draw() {
        let logits = vec![0.0; 1000];
        let draw = |seed, position| sampler(1.0, 1.0, seed).choose(&logits, position).unwrap();
        assert_eq!(draw(1, 2), draw(1, 2));
        let by_position: std::collections::HashSet<_> = (0..100).map(|position| draw(1, position)).collect();
        let by_seed: std::collections::HashSet<_> = (0..100).map(|seed| draw(seed, 1)).collect();
        assert!(by_position.len() > 80 && by_seed.len() > 80);
    }

    #[test]
    fn impossible_tokens_are_never_drawn() {
        let mut logits = vec![f32::NEG_INFINITY; 50];
        logits[20] = -3.0;
        assert_eq!(counts(&sampler(2.0, 1.0, 1), &logits, 200)[20], 200);
    }

    #[test]
    fn numbers_that_are_none_fail() {
        for broken in [f32::NAN, f32::INFINITY] {
            assert!(matches!(sampler(1.0, 1.0, 1).choose(&[0.0, broken], 0), Err(EngineError::Internal(_))));
        }
        assert!(sampler(1.0, 1.0, 1).choose(&[], 0).is_err());
    }

    proptest! {
        #[test]
        fn any_choice_is_in_the_vocabulary(
            logits in proptest::collection::vec(-80f32..80.0, 1..300),
            temperature in 0f32..=2.0, top_p in 0.001f32..=1.0, seed: u64, position: u64,
        ) {
            let token = sampler(temperature, top_p, seed).choose(&logits, position).unwrap();
            prop_assert!((token as usize) < logits.len());
        }

        #[test]
        fn the_nucleus_equals_that_of_a_full_sort(
            weights in proptest::collection::vec(0f64..1.0, 1..200), top_p in 0.01f64..0.99,
        ) {
            let total: f64 = weights.iter().sum();
            prop_assume!(total > 0.0);
            let mut sorted: Vec<_> = weights.iter().copied().enumerate().collect();
            sorted.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap().then(a.0.cmp(&b.0)));
            let mut sum = 0.0;
            let count = sorted.iter().position(|(_, weight)| { sum += weight; sum >= top_p * total }).unwrap() + 1;
            prop_assert_eq!(nucleus(&weights, total, top_p), sorted[..count].to_vec());
        }
    }
}
