//! All registered miners, those with the most backing first.

use std::{cmp::Reverse, sync::Arc};

use cuckoo_chain_client::MarketView;
use cuckoo_primitives::{Candidate, Hash, Role};
use parking_lot::Mutex;

/// The order of miners as of the last block for which somebody asked.
///
/// Anybody may ask, as often as they like, and to put all of them in order is the greatest part of the answer's cost.
#[derive(Default)]
pub(crate) struct Ranking(Mutex<Option<Ranked>>);

struct Ranked {
    block: Hash,
    miners: Arc<[Arc<Candidate>]>,
}

impl Ranking {
    /// The miners of `view` in the order of their backing.
    pub(crate) fn of(&self, view: &MarketView) -> Arc<[Arc<Candidate>]> {
        let mut last = self.0.lock();
        match &*last {
            Some(Ranked { block, miners }) if *block == view.hash => miners.clone(),
            _ => {
                let mut miners: Vec<_> = view.of_role(Role::Miner).cloned().collect();
                miners.sort_by(|a, b| (Reverse(a.backing), &a.operator).cmp(&(Reverse(b.backing), &b.operator)));
                let miners: Arc<[_]> = miners.into();
                *last = Some(Ranked { block: view.hash, miners: miners.clone() });
                miners
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cuckoo_primitives::{AccountId, CandidateInfo, CandidateStatus, EraProgress};

    fn view(block: u8, backings: &[(u8, u128)]) -> MarketView {
        let era = EraProgress {
            era: 1,
            sessions_done: 0,
            sessions_per_era: 3,
            session_blocks: 10,
            slot_ms: 1_000,
            bonding_eras: 2,
        };
        let candidates = backings.iter().map(|&(id, backing)| Candidate {
            stash: AccountId::from([id; 32]),
            operator: AccountId::from([id; 32]),
            role: if id == 0 { Role::Coordinator } else { Role::Miner },
            info: CandidateInfo::default(),
            own_stake: backing,
            backing,
            next_backing: backing,
            commission: Default::default(),
            status: CandidateStatus::Active,
        });
        MarketView::from_candidates(block.into(), Hash::repeat_byte(block), era, candidates)
    }

    fn order(miners: &[Arc<Candidate>]) -> Vec<u8> {
        miners.iter().map(|miner| miner.operator.as_ref() as &[u8]).map(|id| id[0]).collect()
    }

    #[test]
    fn miners_are_ranked_once_for_each_block() {
        let ranking = Ranking::default();
        let first = view(1, &[(3, 10), (1, 20), (0, 99), (2, 10)]);
        let ranked = ranking.of(&first);
        assert_eq!(order(&ranked), [1, 2, 3]);
        assert!(Arc::ptr_eq(&ranked, &ranking.of(&first)));
        assert_eq!(order(&ranking.of(&view(2, &[(3, 30), (1, 20)]))), [3, 1]);
    }
}
