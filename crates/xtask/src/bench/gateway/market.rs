//! The made-up chain: one coordinator, 1,000 miners.

use anyhow::Context;
use cuckoo_chain_client::{account_of, Keypair, MarketView};
use cuckoo_primitives::{
    signing::blake2_256, AccountId, Candidate, CandidateInfo, CandidateStatus, EraProgress, Hash, Role, CAI,
};

/// Registered miners.
pub(super) const MINERS: u32 = 1_000;

/// The made-up chain's name.
pub(super) fn genesis() -> Hash {
    blake2_256(&[b"bench gateway"])
}

/// The coordinator's operator.
pub(super) fn coordinator() -> anyhow::Result<Keypair> {
    keypair(b"coordinator", 0)
}

/// A miner's operator.
pub(super) fn miner(number: u32) -> anyhow::Result<Keypair> {
    keypair(b"miner", number)
}

/// All candidates; the stakes of miners fall like 1/n.
pub(super) fn view() -> anyhow::Result<MarketView> {
    let mut candidates = vec![candidate(&coordinator()?, Role::Coordinator, 3_000_000 * CAI)];
    for number in 0..MINERS {
        let stake = 25_000 * CAI + 10_000_000 * CAI / u128::from(number + 1);
        candidates.push(candidate(&miner(number)?, Role::Miner, stake));
    }
    let era = EraProgress {
        era: 1,
        sessions_done: 0,
        sessions_per_era: 3,
        session_blocks: 10,
        slot_ms: 1_000,
        bonding_eras: 2,
    };
    Ok(MarketView::from_candidates(1, blake2_256(&[b"block"]), era, candidates))
}

fn keypair(role: &[u8], number: u32) -> anyhow::Result<Keypair> {
    let seed = blake2_256(&[b"bench gateway", role, &number.to_le_bytes()]);
    Keypair::from_secret_key(seed.0).context("the seed makes no key")
}

fn candidate(operator: &Keypair, role: Role, stake: u128) -> Candidate {
    let operator = account_of(operator);
    let stash = AccountId::from(blake2_256(&[b"stash", operator.as_ref()]).0);
    Candidate {
        stash,
        operator,
        role,
        info: CandidateInfo::default(),
        own_stake: stake,
        backing: stake,
        next_backing: stake,
        commission: Default::default(),
        status: CandidateStatus::Active,
    }
}
