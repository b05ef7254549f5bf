//! Making tokens that were produced before less likely, or more.

use std::collections::HashMap;

use crate::api::Sampling;

/// Counts the tokens of one generation and changes their logits. The prompt does not count: what a text may say does not
/// depend on how its question was put.
#[derive(Clone, Debug)]
pub(super) struct Penalties {
    frequency: f32,
    presence: f32,
    repetition: f32,
    counts: HashMap<u32, u32>,
}

impl Penalties {
    /// None if nothing is to be changed.
    pub(super) fn new(sampling: &Sampling) -> Option<Self> {
        let Sampling { frequency_penalty: frequency, presence_penalty: presence, .. } = *sampling;
        let repetition = sampling.repetition_penalty;
        let any = frequency != 0.0 || presence != 0.0 || repetition != 1.0;
        any.then(|| Self { frequency, presence, repetition, counts: HashMap::new() })
    }

    /// One more of `token`.
    pub(super) fn count(&mut self, token: u32) {
        *self.counts.entry(token).or_default() += 1;
    }

    /// Changes the logits of the tokens that were counted: those above 0 are divided by the repetition penalty, the others
    /// multiplied by it, and then the frequency penalty is taken off once for each time, the presence penalty once.
    pub(super) fn apply(&self, logits: &mut [f32]) {
        for (token, count) in &self.counts {
            let Some(logit) = logits.get_mut(*token as usize).filter(|logit| **logit > f32::NEG_INFINITY) else {
                continue;
            };
            let repeated = if *logit > 0.0 { *logit / self.repetition } else { *logit * self.repetition };
            let penalty = *count as f32 * self.frequency + self.presence;
            *logit = (repeated - penalty).clamp(f32::MIN, f32::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn penalised(sampling: Sampling, counted: &[u32], logits: &[f32]) -> Vec<f32> {
        let mut penalties = Penalties::new(&sampling).unwrap();
        counted.iter().for_each(|token| penalties.count(*token));
        let mut logits = logits.to_vec();
        penalties.apply(&mut logits);
        logits
    }

    #[test]
    fn frequency_counts_each_time_and_presence_once() {
        let sampling = Sampling { frequency_penalty: 0.5, presence_penalty: 0.25, ..Sampling::default() };
        assert_eq!(penalised(sampling, &[1, 1, 1, 2], &[1.0; 4]), [1.0, -0.75, 0.25, 1.0]);
        let sampling = Sampling { frequency_penalty: -1.0, presence_penalty: 0.0, ..Sampling::default() };
        assert_eq!(penalised(sampling, &[0, 0], &[1.0, 1.0]), [3.0, 1.0]);
    }

    #[test]
    fn repetition_divides_what_is_positive_and_multiplies_what_is_not() {
        let sampling = Sampling { repetition_penalty: 2.0, ..Sampling::default() };
        assert_eq!(penalised(sampling, &[0, 1, 1, 2], &[3.0, -3.0, 0.0, 5.0]), [1.5, -6.0, 0.0, 5.0]);
    }

    #[test]
    fn logits_stay_numbers_and_the_impossible_stays_impossible() {
        let sampling =
            Sampling { repetition_penalty: f32::MIN_POSITIVE, frequency_penalty: -2.0, ..Sampling::default() };
        assert_eq!(
            penalised(sampling, &[0, 1, 9], &[1e30, f32::NEG_INFINITY, 1.0]),
            [f32::MAX, f32::NEG_INFINITY, 1.0]
        );
    }

    #[test]
    fn without_a_penalty_there_is_nothing_to_count() {
        assert!(Penalties::new(&Sampling::default()).is_none());
    }
}
