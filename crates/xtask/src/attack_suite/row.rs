//! What is printed of an attack.

use std::collections::BTreeMap;

use serde_json::{json, Value};

use super::{
    attacks::Goal,
    verdict::{Caught, Verdict},
};

/// How many were found out, of attempts or of miners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) found: u32,
    pub(super) all: u32,
}

/// What came of one attack.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) attack: &'static str,
    pub(super) goal: Goal,
    /// Of those that the goal is about.
    pub(super) cheats: Count,
    pub(super) twins: Count,
    /// Attempts that were caught by themselves, and by what.
    pub(super) by: BTreeMap<String, u32>,
    /// Attempts that were found suspicious or worse.
    pub(super) suspicious: Count,
    pub(super) suspicious_twins: Count,
    /// Audits until miners were suspended, the most that it took.
    pub(super) audits: Option<u32>,
    /// Of attempts that statistics caught: tokens until then.
    pub(super) tokens_needed: Vec<u32>,
    /// Attempts that were too short for statistics, and were made again.
    pub(super) too_short: u32,
    /// Tokens of all cheats' attempts.
    pub(super) tokens: u64,
}

impl Count {
    pub(super) fn add(&mut self, found: bool) {
        self.all += 1;
        self.found += u32::from(found);
    }

    /// Within what the share lies with a confidence of 95 % (E. B. Wilson, 1927).
    pub(super) fn interval(self) -> (f64, f64) {
        const Z: f64 = 1.959_964;
        if self.all == 0 {
            return (0.0, 1.0);
        }
        let (count, share) = (f64::from(self.all), f64::from(self.found) / f64::from(self.all));
        let (square, scale) = (Z * Z, 1.0 + Z * Z / count);
        let middle = (share + square / (2.0 * count)) / scale;
        let half = Z / scale * (share * (1.0 - share) / count + square / (4.0 * count * count)).sqrt();
        ((middle - half).max(0.0), (middle + half).min(1.0))
    }
}

impl Row {
    pub(super) fn new(attack: &'static str, goal: Goal) -> Self {
        Self {
            attack,
            goal,
            cheats: Count::default(),
            twins: Count::default(),
            by: BTreeMap::new(),
            suspicious: Count::default(),
            suspicious_twins: Count::default(),
            audits: None,
            tokens_needed: Vec::new(),
            too_short: 0,
            tokens: 0,
        }
    }

    /// Takes note of how an attempt of the cheat was caught.
    pub(super) fn caught(&mut self, verdict: &Verdict) {
        let by = match verdict.caught() {
            Some(Caught::Refused) => "refused".to_owned(),
            Some(Caught::Evidence(fault)) => format!("evidence: {fault}"),
            Some(Caught::Failure(what)) => format!("failure: {what}"),
            Some(Caught::Statistics) => "statistics".to_owned(),
            None => return,
        };
        *self.by.entry(by).or_default() += 1;
    }

    /// Whether every cheat was found out and no twin.
    pub(super) fn is_met(&self) -> bool {
        self.cheats.all > 0 && self.cheats.found == self.cheats.all && self.twins.all > 0 && self.twins.found == 0
    }

    pub(super) fn line(&self) -> Value {
        let rounded = |number: f64| (number * 10_000.0).round() / 10_000.0;
        let ((low, high), (_, most)) = (self.cheats.interval(), self.twins.interval());
        let (unit, within) = match self.goal {
            Goal::Attempt => ("attempt", 1),
            Goal::Miner { audits } => ("miner", audits),
        };
        let mut needed = self.tokens_needed.clone();
        needed.sort_unstable();
        json!({
            "attack": self.attack,
            "unit": unit,
            "within_audits": within,
            "detected": self.cheats.found,
            "trials": self.cheats.all,
            "target": 1.0,
            "met": self.is_met(),
            "interval_95": [rounded(low), rounded(high)],
            "by": self.by,
            "suspicious_attempts": [self.suspicious.found, self.suspicious.all],
            "audits_until_suspended": self.audits,
            "tokens_until_convicted": needed.get(needed.len() / 2),
            "too_short": self.too_short,
            "tokens": self.tokens,
            "honest_trials": self.twins.all,
            "honest_false_positives": self.twins.found,
            "honest_false_positives_below_95": rounded(most),
            "honest_suspicious": self.suspicious_twins.found,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_wilsons() {
        let of = |found, all| Count { found, all }.interval();
        let is_near = |(low, high): (f64, f64), (expected_low, expected_high): (f64, f64)| {
            (low - expected_low).abs() < 1e-3 && (high - expected_high).abs() < 1e-3
        };
        assert!(is_near(of(10, 10), (0.7225, 1.0)));
        assert!(is_near(of(0, 10), (0.0, 0.2775)));
        assert!(is_near(of(1, 2), (0.0945, 0.9055)));
        assert_eq!(of(0, 0), (0.0, 1.0));
    }

    #[test]
    fn a_row_is_met_only_if_all_cheats_and_no_twins_are_found() {
        let row = |found, twins| Row {
            cheats: Count { found, all: 3 },
            twins: Count { found: twins, all: 3 },
            ..Row::new("x", Goal::Attempt)
        };
        assert!(row(3, 0).is_met());
        assert!(!row(2, 0).is_met() && !row(3, 1).is_met() && !Row::new("x", Goal::Attempt).is_met());
    }
}
