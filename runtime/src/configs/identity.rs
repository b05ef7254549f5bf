//! Names of accounts.

use cuckoo_primitives::{AccountId, Balance};
use frame_support::{parameter_types, traits::ConstU32};
use frame_system::EnsureRoot;
use pallet_identity::legacy::IdentityInfo;
use sp_runtime::traits::Verify;

use super::{accounts::deposit, governance::periods::Eras};
use crate::{Balances, Runtime, RuntimeEvent, Signature, Treasury};

parameter_types! {
    /// An account with an identity.
    pub const BasicDeposit: Balance = deposit(1, 258);
    /// One byte of an identity.
    pub const ByteDeposit: Balance = deposit(0, 1);
    /// One sub-account.
    pub const SubAccountDeposit: Balance = deposit(1, 53);
    /// One user name.
    pub const UsernameDeposit: Balance = deposit(1, 64);
}

/// Registrars and user name authorities are appointed by root.
impl pallet_identity::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type Currency = Balances;
    type BasicDeposit = BasicDeposit;
    type ByteDeposit = ByteDeposit;
    type UsernameDeposit = UsernameDeposit;
    type SubAccountDeposit = SubAccountDeposit;
    type MaxSubAccounts = ConstU32<100>;
    type IdentityInformation = IdentityInfo<ConstU32<16>>;
    type MaxRegistrars = ConstU32<20>;
    type Slashed = Treasury;
    type ForceOrigin = EnsureRoot<AccountId>;
    type RegistrarOrigin = EnsureRoot<AccountId>;
    type OffchainSignature = Signature;
    type SigningPublicKey = <Signature as Verify>::Signer;
    type UsernameAuthorityOrigin = EnsureRoot<AccountId>;
    type PendingUsernameExpiration = Eras<7>;
    type UsernameGracePeriod = Eras<30>;
    type MaxSuffixLength = ConstU32<7>;
    type MaxUsernameLength = ConstU32<32>;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = ();
    type WeightInfo = pallet_identity::weights::SubstrateWeight<Runtime>;
}
