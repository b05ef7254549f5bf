//! The chain's first candidates and the minimums. What makes no sense stops the node with a reason.

use cuckoo_primitives::{CandidateInfo, Role};
use frame_support::{traits::Get, BoundedVec};

use crate::{info, Config, GenesisConfig, MinSelfStake, OperatorKeys, Roster};

pub(crate) fn build<T: Config>(config: &GenesisConfig<T>) {
    for role in Role::ALL {
        let entries = config.min_self_stake.iter().filter(|(of, _)| *of == role).count();
        assert!(entries == 1, "registration.minSelfStake needs one entry for {role:?} but has {entries}");
    }
    for (role, minimum) in &config.min_self_stake {
        MinSelfStake::<T>::insert(role, minimum);
    }

    for (stash, operator, role, name, endpoint) in &config.candidates {
        assert!(!Roster::<T>::contains(stash), "registration.candidates: {stash:?} is there twice");
        assert!(stash != operator, "registration.candidates: the operator of {stash:?} must be another account");
        let info = present(name, endpoint);
        let valid = info::ensure_valid::<T>(*role, &info);
        assert!(valid.is_ok(), "registration.candidates: {stash:?}: {valid:?}");
        let assigned = OperatorKeys::<T>::assign(operator, stash, *role);
        assert!(assigned.is_ok(), "registration.candidates: operator {operator:?} of {stash:?}: {assigned:?}");
        let entered = Roster::<T>::enter(stash, *role, operator.clone(), info);
        assert!(entered.is_ok(), "registration.candidates: {stash:?}: {entered:?}");
    }
}

fn present(name: &str, endpoint: &str) -> CandidateInfo {
    CandidateInfo {
        name: bounded("name", name),
        introduction: Default::default(),
        endpoint: bounded("endpoint", endpoint),
    }
}

fn bounded<Bound: Get<u32>>(what: &str, text: &str) -> BoundedVec<u8, Bound> {
    let bounded = BoundedVec::try_from(text.as_bytes().to_vec());
    assert!(bounded.is_ok(), "registration.candidates: the {what} {text:?} is longer than {} bytes", Bound::get());
    bounded.unwrap_or_default()
}
