//! By what an attempt is judged: from where on a stretch deviates, and how often honest ones do.

use serde::{Deserialize, Serialize};

use super::at_least;
use crate::score::{Scores, Stretch};

/// An honest attempt is taken for a cheat no more often than this, whatever it may lead to.
pub const CONVICTION: f64 = 1e-6;
/// An honest attempt brings its miner under suspicion no more often than this. That costs the miner nothing but audits.
pub const SUSPICION: f64 = 1e-2;

/// From where on a stretch deviates: if any of its distances is above.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Of [`Stretch::margin`].
    pub margin: f64,
    /// Of [`Stretch::logits`].
    pub logits: f64,
    /// Of [`Stretch::state`].
    pub state: f64,
}

/// By what an attempt is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// From where on a stretch deviates.
    pub limits: Limits,
    /// How often an honest stretch does, at most.
    pub honest_rate: f64,
}

/// What an attempt's distances say beside those of honest miners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// They are an honest miner's.
    Passed,
    /// Rare among honest miners ([`SUSPICION`]): the miner is to be looked at.
    Suspicious,
    /// No honest miner's, but for once in a million attempts ([`CONVICTION`]).
    Deviant,
}

impl Limits {
    /// Whether any of the distances is above. What is no number is.
    pub fn are_passed_by(&self, stretch: &Stretch) -> bool {
        let is_within = stretch.margin <= self.margin && stretch.logits <= self.logits && stretch.state <= self.state;
        !is_within
    }

    pub(super) fn are_sound(&self) -> bool {
        [self.margin, self.logits, self.state].iter().all(|limit| limit.is_finite() && *limit > 0.0)
    }
}

impl Bounds {
    /// Of pairs of classes of which nothing was measured: what no rounding can be taken for. Between the two ways of
    /// computing that differ most among those that were compared, activations of eight bits and of thirty-two, no honest
    /// stretch of a real model came to a quarter of these limits; other models and made-up openings are far
    /// above them (docs/verification.md, "What counts where nothing was measured"). That one honest stretch in two hundred passes them
    /// all the same is assumed, not measured.
    pub const COARSE: Self = Self { limits: Limits { margin: 2.0, logits: 0.6, state: 0.3 }, honest_rate: 0.005 };

    /// Of embeddings, whatever the class. Numbers of sixteen bits for thirty-two move a vector by about 0.001, bytes by some
    /// hundredths. As above, how often an honest one passes the limit all the same is assumed.
    pub const VECTORS: Self = Self { limits: Limits { margin: 2.0, logits: 0.6, state: 0.1 }, honest_rate: 0.005 };

    /// How many of `scores`' stretches deviate.
    pub fn deviating(&self, scores: &Scores) -> u64 {
        scores.stretches.iter().filter(|it| self.limits.are_passed_by(it)).count() as u64
    }

    /// The least number of deviating stretches among `count` that honest attempts come to no more often than
    /// `false_positives`; more than `count` if there is none.
    pub fn threshold(&self, count: u64, false_positives: f64) -> u64 {
        let is_rare = |least: &u64| at_least(*least, count, self.honest_rate) <= false_positives;
        (1..=count).find(is_rare).unwrap_or(count.saturating_add(1))
    }

    /// What the distances of an attempt say. An end of the text that deviates is suspicious by itself: it is the one place
    /// where a single token saves a cheat much.
    pub fn judge(&self, scores: &Scores) -> Judgement {
        let (deviating, count) = (self.deviating(scores), scores.stretches.len() as u64);
        let ends_oddly = scores.has_ended && scores.stretches.last().is_none_or(|last| self.limits.are_passed_by(last));
        if deviating >= self.threshold(count, CONVICTION) {
            Judgement::Deviant
        } else if deviating >= self.threshold(count, SUSPICION) || ends_oddly {
            Judgement::Suspicious
        } else {
            Judgement::Passed
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stretch(margin: f64) -> Stretch {
        Stretch { margin, ..Stretch::default() }
    }

    fn scores(margins: impl IntoIterator<Item = f64>) -> Scores {
        let stretches: Vec<Stretch> = margins.into_iter().map(stretch).collect();
        Scores { tokens: 8 * stretches.len() as u32, stretches, disagreeing: 0, has_ended: false }
    }

    /// Of 12,500 stretches of which none has deviated.
    fn exact(honest_rate: f64) -> Bounds {
        Bounds { limits: Limits { margin: 1e-3, logits: 1e-3, state: 4e-3 }, honest_rate }
    }

    #[test]
    fn thresholds_are_those_of_the_binomial_distribution() {
        let exact = exact(3.68e-4);
        assert_eq!([4, 16, 64].map(|count| exact.threshold(count, CONVICTION)), [2, 3, 4]);
        assert_eq!([1, 16, 64].map(|count| exact.threshold(count, SUSPICION)), [1, 1, 2]);
        assert_eq!(exact.threshold(1, CONVICTION), 2, "one stretch alone convicts nobody");
        assert_eq!([1, 2, 3, 4, 16].map(|count| Bounds::COARSE.threshold(count, CONVICTION)), [2, 3, 3, 3, 5]);
    }

    #[test]
    fn rounding_is_far_from_the_coarse_limits_and_other_models_are_above() {
        // The greatest of honest stretches of a real model, with activations of eight bits beside thirty-two.
        let rounding = Stretch { number: 0, margin: 0.45, logits: 0.15, state: 0.071 };
        let of = |stretch: Stretch| Scores { stretches: vec![stretch; 16], ..scores([]) };
        assert_eq!(Bounds::COARSE.judge(&of(rounding)), Judgement::Passed);
        let other = Stretch { state: 1.4, ..rounding };
        assert_eq!(Bounds::COARSE.judge(&of(other)), Judgement::Deviant);
    }

    #[test]
    fn an_end_that_deviates_is_suspicious_alone() {
        let noisy = exact(0.007);
        let mut attempt = scores([vec![0.0; 63], vec![1.0]].concat());
        assert_eq!(noisy.judge(&attempt), Judgement::Passed);
        attempt.has_ended = true;
        assert_eq!(noisy.judge(&attempt), Judgement::Suspicious);
    }

    #[test]
    fn what_is_no_number_deviates() {
        assert!(exact(0.1).limits.are_passed_by(&stretch(f64::NAN)));
        assert!(!exact(0.1).limits.are_passed_by(&stretch(0.0)));
    }

    proptest! {
        #[test]
        fn more_deviation_is_never_judged_milder(bad in 0usize..64, honest_rate in 1e-6f64..0.1) {
            let bounds = exact(honest_rate);
            let judge = |bad: usize| bounds.judge(&scores([vec![1.0; bad], vec![0.0; 64 - bad]].concat()));
            prop_assert!(judge(bad) <= judge((bad + 1).min(64)));
            prop_assert!(bounds.threshold(64, SUSPICION) <= bounds.threshold(64, CONVICTION));
        }
    }
}
