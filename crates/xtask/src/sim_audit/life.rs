//! One miner's life.

use cuckoo_audit::{
    choice::{rate, DaySecret, Rate},
    reputation::{Audited, Consequence, Reputation},
    score::{Scores, Stretch},
    threshold::{Bounds, Calibration},
    Finding,
};
use cuckoo_primitives::{signing::blake2_256, Hash};
use rand::{rngs::StdRng, Rng, SeedableRng};

use super::{
    market::{Market, Punishment},
    strategy::Strategy,
};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Honest stretches of the calibration, 100,000 tokens. None of them deviates, as on processors.
const HONEST: usize = 12_500;

/// Who is audited no more often than this counts as trusted: 4 %, after 563 audits.
const TRUSTED: Rate = Rate::of_millionths(40_000);

/// Stakes that whoever comes back again and again has.
const MOST_STAKES: u32 = 100;

/// What came of a life.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Life {
    /// What was earned more than an honest miner earns, in prices of a task.
    pub(super) gain: f64,
    pub(super) cheated: u32,
    pub(super) audited: u32,
    pub(super) suspensions: u32,
    /// Stakes that were slashed.
    pub(super) slashed: u32,
}

/// What all lives are judged by.
pub(super) fn bounds() -> Bounds {
    Calibration::of(&[Stretch::default(); HONEST], 8 * HONEST as u64).bounds()
}

struct Miner<'a> {
    market: &'a Market,
    strategy: Strategy,
    bounds: &'a Bounds,
    random: StdRng,
    reputation: Reputation,
    /// Whether it was ever trusted.
    is_trusted: bool,
    life: Life,
}

/// Lives through all days of the market.
pub(super) fn live(market: &Market, strategy: Strategy, bounds: &Bounds, seed: u64) -> Life {
    let mut miner = Miner {
        market,
        strategy,
        bounds,
        random: StdRng::seed_from_u64(seed),
        reputation: Reputation::default(),
        is_trusted: false,
        life: Life::default(),
    };
    for task in 0..market.tasks() {
        let at_ms = DAY_MS * u64::from(task) / u64::from(market.tasks_a_day);
        let honest = market.size(task) * (1.0 - market.cost);
        match miner.reputation.is_suspended(at_ms) {
            // An honest miner would have earned it.
            true => miner.life.gain -= honest,
            false if !miner.work(task, at_ms, seed) => {
                // Without a stake there is no work any more.
                miner.life.gain -=
                    (task + 1..market.tasks()).map(|it| market.size(it) * (1.0 - market.cost)).sum::<f64>();
                break;
            }
            false => {}
        }
    }
    miner.life
}

impl Miner<'_> {
    /// Works on a task; whether it can work on others.
    fn work(&mut self, task: u32, at_ms: u64, seed: u64) -> bool {
        let size = self.market.size(task);
        let rate = rate(self.reputation.rate(), 0.0).max(rate(Rate::FLOOR, self.market.stakes(size).least_rate()));
        self.is_trusted |= self.reputation.rate() <= TRUSTED;
        let cheats = self.cheats(task, size);
        if cheats {
            self.life.cheated += 1;
            self.life.gain += size * self.market.saving;
        }
        let request = blake2_256(&[&seed.to_le_bytes(), &task.to_le_bytes()]);
        if !self.is_chosen(task, seed, &request, rate) {
            return true;
        }
        self.life.audited += 1;
        let by_friend = self.random.random::<f64>() < self.market.colluding.max(self.strategy.friends());
        let deviating = match self.strategy {
            // As often as the calibration cannot exclude.
            Strategy::Honest => self.bounds.honest_rate,
            _ if cheats && !by_friend => self.strategy.deviating(),
            _ => 0.0,
        };
        let scores = self.scores(deviating);
        let judgement = self.bounds.judge(&scores);
        let of = Audited { request, has_fixed_seed: false, at_ms };
        match self.reputation.take(&Finding::Judged(scores, judgement), self.bounds, &of) {
            Consequence::None | Consequence::Watched => true,
            Consequence::Suspended => self.found_out(),
        }
    }

    fn cheats(&mut self, task: u32, size: f64) -> bool {
        match self.strategy {
            Strategy::Honest => false,
            Strategy::Always | Strategy::Sybil | Strategy::Subtle | Strategy::Friends { .. } => true,
            Strategy::Some { per_mille } => self.random.random_range(0..1_000) < per_mille,
            Strategy::LongCon => self.is_trusted,
            Strategy::Leaver => task + 100 >= self.market.tasks(),
            Strategy::Large => size > 1.0,
        }
    }

    fn is_chosen(&self, task: u32, seed: u64, receipt: &Hash, rate: Rate) -> bool {
        let day = u64::from(task / self.market.tasks_a_day);
        let secret =
            DaySecret::new(blake2_256(&[b"a day of the simulation", &seed.to_le_bytes(), &day.to_le_bytes()]).0);
        let mut task_id = [0; 16];
        task_id[..4].copy_from_slice(&task.to_le_bytes());
        secret.chooses(&task_id, 0, receipt, rate)
    }

    fn scores(&mut self, deviating: f64) -> Scores {
        let stretches: Vec<Stretch> = (0..self.market.stretches)
            .map(|_| Stretch {
                margin: f64::from(u8::from(self.random.random::<f64>() < deviating)),
                ..Stretch::default()
            })
            .collect();
        Scores { tokens: 8 * stretches.len() as u32, stretches, disagreeing: 0, has_ended: false }
    }

    /// What a suspension leads to; whether there is a stake to go on with.
    fn found_out(&mut self) -> bool {
        self.life.suspensions += 1;
        let is_slashed = self.market.punishment == Punishment::Committee;
        if is_slashed {
            self.life.slashed += 1;
            self.life.gain -= self.market.stake;
        }
        match self.strategy {
            Strategy::Sybil => {
                if !is_slashed {
                    self.life.gain -= self.market.leaving();
                }
                self.reputation = Reputation::default();
                self.life.suspensions < MOST_STAKES
            }
            _ => !is_slashed,
        }
    }
}
