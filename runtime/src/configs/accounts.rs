//! What accounts can do together: batches, multisigs, proxies; and the key that governs test networks.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use cuckoo_primitives::{Balance, CAI};
use frame_support::{
    parameter_types,
    traits::{ConstU32, InstanceFilter},
};
use scale_info::TypeInfo;
use sp_runtime::traits::BlakeTwo256;

use crate::{Balances, OriginCaller, Runtime, RuntimeCall, RuntimeEvent, System};

/// Deposit for `items` storage items of `bytes` bytes together.
pub(crate) const fn deposit(items: u32, bytes: u32) -> Balance {
    const PER_ITEM: Balance = CAI.saturating_div(10);
    const PER_BYTE: Balance = CAI.saturating_div(1_000);
    PER_ITEM.saturating_mul(items as Balance).saturating_add(PER_BYTE.saturating_mul(bytes as Balance))
}

parameter_types! {
    /// An open multisig operation, its first approval included.
    pub const MultisigDepositBase: Balance = deposit(1, 88);
    /// One more approval.
    pub const MultisigDepositFactor: Balance = deposit(0, 32);
    /// An account with proxies.
    pub const ProxyDepositBase: Balance = deposit(1, 8);
    /// One more proxy.
    pub const ProxyDepositFactor: Balance = deposit(0, 33);
    /// An account that announced proxied calls.
    pub const AnnouncementDepositBase: Balance = deposit(1, 16);
    /// One more announcement.
    pub const AnnouncementDepositFactor: Balance = deposit(0, 68);
}

impl pallet_utility::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type PalletsOrigin = OriginCaller;
    type WeightInfo = pallet_utility::weights::SubstrateWeight<Runtime>;
}

impl pallet_multisig::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type Currency = Balances;
    type DepositBase = MultisigDepositBase;
    type DepositFactor = MultisigDepositFactor;
    type MaxSignatories = ConstU32<100>;
    type BlockNumberProvider = System;
    type WeightInfo = pallet_multisig::weights::SubstrateWeight<Runtime>;
}

impl pallet_proxy::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type Currency = Balances;
    type ProxyType = ProxyKind;
    type ProxyDepositBase = ProxyDepositBase;
    type ProxyDepositFactor = ProxyDepositFactor;
    type MaxProxies = ConstU32<32>;
    type MaxPending = ConstU32<32>;
    type CallHasher = BlakeTwo256;
    type AnnouncementDepositBase = AnnouncementDepositBase;
    type AnnouncementDepositFactor = AnnouncementDepositFactor;
    type BlockNumberProvider = System;
    type WeightInfo = pallet_proxy::weights::SubstrateWeight<Runtime>;
}

/// Only test networks have a key in genesis; without one every sudo call fails.
impl pallet_sudo::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type WeightInfo = pallet_sudo::weights::SubstrateWeight<Runtime>;
}

/// What a proxy may do in the name of the account that appointed it.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum ProxyKind {
    /// Everything.
    #[default]
    Any,
    /// Everything but sudo and whatever lets funds pass to another account.
    NonTransfer,
    /// Bond, register, vote and claim, so that the stash itself can stay cold. What is withdrawn stays on the stash, and
    /// rewards go where the stash itself said. The operator that it names can sign away a coordinator's escrow and what
    /// of its stake covers miners.
    Staking,
    /// Reject announced proxy calls.
    CancelProxy,
    /// Propose and vote in referenda.
    Governance,
}

impl InstanceFilter<RuntimeCall> for ProxyKind {
    fn filter(&self, call: &RuntimeCall) -> bool {
        match self {
            ProxyKind::Any => true,
            ProxyKind::NonTransfer => {
                !matches!(call, RuntimeCall::Balances(..) | RuntimeCall::Sudo(..))
                    && !pays_by_identity(call)
                    && !redirects_rewards(call)
                    && !pays_by_voucher(call)
                    && !pays_by_challenge(call)
            }
            ProxyKind::Staking => {
                matches!(
                    call,
                    RuntimeCall::Stake(..)
                        | RuntimeCall::Registration(..)
                        | RuntimeCall::Voting(..)
                        | RuntimeCall::Session(..)
                        | RuntimeCall::Utility(..)
                ) && !redirects_rewards(call)
            }
            ProxyKind::CancelProxy => {
                matches!(call, RuntimeCall::Proxy(pallet_proxy::Call::reject_announcement { .. }))
            }
            ProxyKind::Governance => matches!(
                call,
                RuntimeCall::Referenda(..)
                    | RuntimeCall::ConvictionVoting(..)
                    | RuntimeCall::Preimage(..)
                    | RuntimeCall::Whitelist(..)
                    | RuntimeCall::Utility(..)
            ),
        }
    }

    fn is_superset(&self, other: &Self) -> bool {
        match (self, other) {
            (kind, other) if kind == other => true,
            (ProxyKind::Any, _) => true,
            (_, ProxyKind::Any) => false,
            // Which may name operators.
            (ProxyKind::NonTransfer, ProxyKind::Staking) => false,
            (ProxyKind::NonTransfer, _) => true,
            _ => false,
        }
    }
}

/// Whether the call names another account for rewards.
fn redirects_rewards(call: &RuntimeCall) -> bool {
    matches!(call, RuntimeCall::Stake(pallet_cuckoo_staking::Call::set_payee { .. }))
}

/// Whether the call can move funds by way of vouchers: into another account's escrow, or by naming who signs for one's
/// own.
fn pays_by_voucher(call: &RuntimeCall) -> bool {
    use pallet_cuckoo_registration::Call;
    matches!(
        call,
        RuntimeCall::Settlement(pallet_cuckoo_settlement::Call::deposit { .. })
            | RuntimeCall::Registration(Call::register { .. } | Call::set_operator { .. })
    )
}

/// Whether the call can move funds by way of a challenge: who answers it gets a part of the deposit.
fn pays_by_challenge(call: &RuntimeCall) -> bool {
    matches!(call, RuntimeCall::Slashing(pallet_cuckoo_slashing::Call::challenge { .. }))
}

/// Whether the call can move funds by way of an identity: a sub-account that quits keeps the deposit that its main
/// account made for it, a registrar takes the fee that was offered, and its account can be replaced.
fn pays_by_identity(call: &RuntimeCall) -> bool {
    use pallet_identity::Call;
    matches!(
        call,
        RuntimeCall::Identity(
            Call::add_sub { .. } | Call::set_subs { .. } | Call::request_judgement { .. } | Call::set_account_id { .. }
        )
    )
}
