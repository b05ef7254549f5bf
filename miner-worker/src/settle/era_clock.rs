//! How far an era has gone.

use cuckoo_chain_client::MarketView;
use cuckoo_primitives::{BlockNumber, EraIndex};

/// Remembers when the era began, since the chain tells only how many of its sessions are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EraClock {
    era: EraIndex,
    began: BlockNumber,
}

impl EraClock {
    /// A clock that is started now.
    pub(crate) fn new(view: &MarketView) -> Self {
        let over = view.era.sessions_done.saturating_mul(view.era.session_blocks);
        Self { era: view.era.era, began: view.number.saturating_sub(over) }
    }

    /// Thousandths of the era that are over.
    pub(crate) fn permille(&mut self, view: &MarketView) -> u32 {
        if view.era.era != self.era {
            *self = Self::new(view);
        }
        let progress = view.era;
        let blocks = u64::from(progress.sessions_per_era).saturating_mul(progress.session_blocks.into());
        let passed = u64::from(view.number.saturating_sub(self.began)).saturating_mul(1_000);
        let by_blocks = passed.checked_div(blocks).unwrap_or(0);
        let sessions = u64::from(progress.sessions_done).saturating_mul(1_000);
        let by_sessions = sessions.checked_div(progress.sessions_per_era.into()).unwrap_or(0);
        by_blocks.max(by_sessions).min(999) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cuckoo_primitives::{EraProgress, Hash};

    fn view(number: u32, era: EraIndex, sessions_done: u32) -> MarketView {
        let era = EraProgress {
            era,
            sessions_done,
            sessions_per_era: 4,
            session_blocks: 25,
            slot_ms: 1_000,
            bonding_eras: 2,
        };
        MarketView::from_candidates(number, Hash::zero(), era, [])
    }

    #[test]
    fn an_era_is_counted_in_blocks_from_its_beginning() {
        let mut clock = EraClock::new(&view(1_000, 5, 0));
        assert_eq!(clock.permille(&view(1_000, 5, 0)), 0);
        assert_eq!(clock.permille(&view(1_010, 5, 0)), 100);
        assert_eq!(clock.permille(&view(1_060, 5, 2)), 600);
        // Empty slots make it longer than it should be.
        assert_eq!(clock.permille(&view(1_500, 5, 3)), 999);
        assert_eq!(clock.permille(&view(1_501, 6, 0)), 0);
        assert_eq!(clock.permille(&view(1_526, 6, 1)), 250);
    }

    #[test]
    fn who_comes_in_the_middle_goes_by_the_sessions() {
        let mut clock = EraClock::new(&view(1_070, 5, 2));
        assert_eq!(clock.permille(&view(1_070, 5, 2)), 500);
        assert_eq!(clock.permille(&view(1_075, 5, 3)), 750);
    }
}
