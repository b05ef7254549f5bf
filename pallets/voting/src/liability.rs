//! What slashes cost a voter.

use alloc::vec::Vec;
use cuckoo_primitives::{
    registry::{Bonds, Candidates},
    AccountId, Balance,
};
use frame_support::ensure;

use crate::{Config, Earnings, Error, Pool, SlashEvent, Slashes, Votes, MAX_SETTLED};

impl<T: Config> Votes<T> {
    /// Takes all that slashes have cost the voter since it was last settled. Fails if more wait than one settlement
    /// takes, and takes none of them then.
    pub(crate) fn settle(&mut self) -> Result<(), Error<T>> {
        let waiting = self.unsettled_slashes();
        ensure!(waiting.len() <= MAX_SETTLED as usize, Error::<T>::SlashesPending);
        self.suffer_first(waiting, None);
        Ok(())
    }

    /// Takes what slashes have cost the voter since it was last settled, in the order in which they were applied, at
    /// most [`MAX_SETTLED`] of them: whether that were all, [`Votes::is_settled`] says. Returns how much it was in
    /// planck; `reporter` earns its share of it.
    ///
    /// It makes no difference in how many steps that is done.
    pub(crate) fn settle_some(&mut self, reporter: Option<&AccountId>) -> Balance {
        let waiting = self.unsettled_slashes();
        self.suffer_first(waiting, reporter)
    }

    /// Whether the cost of all slashes has been taken.
    pub(crate) fn is_settled(&self) -> bool {
        self.record.settled_slash == Slashes::<T>::count()
    }

    /// Takes the first of the slashes that wait, which are all there are; returns what they cost in planck.
    fn suffer_first(&mut self, waiting: Vec<(AccountId, SlashEvent)>, reporter: Option<&AccountId>) -> Balance {
        let mut lost: Balance = 0;
        for (candidate, event) in waiting.iter().take(MAX_SETTLED as usize) {
            lost = lost.saturating_add(self.suffer(candidate, event, reporter));
            self.taken = self.taken.saturating_add(1);
            self.record.settled_slash = event.number;
        }
        if waiting.len() <= MAX_SETTLED as usize {
            self.record.settled_slash = Slashes::<T>::count();
        }
        if lost > 0 {
            self.note_own(&self.voter.clone());
            let own = self.behind(&self.voter.clone());
            if T::Candidates::own_stake_floor(&self.voter).is_some_and(|floor| own <= floor) {
                T::Candidates::chill(&self.voter);
            }
        }
        lost
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
    fn suffer(&mut self, candidate: &AccountId, slash: &SlashEvent, reporter: Option<&AccountId>) -> Balance {
        self.accrue(candidate, slash.applied_in, slash.per_unit);
        let Some(position) = self.find_mut(candidate) else { return 0 };
        let loss = position.slash(slash.offence_era, slash.keep);
        let mut lost = self.lose_voted(loss.live, reporter);
        lost = lost.saturating_add(self.pay_debt(loss.debt, slash, reporter));
        if lost > 0 {
            // What is bonded later never was behind those whom the voter has left.
            let bonded = T::Bonds::total(&self.voter);
            self.record.positions.iter_mut().for_each(|position| position.cap_liability(bonded));
        }
        lost
    }

    /// Takes what the voter owes for stake that has left: first of what is not voted, then of what unbonds, then of what
    /// is voted for others, the youngest first, as if it had gone when the slash was applied.
    fn pay_debt(&mut self, debt: Balance, slash: &SlashEvent, reporter: Option<&AccountId>) -> Balance {
        let idle = T::Bonds::active(&self.voter).saturating_sub(self.record.voted);
        let mut paid = T::Bonds::slash_active(&self.voter, debt.min(idle), reporter);
        paid = paid.saturating_add(T::Bonds::slash_unlocking(&self.voter, debt.saturating_sub(paid), reporter));
        let backed: Vec<_> = self.record.positions.iter().map(|position| position.candidate.clone()).collect();
        for candidate in backed.iter().rev() {
            let open = debt.saturating_sub(paid);
            paid = paid.saturating_add(self.debit(candidate, open, slash, reporter));
        }
        paid
    }

    /// Takes up to `most` of what is voted for `candidate`. What is taken earns nothing since the slash was applied;
    /// if that is too long ago to know the figure, since the position was last touched.
    fn debit(
        &mut self,
        candidate: &AccountId,
        most: Balance,
        slash: &SlashEvent,
        reporter: Option<&AccountId>,
    ) -> Balance {
        let amount = most.min(self.behind(candidate));
        if amount == 0 {
            return 0;
        }
        if let Some(per_unit) = Earnings::<T>::caught_up(candidate).per_unit_at(slash.applied_in) {
            self.accrue(candidate, slash.applied_in, per_unit);
        }
        let Some(position) = self.find_mut(candidate) else { return 0 };
        let held = position.live.clone();
        let taken = position.live.take_youngest(amount).unwrap_or_default();
        Pool::<T>::lose(candidate, &taken, &held, slash.number);
        self.lose_voted(amount, reporter)
    }

    fn lose_voted(&mut self, amount: Balance, reporter: Option<&AccountId>) -> Balance {
        self.record.voted = self.record.voted.saturating_sub(amount);
        T::Bonds::slash_active(&self.voter, amount, reporter)
    }
}
