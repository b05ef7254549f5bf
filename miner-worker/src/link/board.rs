//! How each link stands: the answer to "why do I get no work?".

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use cuckoo_primitives::AccountId;
use parking_lot::Mutex;
use serde::Serialize;

use super::error::LinkError;
use crate::config::CoordinatorUrl;

/// How each link stands.
#[derive(Clone, Default)]
pub struct LinkBoard(Arc<Mutex<BTreeMap<CoordinatorUrl, LinkReport>>>);

/// What a link does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// Connecting or shaking hands.
    Dialling,
    /// Takes tasks.
    Linked,
    /// Finishes its tasks and takes no new ones.
    Closing,
    /// Waits before the next try.
    Waiting,
}

/// How one link stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LinkReport {
    /// Keepers that report here: more than one for the moment in which another operator takes over at this URL.
    #[serde(skip)]
    keepers: u32,
    /// Where the coordinator is.
    pub url: String,
    /// Its operator, once known.
    pub coordinator: Option<AccountId>,
    /// What the link does.
    pub state: LinkState,
    /// Since when, in seconds since 1970.
    pub since_unix_s: u64,
    /// Why the last try or link ended.
    pub reason: Option<String>,
    /// What this miner's operator can do about it.
    pub mend: Option<&'static str>,
    /// Its part of the slots.
    pub slots: u32,
    /// Tasks that were answered to the end.
    pub served: u64,
    /// Tasks that were cancelled or whose time was over, with a receipt for what had been sent by then.
    pub cancelled: u64,
    /// Tasks that ended without a receipt.
    pub failed: u64,
    /// Tasks refused because no slot was free.
    pub refused_busy: u64,
    /// Tasks refused because they pay too little, or too little stands behind their pay.
    pub refused_pay: u64,
    /// Tasks refused because they began, or were to be done, far from this miner's time: its clock or the coordinator's is
    /// wrong.
    pub refused_clock: u64,
    /// Tasks refused because what is kept of the last two hours takes all the room that it may.
    pub refused_room: u64,
    /// Tasks refused because the operator's account could not advance the fee of an answer, were this miner asked about them on
    /// the chain.
    pub refused_funds: u64,
}

/// How a task ended, as the board counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    Served,
    Cancelled,
    Failed,
    RefusedBusy,
    RefusedPay,
    RefusedClock,
    RefusedRoom,
    RefusedFunds,
}

impl LinkBoard {
    /// How all links stand, by URL.
    pub fn reports(&self) -> Vec<LinkReport> {
        self.0.lock().values().cloned().collect()
    }

    /// A keeper of links to this coordinator, if it is known, reports here from now on.
    pub(super) fn add(&self, url: &CoordinatorUrl, coordinator: Option<&AccountId>) {
        self.update(url, |report| {
            report.keepers += 1;
            report.coordinator = coordinator.cloned();
        });
    }

    pub(super) fn dialling(&self, url: &CoordinatorUrl) {
        self.update(url, |report| report.enter(LinkState::Dialling));
    }

    pub(super) fn linked(&self, url: &CoordinatorUrl, coordinator: &AccountId, slots: u32) {
        metrics::gauge!("cuckoo_miner_link_up", "coordinator" => url.to_string()).set(1.0);
        metrics::gauge!("cuckoo_miner_link_slots", "coordinator" => url.to_string()).set(f64::from(slots));
        self.update(url, |report| {
            report.coordinator = Some(coordinator.clone());
            report.slots = slots;
            if report.state != LinkState::Linked {
                report.enter(LinkState::Linked);
            }
            report.reason = None;
            report.mend = None;
        });
    }

    pub(super) fn closing(&self, url: &CoordinatorUrl, reason: &str) {
        self.update(url, |report| {
            report.enter(LinkState::Closing);
            report.reason = Some(reason.to_owned());
            report.slots = 0;
        });
    }

