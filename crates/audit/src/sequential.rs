//! What many audits say of one miner: a sequential probability ratio test (A. Wald, 1945).
//!
//! Each stretch of an audited attempt deviates or does not. Of an honest miner at most `p0` do, by the calibration of its
//! pair of classes; a miner is held to cheat if `p1 = max(1 %, 10 p0)` do. Every stretch adds to a sum
//!
//! ```text
//! deviating: ln(p1 / p0)        else: ln((1 - p1) / (1 - p0))
//! ```
//!
//! and the test ends at `ln((1 - beta) / alpha)`, for cheating, or at `ln(beta / (1 - alpha))`, for honesty; then the next
//! one begins at 0. With `alpha = 1e-6` an honest miner is convicted in no more than one of a million tests, and each takes
//! more audited tokens than most tasks have; with `beta = 1e-2` a miner of which `p1` deviate is taken for honest in one of
//! a hundred, and then tested again.
//!
//! Why this and not CUSUM: CUSUM finds a change sooner, but promises a mean time between false alarms, not a probability
//! that an honest miner is convicted; and who is convicted must know that probability. As in CUSUM, an honest past earns no
//! credit: the sum never falls below the lower bound.
//!
//! No single attempt adds more than half of what convicts. So there are at least two behind each conviction, whatever went
//! wrong in one.

use serde::{Deserialize, Serialize};

use crate::{score::Scores, threshold::Bounds};

/// How often an honest miner is convicted, per test.
pub const ALPHA: f64 = 1e-6;
/// How often a miner of which `p1` of the stretches deviate is taken for honest, per test.
pub const BETA: f64 = 1e-2;
/// Part of a cheat's stretches that deviate, at least.
const LEAST_CHEATING: f64 = 0.01;

/// The test of one miner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sequential {
    /// The sum, in natural logarithms.
    sum: f64,
    /// Tests that have ended for honesty.
    cleared: u32,
}

/// What the test has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It goes on.
    Open,
    /// For honesty; the next one has begun.
    Cleared,
    /// For cheating. It stays so until [`Sequential::restart`].
    Convicted,
}

/// Where the test ends for cheating.
fn upper() -> f64 {
    ((1.0 - BETA) / ALPHA).ln()
}

/// Where it ends for honesty.
fn lower() -> f64 {
    (BETA / (1.0 - ALPHA)).ln()
}

/// `p0` and `p1`.
fn shares(honest_rate: f64) -> (f64, f64) {
    let p0 = honest_rate.clamp(f64::MIN_POSITIVE, 1.0);
    (p0, LEAST_CHEATING.max(10.0 * p0).min(0.5))
}

impl Sequential {
    /// Takes an audited attempt into account.
    pub fn take(&mut self, bounds: &Bounds, scores: &Scores) -> Decision {
        self.add(bounds.honest_rate, bounds.deviating(scores), scores.stretches.len() as u64)
    }

    /// The least number of stretches that end a test for honesty: so many without one that deviates. An honest miner is
    /// convicted at most [`ALPHA`] times for each so many.
    pub fn least_stretches(honest_rate: f64) -> u64 {
        let (p0, p1) = shares(honest_rate);
        (lower() / ((1.0 - p1) / (1.0 - p0)).ln()).ceil() as u64
    }

    fn add(&mut self, honest_rate: f64, deviating: u64, stretches: u64) -> Decision {
        if self.is_convicted() {
            return Decision::Convicted;
        }
        let (p0, p1) = shares(honest_rate);
        // Where honest stretches deviate as often as a cheat's, they tell nothing.
        if p1 > p0 {
            let others = stretches.saturating_sub(deviating);
            let gained = deviating as f64 * (p1 / p0).ln() + others as f64 * ((1.0 - p1) / (1.0 - p0)).ln();
            self.sum += gained.min(upper() / 2.0);
        }
        if self.is_convicted() {
            Decision::Convicted
        } else if self.sum <= lower() {
            *self = Self { sum: 0.0, cleared: self.cleared.saturating_add(1) };
            Decision::Cleared
        } else {
            Decision::Open
        }
    }

    /// Whether it has ended for cheating.
    pub fn is_convicted(&self) -> bool {
        // What is no number, from wherever it was read, speaks for nobody.
        self.sum.is_nan() || self.sum >= upper()
    }

