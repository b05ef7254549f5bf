//! What tasks bring and cost.

use cuckoo_audit::economics::Stakes;

/// What tasks bring and cost, in prices of an ordinary task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Market {
    pub(super) days: u32,
    pub(super) tasks_a_day: u32,
    /// What a miner loses if it is slashed.
    pub(super) stake: f64,
    /// What honest computing costs.
    pub(super) cost: f64,
    /// How much less cheating costs.
    pub(super) saving: f64,
    /// One in so many tasks is large.
    pub(super) large_every: u32,
    /// How many ordinary tasks a large one is.
    pub(super) large: f64,
    /// Part of the audits that friends make.
    pub(super) colluding: f64,
    /// Stretches of an ordinary task: 128 tokens.
    pub(super) stretches: usize,
    /// Eras that a stake is bound after its miner has left, in days, and what it would have earned elsewhere in a year.
    pub(super) bound_days: f64,
    pub(super) interest: f64,
    pub(super) punishment: Punishment,
}

/// What a conviction by statistics leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Punishment {
    /// A committee looks at it, and the stake is slashed.
    Committee,
    /// The coordinator gives the miner no work for a while, and that is all.
    SuspensionOnly,
}

impl Default for Market {
    fn default() -> Self {
        Self {
            days: 20,
            tasks_a_day: 1_000,
            stake: 20_000.0,
            cost: 0.6,
            saving: 0.5,
            large_every: 10,
            large: 20.0,
            colluding: 0.0,
            stretches: 16,
            bound_days: 7.0,
            interest: 0.05,
            punishment: Punishment::Committee,
        }
    }
}

impl Market {
    pub(super) fn tasks(&self) -> u32 {
        self.days * self.tasks_a_day
    }

    /// Size of the task of this number, in ordinary ones.
    pub(super) fn size(&self, task: u32) -> f64 {
        if task.is_multiple_of(self.large_every) {
            self.large
        } else {
            1.0
        }
    }

    /// What is at stake in a task of this size, as the coordinator thinks.
    pub(super) fn stakes(&self, size: f64) -> Stakes {
        Stakes { saving: self.saving * size, price: size, stake: self.stake, detection: 0.9, colluding: 0.2 }
    }

    /// What a stake would have earned elsewhere while it is bound after its miner has left.
    pub(super) fn leaving(&self) -> f64 {
        self.stake * self.interest * self.bound_days / 365.0
    }
}
