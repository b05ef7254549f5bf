//! When cheating loses.
//!
//! A miner that computes a task cheaply saves `G`. It is audited with probability `p`, an audit finds it out with
//! probability `d`, a share `c` of the audits is in its friends' hands, and then it loses the price `R` of the task and its
//! stake `S`. So a task on which it cheats is worth
//!
//! ```text
//! G - p d (1 - c) (R + S)          which is a loss if p > G / (d (1 - c) (R + S))
//! ```
//!
//! to it, more than an honest one. (The argument is that of the proof of sampling, arXiv 2405.00295, with detection and
//! collusion as factors.)

/// What is at stake in a task. Amounts in any unit, the same for all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stakes {
    /// `G`: what is saved by cheating on it.
    pub saving: f64,
    /// `R`: its price.
    pub price: f64,
    /// `S`: what is slashed.
    pub stake: f64,
    /// `d`: how likely an audit finds it out, from 0 to 1.
    pub detection: f64,
    /// `c`: how many of the audits are made by its friends, from 0 to 1.
    pub colluding: f64,
}

impl Stakes {
    /// What cheating on it earns on average, beyond being honest, at an audit rate `p`.
    pub fn gain(&self, p: f64) -> f64 {
        self.saving - p * self.detection * (1.0 - self.colluding) * (self.price + self.stake)
    }

    /// The share of tasks of which more must be audited, for cheating to lose; 1 where no rate would do, or a figure makes
    /// no sense.
    pub fn least_rate(&self) -> f64 {
        let lost = self.detection * (1.0 - self.colluding) * (self.price + self.stake);
        let rate = self.saving.max(0.0) / lost;
        if self.saving.is_finite() && lost > 0.0 {
            rate.min(1.0)
        } else {
            1.0
        }
    }

    /// The least stake, so that ten times what is saved before the miner is found out is less: `10 G / (p d (1 - c))`.
    pub fn least_stake(&self, p: f64) -> f64 {
        10.0 * self.saving / (p * self.detection * (1.0 - self.colluding))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STAKES: Stakes = Stakes { saving: 8.0, price: 10.0, stake: 990.0, detection: 0.8, colluding: 0.2 };

    #[test]
    fn the_bound_is_where_cheating_earns_nothing() {
        assert!((STAKES.least_rate() - 8.0 / 640.0).abs() < 1e-12);
        assert!(STAKES.gain(STAKES.least_rate()).abs() < 1e-9);
        assert!((STAKES.least_stake(0.02) - 6_250.0).abs() < 1e-9);
    }

    #[test]
    fn what_cannot_be_deterred_is_always_audited() {
        for hopeless in [
            Stakes { detection: 0.0, ..STAKES },
            Stakes { colluding: 1.0, ..STAKES },
            Stakes { saving: f64::NAN, ..STAKES },
            Stakes { saving: f64::INFINITY, ..STAKES },
            Stakes { price: f64::NAN, ..STAKES },
            Stakes { saving: 1e9, ..STAKES },
        ] {
            assert_eq!(hopeless.least_rate(), 1.0, "{hopeless:?}");
        }
    }

    proptest! {
        #[test]
        fn above_the_bound_cheating_loses(
            saving in 0.0f64..1e3, price in 0.0f64..1e3, stake in 1.0f64..1e6,
            detection in 0.01f64..1.0, colluding in 0.0f64..0.9,
        ) {
            let stakes = Stakes { saving, price, stake, detection, colluding };
            let bound = stakes.least_rate();
            prop_assert!((0.0..=1.0).contains(&bound));
            prop_assert!(bound == 1.0 || stakes.gain(bound * 1.001 + 1e-9) < 0.0);
        }
    }
}
