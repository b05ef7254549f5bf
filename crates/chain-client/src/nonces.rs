//! Nonces of transactions that one process sends at the same time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cuckoo_primitives::AccountId;

/// The accounts that this process has signed for, each with its queue.
#[derive(Default)]
pub(crate) struct Nonces(Mutex<HashMap<AccountId, Arc<Lane>>>);

impl Nonces {
    /// The queue of `account`.
    pub(crate) fn lane(&self, account: &AccountId) -> Arc<Lane> {
        locked(&self.0).entry(account.clone()).or_default().clone()
    }
}

/// The queue of one account: one transaction at a time is given its nonce and handed to the node; after that they wait
/// for their blocks side by side.
#[derive(Default)]
pub(crate) struct Lane {
    turn: tokio::sync::Mutex<()>,
    sent: Mutex<Sent>,
}

/// What is known of transactions that the node's pool has taken. The pool counts them too, but only a moment later.
#[derive(Default)]
struct Sent {
    /// The nonce after the last of them, as long as any is under way.
    next: Option<u64>,
    under_way: usize,
}

impl Lane {
    /// Waits until no other transaction of the account is being sent.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// The nonce to use where the node's pool proposes `pool`.
    pub(crate) fn next(&self, pool: u64) -> u64 {
        locked(&self.sent).next.map_or(pool, |next| next.max(pool))
    }

    /// Notes that the pool took a transaction with `nonce`; it is under way until what is returned is dropped.
    pub(crate) fn took(self: &Arc<Self>, nonce: u64) -> UnderWay {
        let mut sent = locked(&self.sent);
        sent.next = Some(nonce.saturating_add(1));
        sent.under_way += 1;
        UnderWay(self.clone())
    }

    /// Believes the pool again: a nonce turned out to be taken, or never used.
    pub(crate) fn forget(&self) {
        locked(&self.sent).next = None;
    }
}

/// A transaction between pool and finalised block.
pub(crate) struct UnderWay(Arc<Lane>);

impl UnderWay {
    /// The node's pool holds the transaction no more, so that it knows best which nonce comes next.
    pub(crate) fn forgotten(&self) {
        self.0.forget();
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut sent = locked(&self.0.sent);
        sent.under_way = sent.under_way.saturating_sub(1);
        if sent.under_way == 0 {
            sent.next = None;
        }
    }
}

/// Nothing in here panics while it holds a lock, so a poisoned one is as good as any.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_run_ahead_of_the_pool_while_transactions_are_under_way() {
        let lane = Nonces::default().lane(&AccountId::from([1; 32]));
        assert_eq!(lane.next(5), 5);
        let first = lane.took(5);
        assert_eq!(lane.next(5), 6, "the pool has not counted the first yet");
        let second = lane.took(6);
        assert_eq!(lane.next(9), 9, "another process sent some");
        drop(first);
        assert_eq!(lane.next(5), 7);
        drop(second);
        assert_eq!(lane.next(5), 5, "nothing is under way, the pool knows best");
    }

    #[test]
    fn the_nonce_of_a_transaction_that_the_pool_has_dropped_is_used_again() {
        let lane = Nonces::default().lane(&AccountId::from([1; 32]));
        let dropped = lane.took(5);
        let _other = lane.took(6);
        dropped.forgotten();
        assert_eq!(lane.next(5), 5);
    }

    #[test]
    fn accounts_have_queues_of_their_own() {
        let nonces = Nonces::default();
        let _under_way = nonces.lane(&AccountId::from([1; 32])).took(5);
        assert_eq!(nonces.lane(&AccountId::from([1; 32])).next(5), 6);
        assert_eq!(nonces.lane(&AccountId::from([2; 32])).next(5), 5);
    }
}
