//! What is known of each miner: what it served, and why it got no work.

use std::{
    sync::{
        atomic::{AtomicU64, Ordering},
        Arc,
    },
    time::Duration,
};

use super::member::{Member, PassedOver};
use crate::link::Offer;

/// Counters of one miner since the gateway started, over all its links.
#[derive(Debug, Default)]
pub(crate) struct MinerRecord {
    served: AtomicU64,
    failed: AtomicU64,
    drawn: AtomicU64,
    passed_over_busy: AtomicU64,
    passed_over_suspended: AtomicU64,
    passed_over_tried: AtomicU64,
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
    /// What it offers.
    pub(crate) offer: Arc<Offer>,
    /// How many of its slots are free.
    pub(crate) free_slots: u32,
    /// Why it can take no task now.
    pub(crate) unavailable: Option<Unavailable>,
    /// How long it has been linked.
    pub(crate) linked_for: Duration,
}

impl MinerReport {
    pub(super) fn of(member: &Member) -> Self {
        Self {
            backing: member.backing,
            offer: member.offer.clone(),
            free_slots: member.offer.slots.saturating_sub(member.in_flight),
            unavailable: member.unavailable(),
            linked_for: member.link.since().elapsed(),
        }
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
