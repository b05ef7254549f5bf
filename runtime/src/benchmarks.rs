//! What `cargo xtask weights` measures: the market's pallets. FRAME's keep the weights that they come with.

use alloc::{string::String, vec::Vec};

use frame_benchmarking::{define_benchmarks, BenchmarkBatch, BenchmarkConfig, BenchmarkList};
use frame_support::traits::{StorageInfo, StorageInfoTrait, WhitelistedStorageKeys};

use crate::{AllPalletsWithSystem, Election, Faucet, Registration, Settlement, Slashing, Stake, Voting};

define_benchmarks!(
    [pallet_cuckoo_election, Election]
    [pallet_cuckoo_faucet, Faucet]
    [pallet_cuckoo_registration, Registration]
    [pallet_cuckoo_settlement, Settlement]
    [pallet_cuckoo_slashing, Slashing]
    [pallet_cuckoo_staking, Stake]
    [pallet_cuckoo_voting, Voting]
);

/// What there is to measure, and what storage the chain has.
pub(crate) fn metadata(extra: bool) -> (Vec<BenchmarkList>, Vec<StorageInfo>) {
    let mut list = Vec::new();
    list_benchmarks!(list, extra);
    (list, AllPalletsWithSystem::storage_info())
}

/// Measures once.
pub(crate) fn dispatch(config: BenchmarkConfig) -> Result<Vec<BenchmarkBatch>, String> {
    let whitelist = AllPalletsWithSystem::whitelisted_storage_keys();
    let (mut batches, params) = (Vec::new(), (&config, &whitelist));
    add_benchmarks!(params, batches);
    Ok(batches)
}
