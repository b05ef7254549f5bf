//! How miners are paid.

use super::fees::ToTreasury;
use crate::{Balances, Registration, Runtime, RuntimeHoldReason, Stake, Voting};

impl pallet_cuckoo_settlement::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type CurrentEra = Stake;
    type Candidates = Registration;
    type Operators = Registration;
    type Bonds = Stake;
    type OwnStake = Voting;
    type Treasury = ToTreasury;
    type WeightInfo = pallet_cuckoo_settlement::weights::SubstrateWeight<Runtime>;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkMarket = super::benchmarks::Market;
}
