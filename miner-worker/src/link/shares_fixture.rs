//! Candidates for tests of shares and of who may be served.

use std::sync::Arc;

use cuckoo_chain_client::MarketView;
use cuckoo_primitives::{AccountId, Candidate, CandidateInfo, CandidateStatus, EraProgress, Hash, Role, CAI};

pub(crate) fn account(number: u8) -> AccountId {
    AccountId::from([number; 32])
}

/// An active coordinator with this operator and backing in millions of CAI; its stash is 100 accounts further.
pub(crate) fn coordinator(operator: u8, backing: u128) -> Candidate {
    Candidate {
        stash: account(operator + 100),
        operator: account(operator),
        role: Role::Coordinator,
        info: CandidateInfo::default(),
        own_stake: backing * 1_000_000 * CAI,
        backing: backing * 1_000_000 * CAI,
        next_backing: backing * 1_000_000 * CAI,
        commission: Default::default(),
        status: CandidateStatus::Active,
    }
}

pub(crate) fn view(candidates: impl IntoIterator<Item = Candidate>) -> Arc<MarketView> {
    let era = EraProgress {
        era: 1,
        sessions_done: 0,
        sessions_per_era: 3,
        session_blocks: 10,
        slot_ms: 1_000,
        bonding_eras: 2,
    };
    Arc::new(MarketView::from_candidates(1, Hash::zero(), era, candidates))
}
