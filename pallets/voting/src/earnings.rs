//! What one candidate has earned for the stake behind it.

use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use cuckoo_primitives::{
    registry::{Candidates, CurrentEra},
    AccountId, Balance, EraIndex,
};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::TypeInfo;

use crate::{
    fixed::{per_unit, PerUnit},
    layers::MAX_WINDOW_ERAS,
    Config, Earned, EraPots, Marks, Pool, PoolRecord,
};

/// What one candidate has earned for the stake behind it. Only this type reads and writes [`Earned`] and [`Marks`].
///
/// A candidate is paid for an era once it is over, at the latest before anything about the candidate changes
/// ([`Earnings::caught_up`]); so it makes no difference when that happens.
pub struct Earnings<T> {
    candidate: AccountId,
    record: EarningsRecord,
    _config: PhantomData<T>,
}

/// What is stored of a candidate's earnings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct EarningsRecord {
    /// The candidate has been paid for all eras before this one.
    pub(crate) paid_before: EraIndex,
    /// Reward per unit of stake at the start of that era.
    pub(crate) per_unit: PerUnit,
    /// The same at the starts of the eras before, the oldest first.
    pub(crate) history: BoundedVec<PerUnit, ConstU32<MAX_WINDOW_ERAS>>,
    /// Commission that was earned and not claimed, in planck.
    pub(crate) commission: Balance,
    /// The era in which the candidate last authored a block.
    pub(crate) authored_in: EraIndex,
    /// How many blocks it authored in that era.
    pub(crate) blocks: u32,
}

/// A candidate's reward per unit at the start of an era in which positions begin to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Mark {
    /// What it was; `None` until the candidate is paid for the era before.
    pub(crate) per_unit: Option<PerUnit>,
    /// How many positions need it.
    pub(crate) held: u32,
}

impl<T: Config> Earnings<T> {
    /// The earnings of `candidate`, which starts with nothing in the current era if it is new.
    fn of(candidate: &AccountId) -> Self {
        let new = || EarningsRecord { paid_before: T::CurrentEra::current_era(), ..Default::default() };
        let record = Earned::<T>::get(candidate).unwrap_or_else(new);
        Self { candidate: candidate.clone(), record, _config: PhantomData }
    }

    /// Pays `candidate` for every era that is over, and returns its earnings.
    pub(crate) fn caught_up(candidate: &AccountId) -> Self {
        let mut earnings = Self::of(candidate);
        let now = T::CurrentEra::current_era();
        if earnings.record.paid_before < now {
            earnings.pay_before(now);
            earnings.store();
        }
        earnings
    }

    /// Opens the record of `candidate`, which something will stand behind, if it has none.
    pub(crate) fn open(candidate: &AccountId) {
        if !Earned::<T>::contains_key(candidate) {
            Self::of(candidate).store();
        }
    }

    /// Reward per unit at the start of the current era.
    pub(crate) fn per_unit(&self) -> PerUnit {
        self.record.per_unit
    }

    /// Reward per unit at the start of `era`, as long as that is not too long ago.
    pub(crate) fn per_unit_at(&self, era: EraIndex) -> Option<PerUnit> {
        match self.record.paid_before.checked_sub(era)? {
            0 => Some(self.record.per_unit),
            back => {
                let place = self.record.history.len().checked_sub(back as usize)?;
                self.record.history.get(place).copied()
            }
        }
    }

    /// Takes the commission off the record.
    pub(crate) fn take_commission(mut self) -> Balance {
        let commission = core::mem::take(&mut self.record.commission);
        if commission > 0 {
            self.store();
        }
        commission
    }

    /// The candidate authored a block. Returns whether it is its first in this era.
    pub(crate) fn note_block(mut self) -> bool {
        let now = T::CurrentEra::current_era();
        let first = self.record.authored_in != now || self.record.blocks == 0;
        if first {
            (self.record.authored_in, self.record.blocks) = (now, 0);
        }
        self.record.blocks = self.record.blocks.saturating_add(1);
        self.store();
        first
    }

    /// Has the reward per unit at the start of the next era kept for one more position.
    pub(crate) fn hold_mark(candidate: &AccountId, now: EraIndex) {
        Marks::<T>::mutate(candidate, now.saturating_add(1), |mark| mark.held = mark.held.saturating_add(1));
    }

    /// The reward per unit at the start of the era after `touched`, which one position needs no more.
    pub(crate) fn release_mark(candidate: &AccountId, touched: EraIndex) -> Option<PerUnit> {
        Marks::<T>::mutate_exists(candidate, touched.saturating_add(1), |slot| {
            let mark = slot.as_mut()?;
            let per_unit = mark.per_unit;
            mark.held = mark.held.saturating_sub(1);
            if mark.held == 0 {
                *slot = None;
            }
            per_unit
        })
    }

    /// Forgets what the candidate earned if nobody can ask for it any more.
    pub(crate) fn forget(candidate: &AccountId) {
        let owes_nothing = Earned::<T>::get(candidate).is_none_or(|record| record.commission == 0);
        if owes_nothing && Pool::<T>::get(candidate).is_none() {
            Earned::<T>::remove(candidate);
        }
    }

    /// Pays for the eras from `paid_before` up to the one before `now`.
    fn pay_before(&mut self, now: EraIndex) {
        let first = self.record.paid_before;
        let pool = Pool::<T>::get(&self.candidate);
        self.close(first, pool.as_ref());
        // Positions change only once the candidate is caught up, so no later mark can wait for its figure.
        Marks::<T>::mutate_exists(&self.candidate, first.saturating_add(1), |mark| {
            if let Some(mark) = mark {
                mark.per_unit = Some(self.record.per_unit);
            }
        });
        for era in EraPots::<T>::open_from(first.saturating_add(1)) {
            self.advance_to(era);
            self.close(era, pool.as_ref());
        }
        self.advance_to(now);
    }

    /// Pays for `era`, at whose start the record stands, and moves on to the start of the next.
    fn close(&mut self, era: EraIndex, pool: Option<&PoolRecord>) {
        let rise = self.earn(era, pool);
        self.advance_to(era.saturating_add(1));
        self.record.per_unit = self.record.per_unit.saturating_add(rise);
    }

    /// Moves on to the start of `era`; nothing is earned until then.
    fn advance_to(&mut self, era: EraIndex) {
        let steps = era.saturating_sub(self.record.paid_before);
        for _ in 0..steps.min(MAX_WINDOW_ERAS) {
            if self.record.history.is_full() {
                self.record.history.remove(0);
            }
            // There is room now.
            let _ = self.record.history.try_push(self.record.per_unit);
        }
        self.record.paid_before = self.record.paid_before.max(era);
    }

    /// Takes what the candidate earned in `era` out of its pot and returns by how much the reward per unit rises.
    fn earn(&mut self, era: EraIndex, pool: Option<&PoolRecord>) -> PerUnit {
        let Some(pool) = pool.filter(|pool| pool.stood_in(era)) else { return 0 };
        let backing = pool.backing(era);
        let blocks = if self.record.authored_in == era { self.record.blocks } else { 0 };
        let reward = EraPots::<T>::earn(era, &self.candidate, pool.role, backing, blocks);
        let commission = T::Candidates::commission(&self.candidate, era).mul_floor(reward);
        self.record.commission = self.record.commission.saturating_add(commission);
        per_unit(reward.saturating_sub(commission), backing).unwrap_or(0)
    }

    fn store(&self) {
        Earned::<T>::insert(&self.candidate, &self.record);
    }
}
