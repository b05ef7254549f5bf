//! Governance: proposals, votes on them, what they may do, and the treasury.
//!
//! A proposal is a call with the origin that it wants to have. The origin decides the [track](tracks), which says how
//! long and by what majority it must be carried. All CAI of an account can vote, whether it is bonded or free; with a
//! conviction the account locks them for longer and counts for more. What is carried is enacted by the scheduler.
//!
//! | file | what |
//! |---|---|
//! | `periods.rs` | lengths of time as shares of an era |
//! | `origins.rs` | the powers below root |
//! | `tracks.rs` | deposit, periods and majorities of each power |
//! | `treasury.rs` | who may spend what |

pub mod origins;
pub mod periods;
pub mod tracks;
pub mod treasury;

use core::cmp::Ordering;

use cuckoo_primitives::{AccountId, Balance, CAI};
use frame_support::{
    parameter_types,
    traits::{
        fungible::HoldConsideration, ActiveIssuanceOf, AsEnsureOriginWithArg, ConstU128, ConstU32, LinearStoragePrice,
        PrivilegeCmp,
    },
    weights::Weight,
};
use frame_system::{EnsureRoot, EnsureSigned, RawOrigin};

use self::{
    origins::{ReferendumCanceller, RootOr, WhitelistedCaller},
    periods::{AlarmMinute, Eras, VoteLocking},
    tracks::Tracks,
};
use super::{accounts::deposit, BlockWeights};
use crate::{
    Balances, OriginCaller, Preimage, Referenda, Runtime, RuntimeCall, RuntimeEvent, RuntimeHoldReason, RuntimeOrigin,
    Scheduler, System, Treasury,
};

parameter_types! {
    /// Deposit for a preimage whatever its length.
    pub const PreimageBaseDeposit: Balance = deposit(2, 64);
    /// Deposit for one byte of a preimage.
    pub const PreimageByteDeposit: Balance = deposit(0, 1);
    /// Why the deposit is held.
    pub const PreimageHoldReason: RuntimeHoldReason =
        RuntimeHoldReason::Preimage(pallet_preimage::HoldReason::Preimage);
    /// Share of a block that scheduled calls may fill. An upgrade of the runtime must fit.
    pub MaximumSchedulerWeight: Weight = BlockWeights::get().max_block.saturating_div(5).saturating_mul(4);
}

/// Keeps calls that are too long to be part of a proposal.
impl pallet_preimage::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_preimage::weights::SubstrateWeight<Runtime>;
    type Currency = Balances;
    type ManagerOrigin = EnsureRoot<AccountId>;
    type Consideration = HoldConsideration<
        AccountId,
        Balances,
        PreimageHoldReason,
        LinearStoragePrice<PreimageBaseDeposit, PreimageByteDeposit, Balance>,
    >;
}

/// Enacts what was carried, and wakes referenda.
impl pallet_scheduler::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeOrigin = RuntimeOrigin;
    type PalletsOrigin = OriginCaller;
    type RuntimeCall = RuntimeCall;
    type MaximumWeight = MaximumSchedulerWeight;
    type ScheduleOrigin = EnsureRoot<AccountId>;
    type OriginPrivilegeCmp = RootAboveAll;
    type MaxScheduledPerBlock = ConstU32<50>;
    type WeightInfo = pallet_scheduler::weights::SubstrateWeight<Runtime>;
    type Preimages = Preimage;
    type BlockNumberProvider = System;
}

/// Root may cancel what any origin scheduled; no other origin stands above another.
pub struct RootAboveAll;

impl PrivilegeCmp<OriginCaller> for RootAboveAll {
    fn cmp_privilege(left: &OriginCaller, right: &OriginCaller) -> Option<Ordering> {
        let root = OriginCaller::system(RawOrigin::Root);
        match (left, right) {
            (left, right) if left == right => Some(Ordering::Equal),
            (left, _) if *left == root => Some(Ordering::Greater),
            (_, right) if *right == root => Some(Ordering::Less),
            _ => None,
        }
    }
}

impl pallet_referenda::Config for Runtime {
    type RuntimeCall = RuntimeCall;
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_referenda::weights::SubstrateWeight<Runtime>;
    type Scheduler = Scheduler;
    type Currency = Balances;
    type SubmitOrigin = AsEnsureOriginWithArg<EnsureSigned<AccountId>>;
    type CancelOrigin = RootOr<ReferendumCanceller>;
    type KillOrigin = EnsureRoot<AccountId>;
    type Slash = Treasury;
    type Votes = Balance;
    type Tally = pallet_conviction_voting::TallyOf<Runtime>;
    type SubmissionDeposit = ConstU128<{ CAI.saturating_mul(10) }>;
    type MaxQueued = ConstU32<100>;
    type UndecidingTimeout = Eras<14>;
    type AlarmInterval = AlarmMinute;
    type Tracks = Tracks;
    type Preimages = Preimage;
    type BlockNumberProvider = System;
}

impl pallet_conviction_voting::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_conviction_voting::weights::SubstrateWeight<Runtime>;
    type Currency = Balances;
    type Polls = Referenda;
    type MaxTurnout = ActiveIssuanceOf<Balances, AccountId>;
    type MaxVotes = ConstU32<128>;
    type VoteLockingPeriod = VoteLocking;
    type BlockNumberProvider = System;
    type VotingHooks = ();
}

/// Root marks a call as urgent; the track `whitelisted_caller` then decides it in hours instead of days.
impl pallet_whitelist::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type WhitelistOrigin = EnsureRoot<AccountId>;
    type DispatchWhitelistedOrigin = RootOr<WhitelistedCaller>;
    type Preimages = Preimage;
    type DeferredDispatchExpiration = Eras<14>;
    type BlockNumberProvider = System;
    type WeightInfo = pallet_whitelist::weights::SubstrateWeight<Runtime>;
}
