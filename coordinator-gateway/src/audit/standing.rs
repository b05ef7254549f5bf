//! What audits think of a miner, and so how often it is audited.

use cuckoo_audit::{
    choice::Rate,
    reputation::{Audited, Reputation},
};
use cuckoo_primitives::Perbill;
use serde::{Deserialize, Serialize};

use super::statistics::Found;

/// All attempts of a miner are audited until so many have passed, and again after each that has not.
const FIRST: u32 = 20;
/// How long a miner that opens nothing first gets no work, in milliseconds: an hour.
const ASIDE_MS: u64 = 60 * 60 * 1000;
/// What was found longer ago says nothing of the quality any more: 32 days, as long as the longest suspension.
const QUALITY_LASTS_MS: u64 = 32 * 24 * 60 * 60 * 1000;
/// At most so many times doubled: 21 days.
const MOST_DOUBLED: u32 = 9;

/// What audits think of a miner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// Attempts that have been audited.
    pub(crate) audited: u64,
    /// Those of them that have not passed.
    pub(crate) failed: u64,
    /// Those that have passed since the last that has not.
    pub(crate) streak: u32,
    /// How many are audited before any is left out.
    pub(crate) watched: u32,
    /// Attempts of which it has shown nothing, since it was last not watched.
    #[serde(default)]
    pub(crate) unopened: u32,
    /// When that was, the last time, in milliseconds since 1970.
    #[serde(default)]
    unopened_at_ms: u64,
    /// Until when it gets no work for that, in milliseconds since 1970.
    #[serde(default)]
    pub(crate) aside_until_ms: u64,
    /// What the gateway's own engine makes of its texts, where it was measured what honest ones show.
    #[serde(default)]
    pub(crate) reputation: Reputation,
    /// The same where nothing was measured. Apart, since what is known so coarsely must not wash off what is known well.
    #[serde(default)]
    pub(crate) coarse: Reputation,
    /// Of its embeddings. Apart, since they cost next to nothing.
    #[serde(default)]
    pub(crate) embeddings: Reputation,
}

/// By what an attempt is looked at beyond what it opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Basis {
    /// By nothing: the gateway has no such model.
    Nothing,
    /// By what honest miners show.
    Measured,
    /// By what no rounding can be taken for.
    Coarse,
    /// By its vectors.
    Vectors,
}

impl Default for Standing {
    /// Of a miner that nobody has seen.
    fn default() -> Self {
        Self {
            audited: 0,
            failed: 0,
            streak: 0,
            watched: FIRST,
            unopened: 0,
            unopened_at_ms: 0,
            aside_until_ms: 0,
            reputation: Reputation::default(),
            coarse: Reputation::default(),
            embeddings: Reputation::default(),
        }
    }
}

impl Standing {
    /// How many of its attempts are audited: all at first, then less and less as the root of those that
    /// have passed one after another grows. (BOINC's adaptive replication lets trust grow by successes in a row likewise.)
    /// Trust that was earned on another basis does not count.
    pub(crate) fn rate(&self, basis: Basis) -> Rate {
        let drawn = match self.watched {
            0 => Rate::of_share(0.3 * (10.0 / f64::from(self.streak.max(1))).sqrt()).max(Rate::FLOOR),
            _ => Rate::ALL,
        };
        match basis {
            Basis::Nothing => drawn,
            Basis::Measured => drawn.max(self.reputation.rate()),
            Basis::Coarse => drawn.max(self.coarse.rate()),
            Basis::Vectors => self.embeddings.rate().max(Rate::FLOOR),
        }
    }

    /// Takes into account what an engine has found.
    pub(crate) fn take(&mut self, found: &Found, of: &Audited) {
        let reputation = match found.basis {
            Basis::Nothing => return,
            Basis::Measured => &mut self.reputation,
            Basis::Coarse => &mut self.coarse,
            Basis::Vectors => &mut self.embeddings,
        };
        // How long it gets no work is read from all of them.
        let _ = reputation.take(&found.finding, &found.bounds, of);
    }

