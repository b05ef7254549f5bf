//! What slashes cost a voter.

use alloc::vec::Vec;
use cuckoo_primitives::{
    registry::{Bonds, Candidates, Taken},
    AccountId, Balance, EraIndex,
};
use frame_support::ensure;

use crate::{Config, Earnings, Error, Event, Pallet, Pool, SlashEvent, Slashes, Votes, MAX_SETTLED};

/// The point as of which stake is gone.
#[derive(Clone, Copy)]
struct AsOf {
    /// In this era.
    era: EraIndex,
    /// After the slash with this number, before the next.
    slash: u32,
}

impl<T: Config> Votes<T> {
    /// Takes all that slashes have cost the voter since it was last settled. Fails if more wait than one settlement
    /// takes, and takes none of them then.
    pub(crate) fn settle(&mut self) -> Result<(), Error<T>> {
        let waiting = self.unsettled_slashes();
        ensure!(waiting.len() <= MAX_SETTLED as usize, Error::<T>::SlashesPending);
        self.suffer_first(waiting, Taken::Burned);
        Ok(())
    }

    /// Takes what slashes have cost the voter since it was last settled, in the order in which they were applied, at
    /// most [`MAX_SETTLED`] of them: whether that were all, [`Votes::is_settled`] says. Returns how much it was in
    /// planck; `to` says what becomes of it.
    ///
    /// It makes no difference in how many steps that is done.
    pub(crate) fn settle_some(&mut self, to: Taken<'_, AccountId>) -> Balance {
        let waiting = self.unsettled_slashes();
        self.suffer_first(waiting, to)
    }

    /// Whether the cost of all slashes has been taken.
    pub(crate) fn is_settled(&self) -> bool {
        self.record.settled_slash == Slashes::<T>::count()
    }

    /// Takes the first of the slashes that wait, which are all there are; returns what they cost in planck.
    fn suffer_first(&mut self, waiting: Vec<(AccountId, SlashEvent)>, to: Taken<'_, AccountId>) -> Balance {
        let mut lost: Balance = 0;
        for (candidate, event) in waiting.iter().take(MAX_SETTLED as usize) {
            lost = lost.saturating_add(self.suffer(candidate, event, to));
            self.taken = self.taken.saturating_add(1);
            self.record.settled_slash = event.number;
        }
        if waiting.len() <= MAX_SETTLED as usize {
            self.record.settled_slash = Slashes::<T>::count();
        }
        self.note_loss(lost);
        lost
    }

    /// Makes up to `amount` planck of the voter's bond free, whoever is backed with it; returns how much. The voter is
    /// settled.
    pub(crate) fn forfeit(&mut self, amount: Balance) -> Balance {
        let now = AsOf { era: self.now, slash: Slashes::<T>::count() };
        let freed = self.pay_debt(amount, now, Taken::Freed);
        self.cap_liabilities(freed);
        self.note_loss(freed);
        freed
    }

    /// The voter has lost `lost` planck of its bond: if it is a candidate, its own stake may be too small now.
    fn note_loss(&mut self, lost: Balance) {
        if lost == 0 {
            return;
        }
        let voter = self.voter.clone();
        self.note_own(&voter);
        let own = self.behind(&voter);
        if T::Candidates::own_stake_floor(&voter).is_some_and(|floor| own <= floor) {
            T::Candidates::chill(&voter);
        }
    }

    /// The voter has lost `lost` planck of its bond: what is bonded later never was behind those whom it has left.
    fn cap_liabilities(&mut self, lost: Balance) {
        if lost > 0 {
            let bonded = T::Bonds::total(&self.voter);
            self.record.positions.iter_mut().for_each(|position| position.cap_liability(bonded));
        }
    }

    fn unsettled_slashes(&self) -> Vec<(AccountId, SlashEvent)> {
        let mut events = Vec::new();
        if self.is_settled() {
            return events;
        }
        let seen = self.record.settled_slash;
        for position in &self.record.positions {
            let slashes = Pool::<T>::get(&position.candidate).map(|pool| pool.slashes).unwrap_or_default();
            let new = slashes.into_iter().filter(|slash| slash.number > seen);
            events.extend(new.map(|slash| (position.candidate.clone(), slash)));
        }
        events.sort_by_key(|(_, slash)| slash.number);
        events
    }

    /// Takes what one slash of `candidate` costs the voter.
    fn suffer(&mut self, candidate: &AccountId, slash: &SlashEvent, to: Taken<'_, AccountId>) -> Balance {
        self.accrue(candidate, slash.applied_in, slash.per_unit);
        let Some(position) = self.find_mut(candidate) else { return 0 };
        let loss = position.slash(slash.offence_era, slash.keep);
        let mut lost = self.lose_voted(loss.live, to);
        let applied = AsOf { era: slash.applied_in, slash: slash.number };
        lost = lost.saturating_add(self.pay_debt(loss.debt, applied, to));
        self.cap_liabilities(lost);
        lost
    }

    /// Takes what the voter owes: first of what is not voted, then of what unbonds, then of what is voted, the youngest
    /// first, as if it had gone at that point.
    fn pay_debt(&mut self, debt: Balance, gone: AsOf, to: Taken<'_, AccountId>) -> Balance {
        let idle = T::Bonds::active(&self.voter).saturating_sub(self.record.voted);
        let mut paid = T::Bonds::take_active(&self.voter, debt.min(idle), to);
        paid = paid.saturating_add(T::Bonds::take_unlocking(&self.voter, debt.saturating_sub(paid), to));
        let backed: Vec<_> = self.record.positions.iter().map(|position| position.candidate.clone()).collect();
        for candidate in backed.iter().rev() {
            let open = debt.saturating_sub(paid);
            paid = paid.saturating_add(self.debit(candidate, open, gone, to));
        }
        paid
    }

    /// Takes up to `most` of what is voted for `candidate`. What is taken earns nothing since the point as of which it is
    /// gone; if that is too long ago to know the figure, since the position was last touched.
    fn debit(&mut self, candidate: &AccountId, most: Balance, gone: AsOf, to: Taken<'_, AccountId>) -> Balance {
        let amount = most.min(self.behind(candidate));
        if amount == 0 {
            return 0;
        }
        if let Some(per_unit) = Earnings::<T>::caught_up(candidate).per_unit_at(gone.era) {
            self.accrue(candidate, gone.era, per_unit);
        }
        let Some(position) = self.find_mut(candidate) else { return 0 };
        let held = position.live.clone();
        let taken = position.live.take_youngest(amount).unwrap_or_default();
        Pool::<T>::lose(candidate, &taken, &held, gone.slash);
        let (voter, candidate) = (self.voter.clone(), candidate.clone());
        Pallet::<T>::deposit_event(Event::DebtTaken { voter, candidate, amount });
        self.lose_voted(amount, to)
    }

    fn lose_voted(&mut self, amount: Balance, to: Taken<'_, AccountId>) -> Balance {
        self.record.voted = self.record.voted.saturating_sub(amount);
        T::Bonds::take_active(&self.voter, amount, to)
    }
}
