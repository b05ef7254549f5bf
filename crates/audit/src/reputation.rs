//! What audits think of a miner: how often it is audited, whether it gets work, and what its work is worth.
//!
//! ```text
//! rate    = 100 %                          until 20 attempts have passed, and for 20 more after each that has not
//!         = 30 % * sqrt(10 / streak)       from then on (BOINC's adaptive replication trusts likewise what has agreed
//!                                          often in a row, and forgets it with the first result that does not)
//! quality = passed / audited * (1 - suspicion)        both counts lose 1/32 with each audit
//! ```
//!
//! Only audits count: attempts that nobody looked at say nothing, and a miner that was never audited has a quality of 0.
//! The streak counts requests that differ from each other; an attempt whose seed the application had fixed does not raise
//! it, since a cheat could ask itself the same again and answer from memory.

use std::collections::VecDeque;

use cuckoo_primitives::Hash;
use serde::{Deserialize, Serialize};

use crate::{
    choice::Rate,
    score::Scores,
    sequential::{Decision, Sequential},
    threshold::{Bounds, Judgement},
    Finding,
};

/// All attempts are audited until so many have passed in a row.
pub const WATCHED: u32 = 20;
/// Requests that are remembered, so that none raises the streak twice.
const REMEMBERED: usize = 256;
/// Longest streak that is counted: far beyond it the rate is at its floor anyway.
const LONGEST: u32 = 1_000_000;
/// A first suspension, in milliseconds: a day. Each further one takes twice as long.
const SUSPENDED_MS: u64 = 24 * 60 * 60 * 1000;
/// A suspension is at most so many times doubled: 32 days.
const MOST_DOUBLED: u32 = 5;
/// A second deviant attempt among so many audits convicts. An honest one is deviant once in a million at most, so that it
/// follows another honest one within as many no more often than once in a hundred million audits.
const SECOND_WITHIN: u64 = 10_000;
/// How much of the past an audit leaves, for quality.
const KEPT: f64 = 31.0 / 32.0;

/// What audits think of a miner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reputation {
    /// Attempts that were audited and judged.
    audited: u64,
    /// Those that have not passed.
    flagged: u64,
    /// Different requests that have passed since the last attempt that has not.
    streak: u32,
    /// How many more have to pass before any is left out.
    watched: u32,
    /// What names the last requests that have raised the streak.
    remembered: VecDeque<u64>,
    test: Sequential,
    /// How many audits there were when an attempt was deviant, the last time.
    deviant_at: Option<u64>,
    /// Audits, the older the less.
    weight: f64,
    /// Those of them that have passed.
    passed: f64,
    suspensions: u32,
    /// In milliseconds after 1970.
    suspended_until_ms: Option<u64>,
    /// When something was found last, in milliseconds after 1970.
    #[serde(default)]
    judged_at_ms: u64,
}

impl Default for Reputation {
    /// Of a miner that nobody has seen.
    fn default() -> Self {
        Self {
            audited: 0,
            flagged: 0,
            streak: 0,
            watched: WATCHED,
            remembered: VecDeque::new(),
            test: Sequential::default(),
            deviant_at: None,
            weight: 0.0,
            passed: 0.0,
            suspensions: 0,
            suspended_until_ms: None,
            judged_at_ms: 0,
        }
    }
}

/// The attempt that an audit was of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audited {
    /// Names what was asked: equal for equal models, prompts and sampling, whatever the task's id and price.
    pub request: Hash,
    /// Whether the application had fixed the seed.
    pub has_fixed_seed: bool,
    /// When it was audited, in milliseconds after 1970.
    pub at_ms: u64,
}

/// What a finding leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// Nothing: it has passed, or says nothing.
    None,
    /// The miner is audited more often.
    Watched,
    /// The miner gets no work for a while; if the finding is statistical, a committee can make more of it.
    Suspended,
}