    /// Those on which anything was judged.
    fn judged(&self) -> impl Iterator<Item = &Reputation> {
        [&self.reputation, &self.coarse, &self.embeddings].into_iter().filter(|it| it.audits().0 > 0)
    }

    /// What an engine makes of its work, from 0 to 1: of texts or embeddings, whichever is worse; `None` if nothing was judged
    /// lately.
    pub(crate) fn judged_quality(&self, at_ms: u64) -> Option<f64> {
        let lately = self.judged().filter(|it| at_ms.saturating_sub(it.judged_at_ms()) < QUALITY_LASTS_MS);
        lately.map(|it| it.quality(at_ms)).reduce(f64::min)
    }

    /// After embeddings that have passed or not: they are no reason to believe texts, nor not to.
    pub(crate) fn compared(&mut self, has_passed: bool) {
        self.audited = self.audited.saturating_add(1);
        self.failed = self.failed.saturating_add(u64::from(!has_passed));
    }

    /// After a text that has passed. One whose draws the application had fixed before says less: the miner can have
    /// answered the same before.
    pub(crate) fn passed(&mut self, has_fixed_seed: bool) {
        self.audited = self.audited.saturating_add(1);
        if !has_fixed_seed {
            self.streak = self.streak.saturating_add(1);
            self.watched = self.watched.saturating_sub(1);
            self.unopened = if self.watched == 0 { 0 } else { self.unopened };
        }
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

    /// What its work is worth: what the gateway's own engine makes of it, in whole percents; nothing while it gets
    /// no work for what audits have found; all where nothing is known against it.
    pub(crate) fn quality(&self, at_ms: u64) -> Perbill {
        if at_ms < self.suspended_until_ms() {
            return Perbill::zero();
        }
        // From 0 to 1.
        self.judged_quality(at_ms)
            .map_or(Perbill::one(), |quality| Perbill::from_percent((quality * 100.0).round() as u32))
    }

    /// Until when it gets no work, in milliseconds since 1970; 0 if it was never kept from it.
    pub(crate) fn suspended_until_ms(&self) -> u64 {
        let suspended = self.judged().filter_map(Reputation::suspended_until_ms).max();
        self.aside_until_ms.max(suspended.unwrap_or_default())
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
    use cuckoo_audit::{
        score::{Scores, Stretch},
        threshold::Bounds,
        Finding,
    };
    use cuckoo_primitives::Hash;

    use super::*;

    fn after(passed: u32) -> Standing {
        let mut standing = Standing::default();
        (0..passed).for_each(|_| standing.passed(false));
        standing
    }

    #[test]
    fn trust_grows_slowly_and_has_an_end() {
        assert!((0..20).all(|passed| after(passed).rate(Basis::Nothing) == Rate::ALL));
        let rates: Vec<f64> =
            [20, 40, 90, 1_000, 2_250, 100_000].map(|passed| after(passed).rate(Basis::Nothing).share()).to_vec();
        let expected = [0.2121, 0.15, 0.1, 0.03, 0.02, 0.02];
        assert!(rates.iter().zip(expected).all(|(rate, expected)| (rate - expected).abs() < 1e-4), "{rates:?}");
    }

    #[test]
    fn one_failure_takes_it_all() {
        let mut standing = after(1_000);
        standing.failed();
        assert_eq!(
            (standing.rate(Basis::Nothing), standing.streak, standing.failed, standing.audited),
            (Rate::ALL, 0, 1, 1_001)
        );
    }

    #[test]
    fn where_answers_are_judged_trust_is_earned_there() {
        let trusted = after(2_250);
        assert_eq!(trusted.judged_quality(0), None);
        assert_eq!((trusted.rate(Basis::Nothing), trusted.rate(Basis::Measured)), (Rate::FLOOR, Rate::ALL));
    }

    #[test]
    fn who_shows_nothing_again_and_again_is_left_aside_longer_each_time() {
        let mut standing = after(100);
        standing.unopened(9, 10);
        assert_eq!((standing.suspended_until_ms(), standing.rate(Basis::Nothing)), (0, Rate::ALL));
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
        // With a reputation, as it was before it said when.
        let mut with = serde_json::to_value(after(3)).unwrap();
        with["reputation"].as_object_mut().unwrap().remove("judged_at_ms").unwrap();
        assert_eq!(serde_json::from_value::<Standing>(with).unwrap(), after(3));
        assert_eq!((standing.streak, standing.reputation), (2, Reputation::default()));
    }

    fn found(basis: Basis, state: f64) -> Found {
        let stretch = Stretch { state, ..Stretch::default() };
        let scores = Scores { stretches: vec![stretch; 16], tokens: 128, disagreeing: 0, has_ended: false };
        let bounds = if basis == Basis::Vectors { Bounds::VECTORS } else { Bounds::COARSE };
        Found { finding: Finding::of(Ok(scores), &bounds), bounds, basis }
    }

    fn of(request: u64) -> Audited {
        let mut hash = Hash::zero();
        hash.as_bytes_mut()[..8].copy_from_slice(&request.to_le_bytes());
        Audited { request: hash, has_fixed_seed: false, at_ms: 0 }
    }

    #[test]
    fn embeddings_earn_no_trust_for_texts_and_wash_nothing_off() {
        let mut standing = Standing::default();
        standing.take(&found(Basis::Coarse, 1.4), &of(0));
        let before = (standing.judged_quality(0), standing.coarse.clone());
        assert_eq!(before.0, Some(0.0));
        for request in 0..400 {
            standing.compared(true);
            standing.take(&found(Basis::Vectors, 0.0), &of(request));
        }
        assert_eq!((standing.judged_quality(0), standing.coarse.clone()), before);
        assert_eq!((standing.rate(Basis::Coarse), standing.rate(Basis::Nothing)), (Rate::ALL, Rate::ALL));
        assert!(standing.rate(Basis::Vectors).share() < 0.05);
        // The second one far off.
        standing.take(&found(Basis::Coarse, 1.4), &of(1));
        assert!(standing.suspended_until_ms() > 0 && standing.quality(1).is_zero());
    }

    #[test]
    fn what_was_found_long_ago_says_nothing_of_the_quality() {
        let mut standing = Standing::default();
        standing.take(&found(Basis::Vectors, 0.2), &of(0));
        for at_ms in [0, QUALITY_LASTS_MS] {
            standing.take(&found(Basis::Coarse, 0.0), &Audited { at_ms, ..of(at_ms) });
        }
        assert_eq!(standing.judged_quality(QUALITY_LASTS_MS - 1), Some(0.0));
        assert_eq!(standing.judged_quality(QUALITY_LASTS_MS), Some(1.0));
        assert!(standing.quality(QUALITY_LASTS_MS).is_one());
    }

    #[test]
    fn embeddings_that_have_not_passed_take_no_trust_in_texts() {
        let mut standing = after(90);
        standing.compared(false);
        assert_eq!((standing.streak, standing.audited, standing.failed), (90, 91, 1));
    }

    #[test]
    fn the_same_embedding_again_and_again_earns_no_trust() {
        let mut standing = Standing::default();
        (0..400).for_each(|_| standing.take(&found(Basis::Vectors, 0.0), &of(7)));
        assert_eq!(standing.rate(Basis::Vectors), Rate::ALL);
    }

    #[test]
    fn what_is_stored_is_read() {
        let mut standing = after(30);
        standing.take(&found(Basis::Vectors, 0.0), &of(1));
        let stored = serde_json::to_string(&standing).unwrap();
        assert_eq!(serde_json::from_str::<Standing>(&stored).unwrap(), standing);
    }

    #[test]
    fn what_may_have_been_answered_before_earns_no_trust() {
        let mut standing = after(19);
        (0..100).for_each(|_| standing.passed(true));
        assert_eq!((standing.rate(Basis::Nothing), standing.audited), (Rate::ALL, 119));
    }
}
