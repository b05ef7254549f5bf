//! The clock above blocks: slots, sessions and eras.

use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use cuckoo_primitives::{EraIndex, EraProgress};
use frame_support::traits::Get;
use scale_info::TypeInfo;

use crate::{BondingEras, Config, Position, SessionBlocks, SessionsPerEra, SlotMs};

/// Counts sessions into eras. Only this type and genesis touch the clock's storage.
///
/// An era is [`SessionsPerEra`] sessions; the first one starts with session 0, at genesis.
pub struct Clock<T>(PhantomData<T>);

/// Where the chain stands: which era, since which session, and which session it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct EraPosition {
    /// The current era.
    pub(crate) era: EraIndex,
    /// The session with which it started.
    pub(crate) first_session: u32,
    /// The current session.
    pub(crate) session: u32,
}

impl EraPosition {
    /// The position in `session`, if that is a later session. One that skips sessions counts for all of them.
    fn advanced_to(self, session: u32, sessions_per_era: u32) -> Option<Self> {
        if session <= self.session {
            return None;
        }
        let since_start = session.saturating_sub(self.first_session);
        // Genesis refuses eras of no sessions; were there one, the era would stand still.
        let eras = since_start.checked_div(sessions_per_era).unwrap_or(0);
        Some(Self {
            era: self.era.saturating_add(eras),
            first_session: self.first_session.saturating_add(eras.saturating_mul(sessions_per_era)),
            session,
        })
    }
}

impl<T: Config> Clock<T> {
    /// Moves on to `session`. Returns the new era if one starts. Sessions told before change nothing.
    pub(crate) fn on_session_start(session: u32) -> Option<EraIndex> {
        let before = Position::<T>::get();
        let after = before.advanced_to(session, SessionsPerEra::<T>::get())?;
        Position::<T>::put(after);
        (after.era > before.era).then_some(after.era)
    }

    /// The current era.
    pub fn era() -> EraIndex {
        Position::<T>::get().era
    }

    /// Eras that unbonding takes.
    pub fn bonding_eras() -> EraIndex {
        BondingEras::<T>::get()
    }

    /// Where the chain stands in its era.
    pub fn progress() -> EraProgress {
        let position = Position::<T>::get();
        EraProgress {
            era: position.era,
            sessions_done: position.session.saturating_sub(position.first_session),
            sessions_per_era: SessionsPerEra::<T>::get(),
            session_blocks: SessionBlocks::<T>::get(),
            slot_ms: SlotMs::<T>::get(),
            bonding_eras: BondingEras::<T>::get(),
        }
    }
}

// The lengths as the `Get` types that other pallets' configurations ask for. Each reads storage, and so answers only
// where there is a chain state.

/// Length of a slot in milliseconds.
pub struct SlotLengthMs<T>(PhantomData<T>);

impl<T: Config> Get<u64> for SlotLengthMs<T> {
    fn get() -> u64 {
        SlotMs::<T>::get()
    }
}

/// Half a slot in milliseconds: the least time between two blocks that the timestamp pallet accepts. BABE takes a slot
/// to be twice that.
pub struct HalfSlotMs<T>(PhantomData<T>);

impl<T: Config> Get<u64> for HalfSlotMs<T> {
    fn get() -> u64 {
        SlotMs::<T>::get().saturating_div(2)
    }
}

/// Slots in a session, which is BABE's epoch.
pub struct SessionLength<T>(PhantomData<T>);

impl<T: Config> Get<u64> for SessionLength<T> {
    fn get() -> u64 {
        SessionBlocks::<T>::get().into()
    }
}

/// Sessions that unbonding takes: for as long a consensus offence can be reported.
pub struct BondingSessions<T>(PhantomData<T>);

impl<T: Config> Get<u32> for BondingSessions<T> {
    fn get() -> u32 {
        BondingEras::<T>::get().saturating_mul(SessionsPerEra::<T>::get())
    }
}

impl<T: Config> Get<u64> for BondingSessions<T> {
    fn get() -> u64 {
        <Self as Get<u32>>::get().into()
    }
}

/// Blocks that unbonding takes if no slot stays empty: for as long a consensus offence can be reported.
pub struct BondingBlocks<T>(PhantomData<T>);

impl<T: Config> Get<u64> for BondingBlocks<T> {
    fn get() -> u64 {
        <BondingSessions<T> as Get<u64>>::get().saturating_mul(SessionBlocks::<T>::get().into())
    }
}