impl Reputation {
    /// Takes a finding into account. `bounds` are what it was judged by.
    pub fn take(&mut self, finding: &Finding, bounds: &Bounds, of: &Audited) -> Consequence {
        if *finding != Finding::Void {
            self.judged_at_ms = of.at_ms;
        }
        match finding {
            Finding::Failed(_) => {
                self.flag();
                self.suspend(of.at_ms)
            }
            Finding::Judged(scores, judgement) => self.judged(scores, *judgement, bounds, of),
            // Nothing is known of it.
            Finding::Void => Consequence::None,
        }
    }

    fn judged(&mut self, scores: &Scores, judgement: Judgement, bounds: &Bounds, of: &Audited) -> Consequence {
        let decision = self.test.take(bounds, scores);
        match judgement {
            Judgement::Passed => self.pass(of),
            Judgement::Suspicious | Judgement::Deviant => self.flag(),
        }
        let is_second = judgement == Judgement::Deviant && self.is_second_deviant();
        if is_second || decision == Decision::Convicted {
            // What is known now has had its consequence.
            self.test.restart();
            self.unlearn();
            return self.suspend(of.at_ms);
        }
        match judgement {
            Judgement::Passed => Consequence::None,
            Judgement::Suspicious | Judgement::Deviant => Consequence::Watched,
        }
    }

    /// Whether another deviant attempt was found not long before this one. Who cheats in few of many tasks is known by it:
    /// the sequential test, which looks for a steady share, forgets the first until the second is found.
    fn is_second_deviant(&mut self) -> bool {
        let before = self.deviant_at.replace(self.audited);
        before.is_some_and(|before| self.audited.saturating_sub(before) <= SECOND_WITHIN)
    }

    fn count(&mut self, passed: f64) {
        self.audited = self.audited.saturating_add(1);
        self.weight = self.weight * KEPT + 1.0;
        self.passed = self.passed * KEPT + passed;
    }

    fn pass(&mut self, of: &Audited) {
        self.count(1.0);
        if of.has_fixed_seed || self.remembers(&of.request) {
            return;
        }
        self.remembered.push_back(name(&of.request));
        if self.remembered.len() > REMEMBERED {
            self.remembered.pop_front();
        }
        self.streak = self.streak.saturating_add(1).min(LONGEST);
        self.watched = self.watched.saturating_sub(1);
    }

    fn flag(&mut self) {
        self.count(0.0);
        self.flagged = self.flagged.saturating_add(1);
        self.unlearn();
    }

    fn unlearn(&mut self) {
        self.streak = 0;
        self.watched = WATCHED;
    }

    fn suspend(&mut self, at_ms: u64) -> Consequence {
        let doubled = self.suspensions.min(MOST_DOUBLED);
        let until = at_ms.saturating_add(SUSPENDED_MS << doubled);
        self.suspensions = self.suspensions.saturating_add(1);
        self.suspended_until_ms = Some(self.suspended_until_ms.map_or(until, |before| before.max(until)));
        Consequence::Suspended
    }

    /// How many of its attempts are audited, as far as its past asks for it.
    pub fn rate(&self) -> Rate {
        if self.watched > 0 {
            return Rate::ALL;
        }
        // 300,000 * sqrt(10 / streak), rounded up.
        let square = 900_000_000_000u64 / u64::from(self.streak.max(1));
        Rate::of_millionths(u32::try_from(square.isqrt().saturating_add(1)).unwrap_or(u32::MAX))
    }

    /// Whether it gets no work at this time, in milliseconds after 1970.
    pub fn is_suspended(&self, at_ms: u64) -> bool {
        self.suspended_until_ms.is_some_and(|until| at_ms < until)
    }

    /// Until when it gets no work, in milliseconds after 1970; `None` if it was never suspended.
    pub fn suspended_until_ms(&self) -> Option<u64> {
        self.suspended_until_ms
    }

