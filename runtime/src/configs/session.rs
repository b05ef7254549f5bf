//! Sessions: who validates in them, and the era clock that they drive.

use alloc::vec::Vec;

use cuckoo_primitives::{AccountId, Balance, CAI};
use frame_support::{parameter_types, traits::Get};
use pallet_cuckoo_staking::BondingSessions;
use pallet_session::{disabling::UpToLimitWithReEnablingDisablingStrategy, historical};
use sp_runtime::traits::{ConvertInto, OpaqueKeys};
use sp_staking::SessionIndex;

use crate::{Babe, Balances, Historical, Runtime, RuntimeEvent, SessionKeys, Stake};

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
    type SessionManager = historical::NoteHistoricalRoot<Runtime, StandingValidators>;
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

/// Keeps the validators of genesis and tells the era clock of every session.
pub struct StandingValidators;

impl StandingValidators {
    /// The validators of the session after next, if their record must be written anew; `None` keeps both set and record.
    ///
    /// A fault is proven against the record (the historical root) of its session. It is copied from session to session,
    /// so it has to be renewed when a validator changed its keys, and written at all in the first session after genesis.
    fn renewed(planned: SessionIndex) -> Option<Vec<AccountId>> {
        let queued = pallet_session::QueuedKeys::<Runtime>::get();
        let recorded = historical::HistoricalSessions::<Runtime>::contains_key(planned.saturating_sub(1));
        let unchanged = queued
            .iter()
            .all(|(validator, keys)| pallet_session::NextKeys::<Runtime>::get(validator).as_ref() == Some(keys));
        (!recorded || !unchanged).then(|| queued.into_iter().map(|(validator, _)| validator).collect())
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

impl pallet_session::SessionManager<AccountId> for StandingValidators {
    fn new_session(planned: SessionIndex) -> Option<Vec<AccountId>> {
        Self::renewed(planned)
    }

    // The session pallet takes the validators from its own genesis then.
    fn new_session_genesis(_: SessionIndex) -> Option<Vec<AccountId>> {
        None
    }

    fn end_session(_: SessionIndex) {}

    fn start_session(index: SessionIndex) {
        Self::session_started(index);
    }
}

impl historical::SessionManager<AccountId, ()> for StandingValidators {
    fn new_session(planned: SessionIndex) -> Option<Vec<(AccountId, ())>> {
        Some(Self::renewed(planned)?.into_iter().map(|validator| (validator, ())).collect())
    }

    fn new_session_genesis(_: SessionIndex) -> Option<Vec<(AccountId, ())>> {
        None
    }

    fn start_session(index: SessionIndex) {
        Self::session_started(index);
    }

    fn end_session(_: SessionIndex) {}
}
