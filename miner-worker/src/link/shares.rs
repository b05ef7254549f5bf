//! How many slots each linked coordinator has at the moment.

use std::{collections::BTreeMap, sync::Arc};

use cuckoo_chain_client::MarketView;
use cuckoo_primitives::{AccountId, Role};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{slots::spread, standing::Standing};

/// Spreads the slots over the coordinators that are linked, and again whenever one comes or goes or votes move.
#[derive(Clone)]
pub struct Shares(Arc<Mutex<Inner>>);

struct Inner {
    slots: u32,
    view: Arc<MarketView>,
    paused: bool,
    members: BTreeMap<AccountId, watch::Sender<u32>>,
}

/// A linked coordinator's part. Dropping it gives the slots to the others.
pub(super) struct Share {
    coordinator: AccountId,
    slots: watch::Receiver<u32>,
    shares: Shares,
}

impl Shares {
    /// Slots that nobody has yet.
    pub fn new(slots: u32, view: Arc<MarketView>) -> Self {
        Self(Arc::new(Mutex::new(Inner { slots, view, paused: false, members: BTreeMap::new() })))
    }

    /// Gives a coordinator its part from now on; `None` if it has one already.
    pub(super) fn join(&self, coordinator: &AccountId) -> Option<Share> {
        let mut inner = self.0.lock();
        if inner.members.contains_key(coordinator) {
            return None;
        }
        let (sender, slots) = watch::channel(0);
        inner.members.insert(coordinator.clone(), sender);
        inner.spread();
        Some(Share { coordinator: coordinator.clone(), slots, shares: self.clone() })
    }

    /// Judges by a newer view of the chain.
    pub fn follow(&self, view: Arc<MarketView>) {
        let mut inner = self.0.lock();
        inner.view = view;
        inner.spread();
    }

    /// While paused nobody has a slot. Returns whether this changed anything.
    pub fn pause(&self, paused: bool) -> bool {
        let mut inner = self.0.lock();
        let changed = inner.paused != paused;
        inner.paused = paused;
        inner.spread();
        changed
    }

    /// Coordinators that have a part now.
    pub fn len(&self) -> usize {
        self.0.lock().members.len()
    }

    /// Whether no coordinator is linked.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Inner {
    fn spread(&mut self) {
        let backing_of = |operator: &AccountId| match Standing::of(&self.view, operator, Role::Coordinator) {
            Standing::Active => self.view.by_operator(operator).map_or(0, |candidate| candidate.backing),
            _ => 0,
        };
        let backings: Vec<_> = self.members.keys().map(|operator| (operator.clone(), backing_of(operator))).collect();
        let slots = if self.paused { 0 } else { self.slots };
        for (member, share) in self.members.values().zip(spread(slots, &backings)) {
            member.send_if_modified(|current| std::mem::replace(current, share) != share);
        }
    }
}

impl Share {
    /// Slots at the moment.
    pub(super) fn slots(&self) -> u32 {
        *self.slots.borrow()
    }

    /// Slots at the moment, taken note of: [`Share::changed`] waits for another number.
    pub(super) fn note(&mut self) -> u32 {
        *self.slots.borrow_and_update()
    }

    /// Returns when the number has changed since it was taken note of.
    pub(super) async fn changed(&mut self) {
        // The sender lives as long as this value, since only its drop removes it.
        if self.slots.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut inner = self.shares.0.lock();
        inner.members.remove(&self.coordinator);
        inner.spread();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::shares_fixture::{account, coordinator, view};
    use cuckoo_primitives::CandidateStatus;

    #[test]
    fn slots_follow_links_and_votes() {
        let shares = Shares::new(8, view([coordinator(1, 1), coordinator(2, 3)]));
        let first = shares.join(&account(1)).unwrap();
        assert_eq!(first.slots(), 8);
        let second = shares.join(&account(2)).unwrap();
        assert_eq!((first.slots(), second.slots()), (2, 6));
        shares.follow(view([coordinator(1, 3), coordinator(2, 1)]));
        assert_eq!((first.slots(), second.slots()), (6, 2));
        drop(first);
        assert_eq!(second.slots(), 8);
    }

    #[test]
    fn a_coordinator_has_one_part_only() {
        let shares = Shares::new(4, view([coordinator(1, 1)]));
        let first = shares.join(&account(1)).unwrap();
        assert!(shares.join(&account(1)).is_none());
        drop(first);
        assert_eq!(shares.join(&account(1)).unwrap().slots(), 4);
    }

    #[test]
    fn whoever_is_not_active_gets_nothing() {
        let mut chilled = coordinator(2, 3);
        chilled.status = CandidateStatus::Chilled;
        let shares = Shares::new(8, view([coordinator(1, 1), chilled]));
        let first = shares.join(&account(1)).unwrap();
        let second = shares.join(&account(2)).unwrap();
        let stranger = shares.join(&account(3)).unwrap();
        assert_eq!((first.slots(), second.slots(), stranger.slots()), (8, 0, 0));
    }

    #[tokio::test]
    async fn a_pause_takes_all_slots_and_gives_them_back() {
        let shares = Shares::new(5, view([coordinator(1, 1)]));
        let mut share = shares.join(&account(1)).unwrap();
        assert_eq!(share.note(), 5);
        assert!(shares.pause(true));
        share.changed().await;
        assert_eq!(share.note(), 0);
        assert!(!shares.pause(true));
        assert!(shares.pause(false));
        share.changed().await;
        assert_eq!(share.note(), 5);
    }
}
