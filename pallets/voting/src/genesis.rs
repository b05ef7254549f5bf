//! The votes that count from the start. What makes no sense stops the node with a reason.

use cuckoo_primitives::registry::Candidates;

use crate::{Config, GenesisConfig, MinVote, Positions, Votes};

pub(crate) fn build<T: Config>(config: &GenesisConfig<T>) {
    assert!(config.min_vote > 0, "voting.minVote is 0, but a vote must be worth something");
    MinVote::<T>::put(config.min_vote);

    for (voter, candidate, amount) in &config.votes {
        let what = alloc::format!("voting.votes: {amount} planck of {voter:?} for {candidate:?}");
        assert!(T::Candidates::role(candidate).is_some(), "{what}: no such candidate");
        assert!(!Positions::<T>::contains_key(voter, candidate), "{what}: there twice");
        if voter == candidate {
            let floor = T::Candidates::own_stake_floor(candidate).unwrap_or_default();
            assert!(*amount > floor, "{what}: own stake must be above {floor} planck");
        }
        let voted = Votes::<T>::of(voter).add_at_genesis(candidate, *amount);
        assert!(voted.is_ok(), "{what}: {voted:?}");
    }
}
