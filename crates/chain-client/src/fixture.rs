//! Metadata of a runtime with the calls and events that this crate knows, to encode and decode by without a node.
//!
//! The types stand for those of the pallets by name and shape; end-to-end tests meet the real ones.

use std::sync::Arc;

use codec::{Compact, Encode};
use cuckoo_primitives::{
    challenge::{Answer, ChallengeId, Demand},
    evidence::Evidence,
    settlement::SignedVoucher,
    AccountId, Balance, CandidateInfo, EraIndex, Perbill, Role,
};
use scale_info::{meta_type, TypeInfo};
use subxt::{
    client::{OfflineClient, OfflineClientAtBlock},
    config::substrate::SpecVersionForRange,
    ext::frame_metadata::v16,
    Metadata, SubstrateConfig,
};

pub(crate) const STAKE: u8 = 10;
pub(crate) const REGISTRATION: u8 = 11;
pub(crate) const VOTING: u8 = 12;
pub(crate) const BALANCES: u8 = 13;
pub(crate) const SETTLEMENT: u8 = 14;
pub(crate) const SLASHING: u8 = 15;
pub(crate) const SESSION: u8 = 22;

#[derive(TypeInfo)]
#[allow(dead_code, non_camel_case_types)]
enum StakeCall {
    bond {
        #[codec(compact)]
        value: Balance,
    },
    bond_extra {
        #[codec(compact)]
        value: Balance,
    },
    unbond {
        #[codec(compact)]
        value: Balance,
    },
    rebond {
        #[codec(compact)]
        value: Balance,
    },
    withdraw_unbonded,
}

#[derive(TypeInfo)]
#[allow(dead_code, non_camel_case_types)]
enum RegistrationCall {
    register {
        role: Role,
        operator: AccountId,
        consent_expires: EraIndex,
        proof: [u8; 64],
        #[codec(compact)]
        self_stake: Balance,
        info: CandidateInfo,
    },
    update_info {
        info: CandidateInfo,
    },
    set_operator {
        operator: AccountId,
        consent_expires: EraIndex,
        proof: [u8; 64],
    },
    chill,
    validate,
    deregister,
}

#[derive(TypeInfo)]
#[allow(dead_code, non_camel_case_types)]
enum VotingCall {
    vote {
        candidate: AccountId,
        #[codec(compact)]
        amount: Balance,
    },
    unvote {
        candidate: AccountId,
        #[codec(compact)]
        amount: Balance,
    },
    revote {
        from: AccountId,
        to: AccountId,
        #[codec(compact)]
        amount: Balance,
    },
}

#[derive(TypeInfo)]
#[allow(dead_code, non_camel_case_types)]
enum SettlementCall {
    deposit {
        coordinator: AccountId,
        #[codec(compact)]
        amount: Balance,
    },
    request_withdrawal {
        #[codec(compact)]
        amount: Balance,
    },
    cancel_withdrawal,
    withdraw,
    redeem {
        vouchers: BoundedVouchers,
    },
    collect {
        coordinator: AccountId,
        miner: AccountId,
    },
    rate {
        ratings: BoundedRatings,
    },
}

#[derive(TypeInfo)]
#[allow(dead_code, non_camel_case_types)]
enum SlashingCall {
    report {
        evidence: Box<Evidence>,
    },
    cancel_slash {
        #[codec(compact)]
        case: u64,
    },
    challenge {
        demand: Box<Demand>,
    },
    answer {
        #[codec(compact)]
        id: ChallengeId,
        answer: Box<Answer>,
    },
}

/// As a `BoundedVec` of them describes itself.
#[derive(TypeInfo)]
#[allow(dead_code)]
struct BoundedVouchers(Vec<SignedVoucher>);

/// The same of ratings.
#[derive(TypeInfo)]
#[allow(dead_code)]
struct BoundedRatings(Vec<(AccountId, Perbill)>);

#[derive(TypeInfo)]
#[allow(dead_code, non_camel_case_types)]
enum BalancesCall {
    transfer_keep_alive {
        dest: MultiAddress,
        #[codec(compact)]
        value: Balance,
    },
}

#[derive(TypeInfo)]
#[allow(dead_code, non_camel_case_types)]
enum SessionCall {
    set_keys { keys: SessionKeys, proof: Vec<u8> },
}

#[derive(TypeInfo)]
#[allow(dead_code)]
struct SessionKeys {
    babe: Public,
    grandpa: Public,
}

