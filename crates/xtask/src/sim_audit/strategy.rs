//! Ways to live as a miner.

/// A way to live as a miner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Strategy {
    /// Computes what it has promised.
    Honest,
    /// Cheats in every task.
    Always,
    /// Cheats in so many of a thousand tasks, at random.
    Some { per_mille: u32 },
    /// Cheats in every task once it is trusted, and never stops.
    LongCon,
    /// Is honest until the last hundred tasks before it leaves.
    Leaver,
    /// Cheats in large tasks only.
    Large,
    /// Cheats in every task, and comes back with another stake when it gets no more work.
    Sybil,
    /// Cheats in every task in a way of which one stretch in twenty deviates.
    Subtle,
    /// Cheats in every task; friends make so many of a hundred of its audits.
    Friends { percent: u32 },
}

impl Strategy {
    pub(super) const ALL: &[Self] = &[
        Self::Honest,
        Self::Always,
        Self::Some { per_mille: 1 },
        Self::Some { per_mille: 10 },
        Self::Some { per_mille: 100 },
        Self::Some { per_mille: 500 },
        Self::LongCon,
        Self::Leaver,
        Self::Large,
        Self::Sybil,
        Self::Subtle,
        Self::Friends { percent: 20 },
        Self::Friends { percent: 50 },
    ];

    pub(super) fn name(&self) -> String {
        match self {
            Self::Honest => "honest".into(),
            Self::Always => "always cheats".into(),
            Self::Some { per_mille } => format!("cheats in {} % of the tasks", f64::from(*per_mille) / 10.0),
            Self::LongCon => "honest until trusted, then always cheats".into(),
            Self::Leaver => "cheats in its last 100 tasks and leaves".into(),
            Self::Large => "cheats in large tasks".into(),
            Self::Sybil => "always cheats, with a new stake when found out".into(),
            Self::Subtle => "always cheats, 5 % of the stretches deviate".into(),
            Self::Friends { percent } => format!("always cheats, {percent} % of the audits by friends"),
        }
    }

    pub(super) fn is_cheating(&self) -> bool {
        *self != Self::Honest
    }

    /// Part of a cheated task's stretches that deviate.
    pub(super) fn deviating(&self) -> f64 {
        if *self == Self::Subtle {
            0.05
        } else {
            1.0
        }
    }

    /// Part of its audits that friends make.
    pub(super) fn friends(&self) -> f64 {
        if let Self::Friends { percent } = self {
            f64::from(*percent) / 100.0
        } else {
            0.0
        }
    }
}
