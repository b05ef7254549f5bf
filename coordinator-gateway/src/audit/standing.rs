//! What audits think of a miner, and so how often it is audited.

use cuckoo_audit::choice::Rate;
use serde::{Deserialize, Serialize};

/// All attempts of a miner are audited until so many have passed, and again after each that has not.
const FIRST: u32 = 20;
/// What audits think of a miner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// Attempts that have been audited.
    pub(crate) audited: u64,
    /// Those of them that have not passed.
    pub(crate) failed: u64,
    /// Those that have passed since the last that has not.
    pub(crate) streak: u32,
    /// How many are audited before any is left out.
    pub(crate) watched: u32,
}

impl Default for Standing {
    /// Of a miner that nobody has seen.
    fn default() -> Self {
        Self { audited: 0, failed: 0, streak: 0, watched: FIRST }
    }
}

impl Standing {
    /// How many of its attempts are audited: all at first, then less and less as the root of those that
    /// have passed one after another grows. (BOINC's adaptive replication lets trust grow by successes in a row likewise.)
    pub(crate) fn rate(&self) -> Rate {
        match self.watched {
            0 => Rate::of_share(0.3 * (10.0 / f64::from(self.streak.max(1))).sqrt()).max(Rate::FLOOR),
            _ => Rate::ALL,
        }
    }

    /// After an attempt that has passed. One whose draws the application had fixed before says less: the miner can have
    /// answered the same before.
    pub(crate) fn passed(&mut self, has_fixed_seed: bool) {
        self.audited = self.audited.saturating_add(1);
        if !has_fixed_seed {
            self.streak = self.streak.saturating_add(1);
            self.watched = self.watched.saturating_sub(1);
        }
    }

    /// After one that has not.
    pub(crate) fn failed(&mut self) {
        self.audited = self.audited.saturating_add(1);
        self.failed = self.failed.saturating_add(1);
        self.streak = 0;
        self.watched = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(passed: u32) -> Standing {
        let mut standing = Standing::default();
        (0..passed).for_each(|_| standing.passed(false));
        standing
    }

    #[test]
    fn trust_grows_slowly_and_has_an_end() {
        assert!((0..20).all(|passed| after(passed).rate() == Rate::ALL));
        let rates: Vec<f64> = [20, 40, 90, 1_000, 2_250, 100_000].map(|passed| after(passed).rate().share()).to_vec();
        let expected = [0.2121, 0.15, 0.1, 0.03, 0.02, 0.02];
        assert!(rates.iter().zip(expected).all(|(rate, expected)| (rate - expected).abs() < 1e-4), "{rates:?}");
    }

    #[test]
    fn one_failure_takes_it_all() {
        let mut standing = after(1_000);
        standing.failed();
        assert_eq!((standing.rate(), standing.streak, standing.failed, standing.audited), (Rate::ALL, 0, 1, 1_001));
    }

    #[test]
    fn what_may_have_been_answered_before_earns_no_trust() {
        let mut standing = after(19);
        (0..100).for_each(|_| standing.passed(true));
        assert_eq!((standing.rate(), standing.audited), (Rate::ALL, 119));
    }
}
