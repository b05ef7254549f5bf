//! What each API key may spend, has spent, and may be spending right now.
//!
//! Budgets are set in the file, by this program or another; what was spent is told by the journal once it is stored. What
//! running tasks may cost is set aside, so that many at once do not spend a budget many times.

use std::{collections::HashMap, sync::Arc};

use cuckoo_chain_client::Cai;
use cuckoo_primitives::Balance;
use parking_lot::Mutex;

use crate::{error::ApiError, store::KnownKey};

/// The accounts of all valid keys, by id.
#[derive(Default)]
pub(crate) struct Budgets(Mutex<HashMap<Arc<str>, Account>>);

/// What one key may spend, in planck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// In all; `None`: any amount.
    pub(crate) budget: Option<Balance>,
    /// What its tasks have cost.
    pub(crate) spent: Balance,
    /// What its running tasks may cost.
    pub(crate) reserved: Balance,
}

/// A key's budget does not do for a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OverBudget {
    /// The key is not valid any more.
    #[error("this API key was revoked while the task waited")]
    Revoked,
    /// All of it is spent.
    #[error("this API key has spent its budget of {}; have it raised (coordinator-gateway keys budget)", Cai(*.budget))]
    Spent {
        /// In planck.
        budget: Balance,
    },
    /// The task may cost more than is left.
    #[error(
        "this API key has {} left of its budget, running tasks aside, and the task may cost {}; ask for fewer tokens \
         (max_tokens), or have the budget raised (coordinator-gateway keys budget)", Cai(*.left), Cai(*.ceiling)
    )]
    TooMuch {
        /// What is left, in planck.
        left: Balance,
        /// What the task may cost, in planck.
        ceiling: Balance,
    },
}

impl From<OverBudget> for ApiError {
    fn from(over: OverBudget) -> Self {
        match over {
            OverBudget::Revoked => Self::unauthorized("invalid_api_key", format!("Not served: {over}.")),
            OverBudget::Spent { .. } | OverBudget::TooMuch { .. } => {
                Self::insufficient_quota(format!("Not served: {over}."))
            }
        }
    }
}

impl Account {
    /// What may still be spent, by what runs too.
    fn left(&self) -> Option<Balance> {
        Some(self.budget?.saturating_sub(self.spent).saturating_sub(self.reserved))
    }
}

impl Budgets {
    /// Takes over what the file says of all valid keys. What was spent only grows, so an older reading does no harm.
    pub(super) fn follow<'a>(&self, keys: impl Iterator<Item = &'a KnownKey>) {
        let mut accounts = self.0.lock();
        let mut before = std::mem::take(&mut *accounts);
        accounts.extend(keys.map(|key| {
            let account = before.remove(&key.id).unwrap_or_default();
            (key.id.clone(), Account { budget: key.budget, spent: account.spent.max(key.spent), ..account })
        }));
    }

    /// What one key may spend from now on, and no other any more, for tests without a file.
    #[cfg(test)]
    pub(crate) fn set_only(&self, key: &str, budget: Option<Balance>) {
        self.follow([KnownKey { id: key.into(), budget, spent: 0 }].iter());
    }

    /// Takes note of what keys have spent in all.
    pub(crate) fn set_spent(&self, spent: impl IntoIterator<Item = (String, Balance)>) {
        let mut accounts = self.0.lock();
        for (key, spent) in spent {
            if let Some(account) = accounts.get_mut(key.as_str()) {
                account.spent = account.spent.max(spent);
            }
        }
    }

    /// The account of a key.
    pub(crate) fn of(&self, key: &str) -> Account {
        self.0.lock().get(key).copied().unwrap_or_default()
    }

    /// What a key may still spend on top of what runs, in planck.
    pub(crate) fn left(&self, key: Option<&Arc<str>>) -> Balance {
        key.and_then(|key| self.of(key).left()).unwrap_or(Balance::MAX)
    }

    /// Whether a key can spend anything at all.
    pub(crate) fn check(&self, key: Option<&Arc<str>>) -> Result<(), OverBudget> {
        let Some(key) = key else { return Ok(()) };
        let accounts = self.0.lock();
        let account = accounts.get(key).ok_or(OverBudget::Revoked)?;
        match account.budget {
            Some(budget) if account.spent >= budget => Err(OverBudget::Spent { budget }),
            _ => Ok(()),
        }
    }

    /// Sets aside what a task may cost, until the answer is dropped. It goes by what the key is now, whatever it was when
    /// the task came.
    pub(crate) fn reserve(self: &Arc<Self>, key: Option<&Arc<str>>, ceiling: Balance) -> Result<Spending, OverBudget> {
        let Some(key) = key else { return Ok(Spending(None)) };
        let mut accounts = self.0.lock();
        let account = accounts.get_mut(key).ok_or(OverBudget::Revoked)?;
        match account.left() {
            _ if ceiling == 0 => Ok(Spending(None)),
            Some(left) if left < ceiling => Err(OverBudget::TooMuch { left, ceiling }),
            _ => {
                account.reserved = account.reserved.saturating_add(ceiling);
                Ok(Spending(Some((self.clone(), key.clone(), ceiling))))
            }
        }
    }
}

