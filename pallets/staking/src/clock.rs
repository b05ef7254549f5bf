//! The clock above blocks: slots, sessions and eras.

use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use cuckoo_primitives::{EraIndex, EraProgress};
use frame_support::traits::{Get, UnixTime};
use scale_info::TypeInfo;

use crate::{BondingEras, Config, EraStarts, Position, SessionBlocks, SessionsPerEra, SlotMs};

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
    /// Moves on to `session`. Returns the era that ended, if one did: the one that ran until now, whatever number the
    /// new one has. Sessions told before change nothing.
    pub(crate) fn on_session_start(session: u32) -> Option<EraIndex> {
        let before = Position::<T>::get();
        let after = before.advanced_to(session, SessionsPerEra::<T>::get())?;
        Position::<T>::put(after);
        if after.era == before.era {
            return None;
        }
        EraStarts::<T>::insert(after.era, now_ms::<T>());
        Self::forget_starts(before.era, after.era);
        Some(before.era)
    }

    /// Era 0 starts before all times, so that no time of the chain lies before it.
    pub(crate) fn begin() {
        EraStarts::<T>::insert(0, 0);
    }

    /// Lets the running era start now, on a chain that did not record when it did.
    pub(crate) fn begin_now() {
        EraStarts::<T>::insert(Self::era(), now_ms::<T>());
    }

    /// Forgets the starts of the eras that evidence can be about in era `before`, and no more in era `after`. There is
    /// none of an older one.
    fn forget_starts(before: EraIndex, after: EraIndex) {
        let bonding_eras = Self::bonding_eras();
        let oldest = before.saturating_sub(bonding_eras);
        let kept_from = after.saturating_sub(bonding_eras).min(before.saturating_add(1));
        for era in oldest..kept_from {
            EraStarts::<T>::remove(era);
        }
    }

    /// The era that ran `unix_ms` milliseconds after 1970: the last one that had started. `None` if that is in the
    /// future, or in an era more than [`BondingEras`] back. An era that no block was made in has no time.
    pub fn era_at(unix_ms: u64) -> Option<EraIndex> {
        if unix_ms > now_ms::<T>() {
            return None;
        }
        let now = Self::era();
        let started = |era: &EraIndex| EraStarts::<T>::get(era).is_some_and(|start| start <= unix_ms);
        (now.saturating_sub(Self::bonding_eras())..=now).rev().find(started)
    }

    /// The era to which session `index` belongs.
    pub fn era_of_session(index: u32) -> EraIndex {
        index.checked_div(SessionsPerEra::<T>::get()).unwrap_or(0)
    }

    /// How long an era is if no session is skipped, in milliseconds.
    pub(crate) fn era_ms() -> u64 {
        SlotMs::<T>::get()
            .saturating_mul(SessionBlocks::<T>::get().into())
            .saturating_mul(SessionsPerEra::<T>::get().into())
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

/// Milliseconds since 1970.
fn now_ms<T: Config>() -> u64 {
    u64::try_from(T::Time::now().as_millis()).unwrap_or(u64::MAX)
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
