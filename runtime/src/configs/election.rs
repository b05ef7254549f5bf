//! Who validates: candidates by the stake behind them, planned session by session.

use alloc::vec::Vec;

use cuckoo_primitives::{AccountId, Balance};
use frame_support::traits::Contains;
use frame_system::EnsureRoot;
use pallet_cuckoo_election::ValidatorCandidates;

use super::consensus::MaxAuthorities;
use crate::{Election, Registration, Runtime, RuntimeCall, Stake};

impl pallet_cuckoo_election::Config for Runtime {
    type Candidates = RegisteredValidators;
    type WithKeys = WithSessionKeys;
    type LimitsOrigin = EnsureRoot<AccountId>;
    type MaxValidators = MaxAuthorities;
    type WeightInfo = pallet_cuckoo_election::weights::SubstrateWeight<Runtime>;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkMarket = super::benchmarks::Market;
}

/// The validators of the registration pallet, with the backing that counts in the current era.
pub struct RegisteredValidators;

impl ValidatorCandidates for RegisteredValidators {
    fn active() -> Vec<(AccountId, Balance)> {
        Registration::active_validators()
    }

    fn is_active(stash: &AccountId) -> bool {
        Registration::is_active(stash)
    }
}

/// Accounts with session keys on chain.
pub struct WithSessionKeys;

impl Contains<AccountId> for WithSessionKeys {
    fn contains(stash: &AccountId) -> bool {
        pallet_session::NextKeys::<Runtime>::contains_key(stash)
    }
}

/// The validators of the session that is being planned, or `None` if they and their keys stay as they are.
///
/// An era begins with a session, whose start is told to the era clock before the next session is planned.
///
/// What an election costs is not counted, since the session pallet counts every block that starts a session as full. A
/// test sees to it that the block has the time.
pub(super) fn planned() -> Option<Vec<AccountId>> {
    let current = pallet_session::QueuedKeys::<Runtime>::get();
    let era_began = Stake::era_progress().sessions_done == 0;
    let next = Election::next_validators(current.iter().map(|(stash, _)| stash.clone()).collect(), era_began);
    let same_validators =
        next.len() == current.len() && current.iter().all(|(stash, _)| next.binary_search(stash).is_ok());
    let same_keys =
        || current.iter().all(|(stash, keys)| pallet_session::NextKeys::<Runtime>::get(stash).as_ref() == Some(keys));
    // Consensus takes every new list for a change, even of the same validators: finality then has to prove the hand-over,
    // and validators that were disabled come back.
    (!same_validators || !same_keys()).then_some(next)
}

/// Lets every call pass but one: session keys stay on chain while the next session would otherwise have too few
/// validators. A chain without validators cannot go on.
pub struct KeepsValidators;

impl Contains<RuntimeCall> for KeepsValidators {
    fn contains(call: &RuntimeCall) -> bool {
        match call {
            RuntimeCall::Session(pallet_session::Call::purge_keys {}) => {
                let planned = pallet_session::QueuedKeys::<Runtime>::get();
                Election::can_spare_keys(planned.iter().map(|(stash, _)| stash))
            }
            _ => true,
        }
    }
}
