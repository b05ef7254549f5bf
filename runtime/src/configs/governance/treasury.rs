//! The treasury: a share of all fees comes in, and only a referendum spends.

use cuckoo_primitives::{AccountId, Balance, CAI};
use frame_support::{
    parameter_types,
    traits::{
        tokens::{PayFromAccount, UnityAssetBalanceConversion},
        ConstU32, EnsureOrigin, OriginTrait,
    },
    PalletId,
};
use frame_system::RawOrigin;
use pallet_treasury::TreasuryAccountId;
use sp_runtime::{traits::AccountIdLookup, Permill};

use super::{
    origins::{Origin, RootOr, Treasurer},
    periods::Eras,
};
use crate::{Balances, OriginCaller, Runtime, RuntimeEvent, RuntimeOrigin, System};

/// Most planck that [`Origin::SmallSpender`] may spend at once.
pub const SMALL_SPEND: Balance = CAI.saturating_mul(10_000);

parameter_types! {
    /// From which the treasury's account derives.
    pub const TreasuryPalletId: PalletId = PalletId(*b"cai/trsy");
    /// Nothing burns for not being spent.
    pub const Burn: Permill = Permill::zero();
}

impl pallet_treasury::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type Currency = Balances;
    type RejectOrigin = RootOr<Treasurer>;
    type SpendPeriod = Eras<1>;
    type Burn = Burn;
    type PalletId = TreasuryPalletId;
    type BurnDestination = ();
    type WeightInfo = pallet_treasury::weights::SubstrateWeight<Runtime>;
    type SpendFunds = ();
    // `spend_local`, the older of the two ways to spend, is closed: it has no place to wait in.
    type MaxApprovals = ConstU32<0>;
    type SpendOrigin = Spenders;
    type AssetKind = ();
    type Beneficiary = AccountId;
    type BeneficiaryLookup = AccountIdLookup<AccountId, ()>;
    type Paymaster = PayFromAccount<Balances, TreasuryAccountId<Runtime>>;
    type BalanceConverter = UnityAssetBalanceConversion;
    type PayoutPeriod = Eras<30>;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = ();
    type BlockNumberProvider = System;
}

/// Who may spend, and how many planck at once.
pub struct Spenders;

impl EnsureOrigin<RuntimeOrigin> for Spenders {
    type Success = Balance;

    fn try_origin(origin: RuntimeOrigin) -> Result<Balance, RuntimeOrigin> {
        match origin.caller() {
            OriginCaller::system(RawOrigin::Root) | OriginCaller::Origins(Origin::Treasurer) => Ok(Balance::MAX),
            OriginCaller::Origins(Origin::SmallSpender) => Ok(SMALL_SPEND),
            _ => Err(origin),
        }
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn try_successful_origin() -> Result<RuntimeOrigin, ()> {
        Ok(RuntimeOrigin::root())
    }
}
