//! The stake behind one candidate.

use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use cuckoo_primitives::{
    docket::Fault,
    era::EraAmount,
    registry::{AppliedSlashes, CurrentEra},
    AccountId, Balance, EraIndex, Role,
};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::TypeInfo;
use sp_runtime::Perbill;

use crate::{
    fixed::PerUnit,
    layers::{Layer, Layers, MAX_WINDOW_ERAS},
    Config, Earnings, Pools, Totals,
};

/// Most slashes of one candidate that are on record.
///
/// What a candidate had on record when it last could stand, and one for each kind of fault and era of the window.
pub const MAX_SLASHES: u32 = MAX_SLASHES_STANDING + Fault::OF_ONE_CANDIDATE * MAX_WINDOW_ERAS;

/// A stash with as many slashes on record may not stand any more, so that the record never overflows: cases about the
/// eras before are still to come.
pub const MAX_SLASHES_STANDING: u32 = 16;

/// The sums over the positions on candidates. Only this type reads and writes [`Pools`] and [`Totals`], so that the
/// totals are always those of the pools.
///
/// The sums are never smaller than what the positions come to. They may be larger: by what slashes rounded off
/// (less than a planck for each position and slash), and by what a voter owes for another candidate and was not yet
/// settled for.
pub struct Pool<T>(PhantomData<T>);

/// What is stored of the stake behind a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct PoolRecord {
    /// What the candidate is registered as, or last was.
    pub(crate) role: Role,
    /// Whether it is registered, so that anyone may vote for it.
    pub(crate) registered: bool,
    /// The first era since which it stands without having stepped back; `None` if it does not.
    pub(crate) stands_from: Option<EraIndex>,
    /// The candidate's position on itself.
    pub(crate) own: EraAmount,
    /// The stake that stays.
    pub(crate) live: Layers,
    /// The stake that left in `leaving_in` and counts until that era ends.
    pub(crate) leaving: Layers,
    /// See `leaving`.
    pub(crate) leaving_in: EraIndex,
    /// How many positions there are, those included that are only liable.
    pub(crate) positions: u32,
    /// The slashes that positions may not have been settled for, the oldest first.
    pub(crate) slashes: BoundedVec<SlashEvent, ConstU32<MAX_SLASHES>>,
}

/// A slash of everything that stood behind a candidate in one era.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct SlashEvent {
    /// Its number among all slashes.
    pub(crate) number: u32,
    /// What counted in this era is liable.
    pub(crate) offence_era: EraIndex,
    /// The era in which it was applied.
    pub(crate) applied_in: EraIndex,
    /// The candidate's reward per unit then.
    pub(crate) per_unit: PerUnit,
    /// What the slash leaves of each part.
    pub(crate) keep: Perbill,
}

impl PoolRecord {
    fn new(role: Role) -> Self {
        Self {
            role,
            registered: true,
            stands_from: None,
            own: EraAmount::default(),
            live: Layers::default(),
            leaving: Layers::default(),
            leaving_in: 0,
            positions: 0,
            slashes: BoundedVec::new(),
        }
    }

    /// The stake that counts in `era`, in planck. Right for the era of the last change and later ones.
    pub(crate) fn backing(&self, era: EraIndex) -> Balance {
        let leaving = if era == self.leaving_in { self.leaving.counted(era) } else { 0 };
        self.live.counted(era).saturating_add(leaving)
    }

    /// Whether the candidate stood through all of `era`. Right for the era of the last change and later ones.
    pub(crate) fn stood_in(&self, era: EraIndex) -> bool {
        self.stands_from.is_some_and(|from| from <= era)
    }

    /// Its part in the total of its role: in era `now`, and from the next on.
    pub(crate) fn in_total(&self, now: EraIndex) -> (Balance, Balance) {
        let in_era = |era| if self.stood_in(era) { self.backing(era) } else { 0 };
        (in_era(now), in_era(now.saturating_add(1)))
    }

    /// Whether nothing is left to know of it.
    fn is_empty(&self, now: EraIndex) -> bool {
        !self.registered && self.positions == 0 && self.backing(now) == 0 && self.live.is_empty()
    }
}

/// The oldest era whose offences can still be slashed, or one before it: everything that is due up to
/// [`AppliedSlashes::applied_through`] has been applied, and nothing comes later than the window after its offence.
pub(crate) fn liable_from<T: Config>() -> EraIndex {
    let settled = T::CurrentEra::current_era().min(T::AppliedSlashes::applied_through());
    settled.saturating_sub(T::CurrentEra::bonding_eras())
}

impl<T: Config> Pool<T> {
    /// The pool of `candidate`, if anything stands or stood behind it.
    pub(crate) fn get(candidate: &AccountId) -> Option<PoolRecord> {
        Pools::<T>::get(candidate)
    }

    /// Own stake of `candidate` in planck: what counts in this era, and from the next on.
    pub(crate) fn own(candidate: &AccountId) -> (Balance, Balance) {
        let now = T::CurrentEra::current_era();
        Self::get(candidate).map_or((0, 0), |pool| (pool.own.at(now), pool.own.next()))
    }

    /// All stake behind `candidate` in planck: what counts in this era, and from the next on.
    pub(crate) fn backing(candidate: &AccountId) -> (Balance, Balance) {
        let now = T::CurrentEra::current_era();
        Self::get(candidate).map_or((0, 0), |pool| (pool.backing(now), pool.live.total()))
    }

    /// The backing of all candidates of `role` that stood through `era`, in planck. Right for the era before the
    /// current one, as long as no pool has changed since it ended, and for later ones.
    pub(crate) fn total(role: Role, era: EraIndex) -> Balance {
        Totals::<T>::get(role).at(era)
    }

