//! The market's pallets, and how they are read together.

use cuckoo_primitives::{AccountId, Balance, EraIndex, StashOverview, CAI};
use frame_support::{parameter_types, traits::ConstU32, PalletId};
use sp_runtime::Perbill;

use super::{
    consensus::MaxAuthorities,
    governance::origins::{RootOr, SlashCanceller},
};
use crate::{Balances, Registration, Runtime, RuntimeHoldReason, Settlement, Slashing, Stake, Timestamp, Voting};

/// Most candidates behind which a stash may have stake.
pub(crate) type MaxPositions = ConstU32<32>;

parameter_types! {
    /// The account in which rewards wait until they are claimed.
    pub const RewardPotId: PalletId = PalletId(*b"cuckoo/r");
    /// The account out of which the faucet pays.
    pub const FaucetPotId: PalletId = PalletId(*b"cuckoo/f");
    /// A reporter gets a tenth of what the offender itself loses, so that reporting oneself never pays.
    pub const ReporterShare: Perbill = Perbill::from_percent(10);
    /// The part of a block that paying the candidates may take; with the slashes' tenth a quarter.
    pub const PayoutShare: Perbill = Perbill::from_percent(15);
    /// A conviction doubles the next slash for as long.
    pub const MemoryEras: EraIndex = 28;
    /// Held for a challenge until it ends; an answer costs its challenger a fiftieth of it.
    pub const ChallengeDeposit: Balance = CAI.saturating_mul(10);
}

impl pallet_cuckoo_staking::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type VotedStake = Voting;
    type AppliedSlashes = Slashing;
    type Debts = Settlement;
    type Rewards = Voting;
    type Time = Timestamp;
    type PotId = RewardPotId;
    type ReporterShare = ReporterShare;
    type MaxUnlockingChunks = ConstU32<32>;
    type WeightInfo = pallet_cuckoo_staking::weights::SubstrateWeight<Runtime>;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkMarket = super::benchmarks::Market;
}

impl pallet_cuckoo_registration::Config for Runtime {
    type Backing = Voting;
    type CurrentEra = Stake;
    type OpenCases = Slashing;
    type MaxValidators = ConstU32<1_000>;
    type WeightInfo = pallet_cuckoo_registration::weights::SubstrateWeight<Runtime>;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkMarket = super::benchmarks::Market;
}

impl pallet_cuckoo_voting::Config for Runtime {
    type Bonds = Stake;
    type Candidates = Registration;
    type CurrentEra = Stake;
    type AppliedSlashes = Slashing;
    type RewardPot = Stake;
    type Work = Settlement;
    type PayoutShare = PayoutShare;
    type MaxPositions = MaxPositions;
    type WeightInfo = pallet_cuckoo_voting::weights::SubstrateWeight<Runtime>;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkMarket = super::benchmarks::Market;
}

impl pallet_cuckoo_slashing::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type CurrentEra = Stake;
    type Time = Timestamp;
    type Candidates = Registration;
    type Operators = Registration;
    type Slash = Voting;
    type CancelOrigin = RootOr<SlashCanceller>;
    type MemoryEras = MemoryEras;
    type MaxValidators = MaxAuthorities;
    // One validator alone keeps a development chain going.
    type MinStanding = ConstU32<1>;
    type ChallengeDeposit = ChallengeDeposit;
    type WeightInfo = pallet_cuckoo_slashing::weights::SubstrateWeight<Runtime>;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkMarket = super::benchmarks::Market;
}

impl pallet_cuckoo_faucet::Config for Runtime {
    type Currency = Balances;
    type CurrentEra = Stake;
    type PalletId = FaucetPotId;
    type WeightInfo = pallet_cuckoo_faucet::weights::SubstrateWeight<Runtime>;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkMarket = super::benchmarks::Market;
}

/// Bond and votes of `stash`; `None` if it has not bonded.
pub(crate) fn stash_overview(stash: AccountId) -> Option<StashOverview> {
    let bond = Stake::bond_of(stash.clone())?;
    Some(StashOverview {
        total: bond.total,
        active: bond.active,
        voted: Voting::voted(&stash),
        unlocking: bond.unlocking,
        reward: Voting::pending_reward(stash.clone()),
        positions: Voting::positions(stash),
    })
}
