//! What this miner has done for one coordinator and what it was promised for that: whether to work on.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use cuckoo_chain_client::Cai;
use cuckoo_primitives::{AccountId, Balance};
use cuckoo_wire::limits::MAX_SLOTS;
use parking_lot::Mutex;

use super::bucket::{Bucket, WrittenOff, STEP};
use crate::wallet::ChannelKey;

/// What was read of the chain this long ago says nothing any more.
const COVER_LASTS: Duration = Duration::from_secs(120);

/// What stands behind a coordinator's promises to this miner, in planck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Covered {
    /// Escrow that has not been asked back.
    pub(crate) escrow: Balance,
    /// The part of its stake that answers to this miner.
    pub(crate) cover: Balance,
    /// Debts that it has on record, to whomever.
    pub(crate) owes: Balance,
    /// Vouchers of this wallet that are not settled.
    pub(crate) unsettled: Balance,
}

impl Covered {
    /// The most that one of so many workers of this miner lets the coordinator owe it. Half of the cover is left for
    /// what others may take from the same stake meanwhile.
    fn limit(&self, workers: u32) -> Balance {
        let all = self.escrow.min(self.cover / 2);
        all.checked_div(workers.into()).unwrap_or(all)
    }
}

/// Why no task is taken from a coordinator at the moment. It is told so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Declined {
    /// Results are not paid.
    #[error("{} of results are not paid for, more than one step ({})", Cai(.0.owed), Cai(.0.step))]
    Behind(Behind),
    /// It left too much unpaid before.
    #[error("too much was left unpaid; there is work again when it is paid, or in {0:?}")]
    LeftUnpaid(Duration),
    /// Nothing is known of it yet.
    #[error("what covers this coordinator's vouchers could not be read from the chain yet")]
    Unknown,
    /// It could not pay somebody.
    #[error("the coordinator has debts of {} on record", Cai(*.0))]
    Owes(Balance),
    /// Too little stands behind it.
    #[error(
        "{} would be at stake, and only {} of escrow and cover stand behind it; deposit more escrow or settle what is \
         open", Cai(*.exposure), Cai(*.limit)
    )]
    Uncovered {
        /// With this task.
        exposure: Balance,
        /// What may be at stake.
        limit: Balance,
    },
}

/// More is owed than one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Behind {
    /// For results that were sent, in planck.
    pub(crate) owed: Balance,
    /// What the last results cost, one for each slot.
    pub(crate) step: Balance,
}

/// The account of one coordinator.
#[derive(Debug)]
pub(crate) struct Account {
    coordinator: AccountId,
    workers: u32,
    state: Mutex<State>,
    /// Held while a change is made and kept, see [`Account::in_turn`].
    turn: Mutex<()>,
}

#[derive(Debug)]
struct State {
    /// Links that are open.
    links: u32,
    /// Results sent on this link and not paid by a voucher that is on the disk.
    owed: Balance,
    /// What the last results cost, the newest last; those that were free left out. It outlives links, so that a step
    /// is what results cost and not what the first piece of work after a link's beginning did.
    recent: VecDeque<Balance>,
    /// What the answers cost that this link's end has cut off. They are not among the last results before the next link
    /// begins, so that all of them are measured by the same step.
    cut_off: Vec<Balance>,
    /// Ceilings of the tasks that run.
    running: Balance,
    /// Slots when a task came last.
    slots: u32,
    covered: Option<(Covered, Instant)>,
    bucket: Bucket,
    /// What of each channel counts as paid.
    counted: BTreeMap<ChannelKey, Balance>,
}

/// How an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) is_linked: bool,
    pub(crate) owed: Balance,
    pub(crate) written_off: Balance,
    /// What is at stake with this coordinator, if the chain could be read.
    pub(crate) exposure: Option<Balance>,
    /// What may be.
    pub(crate) limit: Option<Balance>,
}

/// A task's ceiling, counted as long as this value lives.
#[derive(Debug)]
pub(crate) struct Reservation {
    account: Arc<Account>,
    ceiling: Balance,
}

/// An open link, counted as long as this value lives.
#[derive(Debug)]
pub(crate) struct OpenLink(Arc<Account>);

