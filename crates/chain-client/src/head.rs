//! A finalised block, and whether it is recent enough to act on.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cuckoo_primitives::{BlockNumber, EraProgress, Hash};

/// So many slots the last final block of a healthy chain may be behind its newest one.
const FINALITY_LAG_SLOTS: u64 = 5;

/// What is known of a block besides the candidates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) number: BlockNumber,
    pub(crate) hash: Hash,
    /// When it was made, by its own word, in milliseconds since 1970; 0 for the first block of a chain.
    pub(crate) time_ms: u64,
    pub(crate) era: EraProgress,
}

impl Head {
    /// Whether it was made longer than `after`, and the time that finality takes, ago.
    pub(crate) fn is_old(&self, after: Duration) -> bool {
        self.is_old_at(now_ms(), after)
    }

    fn is_old_at(&self, now_ms: u64, after: Duration) -> bool {
        let lag = Duration::from_millis(self.era.slot_ms.saturating_mul(FINALITY_LAG_SLOTS));
        age(self.time_ms, now_ms) > after.saturating_add(lag)
    }

    /// Whether it is the chain's first block, which has no time of its own: the chain has not begun, or the node has no
    /// other of its blocks yet.
    pub(crate) fn is_first(&self) -> bool {
        self.number == 0
    }

    /// How long ago it was made, by its own word; zero if this machine's clock is behind.
    pub(crate) fn age(&self) -> Duration {
        age(self.time_ms, now_ms())
    }
}

fn age(time_ms: u64, now_ms: u64) -> Duration {
    Duration::from_millis(now_ms.saturating_sub(time_ms))
}

/// Milliseconds since 1970, by this machine's clock.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Of a chain with slots of a second.
#[cfg(test)]
pub(crate) const ERA: EraProgress =
    EraProgress { era: 1, sessions_done: 0, sessions_per_era: 3, session_blocks: 10, slot_ms: 1000, bonding_eras: 2 };

#[cfg(test)]
mod tests {
    use super::*;

    fn made_at(time_ms: u64) -> Head {
        Head { number: 1, hash: Hash::zero(), time_ms, era: ERA }
    }

    #[test]
    fn a_block_is_old_once_its_time_and_that_of_finality_are_over() {
        let head = made_at(1_000_000);
        let after = Duration::from_secs(30);
        assert!(!head.is_old_at(1_000_000 + 35_000, after), "five slots of a second, and thirty seconds");
        assert!(head.is_old_at(1_000_000 + 35_001, after));
    }

    #[test]
    fn a_block_from_the_future_is_not_old_and_the_first_block_always_is() {
        assert!(!made_at(2_000_000).is_old_at(1_000_000, Duration::ZERO));
        assert!(made_at(0).is_old(Duration::from_secs(3600)));
    }
}