    /// `candidate` stands as `role` from era `from` on.
    pub(crate) fn stand(candidate: &AccountId, role: Role, from: EraIndex) {
        Self::mutate_as(candidate, Some(role), |pool| (pool.registered, pool.stands_from) = (true, Some(from)));
    }

    /// `candidate` is registered as `role`, but has stepped back.
    pub(crate) fn enter_chilled(candidate: &AccountId, role: Role) {
        Self::mutate_as(candidate, Some(role), |pool| (pool.registered, pool.stands_from) = (true, None));
    }

    /// `candidate` stands again, as what it stood before, from the next era on.
    pub(crate) fn resume(candidate: &AccountId) {
        let next = T::CurrentEra::current_era().saturating_add(1);
        Self::mutate(candidate, |pool| pool.stands_from = Some(next));
    }

    /// `candidate` is none any more.
    pub(crate) fn deregister(candidate: &AccountId) {
        Self::mutate(candidate, |pool| (pool.registered, pool.stands_from) = (false, None));
    }

    /// `candidate` stands no more: it earns nothing in this era and later ones.
    pub(crate) fn suspend(candidate: &AccountId) {
        Self::mutate(candidate, |pool| pool.stands_from = None);
    }

    /// Adds `amount` that counts from era `from` on.
    pub(crate) fn join(candidate: &AccountId, from: EraIndex, amount: Balance) {
        Self::mutate(candidate, |pool| {
            let fits = pool.live.add(from, amount);
            debug_assert!(fits, "layers are merged in each era in which they change");
        });
    }

    /// Takes `parts` away. What counted in this era does so until it ends.
    pub(crate) fn leave(candidate: &AccountId, parts: &[Layer]) {
        let now = T::CurrentEra::current_era();
        Self::mutate(candidate, |pool| {
            if pool.leaving_in != now {
                (pool.leaving, pool.leaving_in) = (Layers::default(), now);
            }
            for part in parts {
                pool.live.remove(*part);
                if part.from <= now {
                    let fits = pool.leaving.add(part.from, part.amount);
                    debug_assert!(fits, "no more layers can leave than there were");
                }
            }
        });
    }

    /// A voter lost `lost` of the `held` that it had here, both as they were before the slashes after number `after`.
    pub(crate) fn lose(candidate: &AccountId, lost: &[Layer], held: &Layers, after: u32) {
        Self::mutate(candidate, |pool| {
            for part in lost {
                let later = pool.slashes.iter().filter(|slash| slash.number > after && part.from <= slash.offence_era);
                let today = |amount| later.clone().fold(amount, |amount, slash| slash.keep.mul_floor(amount));
                // Exactly what the voter's part of the sum shrinks by, so that the sum stays no smaller than the parts.
                let before = held.at(part.from);
                let amount = today(before).saturating_sub(today(before.saturating_sub(part.amount)));
                pool.live.remove(Layer { from: part.from, amount });
            }
        });
    }

    /// Takes from everything that counted in the event's era all but what it keeps, and puts it on record.
    pub(crate) fn slash(candidate: &AccountId, event: SlashEvent) -> bool {
        let mut recorded = false;
        Self::mutate(candidate, |pool| {
            recorded = pool.slashes.try_push(event).is_ok();
            if recorded {
                pool.live.slash(event.offence_era, event.keep);
                pool.leaving.slash(event.offence_era, event.keep);
            }
        });
        recorded
    }

    /// The candidate's own position now counts `current` in this era and `next` in later ones.
    pub(crate) fn set_own(candidate: &AccountId, current: Balance, next: Balance) {
        let now = T::CurrentEra::current_era();
        Self::mutate(candidate, |pool| pool.own = EraAmount::of(now, current, next));
    }

    /// Another position is there.
    pub(crate) fn add_position(candidate: &AccountId) {
        Self::mutate(candidate, |pool| pool.positions = pool.positions.saturating_add(1));
    }

    /// A position is gone. What rounding left of the stake of all goes with the last one.
    pub(crate) fn remove_position(candidate: &AccountId) {
        Self::mutate(candidate, |pool| {
            pool.positions = pool.positions.saturating_sub(1);
            if pool.positions == 0 {
                (pool.live, pool.leaving) = Default::default();
            }
        });
    }

    fn mutate(candidate: &AccountId, change: impl FnOnce(&mut PoolRecord)) {
        Self::mutate_as(candidate, None, change);
    }

    /// Changes the pool, and the total of its role with it. A pool that is not there is made for a candidate that
    /// stands as `role`.
    fn mutate_as(candidate: &AccountId, role: Option<Role>, change: impl FnOnce(&mut PoolRecord)) {
        let now = T::CurrentEra::current_era();
        // Nothing may change before the candidate is paid for what was.
        Earnings::<T>::caught_up(candidate);
        if role.is_some() {
            Earnings::<T>::open(candidate);
        }
        let Some(mut pool) = Self::get(candidate).or_else(|| role.map(PoolRecord::new)) else { return };
        let (role_before, before) = (pool.role, pool.in_total(now));
        pool.live.merge_until(liable_from::<T>());
        pool.role = role.unwrap_or(pool.role);
        change(&mut pool);
        Totals::<T>::mutate(role_before, |total| *total = total.with_part(now, before, (0, 0)));
        Totals::<T>::mutate(pool.role, |total| *total = total.with_part(now, (0, 0), pool.in_total(now)));
        if pool.is_empty(now) {
            Pools::<T>::remove(candidate);
        } else {
            Pools::<T>::insert(candidate, pool);
        }
    }
}
