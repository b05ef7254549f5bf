//! What is known of each miner: what it served, and why it got no work.

use std::{
    sync::{
        atomic::{AtomicU64, Ordering},
        Arc,
    },
    time::Duration,
};

use cuckoo_primitives::Balance;

use super::member::{Member, PassedOver};
use crate::{link::Offer, settle::Headrooms};

/// Counters of one miner since the gateway started, over all its links.
#[derive(Debug, Default)]
pub(crate) struct MinerRecord {
    served: AtomicU64,
    failed: AtomicU64,
    drawn: AtomicU64,
    passed_over_busy: AtomicU64,
    passed_over_suspended: AtomicU64,
    passed_over_tried: AtomicU64,
    passed_over_unlike: AtomicU64,
    passed_over_uncovered: AtomicU64,
}

impl MinerRecord {
    pub(super) fn served(&self) {
        self.served.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn drawn(&self) {
        self.drawn.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn passed_over(&self, why: PassedOver) {
        let counter = match why {
            PassedOver::Busy => &self.passed_over_busy,
            PassedOver::Suspended => &self.passed_over_suspended,
            PassedOver::Tried => &self.passed_over_tried,
            PassedOver::Unlike => &self.passed_over_unlike,
            PassedOver::Uncovered => &self.passed_over_uncovered,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// All counters as they are now.
    pub(crate) fn counts(&self) -> MinerCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        MinerCounts {
            served: read(&self.served),
            failed: read(&self.failed),
            drawn: read(&self.drawn),
            passed_over_busy: read(&self.passed_over_busy),
            passed_over_suspended: read(&self.passed_over_suspended),
            passed_over_tried: read(&self.passed_over_tried),
            passed_over_unlike: read(&self.passed_over_unlike),
            passed_over_uncovered: read(&self.passed_over_uncovered),
        }
    }
}

/// A reading of a [`MinerRecord`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MinerCounts {
    /// Tasks answered with a good receipt.
    pub(crate) served: u64,
    /// Attempts that failed by the miner's fault, and links lost with tasks on them.
    pub(crate) failed: u64,
    /// Times the draw fell on it.
    pub(crate) drawn: u64,
    /// Times the draw would have fallen on it, but all its slots were taken.
    pub(crate) passed_over_busy: u64,
    /// Times the draw would have fallen on it, but it was suspended.
    pub(crate) passed_over_suspended: u64,
    /// Times the draw would have fallen on it, but it had failed at the same task.
    pub(crate) passed_over_tried: u64,
    /// Times the draw would have fallen on it, but the answer was begun in another numeric class, or by other files.
    pub(crate) passed_over_unlike: u64,
    /// Times the draw would have fallen on it, but what the task may cost was not covered.
    pub(crate) passed_over_uncovered: u64,
}

/// Why a linked miner can take no task now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// It has not said yet what it serves, or serves nothing.
    NoOffer,
    /// All its slots are taken.
    Busy,
    /// It failed too often, or said that it is busy; so long it is left alone.
    Suspended(Duration),
    /// It is shutting down.
    Closing,
}

/// One linked miner. Its parts are shared, since many are read at once while no task can be handed out.
#[derive(Clone, Debug)]
pub(crate) struct MinerReport {
    /// All stake behind it, in planck.
    pub(crate) backing: u128,
    /// What it offers, on each of its links.
    pub(crate) offers: Vec<Arc<Offer>>,
    /// How many of its slots are free.
    pub(crate) free_slots: u32,
    /// Why it can take no task on any of its links now.
    pub(crate) unavailable: Option<Unavailable>,
    /// How long the oldest of its links has lived.
    pub(crate) linked_for: Duration,
    /// What can still be promised to it, in planck.
    pub(crate) headroom: Balance,
}

impl MinerReport {
    /// Of an operator's links; `None` if there are none.
    pub(super) fn of<'a>(
        backing: u128,
        links: impl Iterator<Item = &'a Member> + Clone,
        headrooms: &Headrooms<'_>,
    ) -> Option<Self> {
        let first = links.clone().next()?;
        let free = links.clone().map(|member| member.offer.slots.saturating_sub(member.in_flight));
        let is_available = links.clone().any(|member| member.unavailable().is_none());
        Some(Self {
            backing,
            offers: links.clone().map(|member| member.offer.clone()).collect(),
            free_slots: free.fold(0, u32::saturating_add),
            unavailable: if is_available { None } else { first.unavailable() },
            linked_for: links.map(|member| member.link.since().elapsed()).max().unwrap_or_default(),
            headroom: headrooms.of(first.stash()),
        })
    }
}

/// What the registry knows of some operators, all read at one moment.
#[derive(Debug)]
pub(crate) struct MarketReport {
    /// Linked miners in all.
    pub(crate) linked: usize,
    /// All their backing together, in planck.
    pub(crate) linked_backing: u128,
    /// Of each operator: its link, if it has one now, and its counters, if it has ever had one.
    pub(crate) each: Vec<(Option<MinerReport>, Option<Arc<MinerRecord>>)>,
}