#[derive(TypeInfo)]
#[allow(dead_code)]
struct Public([u8; 32]);

#[derive(TypeInfo)]
#[allow(dead_code)]
enum MultiAddress {
    Id(AccountId),
    Index(Compact<u32>),
}

/// Events of the registration pallet.
#[derive(Encode, TypeInfo)]
pub(crate) enum RegistrationEvent {
    /// Names a candidate among other things.
    Registered { candidate: AccountId, operator: AccountId, role: Role },
    /// Names a candidate alone.
    Chilled { candidate: AccountId },
    /// What no version of this crate knows.
    Unheard { of: u32 },
}

/// Events of the voting pallet.
#[derive(Encode, TypeInfo)]
pub(crate) enum VotingEvent {
    /// Names a candidate not first.
    Voted { voter: AccountId, candidate: AccountId, amount: Balance },
    /// Names two.
    Revoted { voter: AccountId, from: AccountId, to: AccountId, amount: Balance },
    /// Names nobody.
    ErasPaid { before: u32 },
    /// Names one that no call named.
    DebtTaken { voter: AccountId, candidate: AccountId, amount: Balance },
}

/// Events of a pallet that does not change candidates.
#[derive(Encode, TypeInfo)]
pub(crate) enum StakeEvent {
    /// Names a stash.
    Bonded { stash: AccountId, amount: Balance },
}

/// Any event.
#[derive(Encode, TypeInfo)]
pub(crate) enum RuntimeEvent {
    /// Of the staking pallet.
    #[codec(index = 10)]
    Stake(StakeEvent),
    /// Of the registration pallet.
    #[codec(index = 11)]
    Registration(RegistrationEvent),
    /// Of the voting pallet.
    #[codec(index = 12)]
    Voting(VotingEvent),
}

/// A block of that runtime.
pub(crate) fn block() -> OfflineClientAtBlock<SubstrateConfig> {
    let versions = SpecVersionForRange { block_range: 0..u64::MAX, spec_version: 0, transaction_version: 0 };
    let config = SubstrateConfig::builder()
        .set_metadata_for_spec_versions([(0, Arc::new(metadata()))])
        .set_spec_version_for_block_ranges([versions])
        .build();
    OfflineClient::new_with_config(config).at_block(0u64).unwrap()
}

fn metadata() -> Metadata {
    let pallets = vec![
        pallet::<StakeCall>("Stake", STAKE, Some(meta_type::<StakeEvent>())),
        pallet::<RegistrationCall>("Registration", REGISTRATION, Some(meta_type::<RegistrationEvent>())),
        pallet::<VotingCall>("Voting", VOTING, Some(meta_type::<VotingEvent>())),
        pallet::<BalancesCall>("Balances", BALANCES, None),
        pallet::<SettlementCall>("Settlement", SETTLEMENT, None),
        pallet::<SlashingCall>("Slashing", SLASHING, None),
        pallet::<SessionCall>("Session", SESSION, None),
    ];
    let extrinsic = v16::ExtrinsicMetadata {
        versions: vec![4],
        address_ty: meta_type::<MultiAddress>(),
        call_ty: meta_type::<()>(),
        signature_ty: meta_type::<[u8; 64]>(),
        transaction_extensions_by_version: [(0, vec![])].into(),
        transaction_extensions: vec![],
    };
    let outer = v16::OuterEnums {
        call_enum_ty: meta_type::<()>(),
        event_enum_ty: meta_type::<RuntimeEvent>(),
        error_enum_ty: meta_type::<()>(),
    };
    let custom = v16::CustomMetadata { map: Default::default() };
    v16::RuntimeMetadataV16::new(pallets, extrinsic, vec![], outer, custom).try_into().unwrap()
}

fn pallet<Calls: TypeInfo + 'static>(
    name: &'static str,
    index: u8,
    event: Option<scale_info::MetaType>,
) -> v16::PalletMetadata {
    let current = v16::EnumDeprecationInfo::nothing_deprecated;
    v16::PalletMetadata {
        name,
        index,
        storage: None,
        calls: Some(v16::PalletCallMetadata { ty: meta_type::<Calls>(), deprecation_info: current() }),
        event: event.map(|ty| v16::PalletEventMetadata { ty, deprecation_info: current() }),
        constants: vec![],
        error: None,
        associated_types: vec![],
        view_functions: vec![],
        docs: vec![],
        deprecation_info: v16::ItemDeprecationInfo::NotDeprecated,
    }
}
