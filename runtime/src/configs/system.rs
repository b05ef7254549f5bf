//! The frame: blocks, their limits, accounts, time, balances.

use cuckoo_primitives::{currency::EXISTENTIAL_DEPOSIT, AccountId, Balance, BlockNumber, Hash};
use frame_support::{
    derive_impl,
    dispatch::DispatchClass,
    parameter_types,
    traits::{ConstU32, VariantCountOf},
    weights::{
        constants::{ParityDbWeight, WEIGHT_REF_TIME_PER_MILLIS},
        Weight,
    },
};
use frame_system::limits;
use sp_runtime::{traits::AccountIdLookup, Perbill};
use sp_version::RuntimeVersion;

use super::election::KeepsValidators;
use crate::{
    Babe, Block, Nonce, PalletInfo, Runtime, RuntimeCall, RuntimeEvent, RuntimeFreezeReason, RuntimeHoldReason,
    RuntimeOrigin, RuntimeTask, System, VERSION,
};

/// Share of a block that ordinary transactions may fill; the rest is kept for operational ones.
const NORMAL_SHARE: Perbill = Perbill::from_percent(75);

/// Computing time of a block.
///
/// One runtime serves networks with slots of one second, too. An author has two thirds of its slot to propose, and
/// every other validator must execute the block before it can build on it, so half a second is what fits.
const MAX_BLOCK_REF_TIME: u64 = WEIGHT_REF_TIME_PER_MILLIS.saturating_mul(500);

/// Longest block in bytes.
const MAX_BLOCK_BYTES: u32 = 5 * 1024 * 1024;

/// Addresses are those of Substrate in general.
pub const SS58_PREFIX: u16 = 42;

parameter_types! {
    /// Blocks whose hashes the chain remembers; a mortal transaction lives at most as long.
    pub const BlockHashCount: BlockNumber = 4096;
    /// Which runtime this is.
    pub const Version: RuntimeVersion = VERSION;
    /// How addresses begin.
    pub const Ss58Prefix: u16 = SS58_PREFIX;
    /// Computing time limits. The solo chain has no proof to carry, so proof size is not limited.
    pub BlockWeights: limits::BlockWeights =
        limits::BlockWeights::with_sensible_defaults(Weight::from_parts(MAX_BLOCK_REF_TIME, u64::MAX), NORMAL_SHARE);
    /// Length limits: ordinary transactions fill three quarters of a block at most.
    pub BlockLength: limits::BlockLength = limits::BlockLength::builder()
        .max_length(MAX_BLOCK_BYTES)
        .modify_max_length_for_class(DispatchClass::Normal, |bytes| *bytes = NORMAL_SHARE.mul_floor(MAX_BLOCK_BYTES))
        .build();
    /// What an account must hold to exist.
    pub const ExistentialDeposit: Balance = EXISTENTIAL_DEPOSIT;
}

#[derive_impl(frame_system::config_preludes::SolochainDefaultConfig)]
impl frame_system::Config for Runtime {
    type BaseCallFilter = KeepsValidators;
    type Block = Block;
    type BlockWeights = BlockWeights;
    type BlockLength = BlockLength;
    type AccountId = AccountId;
    type Lookup = AccountIdLookup<AccountId, ()>;
    type Nonce = Nonce;
    type Hash = Hash;
    type BlockHashCount = BlockHashCount;
    type DbWeight = ParityDbWeight;
    type Version = Version;
    type AccountData = pallet_balances::AccountData<Balance>;
    type SystemWeightInfo = frame_system::weights::SubstrateWeight<Runtime>;
    type ExtensionsWeightInfo = frame_system::SubstrateExtensionsWeight<Runtime>;
    type SS58Prefix = Ss58Prefix;
    type SingleBlockMigrations = crate::Migrations;
    type MaxConsumers = ConstU32<16>;
}

impl pallet_timestamp::Config for Runtime {
    type Moment = u64;
    type OnTimestampSet = Babe;
    // BABE takes twice the minimum period for the length of a slot.
    type MinimumPeriod = pallet_cuckoo_staking::HalfSlotMs<Runtime>;
    type WeightInfo = pallet_timestamp::weights::SubstrateWeight<Runtime>;
}

impl pallet_balances::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type RuntimeFreezeReason = RuntimeFreezeReason;
    type Balance = Balance;
    type DustRemoval = ();
    type ExistentialDeposit = ExistentialDeposit;
    type AccountStore = System;
    type ReserveIdentifier = [u8; 8];
    type FreezeIdentifier = RuntimeFreezeReason;
    type MaxLocks = ConstU32<50>;
    type MaxReserves = ConstU32<50>;
    type MaxFreezes = VariantCountOf<RuntimeFreezeReason>;
    type DoneSlashHandler = ();
    type WeightInfo = pallet_balances::weights::SubstrateWeight<Runtime>;
}
