//! Sessions: who validates in them, and the era clock that they drive.

use alloc::vec::Vec;

use cuckoo_primitives::{AccountId, Balance, CAI};
use frame_support::{parameter_types, traits::Get};
use pallet_cuckoo_staking::BondingSessions;
use pallet_session::{disabling::UpToLimitWithReEnablingDisablingStrategy, historical};
use sp_runtime::traits::{ConvertInto, OpaqueKeys};
use sp_staking::SessionIndex;

use super::election;
use crate::{Babe, Balances, Historical, Runtime, RuntimeEvent, Session, SessionKeys, Slashing, Stake};

parameter_types! {
    /// Held while an account has session keys on chain.
    pub const KeyDeposit: Balance = CAI;
}

impl pallet_session::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type ValidatorId = AccountId;
    type ValidatorIdOf = ConvertInto;
    type ShouldEndSession = Babe;
    type NextSessionRotation = Babe;
    type SessionManager = historical::NoteHistoricalRoot<Runtime, ElectedValidators>;
    type SessionHandler = <SessionKeys as OpaqueKeys>::KeyTypeIdProviders;
    type Keys = SessionKeys;
    type DisablingStrategy = UpToLimitWithReEnablingDisablingStrategy;
    type Currency = Balances;
    type KeyDeposit = KeyDeposit;
    type WeightInfo = pallet_session::weights::SubstrateWeight<Runtime>;
}

impl historical::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    // An offender is punished by its stash; what stood behind it is looked up by era.
    type FullIdentification = ();
    type FullIdentificationOf = UnitIdentification;
}

/// Every validator is fully identified by its stash.
pub struct UnitIdentification;

impl sp_runtime::traits::Convert<AccountId, Option<()>> for UnitIdentification {
    fn convert(_: AccountId) -> Option<()> {
        Some(())
    }
}

/// Plans every session's validators by the stake behind them, and tells the era clock of every session.
pub struct ElectedValidators;

impl ElectedValidators {
    /// The validators of the session that is being planned; `None` keeps both them and their record.
    ///
    /// A fault is proven against the record (the historical root) of its session. It is copied from session to session
    /// while nothing changes, so it has to be written once after genesis.
    fn plan(planned: SessionIndex) -> Option<Vec<AccountId>> {
        let recorded = historical::HistoricalSessions::<Runtime>::contains_key(planned.saturating_sub(1));
        election::planned().or_else(|| (!recorded).then(Session::validators))
    }

    /// Those who validated in the session that ends are still in place.
    fn session_ended() {
        Slashing::session_ended(&Session::validators());
    }

    fn session_started(index: SessionIndex) {
        Stake::note_session_started(index);
        // Faults older than the unbonding time cannot be punished any more.
        let oldest = index.saturating_sub(BondingSessions::<Runtime>::get());
        if oldest > 0 {
            Historical::prune_up_to(oldest);
        }
    }
}

impl pallet_session::SessionManager<AccountId> for ElectedValidators {
    fn new_session(planned: SessionIndex) -> Option<Vec<AccountId>> {
        Self::plan(planned)
    }

    // The session pallet takes the validators from its own genesis then.
    fn new_session_genesis(_: SessionIndex) -> Option<Vec<AccountId>> {
        None
    }

    fn end_session(_: SessionIndex) {
        Self::session_ended();
    }

    fn start_session(index: SessionIndex) {
        Self::session_started(index);
    }
}

impl historical::SessionManager<AccountId, ()> for ElectedValidators {
    fn new_session(planned: SessionIndex) -> Option<Vec<(AccountId, ())>> {
        Some(Self::plan(planned)?.into_iter().map(|validator| (validator, ())).collect())
    }

    fn new_session_genesis(_: SessionIndex) -> Option<Vec<(AccountId, ())>> {
        None
    }

    fn start_session(index: SessionIndex) {
        Self::session_started(index);
    }

    fn end_session(_: SessionIndex) {
        Self::session_ended();
    }
}