    pub(super) fn waiting(&self, url: &CoordinatorUrl, error: &LinkError) {
        Self::down(url);
        metrics::counter!(
            "cuckoo_miner_link_failures_total",
            "coordinator" => url.to_string(),
            "reason" => error.label()
        )
        .increment(1);
        self.update(url, |report| {
            report.enter(LinkState::Waiting);
            report.reason = Some(error.to_string());
            report.mend = Some(error.mend()).filter(|mend| !mend.is_empty());
            report.slots = 0;
        });
    }

    pub(super) fn count(&self, url: &CoordinatorUrl, counted: Counted) {
        self.update(url, |report| match counted {
            Counted::Served => report.served += 1,
            Counted::Cancelled => report.cancelled += 1,
            Counted::Failed => report.failed += 1,
            Counted::RefusedBusy => report.refused_busy += 1,
            Counted::RefusedPay => report.refused_pay += 1,
            Counted::RefusedClock => report.refused_clock += 1,
            Counted::RefusedRoom => report.refused_room += 1,
            Counted::RefusedFunds => report.refused_funds += 1,
        });
    }

    /// The opposite of [`LinkBoard::add`].
    pub(super) fn remove(&self, url: &CoordinatorUrl) {
        let mut reports = self.0.lock();
        let Some(report) = reports.get_mut(url) else { return };
        report.keepers = report.keepers.saturating_sub(1);
        if report.keepers == 0 {
            reports.remove(url);
            Self::down(url);
        }
    }

    fn down(url: &CoordinatorUrl) {
        metrics::gauge!("cuckoo_miner_link_up", "coordinator" => url.to_string()).set(0.0);
        metrics::gauge!("cuckoo_miner_link_slots", "coordinator" => url.to_string()).set(0.0);
    }

    fn update(&self, url: &CoordinatorUrl, change: impl FnOnce(&mut LinkReport)) {
        let mut reports = self.0.lock();
        change(reports.entry(url.clone()).or_insert_with(|| LinkReport::new(url)));
    }
}

impl LinkReport {
    fn new(url: &CoordinatorUrl) -> Self {
        Self {
            keepers: 0,
            url: url.to_string(),
            coordinator: None,
            state: LinkState::Dialling,
            since_unix_s: now_unix_s(),
            reason: None,
            mend: None,
            slots: 0,
            served: 0,
            cancelled: 0,
            failed: 0,
            refused_busy: 0,
            refused_pay: 0,
            refused_clock: 0,
            refused_room: 0,
            refused_funds: 0,
        }
    }

    fn enter(&mut self, state: LinkState) {
        self.state = state;
        self.since_unix_s = now_unix_s();
    }
}

fn now_unix_s() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_board_says_why_there_is_no_work() {
        let board = LinkBoard::default();
        let url: CoordinatorUrl = "http://gateway:1".parse().unwrap();
        board.add(&url, None);
        board.dialling(&url);
        board.waiting(&url, &LinkError::Ourselves);
        let [report] = &board.reports()[..] else { panic!("one link") };
        assert_eq!(report.state, LinkState::Waiting);
        assert!(report.reason.as_ref().unwrap().contains("own operator key"));
        assert!(report.mend.is_some());

        board.linked(&url, &AccountId::from([1; 32]), 3);
        let counted = [(Counted::Served, 1), (Counted::Cancelled, 2), (Counted::Failed, 3)];
        counted.iter().for_each(|(counted, times)| (0..*times).for_each(|_| board.count(&url, *counted)));
        let report = board.reports().remove(0);
        assert_eq!((report.state, report.slots), (LinkState::Linked, 3));
        assert_eq!((report.served, report.cancelled, report.failed), (1, 2, 3));
        assert_eq!(report.reason, None);
        board.add(&url, None);
        board.remove(&url);
        assert_eq!(board.reports().len(), 1, "another keeper reports here");
        board.remove(&url);
        assert!(board.reports().is_empty());
    }
}
