//! What many lives by one strategy come to.

use cuckoo_audit::{
    choice::Rate,
    sequential::{Sequential, ALPHA},
    threshold::{at_least, SUSPICION},
};
use serde_json::{json, Value};

use super::{
    life::{bounds, live, Life},
    market::{Market, Punishment},
    strategy::Strategy,
};

/// What many lives by one strategy come to.
pub(super) struct Outcome {
    market: Market,
    strategy: Strategy,
    lives: Vec<Life>,
}

impl Outcome {
    pub(super) fn of(market: &Market, strategy: Strategy, lives: u32) -> Self {
        let bounds = bounds();
        let lives = (0..lives).map(|seed| live(market, strategy, &bounds, seed.into())).collect();
        Self { market: *market, strategy, lives }
    }

    fn mean_of(&self, pick: impl Fn(&Life) -> f64) -> f64 {
        self.lives.iter().map(pick).sum::<f64>() / self.lives.len().max(1) as f64
    }

    /// What a life earns more than an honest one, on average.
    pub(super) fn mean(&self) -> f64 {
        self.mean_of(|life| life.gain)
    }

    /// The mean's standard error.
    fn error(&self) -> f64 {
        let mean = self.mean();
        let square = self.mean_of(|life| (life.gain - mean).powi(2));
        (square / self.lives.len().max(2).saturating_sub(1) as f64).sqrt()
    }

    /// Whether it surely earns less than honesty: three standard errors below.
    pub(super) fn loses(&self) -> bool {
        self.mean() + 3.0 * self.error() < 0.0
    }

    pub(super) fn suspensions(&self) -> u32 {
        self.lives.iter().map(|life| life.suspensions).sum()
    }

    pub(super) fn line(&self) -> Value {
        let rounded = |number: f64| (number * 100.0).round() / 100.0;
        let honest: f64 = (0..self.market.tasks()).map(|task| self.market.size(task) * (1.0 - self.market.cost)).sum();
        json!({
            "strategy": self.strategy.name(),
            "punishment": match self.market.punishment {
                Punishment::Committee => "committee slashes",
                Punishment::SuspensionOnly => "suspension only",
            },
            "lives": self.lives.len(),
            "tasks_a_life": self.market.tasks(),
            "gain_over_honest": rounded(self.mean()),
            "standard_error": rounded(self.error()),
            "honest_profit": rounded(honest),
            "loses": self.loses(),
            "cheated_tasks": rounded(self.mean_of(|life| life.cheated.into())),
            "audits": rounded(self.mean_of(|life| life.audited.into())),
            "suspensions": rounded(f64::from(self.suspensions()) / self.lives.len().max(1) as f64),
            "slashes": rounded(self.mean_of(|life| life.slashed.into())),
        })
    }
}

/// What an honest miner loses at most, were its stretches to deviate as often as the calibration cannot exclude. Exactly,
/// not by lives: it is too rare to be met in them.
pub(super) fn honest_line(market: &Market) -> Value {
    let (bounds, count) = (bounds(), market.stretches as u64);
    let suspicious = at_least(bounds.threshold(count, SUSPICION), count, bounds.honest_rate);
    let audits = f64::from(market.tasks()) * Rate::FLOOR.share();
    let tests = 1.0 + audits * count as f64 / Sequential::least_stretches(bounds.honest_rate) as f64;
    let convicted = tests * ALPHA;
    json!({
        "strategy": "honest, at worst",
        "tasks_a_life": market.tasks(),
        "audits": audits,
        "suspicious_an_audit": suspicious,
        "quality": 1.0 - suspicious,
        "convictions": convicted,
        "convictions_an_audit": convicted / audits,
        "lost_to_false_convictions": convicted * (market.stake + f64::from(market.tasks_a_day) * (1.0 - market.cost))
            / (f64::from(market.tasks()) * (1.0 - market.cost)),
    })
}
