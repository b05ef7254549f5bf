//! One link of a miner as the draw sees it, and what its operator's links have in common.

use std::{sync::Arc, time::Duration};

use cuckoo_primitives::AccountId;
use cuckoo_wire::link::ModelKind;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::miners::{MinerRecord, Unavailable};
use crate::link::{Link, Offer, OfferedModel};

/// Most links of one operator: each of its workers has one.
pub(crate) const MAX_LINKS_PER_OPERATOR: usize = 32;
/// So many failures in a row are forgiven.
const FORGIVEN_FAILURES: u32 = 2;
/// The first suspension; each further failure doubles it.
const FIRST_SUSPENSION: Duration = Duration::from_secs(1);
/// The longest suspension.
const LONGEST_SUSPENSION: Duration = Duration::from_secs(60);
/// How long a miner that said it is busy is left alone.
const BUSY_PAUSE: Duration = Duration::from_millis(250);

/// Names a link by its operator and channel.
pub(super) type LinkId = [u8; 32];

/// Why a draw did not count although it fell on a miner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PassedOver {
    /// No free slot, or leaving.
    Busy,
    /// Failed too often.
    Suspended,
    /// Failed at this very task.
    Tried,
    /// Would go on with the task in another way than it was begun.
    Unlike,
    /// What the task may cost is not covered: by what stands behind the miner's pay, or by the client's budget.
    Uncovered,
}

impl From<Unavailable> for PassedOver {
    fn from(unavailable: Unavailable) -> Self {
        match unavailable {
            Unavailable::Suspended(_) => Self::Suspended,
            Unavailable::Busy | Unavailable::NoOffer | Unavailable::Closing => Self::Busy,
        }
    }
}

/// How an operator behaves. It outlives links, so that reconnecting is no way to be forgiven, and all its links share it,
/// so that neither is having many; copies are the same conduct.
#[derive(Clone, Debug, Default)]
pub(super) struct Conduct {
    /// Counters.
    pub(super) record: Arc<MinerRecord>,
    /// Never held for longer than a look: whoever has it has the registry's lock too.
    standing: Arc<Mutex<Standing>>,
}

#[derive(Debug, Default)]
struct Standing {
    /// Failures since the last success.
    failures: u32,
    /// Until then it is left alone.
    suspended_until: Option<Instant>,
    /// Until then somebody sleeps who will look again whether it is still left alone.
    watched_until: Option<Instant>,
}

/// The links of an operator.
#[derive(Debug, Default)]
pub(super) struct Operator {
    /// All stake behind it, in planck, of which each link has an equal part.
    pub(super) backing: u128,
    pub(super) links: Vec<LinkId>,
}

/// One link of a miner.
pub(super) struct Member {
    pub(super) link: Arc<Link>,
    /// Its part of the operator's backing, in planck.
    pub(super) backing: u128,
    pub(super) offer: Arc<Offer>,
    pub(super) in_flight: u32,
    pub(super) closing: bool,
    pub(super) conduct: Conduct,
}

impl Conduct {
    /// It is left alone for so long; returns what [`Member::watch`] does.
    pub(super) fn suspend(&self, pause: Duration) -> Option<Instant> {
        let mut standing = self.standing.lock();
        standing.pause(pause);
        standing.watch()
    }
}

impl Member {
    pub(super) fn new(link: Arc<Link>, conduct: Conduct) -> Self {
        Self { link, backing: 0, offer: Arc::default(), in_flight: 0, closing: false, conduct }
    }

    /// Its stash, which is paid.
    pub(super) fn stash(&self) -> &AccountId {
        &self.link.channel().miner
    }

    /// A model as it offers it.
    pub(super) fn model(&self, id: &str, kind: ModelKind) -> Option<&OfferedModel> {
        self.offer.models.iter().find(|model| model.id == id && model.kind == kind)
    }

    /// Why it can take no task now; `None` if it can.
    pub(super) fn unavailable(&self) -> Option<Unavailable> {
        let suspended_until = self.conduct.standing.lock().suspended_until;
        let suspension = suspended_until.map(|until| until.saturating_duration_since(Instant::now()));
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
    pub(super) fn succeeded(&self) {
        self.conduct.record.served();
        self.conduct.standing.lock().failures = 0;
    }

    /// It failed.
    pub(super) fn failed(&self) {
        self.conduct.record.failed();
        let mut standing = self.conduct.standing.lock();
        standing.failures = standing.failures.saturating_add(1);
        if let Some(excess) = standing.failures.checked_sub(FORGIVEN_FAILURES + 1) {
            standing.pause(FIRST_SUSPENSION.saturating_mul(1 << excess.min(16)).min(LONGEST_SUSPENSION));
        }
    }

    /// It said that it is busy although it should have had a free slot.
    pub(super) fn said_busy(&self) {
        self.conduct.standing.lock().pause(BUSY_PAUSE);
    }

    /// When somebody must look again whether it can take tasks, if nobody will yet. The caller promises to.
    pub(super) fn watch(&self) -> Option<Instant> {
        self.conduct.standing.lock().watch()
    }
}

impl Standing {
    fn watch(&mut self) -> Option<Instant> {
        let until = self.suspended_until.filter(|until| *until > Instant::now())?;
        if self.watched_until >= Some(until) {
            return None;
        }
        self.watched_until = Some(until);
        Some(until)
    }

    fn pause(&mut self, pause: Duration) {
        let until = Instant::now() + pause;
        self.suspended_until = self.suspended_until.max(Some(until));
    }
}
