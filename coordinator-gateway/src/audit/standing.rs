//! What audits think of a miner, and so how often it is audited.

use cuckoo_audit::{choice::Rate, reputation::Reputation};
use cuckoo_primitives::Perbill;
use serde::{Deserialize, Serialize};

/// All attempts of a miner are audited until so many have passed, and again after each that has not.
const FIRST: u32 = 20;
/// How long a miner that opens nothing first gets no work, in milliseconds: an hour.
const ASIDE_MS: u64 = 60 * 60 * 1000;
/// At most so many times doubled: 21 days.
const MOST_DOUBLED: u32 = 9;

/// How far a miner is trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trust {
    /// Attempts that have passed since the last that has not.
    pub(crate) streak: u32,
    /// How many are audited before any is left out.
    watched: u32,
}

impl Default for Trust {
    /// In a miner that nobody has seen.
    fn default() -> Self {
        Self { streak: 0, watched: FIRST }
    }
}

impl Trust {
    /// How many of its attempts are audited: all at first, then less and less as the root of those that
    /// have passed one after another grows. (BOINC's adaptive replication lets trust grow by successes in a row likewise.)
    pub(crate) fn rate(&self) -> Rate {
        match self.watched {
            0 => Rate::of_share(0.3 * (10.0 / f64::from(self.streak.max(1))).sqrt()).max(Rate::FLOOR),
            _ => Rate::ALL,
        }
    }

    fn grow(&mut self) {
        self.streak = self.streak.saturating_add(1);
        self.watched = self.watched.saturating_sub(1);
    }
}

/// What audits think of a miner.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// Attempts that have been audited.
    pub(crate) audited: u64,
    /// Those of them that have not passed.
    pub(crate) failed: u64,
    /// What texts have earned.
    #[serde(flatten)]
    pub(crate) texts: Trust,
    /// What embeddings have earned. They are cheap to compute and to know by heart, so that they are no reason to believe texts.
    #[serde(default)]
    pub(crate) vectors: Trust,
    /// Attempts of which it has shown nothing, since it was last not watched.
    #[serde(default)]
    pub(crate) unopened: u32,
    /// When that was, the last time, in milliseconds since 1970.
    #[serde(default)]
    unopened_at_ms: u64,
    /// Until when it gets no work for that, in milliseconds since 1970.
    #[serde(default)]
    pub(crate) aside_until_ms: u64,
    /// What the gateway's own engine makes of it, as far as its answers are judged.
    #[serde(default)]
    pub(crate) reputation: Reputation,
}

impl Standing {
    /// How many of its texts are audited. Where they are judged beside those of honest miners, trust that was earned where
    /// they are not does not count.
    pub(crate) fn rate(&self, is_judged: bool) -> Rate {
        match is_judged {
            true => self.texts.rate().max(self.reputation.rate()),
            false => self.texts.rate(),
        }
    }

    /// Whether any of its answers was judged.
    pub(crate) fn was_judged(&self) -> bool {
        self.reputation.was_judged()
    }

    /// After a text that has passed. One whose draws the application had fixed before says less: the miner can have
    /// answered the same before.
    pub(crate) fn passed(&mut self, has_fixed_seed: bool) {
        self.audited = self.audited.saturating_add(1);
        if !has_fixed_seed {
            self.texts.grow();
            self.unopened = if self.texts.watched == 0 { 0 } else { self.unopened };
        }
    }

    /// After vectors that have passed.
    pub(crate) fn passed_vectors(&mut self) {
        self.audited = self.audited.saturating_add(1);
        self.vectors.grow();
    }

    /// After one of which it has shown nothing. Once is forgiven, as its machine may have broken; from then on it gets no work
    /// for an hour, and twice as long each time, until as many as at first have passed in a row. Else whoever answers the
    /// few challenges of a day, on the chain, need never open anything else. What began before the last time (`began_ms`) tells
    /// nothing new.
    pub(crate) fn unopened(&mut self, began_ms: u64, now_ms: u64) {
        self.failed();
        if self.is_silent_since(began_ms) {
            return;
        }
        self.unopened_at_ms = now_ms;
        self.unopened = self.unopened.saturating_add(1);
        if let Some(doubled) = self.unopened.checked_sub(2) {
            self.aside_until_ms = now_ms.saturating_add(ASIDE_MS << doubled.min(MOST_DOUBLED));
        }
    }

    /// Whether it has shown nothing at a time after this.
    pub(crate) fn is_silent_since(&self, began_ms: u64) -> bool {
        began_ms <= self.unopened_at_ms
    }

