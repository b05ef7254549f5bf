//! The votes that count from the start. What makes no sense stops the node with a reason.

use cuckoo_primitives::registry::{Candidates, CurrentEra};

use crate::{Config, GenesisConfig, MinVote, Pool, Votes, MAX_WINDOW_ERAS};

pub(crate) fn build<T: Config>(config: &GenesisConfig<T>) {
    assert!(config.min_vote > 0, "voting.minVote is 0, but a vote must be worth something");
    MinVote::<T>::put(config.min_vote);

    let window = T::CurrentEra::bonding_eras();
    assert!(window <= MAX_WINDOW_ERAS, "unbonding takes {window} eras, but stake is followed for {MAX_WINDOW_ERAS}");
    let now = T::CurrentEra::current_era();

    for (voter, candidate, amount) in &config.votes {
        let what = alloc::format!("voting.votes: {amount} planck of {voter:?} for {candidate:?}");
        let role = T::Candidates::role(candidate);
        assert!(role.is_some(), "{what}: no such candidate");
        if voter == candidate {
            let floor = T::Candidates::own_stake_floor(candidate).unwrap_or_default();
            assert!(*amount > floor, "{what}: own stake must be above {floor} planck");
        }
        let mut votes = Votes::<T>::unsettled(voter);
        assert!(votes.find(candidate).is_none(), "{what}: there twice");
        role.into_iter().for_each(|role| Pool::<T>::stand(candidate, role, now));
        let voted = votes.add_at_genesis(candidate, *amount);
        assert!(voted.is_ok(), "{what}: {voted:?}");
        votes.store();
    }
}
