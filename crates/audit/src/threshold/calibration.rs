//! What honest miners of one pair of classes show.

use serde::{Deserialize, Serialize};

use super::{upper_bound, Bounds, Limits, Quantiles};
use crate::score::Stretch;

/// How sure the bound for how often honest stretches deviate is.
const CONFIDENCE: f64 = 0.99;
/// Part of the honest stretches that a limit leaves above itself.
const ABOVE: f64 = 0.001;
/// Limits are never below these: what sixteen bits of a projection and sums of floats could make up.
const FLOORS: Limits = Limits { margin: 1e-3, logits: 1e-3, state: 4e-3 };

/// What honest miners of one pair of classes show.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Honest tokens that were measured.
    pub tokens: u64,
    /// In so many stretches.
    pub stretches: u64,
    /// How many of `counted` stretches passed a limit. They are not among those that the limits were made of.
    pub deviating: u64,
    /// See `deviating`.
    pub counted: u64,
    /// From where on a stretch deviates.
    pub limits: Limits,
    /// How honest margins are distributed, over stretches.
    pub margin: Quantiles,
    /// How honest distances of logits are distributed, over stretches.
    pub logits: Quantiles,
    /// How honest distances of states are distributed, over stretches.
    pub state: Quantiles,
}

impl Calibration {
    /// Of the honest attempts' stretches; `tokens` in all. Every other stretch makes the limits, the others are counted.
    /// If all limits come to their floors, nothing was chosen by the figures, and all are counted.
    pub fn of(stretches: &[Stretch], tokens: u64) -> Self {
        let of = |pick: fn(&Stretch) -> f64| Quantiles::of(stretches.iter().map(pick).collect());
        let half: Vec<&Stretch> = stretches.iter().step_by(2).collect();
        let limit = |pick: fn(&Stretch) -> f64, floor: f64| {
            let mut numbers: Vec<f64> = half.iter().map(|it| pick(it)).collect();
            numbers.sort_by(f64::total_cmp);
            let above = (numbers.len() as f64 * ABOVE) as usize;
            numbers.iter().rev().nth(above).copied().unwrap_or(f64::MAX).max(floor)
        };
        let limits = Limits {
            margin: limit(|it| it.margin, FLOORS.margin),
            logits: limit(|it| it.logits, FLOORS.logits),
            state: limit(|it| it.state, FLOORS.state),
        };
        let skipped = usize::from(limits != FLOORS);
        let counted: Vec<&Stretch> = stretches.iter().skip(skipped).step_by(1 + skipped).collect();
        Self {
            tokens,
            stretches: stretches.len() as u64,
            deviating: counted.iter().filter(|it| limits.are_passed_by(it)).count() as u64,
            counted: counted.len() as u64,
            limits,
            margin: of(|it| it.margin),
            logits: of(|it| it.logits),
            state: of(|it| it.state),
        }
    }

    /// How often an honest stretch deviates, at most: an upper bound that holds with a confidence of 99 %.
    pub fn honest_rate(&self) -> f64 {
        upper_bound(self.deviating, self.counted, CONFIDENCE)
    }

    /// By what attempts are judged.
    pub fn bounds(&self) -> Bounds {
        Bounds { limits: self.limits, honest_rate: self.honest_rate() }
    }

    /// Whether its figures can be what [`Calibration::of`] has made.
    pub(super) fn is_sound(&self) -> bool {
        self.limits.are_sound()
            && self.deviating <= self.counted
            && (1..=self.stretches).contains(&self.counted)
            && self.stretches <= self.tokens
            // Eight in each, but for an attempt's first and last: no attempt is so short that there are more.
            && [&self.margin, &self.logits, &self.state].iter().all(|it| it.are_sound())
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::{
        score::Scores,
        threshold::{Judgement, SUSPICION},
    };

    fn stretch(margin: f64) -> Stretch {
        Stretch { margin, ..Stretch::default() }
    }

    fn scores(margins: impl IntoIterator<Item = f64>) -> Scores {
        let stretches: Vec<Stretch> = margins.into_iter().map(stretch).collect();
        Scores { tokens: 8 * stretches.len() as u32, stretches, disagreeing: 0, has_ended: false }
    }

    fn exact() -> Calibration {
        Calibration::of(&vec![Stretch::default(); 12_500], 100_000)
    }

    #[test]
    fn classes_without_a_difference_have_the_least_limits() {
        let exact = exact();
        assert_eq!((exact.limits, exact.deviating, exact.counted), (FLOORS, 0, 12_500));
        // Nothing in 12,500: 1 - 0.01^(1/12,500).
        assert!((exact.honest_rate() - 3.68e-4).abs() < 1e-6);
        assert!(exact.is_sound());
    }

    #[test]
    fn noise_raises_the_limits_and_is_counted_where_they_were_not_made() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let noisy: Vec<Stretch> = (0..20_000).map(|_| stretch(random.random::<f64>())).collect();
        let calibration = Calibration::of(&noisy, 160_000);
        assert!((0.997..1.0).contains(&calibration.limits.margin), "{calibration:?}");
        assert_eq!(calibration.counted, 10_000);
        assert!(calibration.deviating < 30 && calibration.honest_rate() < 4e-3, "{calibration:?}");
        // What honest miners do one time in thousands is no reason by itself.
        assert_eq!(calibration.bounds().judge(&scores([vec![0.5; 63], vec![1.5]].concat())), Judgement::Passed);
        assert_eq!(calibration.bounds().judge(&scores(vec![1.5; 64])), Judgement::Deviant);
    }

    #[test]
    fn honest_attempts_are_judged_wrongly_no_more_often_than_it_says() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        let mut honest = || stretch(-random.random::<f64>().ln());
        let calibration = Calibration::of(&(0..25_000).map(|_| honest()).collect::<Vec<_>>(), 200_000);
        let mut wrong = 0;
        for _ in 0..20_000 {
            let attempt = Scores {
                stretches: (0..32).map(|_| honest()).collect(),
                tokens: 256,
                disagreeing: 0,
                has_ended: false,
            };
            let judgement = calibration.bounds().judge(&attempt);
            assert_ne!(judgement, Judgement::Deviant);
            wrong += u32::from(judgement == Judgement::Suspicious);
        }
        assert!(f64::from(wrong) < 20_000.0 * SUSPICION, "{wrong}");
    }

    #[test]
    fn nothing_measured_convicts_nobody() {
        let empty = Calibration::of(&[], 0);
        assert_eq!(empty.honest_rate(), 1.0);
        assert_eq!(empty.bounds().judge(&scores(vec![8.0; 64])), Judgement::Passed);
        assert!(!empty.is_sound());
    }
}