    /// How near to conviction it is: from 0, as an unknown or honest miner, to 1.
    pub fn suspicion(&self) -> f64 {
        if self.sum.is_nan() {
            1.0
        } else {
            (self.sum / upper()).clamp(0.0, 1.0)
        }
    }

    /// Tests that have ended for honesty.
    pub fn cleared(&self) -> u32 {
        self.cleared
    }

    /// Begins a new one.
    pub fn restart(&mut self) {
        self.sum = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const HONEST: f64 = 3.68e-4;

    /// Audits of `stretches` each, of which `rate` deviate, until the test ends for cheating; `None` if `most` do not do.
    fn audits(seed: u64, rate: f64, stretches: u64, most: u32) -> Option<u32> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut test = Sequential::default();
        (1..=most).find(|_| {
            let deviating = (0..stretches).filter(|_| random.random::<f64>() < rate).count() as u64;
            test.add(HONEST, deviating, stretches) == Decision::Convicted
        })
    }

    #[test]
    fn whoever_cheats_everywhere_is_convicted_by_the_second_audit() {
        assert_eq!(audits(1, 1.0, 16, 100), Some(2));
    }

    #[test]
    fn whoever_deviates_once_in_each_attempt_is_convicted() {
        // An end of the text that was never drawn, say: one stretch of sixteen.
        let mut test = Sequential::default();
        let needed = (1..100).find(|_| test.add(HONEST, 1, 16) == Decision::Convicted);
        assert_eq!(needed, Some(5));
    }

    #[test]
    fn honest_miners_are_cleared_again_and_again_and_never_convicted() {
        // At the highest rate that the calibration allows, 2,000 miners with 500 audits each: 16 million stretches.
        let convicted = (0..2_000).filter(|seed| audits(*seed, HONEST, 16, 500).is_some()).count();
        assert_eq!(convicted, 0);
        let mut test = Sequential::default();
        let least = Sequential::least_stretches(HONEST);
        assert_eq!((test.add(HONEST, 0, least - 1), test.add(HONEST, 0, 1)), (Decision::Open, Decision::Cleared));
        let decisions: Vec<Decision> = (0..200).map(|_| test.add(HONEST, 0, 16)).collect();
        assert!(decisions.contains(&Decision::Cleared) && test.cleared() > 2 && test.suspicion() == 0.0);
    }

    #[test]
    fn an_honest_past_is_no_credit() {
        let mut test = Sequential::default();
        assert!((0..10_000).all(|_| test.add(HONEST, 0, 16) != Decision::Convicted));
        let needed = (1..100).find(|_| test.add(HONEST, 16, 16) == Decision::Convicted);
        assert!(needed.is_some_and(|needed| needed <= 3), "{needed:?}");
    }

    #[test]
    fn a_conviction_stays_until_a_new_test_begins() {
        let mut test = Sequential::default();
        assert_eq!([16, 16].map(|bad| test.add(HONEST, bad, 16)), [Decision::Open, Decision::Convicted]);
        assert_eq!(test.add(HONEST, 0, 100_000), Decision::Convicted);
        assert_eq!(test.suspicion(), 1.0);
        test.restart();
        assert_eq!(test.add(HONEST, 0, 16), Decision::Open);
    }

    #[test]
    fn classes_that_tell_nothing_change_nothing() {
        let mut test = Sequential::default();
        assert_eq!(test.add(1.0, 16, 16), Decision::Open);
        assert_eq!(test, Sequential::default());
    }

    #[test]
    fn what_is_no_number_convicts_rather_than_clears() {
        let broken = Sequential { sum: f64::NAN, cleared: 0 };
        assert!(broken.is_convicted() && broken.suspicion() == 1.0);
    }

    proptest! {
        #[test]
        fn one_attempt_convicts_nobody(rate in 1e-6f64..0.4, stretches in 1u64..5_000) {
            prop_assert_ne!(Sequential::default().add(rate, stretches, stretches), Decision::Convicted);
        }

        #[test]
        fn more_deviation_never_lowers_suspicion(rate in 1e-6f64..0.04, bad in 0u64..64) {
            let after = |bad: u64| {
                let mut test = Sequential::default();
                test.add(rate, bad, 64);
                test.suspicion()
            };
            prop_assert!(after(bad) <= after(bad + 1));
        }
    }
}