/// What a running task may cost its key; given back when dropped.
pub(crate) struct Spending(Option<(Arc<Budgets>, Arc<str>, Balance)>);

impl Drop for Spending {
    fn drop(&mut self) {
        let Some((budgets, key, ceiling)) = self.0.take() else { return };
        let mut accounts = budgets.0.lock();
        accounts.get_mut(&key).into_iter().for_each(|account| {
            account.reserved = account.reserved.saturating_sub(ceiling);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(id: &str, budget: Option<Balance>, spent: Balance) -> KnownKey {
        KnownKey { id: id.into(), budget, spent }
    }

    #[test]
    fn tasks_at_once_do_not_spend_a_budget_twice() {
        let budgets = Arc::new(Budgets::default());
        budgets.follow([known("a", Some(100), 40), known("b", None, 0)].iter());
        let (a, b) = (Arc::from("a"), Arc::from("b"));
        let first = budgets.reserve(Some(&a), 50).unwrap();
        assert_eq!(budgets.reserve(Some(&a), 11).err(), Some(OverBudget::TooMuch { left: 10, ceiling: 11 }));
        let _free = budgets.reserve(Some(&a), 0).unwrap();
        let _any = budgets.reserve(Some(&b), Balance::MAX).unwrap();
        let _nobody = budgets.reserve(None, 7).unwrap();
        budgets.set_spent([("a".into(), 70)]);
        drop(first);
        assert_eq!(budgets.of("a"), Account { budget: Some(100), spent: 70, reserved: 0 });
        assert!(budgets.reserve(Some(&a), 30).is_ok());
    }

    #[test]
    fn budgets_follow_the_file_and_spending_only_grows() {
        let budgets = Arc::new(Budgets::default());
        budgets.follow([known("a", Some(100), 40)].iter());
        let a = Arc::from("a");
        let _running = budgets.reserve(Some(&a), 10).unwrap();
        budgets.set_spent([("a".into(), 90), ("stranger".into(), 5)]);
        budgets.follow([known("a", Some(120), 40)].iter());
        assert_eq!(budgets.of("a"), Account { budget: Some(120), spent: 90, reserved: 10 });
        assert_eq!(budgets.of("stranger"), Account::default());
        budgets.follow([known("a", Some(90), 90)].iter());
        assert_eq!(budgets.check(Some(&a)), Err(OverBudget::Spent { budget: 90 }));
        assert_eq!(budgets.check(None), Ok(()));
    }

    #[test]
    fn a_task_goes_by_what_its_key_is_when_it_is_handed_out() {
        let budgets = Arc::new(Budgets::default());
        let a = Arc::from("a");
        budgets.follow([known("a", None, 0)].iter());
        assert_eq!(budgets.check(Some(&a)), Ok(()), "so that it may wait for a miner");
        budgets.follow([known("a", Some(10), 0)].iter());
        assert_eq!(budgets.reserve(Some(&a), 11).err(), Some(OverBudget::TooMuch { left: 10, ceiling: 11 }));
        let running = budgets.reserve(Some(&a), 10).unwrap();
        budgets.follow([].iter());
        for ceiling in [0, 1] {
            assert_eq!(budgets.reserve(Some(&a), ceiling).err(), Some(OverBudget::Revoked));
        }
        assert_eq!(budgets.check(Some(&a)), Err(OverBudget::Revoked));
        drop(running);
        assert_eq!(budgets.of("a"), Account::default(), "what ends after it leaves nothing behind");
    }
}
