//! The market's pallets, and how they are read together.

use cuckoo_primitives::{AccountId, StashOverview};
use frame_support::traits::ConstU32;

use crate::{Balances, Registration, Runtime, RuntimeHoldReason, Stake, Voting};

impl pallet_cuckoo_staking::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type VotedStake = Voting;
    type MaxUnlockingChunks = ConstU32<32>;
    type WeightInfo = pallet_cuckoo_staking::weights::SubstrateWeight<Runtime>;
}

impl pallet_cuckoo_registration::Config for Runtime {
    type Backing = Voting;
    type CurrentEra = Stake;
    type WeightInfo = pallet_cuckoo_registration::weights::SubstrateWeight<Runtime>;
}

impl pallet_cuckoo_voting::Config for Runtime {
    type Bonds = Stake;
    type Candidates = Registration;
    type CurrentEra = Stake;
    type MaxPositions = ConstU32<32>;
    type WeightInfo = pallet_cuckoo_voting::weights::SubstrateWeight<Runtime>;
}

/// Bond and votes of `stash`; `None` if it has not bonded.
pub(crate) fn stash_overview(stash: &AccountId) -> Option<StashOverview> {
    let bond = Stake::bond_of(stash)?;
    Some(StashOverview {
        total: bond.total,
        active: bond.active,
        voted: Voting::voted(stash),
        unlocking: bond.unlocking,
        positions: Voting::positions(stash),
    })
}