    /// What its work is worth: what the gateway's own engine makes of it, in whole percents, rounded down; nothing while it gets
    /// no work for what audits have found; all where nothing is known against it.
    pub(crate) fn quality(&self, at_ms: u64) -> Perbill {
        if at_ms < self.suspended_until_ms() {
            return Perbill::zero();
        }
        match self.was_judged() {
            // From 0 to 1.
            true => Perbill::from_percent((self.reputation.quality(at_ms) * 100.0) as u32),
            false => Perbill::one(),
        }
    }

    /// Until when it gets no work, in milliseconds since 1970; 0 if it was never kept from it.
    pub(crate) fn suspended_until_ms(&self) -> u64 {
        self.aside_until_ms.max(self.reputation.suspended_until_ms().unwrap_or_default())
    }

    /// After one that has not.
    pub(crate) fn failed(&mut self) {
        self.audited = self.audited.saturating_add(1);
        self.failed = self.failed.saturating_add(1);
        (self.texts, self.vectors) = (Trust::default(), Trust::default());
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
        assert!((0..20).all(|passed| after(passed).rate(false) == Rate::ALL));
        let rates: Vec<f64> =
            [20, 40, 90, 1_000, 2_250, 100_000].map(|passed| after(passed).rate(false).share()).to_vec();
        let expected = [0.2121, 0.15, 0.1, 0.03, 0.02, 0.02];
        assert!(rates.iter().zip(expected).all(|(rate, expected)| (rate - expected).abs() < 1e-4), "{rates:?}");
    }

    #[test]
    fn one_failure_takes_it_all() {
        let mut standing = after(1_000);
        standing.failed();
        assert_eq!(
            (standing.rate(false), standing.texts, standing.failed, standing.audited),
            (Rate::ALL, Trust::default(), 1, 1_001)
        );
    }

    #[test]
    fn where_answers_are_judged_trust_is_earned_there() {
        let trusted = after(2_250);
        assert!(!trusted.was_judged());
        assert_eq!((trusted.rate(false), trusted.rate(true)), (Rate::FLOOR, Rate::ALL));
    }

    #[test]
    fn who_shows_nothing_again_and_again_is_left_aside_longer_each_time() {
        let mut standing = after(100);
        standing.unopened(9, 10);
        assert_eq!((standing.suspended_until_ms(), standing.rate(false)), (0, Rate::ALL));
        // What it had answered before its machine broke counts once.
        (0..50).for_each(|began| standing.unopened(began / 10, 20));
        assert_eq!((standing.suspended_until_ms(), standing.failed), (0, 51));
        for (at, hours) in [(30, 1), (40, 2), (50, 4)] {
            standing.passed(false);
            standing.unopened(at - 1, at);
            assert_eq!(standing.suspended_until_ms(), at + hours * ASIDE_MS);
        }
        (0..FIRST).for_each(|_| standing.passed(false));
        standing.unopened(59, 60);
        assert_eq!((standing.unopened, standing.suspended_until_ms()), (1, 50 + 4 * ASIDE_MS));
        (100..200).for_each(|at| standing.unopened(at, at));
        assert_eq!(standing.suspended_until_ms(), 199 + 512 * ASIDE_MS);
    }

    #[test]
    fn what_earlier_versions_have_stored_is_read() {
        let stored = r#"{"audited": 3, "failed": 1, "streak": 2, "watched": 18}"#;
        let standing: Standing = serde_json::from_str(stored).unwrap();
        let texts = Trust { streak: 2, watched: 18 };
        assert_eq!((standing.texts, standing.vectors), (texts, Trust::default()));
        assert_eq!(standing.reputation, Reputation::default());
    }

    #[test]
    fn embeddings_and_texts_earn_trust_apart_and_lose_it_together() {
        let mut standing = Standing::default();
        (0..40).for_each(|_| standing.passed_vectors());
        assert_eq!((standing.rate(false), standing.audited), (Rate::ALL, 40));
        assert!((standing.vectors.rate().share() - 0.15).abs() < 1e-4);
        standing.failed();
        assert_eq!((standing.vectors.rate(), standing.audited), (Rate::ALL, 41));
    }

    #[test]
    fn what_is_stored_is_read() {
        let mut standing = after(30);
        standing.passed_vectors();
        let stored = serde_json::to_string(&standing).unwrap();
        assert_eq!(serde_json::from_str::<Standing>(&stored).unwrap(), standing);
    }

    #[test]
    fn what_may_have_been_answered_before_earns_no_trust() {
        let mut standing = after(19);
        (0..100).for_each(|_| standing.passed(true));
        assert_eq!((standing.rate(false), standing.audited), (Rate::ALL, 119));
    }
}