impl Account {
    /// The account of the coordinator with this stash, with what it left unpaid before.
    pub(crate) fn new(coordinator: AccountId, workers: u32, bucket: Bucket) -> Self {
        let state = State {
            links: 0,
            owed: 0,
            recent: VecDeque::new(),
            cut_off: Vec::new(),
            running: 0,
            slots: 1,
            covered: None,
            bucket,
            counted: BTreeMap::new(),
        };
        Self { coordinator, workers, state: Mutex::new(state), turn: Mutex::new(()) }
    }

    /// Its stash.
    pub(crate) fn coordinator(&self) -> &AccountId {
        &self.coordinator
    }

    /// Does this while nobody else does anything in turn. Whoever keeps what a change has made of what is written off does
    /// both in one turn: otherwise a figure that is older could be kept after one that is newer.
    pub(super) fn in_turn<T>(&self, work: impl FnOnce() -> T) -> T {
        let _turn = self.turn.lock();
        work()
    }

    /// Of a channel so much is promised by now; returns how much of that is new. `before` is what was promised when this
    /// program began.
    pub(crate) fn count(&self, channel: &ChannelKey, before: Balance, promised: Balance) -> Balance {
        let mut state = self.state.lock();
        let counted = state.counted.entry(channel.clone()).or_insert(before);
        let new = promised.saturating_sub(*counted);
        *counted = promised.max(*counted);
        new
    }

    /// A link begins, on which so much was paid of what was left open before. What is still open is written off: this
    /// is returned, if it is anything new.
    pub(crate) fn begin_link(self: &Arc<Self>, paid: Balance, now: Instant) -> (OpenLink, Option<WrittenOff>) {
        let mut state = self.state.lock();
        let before = state.bucket.held(now);
        state.promise(paid);
        state.pay(paid, now);
        let left = std::mem::take(&mut state.owed);
        state.write_off(left, now);
        for cost in std::mem::take(&mut state.cut_off) {
            state.note(cost);
        }
        state.links = state.links.saturating_add(1);
        let after = state.bucket.held(now);
        (OpenLink(self.clone()), (after != before).then_some(after))
    }

    /// Work that costs so much was sent and called bad, so that no receipt will ever bring its pay. This is returned,
    /// to be kept, if it is anything: such work is written off like what is open when a link ends, so that nobody gains by
    /// calling good work bad.
    pub(crate) fn lost(&self, cost: Balance, now: Instant) -> Option<WrittenOff> {
        if cost == 0 {
            return None;
        }
        let mut state = self.state.lock();
        state.note(cost);
        state.write_off(cost, now);
        Some(state.bucket.held(now))
    }

    /// Work that costs so much was sent when the link ended in the middle of it. This is returned, to be kept, if it is
    /// anything. All that one link's end has cut off is one step at most, which is what was at work: a coordinator that
    /// crashes is no worse off than one that leaves a step unpaid.
    pub(crate) fn cut_off(&self, cost: Balance, now: Instant) -> Option<WrittenOff> {
        if cost == 0 {
            return None;
        }
        let mut state = self.state.lock();
        let before = state.cut_off_permille();
        state.cut_off.push(cost);
        let more = state.cut_off_permille().saturating_sub(before);
        state.bucket.pour(cost, more, now);
        Some(state.bucket.held(now))
    }

    /// Whether enough has been paid to work on at all; otherwise how long to wait.
    pub(crate) fn has_room(&self, now: Instant) -> Result<(), Duration> {
        let state = self.state.lock();
        match state.bucket.has_room(now) {
            true => Ok(()),
            false => Err(state.bucket.wait(now)),
        }
    }

    /// Accepts a task that costs at most `ceiling`, or says why not. Whatever is free needs no cover.
    pub(crate) fn reserve(
        self: &Arc<Self>,
        ceiling: Balance,
        slots: u32,
        now: Instant,
    ) -> Result<Reservation, Declined> {
        let mut state = self.state.lock();
        state.slots = slots.max(1);
        if ceiling > 0 {
            state.check(ceiling, self.workers, now)?;
        }
        state.running = state.running.saturating_add(ceiling);
        drop(state);
        Ok(Reservation { account: self.clone(), ceiling })
    }

    /// A result that costs so much is about to be sent.
    pub(crate) fn delivered(&self, cost: Balance) {
        if cost == 0 {
            return;
        }
        let mut state = self.state.lock();
        state.owed = state.owed.saturating_add(cost);
        state.note(cost);
    }

