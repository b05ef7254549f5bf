//! How new CAI come into being: two budgets, paid out era by era.

use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use cuckoo_primitives::{
    emission::{BudgetOverview, EmissionOverview},
    registry::{Budgets, Rewards},
    AccountId, Balance, EraIndex, TOTAL_SUPPLY_CAP,
};
use frame_support::{
    ensure,
    traits::{
        fungible::{Inspect, Mutate},
        Get,
    },
};
use scale_info::TypeInfo;
use sp_runtime::{traits::AccountIdConversion, DispatchError, DispatchResult};

use crate::{Clock, Config, EmissionState, EraShare, Error, Event, Pallet};

/// The emission. Only this type reads and writes [`EmissionState`], and only it mints.
///
/// A planck of a budget goes `remaining -> open -> emitted`: at an era's end the era's share of what remains is opened;
/// what is earned of it is minted into the pot, where it waits until it is claimed; what nobody earned remains again.
/// `remaining + open + emitted` is the budget at all times.
pub struct Emission<T>(PhantomData<T>);

/// What is stored of the emission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct EmissionRecord {
    /// For the stake behind candidates of all roles.
    pub staking: Budget,
    /// For the work of miners.
    pub mining: Budget,
    /// What has left the pot for those who earned it, in planck.
    pub claimed: Balance,
}

/// Where the planck of one budget are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Budget {
    /// All that will ever be emitted of it, in planck.
    pub total: Balance,
    /// Not opened for any era, or given back, in planck.
    pub remaining: Balance,
    /// Opened for eras that are not paid in full yet, in planck.
    pub open: Balance,
    /// Minted, in planck.
    pub emitted: Balance,
}

impl Budget {
    fn new(total: Balance) -> Self {
        Self { total, remaining: total, ..Self::default() }
    }

    /// Opens an era's share of what remains; returns how much that is.
    fn open(&mut self, share: EraShare) -> Balance {
        let opened = share.of(self.remaining);
        self.remaining = self.remaining.saturating_sub(opened);
        self.open = self.open.saturating_add(opened);
        opened
    }

    /// Puts `amount` of what is open back to what remains; no more than is open.
    fn close(&mut self, amount: Balance) {
        let closed = amount.min(self.open);
        self.open = self.open.saturating_sub(closed);
        self.remaining = self.remaining.saturating_add(closed);
    }

    /// Counts `amount` of what is open as emitted, no more than is open; returns how much that is.
    fn emit(&mut self, amount: Balance) -> Balance {
        let emitted = amount.min(self.open);
        self.open = self.open.saturating_sub(emitted);
        self.emitted = self.emitted.saturating_add(emitted);
        emitted
    }

    /// What can still be emitted, in planck.
    pub fn to_come(&self) -> Balance {
        self.remaining.saturating_add(self.open)
    }
}

impl EmissionRecord {
    /// What was minted of both budgets, in planck.
    pub fn emitted(&self) -> Balance {
        self.staking.emitted.saturating_add(self.mining.emitted)
    }

    /// What was minted and is not claimed, in planck: what the pot holds for those who earned it.
    pub fn unclaimed(&self) -> Balance {
        self.emitted().saturating_sub(self.claimed)
    }

    /// What can still be minted of both budgets, in planck.
    pub fn to_come(&self) -> Balance {
        self.staking.to_come().saturating_add(self.mining.to_come())
    }

    /// The same for others to read.
    pub(crate) fn overview(&self) -> EmissionOverview {
        let part = |budget: Budget| {
            let Budget { remaining, open, emitted, .. } = budget;
            BudgetOverview { remaining, open, emitted }
        };
        EmissionOverview { staking: part(self.staking), mining: part(self.mining), unclaimed: self.unclaimed() }
    }
}

impl<T: Config> Emission<T> {
    /// Where the planck of both budgets are.
    pub fn state() -> EmissionRecord {
        EmissionState::<T>::get()
    }

    /// The account that holds what is earned and not claimed, and beside that its existential deposit.
    pub fn pot() -> AccountId {
        T::PotId::get().into_account_truncating()
    }

    /// Sets both budgets and lets the pot exist. Fails if all of it together would pass the cap of the supply.
    pub(crate) fn begin(budgets: Budgets) -> DispatchResult {
        let state =
            EmissionRecord { staking: Budget::new(budgets.staking), mining: Budget::new(budgets.mining), claimed: 0 };
        let pot = Self::pot();
        let deposit = T::Currency::minimum_balance().saturating_sub(T::Currency::balance(&pot));
        ensure!(Self::fits_cap(deposit, &state), Error::<T>::SupplyCapReached);
        if deposit > 0 {
            T::Currency::mint_into(&pot, deposit)?;
        }
        EmissionState::<T>::put(state);
        Ok(())
    }

    /// Opens the share of era `ended` in both budgets, unless the rewards do not take it: then it remains.
    pub(crate) fn era_ended(ended: EraIndex) {
        let share = EraShare::of_era(Clock::<T>::era_ms());
        // Stored before the rewards are asked: they may give back at once.
        let opened = EmissionState::<T>::mutate(|state| Budgets {
            staking: state.staking.open(share),
            mining: state.mining.open(share),
        });
        if T::Rewards::era_ended(ended, opened) {
            let Budgets { staking, mining } = opened;
            Pallet::<T>::deposit_event(Event::BudgetOpened { era: ended, staking, mining });
        } else {
            Self::give_back(opened);
        }
    }

    /// Mints `earned`, which must be open, into the pot. What is not open is not minted, and nothing is that would pass
    /// the cap of the supply.
    pub(crate) fn mint(earned: Budgets) {
        let mut state = EmissionState::<T>::get();
        let staking = state.staking.emit(earned.staking);
        let mining = state.mining.emit(earned.mining);
        let minted = staking.saturating_add(mining);
        if minted > 0 && Self::fits_cap(minted, &state) && T::Currency::mint_into(&Self::pot(), minted).is_ok() {
            EmissionState::<T>::put(state);
        }
    }

    /// Puts `unearned`, which must be open, back to what remains.
    pub(crate) fn give_back(unearned: Budgets) {
        EmissionState::<T>::mutate(|state| {
            state.staking.close(unearned.staking);
            state.mining.close(unearned.mining);
        });
    }

    /// Records that `amount` planck leave the pot for whom earned them. Fails if that much was not emitted.
    pub(crate) fn claim(amount: Balance) -> Result<(), DispatchError> {
        let mut state = EmissionState::<T>::get();
        state.claimed = state.claimed.checked_add(amount).ok_or(Error::<T>::Overflow)?;
        ensure!(state.claimed <= state.emitted(), Error::<T>::PotEmpty);
        EmissionState::<T>::put(state);
        Ok(())
    }

    /// Whether `minted` planck more, and later all that `state` has to come, stay under the cap.
    fn fits_cap(minted: Balance, state: &EmissionRecord) -> bool {
        let issuance = T::Currency::total_issuance().saturating_add(minted);
        issuance.saturating_add(state.to_come()) <= TOTAL_SUPPLY_CAP
    }
}
