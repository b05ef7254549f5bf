//! Who produces blocks, who makes them final, and how breaking these rules is reported.

use frame_support::traits::ConstU32;
use frame_system::offchain::{CreateBare, CreateTransactionBase};
use pallet_cuckoo_staking::{BondingBlocks, BondingSessions, SessionLength, SlotLengthMs};
use pallet_session::historical::IdentificationTuple;

use cuckoo_primitives::{AccountId, BlockNumber};

use crate::{
    Babe, Historical, Offences, Runtime, RuntimeCall, RuntimeEvent, Session, Slashing, UncheckedExtrinsic, Voting,
};

/// Most validators that a session can have.
pub(crate) type MaxAuthorities = ConstU32<256>;

/// Slots and sessions are as long as genesis says, so that one runtime serves fast and slow networks.
impl pallet_babe::Config for Runtime {
    type EpochDuration = SessionLength<Runtime>;
    type ExpectedBlockTime = SlotLengthMs<Runtime>;
    type EpochChangeTrigger = pallet_babe::ExternalTrigger;
    type DisabledValidators = Session;
    type WeightInfo = ();
    type MaxAuthorities = MaxAuthorities;
    type MaxNominators = ConstU32<0>;
    type KeyOwnerProof = sp_session::MembershipProof;
    type EquivocationReportSystem =
        pallet_babe::EquivocationReportSystem<Runtime, Offences, Historical, BondingBlocks<Runtime>>;
}

impl pallet_grandpa::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = ();
    type MaxAuthorities = MaxAuthorities;
    type MaxNominators = ConstU32<0>;
    // Which session a set voted in is remembered for as long as a fault can be punished.
    type MaxSetIdSessionEntries = BondingSessions<Runtime>;
    type KeyOwnerProof = sp_session::MembershipProof;
    type EquivocationReportSystem =
        pallet_grandpa::EquivocationReportSystem<Runtime, Offences, Historical, BondingBlocks<Runtime>>;
}

impl pallet_authorship::Config for Runtime {
    type FindAuthor = pallet_session::FindAccountFromAuthorIndex<Runtime, Babe>;
    type EventHandler = BlockAuthors;
}

/// Validators are paid by the blocks they author, and step back if they author none.
pub struct BlockAuthors;

impl pallet_authorship::EventHandler<AccountId, BlockNumber> for BlockAuthors {
    fn note_author(author: AccountId) {
        Voting::note_author(&author);
        Slashing::note_author(&author);
    }
}

/// Offences are proven and recorded here; the slashing pallet punishes them.
impl pallet_offences::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type IdentificationTuple = IdentificationTuple<Runtime>;
    type OnOffenceHandler = Slashing;
}

impl<C> CreateTransactionBase<C> for Runtime
where
    RuntimeCall: From<C>,
{
    type Extrinsic = UncheckedExtrinsic;
    type RuntimeCall = RuntimeCall;
}

/// Validators report equivocations without a signature: the proof speaks for itself.
impl<C> CreateBare<C> for Runtime
where
    RuntimeCall: From<C>,
{
    fn create_bare(call: RuntimeCall) -> UncheckedExtrinsic {
        UncheckedExtrinsic::new_bare(call)
    }
}