    /// What its work is worth, from 0 to 1: the part of its audits that it has passed, the latest counting most, less what
    /// it is suspected of. 0 if it was never audited, or is suspended.
    pub fn quality(&self, at_ms: u64) -> f64 {
        let share = self.passed / self.weight;
        if share.is_nan() || self.is_suspended(at_ms) {
            return 0.0;
        }
        share.clamp(0.0, 1.0) * (1.0 - self.test.suspicion())
    }

    /// When something was found last, in milliseconds after 1970; 0 if that was before it was kept.
    pub fn judged_at_ms(&self) -> u64 {
        self.judged_at_ms
    }

    /// Whether it was asked this lately, and has passed.
    pub fn remembers(&self, request: &Hash) -> bool {
        self.remembered.contains(&name(request))
    }

    /// Attempts that were audited and judged, and those of them that have not passed.
    pub fn audits(&self) -> (u64, u64) {
        (self.audited, self.flagged)
    }

    /// Different requests that have passed since the last attempt that has not.
    pub fn streak(&self) -> u32 {
        self.streak
    }

    /// The sequential test.
    pub fn test(&self) -> &Sequential {
        &self.test
    }
}

/// By which a request is remembered.
fn name(request: &Hash) -> u64 {
    request.as_bytes().first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        score::{Failure, Stretch},
        threshold::Calibration,
    };

    const DAY_MS: u64 = 86_400_000;

    fn bounds() -> Bounds {
        Calibration::of(&vec![Stretch::default(); 12_500], 100_000).bounds()
    }

    fn scores(deviating: usize) -> Scores {
        let stretch = |at: usize| Stretch { margin: f64::from(u8::from(at < deviating)), ..Stretch::default() };
        Scores { stretches: (0..16).map(stretch).collect(), tokens: 128, disagreeing: 0, has_ended: false }
    }

    fn finding(deviating: usize) -> Finding {
        let scores = scores(deviating);
        let judgement = bounds().judge(&scores);
        Finding::Judged(scores, judgement)
    }

    fn of(request: u64) -> Audited {
        let mut hash = Hash::zero();
        hash.as_bytes_mut()[..8].copy_from_slice(&request.to_le_bytes());
        Audited { request: hash, has_fixed_seed: false, at_ms: 0 }
    }

    fn take(reputation: &mut Reputation, finding: &Finding, of: &Audited) -> Consequence {
        reputation.take(finding, &bounds(), of)
    }

    fn after(passed: u64) -> Reputation {
        let mut reputation = Reputation::default();
        let finding = finding(0);
        (0..passed).for_each(|at| assert_eq!(take(&mut reputation, &finding, &of(at)), Consequence::None));
        reputation
    }

    #[test]
    fn trust_grows_slowly() {
        assert!((0..20).all(|passed| after(passed).rate() == Rate::ALL));
        for (passed, share) in [(20, 0.2121), (40, 0.15), (90, 0.1), (1_000, 0.03)] {
            assert!((after(passed).rate().share() - share).abs() < 1e-4, "{passed}");
        }
        assert_eq!(after(40).quality(0), 1.0);
    }

    #[test]
    fn requests_that_return_and_fixed_seeds_earn_no_trust() {
        let mut reputation = after(19);
        for _ in 0..100 {
            take(&mut reputation, &finding(0), &of(3));
            take(&mut reputation, &finding(0), &Audited { has_fixed_seed: true, ..of(1_000) });
        }
        assert_eq!((reputation.streak(), reputation.rate(), reputation.audits()), (19, Rate::ALL, (219, 0)));
    }

    #[test]
    fn one_flag_takes_all_trust() {
        let mut reputation = after(1_000);
        assert_eq!(take(&mut reputation, &finding(2), &of(5_000)), Consequence::Watched);
        assert_eq!((reputation.rate(), reputation.streak(), reputation.audits()), (Rate::ALL, 0, (1_001, 1)));
        assert!((0.9..1.0).contains(&(reputation.quality(0) / (1.0 - reputation.test().suspicion()))));
    }

    #[test]
    fn what_an_honest_miner_cannot_do_suspends_longer_each_time() {
        let mut reputation = after(30);
        let failed = Finding::Failed(Failure::Output);
        for days in [1, 2, 4, 8, 16, 32, 32] {
            assert_eq!(take(&mut reputation, &failed, &of(0)), Consequence::Suspended);
            assert_eq!(reputation.suspended_until_ms(), Some(days * DAY_MS));
            assert!(reputation.is_suspended(days * DAY_MS - 1) && !reputation.is_suspended(days * DAY_MS));
            assert_eq!(reputation.quality(0), 0.0);
        }
        assert!(reputation.quality(40 * DAY_MS) > 0.5);
    }

    #[test]
    fn the_second_deviant_attempt_suspends() {
        let mut reputation = after(30);
        let consequences: Vec<Consequence> =
            (0..3).map(|at| take(&mut reputation, &finding(16), &of(100 + at))).collect();
        assert!(consequences.contains(&Consequence::Suspended) && consequences[0] == Consequence::Watched);
    }

    #[test]
    fn two_deviant_attempts_suspend_however_many_pass_between_them() {
        for (between, expected) in [(9_000, Consequence::Suspended), (11_000, Consequence::Watched)] {
            let mut reputation = after(30);
            assert_eq!(take(&mut reputation, &finding(16), &of(1)), Consequence::Watched);
            (0..between).for_each(|at| assert_eq!(take(&mut reputation, &finding(0), &of(at)), Consequence::None));
            assert_eq!(take(&mut reputation, &finding(16), &of(2)), expected, "{between}");
        }
    }

    #[test]
    fn what_says_nothing_changes_nothing() {
        let mut reputation = after(5);
        let before = reputation.clone();
        assert_eq!(take(&mut reputation, &Finding::Void, &of(77)), Consequence::None);
        assert_eq!(reputation, before);
        assert_eq!(Reputation::default().quality(0), 0.0);
    }

    #[test]
    fn answers_too_short_to_convict_add_up_though_most_are_honest() {
        let mut reputation = Reputation::default();
        let short = |deviates: bool| {
            let stretch = Stretch { state: if deviates { 1.4 } else { 0.05 }, ..Stretch::default() };
            let scores = Scores { stretches: vec![stretch], ..scores(0) };
            let judgement = Bounds::COARSE.judge(&scores);
            Finding::Judged(scores, judgement)
        };
        let suspended = (0..100u64).find(|at| {
            let finding = short(at % 10 == 0);
            reputation.take(&finding, &Bounds::COARSE, &of(*at)) == Consequence::Suspended
        });
        assert!(suspended.is_some());
    }

    #[test]
    fn it_is_stored_as_json() {
        let mut reputation = after(30);
        take(&mut reputation, &finding(3), &of(99));
        let json = serde_json::to_string(&reputation).unwrap();
        assert_eq!(serde_json::from_str::<Reputation>(&json).unwrap(), reputation);
    }

    proptest! {
        #[test]
        fn quality_and_rate_are_shares(steps in prop::collection::vec((0usize..17, 0u64..40, any::<bool>(), any::<bool>()), 0..200)) {
            let mut reputation = Reputation::default();
            for (deviating, request, has_fixed_seed, fails) in steps {
                let finding = if fails { Finding::Failed(Failure::Empty) } else { finding(deviating) };
                take(&mut reputation, &finding, &Audited { has_fixed_seed, ..of(request) });
                prop_assert!((0.0..=1.0).contains(&reputation.quality(u64::MAX)));
                prop_assert!(reputation.rate() >= Rate::of_millionths(1) && reputation.rate() <= Rate::ALL);
                let (audited, flagged) = reputation.audits();
                prop_assert!(flagged <= audited && reputation.remembered.len() <= REMEMBERED);
            }
        }
    }
}
