//! One linked miner as the draw sees it.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::miners::{MinerRecord, Unavailable};
use crate::link::{Link, Offer};

/// So many failures in a row are forgiven.
const FORGIVEN_FAILURES: u32 = 2;
/// The first suspension; each further failure doubles it.
const FIRST_SUSPENSION: Duration = Duration::from_secs(1);
/// The longest suspension.
const LONGEST_SUSPENSION: Duration = Duration::from_secs(60);
/// How long a miner that said it is busy is left alone.
const BUSY_PAUSE: Duration = Duration::from_millis(250);

/// Why a draw did not count although it fell on a miner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PassedOver {
    /// No free slot, or leaving.
    Busy,
    /// Failed too often.
    Suspended,
    /// Failed at this very task.
    Tried,
}

impl From<Unavailable> for PassedOver {
    fn from(unavailable: Unavailable) -> Self {
        match unavailable {
            Unavailable::Suspended(_) => Self::Suspended,
            Unavailable::Busy | Unavailable::NoOffer | Unavailable::Closing => Self::Busy,
        }
    }
}

/// What outlives a link, so that reconnecting is no way to be forgiven.
#[derive(Clone, Debug, Default)]
pub(super) struct Conduct {
    /// Counters.
    pub(super) record: Arc<MinerRecord>,
    /// Failures since the last success.
    failures: u32,
    /// Until then it is left alone.
    suspended_until: Option<Instant>,
    /// Until then somebody sleeps who will look again whether it is still left alone.
    watched_until: Option<Instant>,
}

/// One linked miner.
pub(super) struct Member {
    pub(super) link: Arc<Link>,
    pub(super) backing: u128,
    pub(super) offer: Arc<Offer>,
    pub(super) in_flight: u32,
    pub(super) closing: bool,
    pub(super) conduct: Conduct,
}

impl Member {
    pub(super) fn new(link: Arc<Link>, backing: u128, conduct: Conduct) -> Self {
        Self { link, backing, offer: Arc::default(), in_flight: 0, closing: false, conduct }
    }

    /// Why it can take no task now; `None` if it can.
    pub(super) fn unavailable(&self) -> Option<Unavailable> {
        let suspension = self.conduct.suspended_until.map(|until| until.saturating_duration_since(Instant::now()));
        if self.closing {
            Some(Unavailable::Closing)
        } else if self.offer.models.is_empty() || self.offer.slots == 0 {
            Some(Unavailable::NoOffer)
        } else if let Some(left) = suspension.filter(|left| !left.is_zero()) {
            Some(Unavailable::Suspended(left))
        } else if self.in_flight >= self.offer.slots {
            Some(Unavailable::Busy)
        } else {
            None
        }
    }

    /// It answered well.
    pub(super) fn succeeded(&mut self) {
        self.conduct.record.served();
        self.conduct.failures = 0;
    }

    /// It failed.
    pub(super) fn failed(&mut self) {
        self.conduct.record.failed();
        self.conduct.failures = self.conduct.failures.saturating_add(1);
        if let Some(excess) = self.conduct.failures.checked_sub(FORGIVEN_FAILURES + 1) {
            self.pause(FIRST_SUSPENSION.saturating_mul(1 << excess.min(16)).min(LONGEST_SUSPENSION));
        }
    }

    /// It said that it is busy although it should have had a free slot.
    pub(super) fn said_busy(&mut self) {
        self.pause(BUSY_PAUSE);
    }

    fn pause(&mut self, pause: Duration) {
        let until = Instant::now() + pause;
        self.conduct.suspended_until = self.conduct.suspended_until.max(Some(until));
    }

    /// When somebody must look again whether it can take tasks, if nobody will yet. The caller promises to.
    pub(super) fn watch(&mut self) -> Option<Instant> {
        let until = self.conduct.suspended_until.filter(|until| *until > Instant::now())?;
        if self.conduct.watched_until >= Some(until) {
            return None;
        }
        self.conduct.watched_until = Some(until);
        Some(until)
    }
}