    /// So much more has been promised, durably. What that changes of what is written off is returned, to be kept.
    pub(crate) fn paid(&self, amount: Balance, now: Instant) -> Option<WrittenOff> {
        let mut state = self.state.lock();
        let before = state.bucket.held(now);
        state.promise(amount);
        state.pay(amount, now);
        let after = state.bucket.held(now);
        (after != before).then_some(after)
    }

    /// Whether more is owed than one step.
    pub(crate) fn behind(&self) -> Option<Behind> {
        self.state.lock().behind()
    }

    /// What the chain says now.
    pub(crate) fn cover(&self, covered: Covered) {
        self.state.lock().covered = Some((covered, Instant::now()));
    }

    /// How it stands.
    pub(crate) fn standing(&self) -> Standing {
        let state = self.state.lock();
        let covered = state.covered();
        Standing {
            is_linked: state.links > 0,
            owed: state.owed,
            written_off: state.bucket.held(Instant::now()).amount,
            exposure: covered.map(|covered| state.exposure(&covered)),
            limit: covered.map(|covered| covered.limit(self.workers)),
        }
    }
}

impl State {
    /// What is known of the chain, if it is not too old.
    fn covered(&self) -> Option<Covered> {
        self.covered.filter(|(_, read)| read.elapsed() <= COVER_LASTS).map(|(covered, _)| covered)
    }

    fn check(&self, ceiling: Balance, workers: u32, now: Instant) -> Result<(), Declined> {
        if let Some(behind) = self.behind() {
            return Err(Declined::Behind(behind));
        }
        if !self.bucket.has_room(now) {
            return Err(Declined::LeftUnpaid(self.bucket.wait(now)));
        }
        let covered = self.covered().ok_or(Declined::Unknown)?;
        if covered.owes > 0 {
            return Err(Declined::Owes(covered.owes));
        }
        let limit = covered.limit(workers);
        let exposure = self.exposure(&covered).saturating_add(ceiling);
        match exposure <= limit {
            true => Ok(()),
            false => Err(Declined::Uncovered { exposure, limit }),
        }
    }

    fn behind(&self) -> Option<Behind> {
        let step = self.step(self.slots);
        (self.owed > step).then_some(Behind { owed: self.owed, step })
    }

    /// What the last results cost, one for each slot.
    fn step(&self, slots: u32) -> Balance {
        self.recent.iter().rev().take(slots.max(1) as usize).fold(0, |sum, cost| sum.saturating_add(*cost))
    }

    /// All that would be lost if the coordinator never paid again.
    fn exposure(&self, covered: &Covered) -> Balance {
        covered.unsettled.saturating_add(self.owed).saturating_add(self.running)
    }

    /// What was promised is at stake until it is settled.
    fn promise(&mut self, amount: Balance) {
        if let Some((covered, _)) = &mut self.covered {
            covered.unsettled = covered.unsettled.saturating_add(amount);
        }
    }

    /// Remembers what a piece of work cost.
    fn note(&mut self, cost: Balance) {
        self.recent.push_back(cost);
        if self.recent.len() > MAX_SLOTS as usize {
            self.recent.pop_front();
        }
    }

    /// Pours what will not be paid on this link into the bucket, by what a step costs now.
    fn write_off(&mut self, amount: Balance, now: Instant) {
        if amount > 0 {
            self.bucket.pour(amount, permille(amount, self.step(self.slots)), now);
        }
    }

    /// How many thousandths of a step this link's end has cut off: of the step that the results before it made, or of
    /// itself, if that is more.
    fn cut_off_permille(&self) -> u32 {
        let cut_off = self.cut_off.iter().fold(0, |sum: Balance, cost| sum.saturating_add(*cost));
        permille(cut_off, self.step(self.slots).max(cut_off))
    }

    /// Takes a payment: first for what is owed, then for what was written off.
    fn pay(&mut self, amount: Balance, now: Instant) {
        let in_time = amount.min(self.owed);
        self.owed = self.owed.saturating_sub(in_time);
        self.bucket.pay(amount.saturating_sub(in_time), in_time, now);
    }
}

/// How many thousandths of a step an amount is, rounded up.
fn permille(amount: Balance, step: Balance) -> u32 {
    let parts = amount.saturating_mul(STEP.into()).div_ceil(step.max(1));
    u32::try_from(parts).unwrap_or(u32::MAX)
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut state = self.account.state.lock();
        state.running = state.running.saturating_sub(self.ceiling);
    }
}

impl Drop for OpenLink {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.links = state.links.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests;
