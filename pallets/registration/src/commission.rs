//! What operators keep of what their candidates earn.

use alloc::vec::Vec;
use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use cuckoo_primitives::{registry::CurrentEra, AccountId, EraIndex};
use frame_support::ensure;
use scale_info::TypeInfo;
use sp_runtime::{Perbill, Saturating};

use crate::{Commissions, Config, Error};

/// Most by which a commission may rise at a time: five percentage points.
pub const MAX_COMMISSION_RAISE: Perbill = Perbill::from_percent(5);
/// A raise counts this many eras after the one in which it is announced. Votes that leave when they see it count no more
/// in the era after, so that none of them pays it.
pub const RAISE_NOTICE_ERAS: EraIndex = 2;

/// The commissions. Only this type reads and writes [`Commissions`].
///
/// What a rate was before its last change is not kept: whoever changes it has the candidate paid for all eras that are
/// over first.
pub struct Commission<T>(PhantomData<T>);

/// What is stored of a candidate's commission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct CommissionRecord {
    /// Counts until a change does.
    pub(crate) rate: Perbill,
    /// A change that counts from the era after it was made.
    pub(crate) next: Option<CommissionChange>,
    /// An announced raise; always later than `next`.
    pub(crate) raise: Option<CommissionChange>,
}

/// A rate from some era on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct CommissionChange {
    /// The first era in which it counts.
    pub from: EraIndex,
    /// The operator's cut.
    pub rate: Perbill,
}

/// A candidate's commission as others read it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct CommissionOverview {
    /// What counts in this era.
    pub rate: Perbill,
    /// What was announced and counts later, the first change in front.
    pub changes: Vec<CommissionChange>,
}

impl CommissionRecord {
    /// The rate in `era`, which must not lie before the last change was made.
    pub fn at(&self, era: EraIndex) -> Perbill {
        let begun = |change: &CommissionChange| change.from <= era;
        self.raise.filter(begun).or(self.next.filter(begun)).map_or(self.rate, |change| change.rate)
    }

    /// The same without changes that have come into force by era `now`.
    fn as_of(self, now: EraIndex) -> Self {
        let ahead = |change: &CommissionChange| change.from > now;
        Self { rate: self.at(now), next: self.next.filter(ahead), raise: self.raise.filter(ahead) }
    }

    /// What counts from the next era on, but for an announced raise.
    pub(crate) fn base(&self) -> Perbill {
        self.next.map_or(self.rate, |change| change.rate)
    }
}

impl<T: Config> Commission<T> {
    /// The commission of `stash` with its coming changes; none at all if it never set one.
    pub(crate) fn of(stash: &AccountId) -> CommissionRecord {
        Commissions::<T>::get(stash)
    }

    /// The commission of `stash` for others to read.
    pub(crate) fn overview(stash: &AccountId) -> CommissionOverview {
        let CommissionRecord { rate, next, raise } = Self::of(stash).as_of(T::CurrentEra::current_era());
        CommissionOverview { rate, changes: next.into_iter().chain(raise).collect() }
    }

    /// Changes the commission of a candidate, which was paid for all eras that are over; returns the first era in which
    /// the new rate counts.
    ///
    /// A rate that is not higher counts from the next era on, and takes back a raise that is announced. A higher one is
    /// announced, unless `freely`.
    pub(crate) fn set(stash: &AccountId, rate: Perbill, freely: bool) -> Result<EraIndex, Error<T>> {
        let now = T::CurrentEra::current_era();
        let mut record = Self::of(stash).as_of(now);
        let base = record.base();
        ensure!(rate != base || record.raise.is_some(), Error::<T>::CommissionUnchanged);
        let change = if freely || rate <= base {
            let change = CommissionChange { from: now.saturating_add(1), rate };
            record.next = (rate != record.rate).then_some(change);
            record.raise = None;
            change
        } else {
            ensure!(record.raise.is_none(), Error::<T>::RaiseAnnounced);
            ensure!(rate.saturating_sub(base) <= MAX_COMMISSION_RAISE, Error::<T>::RaiseTooSteep);
            let change = CommissionChange { from: now.saturating_add(RAISE_NOTICE_ERAS), rate };
            record.raise = Some(change);
            change
        };
        Commissions::<T>::insert(stash, record);
        Ok(change.from)
    }

    /// Forgets the commission of a stash that is no candidate any more, and was paid for all eras that are over.
    pub(crate) fn forget(stash: &AccountId) {
        Commissions::<T>::remove(stash);
    }
}
