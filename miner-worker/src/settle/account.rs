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

use super::bucket::{Bucket, STEP};
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
    #[error("too much was left unpaid on earlier links; it is forgiven in {0:?}")]
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

/// What has come to be unpaid, to be kept in the wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrittenOff {
    /// In all, in planck.
    pub(crate) amount: Balance,
    /// How full the bucket is.
    pub(crate) permille: u32,
}

/// The account of one coordinator.
#[derive(Debug)]
pub(crate) struct Account {
    coordinator: AccountId,
    workers: u32,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Links that are open.
    links: u32,
    /// Results sent on this link and not paid by a voucher that is on the disk.
    owed: Balance,
    /// What the last results cost, the newest last; those that were free left out.
    recent: VecDeque<Balance>,
    /// Ceilings of the tasks that run.
    running: Balance,
    /// Slots when a task came last.
    slots: u32,
    covered: Option<(Covered, Instant)>,
    bucket: Bucket,
    /// All that was poured into the bucket and has not been paid since, in planck.
    written_off: Balance,
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
    /// The account of the coordinator with this stash, of whom so much was written off before.
    pub(crate) fn new(coordinator: AccountId, workers: u32, bucket: Bucket, written_off: Balance) -> Self {
        let state = State {
            links: 0,
            owed: 0,
            recent: VecDeque::new(),
            running: 0,
            slots: 1,
            covered: None,
            bucket,
            written_off,
            counted: BTreeMap::new(),
        };
        Self { coordinator, workers, state: Mutex::new(state) }
    }

    /// Its stash.
    pub(crate) fn coordinator(&self) -> &AccountId {
        &self.coordinator
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
    pub(crate) fn begin_link(self: &Arc<Self>, paid: Balance, now_s: u64) -> (OpenLink, Option<WrittenOff>) {
        let mut state = self.state.lock();
        let before = (state.written_off, state.bucket);
        state.promise(paid);
        state.pay(paid, now_s);
        let left = std::mem::take(&mut state.owed);
        state.write_off(left, now_s);
        state.recent.clear();
        state.links = state.links.saturating_add(1);
        let is_changed = before != (state.written_off, state.bucket);
        (OpenLink(self.clone()), is_changed.then(|| state.written_off(now_s)))
    }

    /// Work that costs so much was sent, and no receipt will ever bring its pay. This is returned, to be kept, if it is
    /// anything: such work is written off like what is open when a link ends, so that nobody gains by calling good work
    /// bad.
    pub(crate) fn lost(&self, cost: Balance, now_s: u64) -> Option<WrittenOff> {
        if cost == 0 {
            return None;
        }
        let mut state = self.state.lock();
        state.note(cost);
        state.write_off(cost, now_s);
        Some(state.written_off(now_s))
    }

    /// Whether enough has been paid to work on at all; otherwise how long to wait.
    pub(crate) fn has_room(&self, now_s: u64) -> Result<(), Duration> {
        let mut state = self.state.lock();
        state.bucket.see(now_s);
        match state.bucket.has_room(now_s) {
            true => Ok(()),
            false => Err(state.bucket.wait(now_s)),
        }
    }

    /// Accepts a task that costs at most `ceiling`, or says why not. Whatever is free needs no cover.
    pub(crate) fn reserve(self: &Arc<Self>, ceiling: Balance, slots: u32, now_s: u64) -> Result<Reservation, Declined> {
        let mut state = self.state.lock();
        state.slots = slots.max(1);
        if ceiling > 0 {
            state.check(ceiling, self.workers, now_s)?;
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

    /// So much more has been promised, durably. What late payment changes is returned, to be kept.
    pub(crate) fn paid(&self, amount: Balance, now_s: u64) -> Option<WrittenOff> {
        let mut state = self.state.lock();
        state.promise(amount);
        let was_late = state.pay(amount, now_s);
        was_late.then(|| state.written_off(now_s))
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
            written_off: state.written_off,
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

    fn check(&mut self, ceiling: Balance, workers: u32, now_s: u64) -> Result<(), Declined> {
        if let Some(behind) = self.behind() {
            return Err(Declined::Behind(behind));
        }
        self.bucket.see(now_s);
        if !self.bucket.has_room(now_s) {
            return Err(Declined::LeftUnpaid(self.bucket.wait(now_s)));
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
    fn write_off(&mut self, amount: Balance, now_s: u64) {
        if amount > 0 {
            self.bucket.pour(permille(amount, self.step(self.slots)), now_s);
            self.written_off = self.written_off.saturating_add(amount);
        }
    }

    /// Takes a payment: first for what is owed, then for what was written off. Returns whether any was late.
    ///
    /// Late payment takes its part of all that is written off out of the bucket. By the step of any one moment a dear
    /// debt could be bought off with the price of cheap work.
    fn pay(&mut self, amount: Balance, now_s: u64) -> bool {
        let late = amount.saturating_sub(self.owed).min(self.written_off);
        self.owed = self.owed.saturating_sub(amount);
        if late == 0 {
            return false;
        }
        self.bucket.pay_back(late, self.written_off, now_s);
        self.written_off = self.written_off.saturating_sub(late);
        true
    }

    fn written_off(&self, now_s: u64) -> WrittenOff {
        WrittenOff { amount: self.written_off, permille: self.bucket.level(now_s) }
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
mod tests {
    use super::*;
    use crate::wallet::fixture::{account as number, voucher};

    const FORGIVE: Duration = Duration::from_secs(600);

    fn account(workers: u32) -> Arc<Account> {
        let account = Arc::new(Account::new(number(1), workers, Bucket::new(0, 0, FORGIVE), 0));
        account.cover(Covered { escrow: 1_000, cover: 2_000, owes: 0, unsettled: 0 });
        account
    }

    /// Takes a task with this ceiling and answers it with a result that costs so much.
    fn serve(account: &Arc<Account>, slots: u32, cost: Balance) -> Result<(), Declined> {
        let reservation = account.reserve(cost, slots, 0)?;
        account.delivered(cost);
        drop(reservation);
        Ok(())
    }

    #[test]
    fn without_a_voucher_the_work_ends_after_one_step() {
        let account = account(1);
        serve(&account, 1, 10).unwrap();
        serve(&account, 1, 10).unwrap();
        let declined = serve(&account, 1, 10).unwrap_err();
        assert_eq!(declined, Declined::Behind(Behind { owed: 20, step: 10 }));
        assert_eq!(account.paid(10, 0), None);
        serve(&account, 1, 10).unwrap();
        // With four slots a step is four results.
        account.paid(20, 0);
        for _ in 0..5 {
            serve(&account, 4, 10).unwrap();
        }
        assert_eq!(account.behind(), Some(Behind { owed: 50, step: 40 }));
    }

    #[test]
    fn what_is_at_stake_stays_within_escrow_and_half_of_the_cover() {
        for (escrow, cover, limit) in [(100, 1_000, 100), (1_000, 200, 100), (100, 0, 0), (0, 100, 0)] {
            let account = account(1);
            account.cover(Covered { escrow, cover, owes: 0, unsettled: 0 });
            let declined = account.reserve(limit + 1, 1, 0).unwrap_err();
            assert_eq!(declined, Declined::Uncovered { exposure: limit + 1, limit });
            if limit > 0 {
                account.reserve(limit, 1, 0).unwrap();
            }
        }
    }

    #[test]
    fn vouchers_results_and_running_tasks_are_at_stake_together() {
        let account = account(1);
        account.cover(Covered { escrow: 100, cover: 1_000, owes: 0, unsettled: 50 });
        let running = account.reserve(30, 4, 0).unwrap();
        account.delivered(10);
        assert!(account.reserve(10, 4, 0).is_ok());
        let declined = account.reserve(11, 4, 0).unwrap_err();
        assert_eq!(declined, Declined::Uncovered { exposure: 101, limit: 100 });
        drop(running);
        // A voucher for the result is as much at stake as the result was.
        account.paid(10, 0);
        assert_eq!(account.standing().exposure, Some(60));
        assert!(account.reserve(40, 4, 0).is_ok());
    }

    #[test]
    fn workers_of_one_miner_share_what_covers_it() {
        let account = account(4);
        assert!(account.reserve(250, 1, 0).is_ok());
        assert!(account.reserve(251, 1, 0).is_err());
    }

    #[test]
    fn debts_and_ignorance_stop_paid_work_and_nothing_stops_free_work() {
        let account = account(1);
        account.cover(Covered { escrow: 1_000, cover: 2_000, owes: 1, unsettled: 0 });
        assert_eq!(account.reserve(1, 1, 0).unwrap_err(), Declined::Owes(1));
        assert!(account.reserve(0, 1, 0).is_ok());
        let unknown = Arc::new(Account::new(number(1), 1, Bucket::new(0, 0, FORGIVE), 0));
        assert_eq!(unknown.reserve(1, 1, 0).unwrap_err(), Declined::Unknown);
        assert!(unknown.reserve(0, 1, 0).is_ok());
        unknown.delivered(0);
        assert_eq!(unknown.standing().owed, 0);
    }

    #[test]
    fn links_that_end_unpaid_add_up_until_nobody_works_any_more() {
        let account = account(1);
        for link in 0..3 {
            let (_open, written_off) = account.begin_link(0, 0);
            assert_eq!(written_off.map(|off| off.permille), (link > 0).then_some(link * 1_000));
            serve(&account, 1, 10).unwrap();
        }
        let (_open, written_off) = account.begin_link(0, 0);
        assert_eq!(written_off, Some(WrittenOff { amount: 30, permille: 3_000 }));
        assert!(matches!(serve(&account, 1, 10), Err(Declined::LeftUnpaid(_))));
        let wait = account.has_room(0).unwrap_err();
        assert!(wait <= FORGIVE, "{wait:?}");
        assert_eq!(account.has_room(wait.as_secs()), Ok(()));
    }

    /// An account of which so many links have ended, each with a result of this cost that was not paid.
    fn left_unpaid(links: u32, cost: Balance) -> Arc<Account> {
        let account = account(1);
        account.cover(Covered { escrow: 1_000_000, cover: 2_000_000, owes: 0, unsettled: 0 });
        for _ in 0..links {
            let _open = account.begin_link(0, 0);
            serve(&account, 1, cost).unwrap();
        }
        let _open = account.begin_link(0, 0);
        account
    }

    #[test]
    fn what_is_paid_late_empties_the_bucket_again() {
        let account = left_unpaid(3, 10);
        assert!(account.has_room(0).is_err());
        // At the next link's beginning the coordinator promises two of the three.
        let (_open, written_off) = account.begin_link(20, 0);
        assert_eq!(written_off, Some(WrittenOff { amount: 10, permille: 1_000 }));
        // And the third in the middle of it.
        assert_eq!(account.paid(10, 0), Some(WrittenOff { amount: 0, permille: 0 }));
        assert_eq!(account.paid(10, 0), None, "what was never written off is no late payment");
    }

    #[test]
    fn one_planck_buys_nothing_back() {
        let account = left_unpaid(3, 100_000);
        for paid in 1..=100 {
            let written_off = account.paid(1, 0);
            assert_eq!(written_off, Some(WrittenOff { amount: 300_000 - paid, permille: 3_000 }));
        }
        assert!(account.has_room(0).is_err());
    }

    #[test]
    fn cheap_payment_after_dear_work_buys_only_its_part() {
        let account = left_unpaid(2, 990);
        // The price falls: a step of the next link costs a hundredth.
        serve(&account, 1, 10).unwrap();
        let (_open, written_off) = account.begin_link(0, 0);
        assert_eq!(written_off, Some(WrittenOff { amount: 1_990, permille: 3_000 }));
        // All that was left unpaid at the low price.
        assert_eq!(account.paid(10, 0), Some(WrittenOff { amount: 1_980, permille: 2_985 }));
        assert_eq!(account.paid(990, 0), Some(WrittenOff { amount: 990, permille: 1_493 }));
        assert_eq!(account.paid(990, 0), Some(WrittenOff { amount: 0, permille: 0 }), "all of it empties it");
    }

    #[test]
    fn after_a_restart_late_payment_counts_in_proportion() {
        let account = Arc::new(Account::new(number(1), 1, Bucket::new(3_000, 0, FORGIVE), 60));
        assert!(account.has_room(0).is_err());
        assert_eq!(account.paid(20, 0), Some(WrittenOff { amount: 40, permille: 2_000 }));
    }

    #[test]
    fn work_that_is_called_bad_is_written_off_at_once_like_a_link_that_ends() {
        let account = account(1);
        let (_open, _) = account.begin_link(0, 0);
        assert_eq!(account.lost(0, 0), None);
        for lost in 1..=3 {
            let expected = WrittenOff { amount: 10 * Balance::from(lost), permille: lost * 1_000 };
            assert!(account.has_room(0).is_ok());
            assert_eq!(account.lost(10, 0), Some(expected));
        }
        assert!(account.has_room(0).is_err());
        assert_eq!(account.standing().owed, 0, "no voucher is waited for");
        assert_eq!(account.begin_link(0, 0).1, None, "nor is it written off twice");
    }

    #[test]
    fn of_several_slots_one_loss_is_a_part_of_a_step() {
        let account = account(1);
        let (_open, _) = account.begin_link(0, 0);
        for _ in 0..4 {
            serve(&account, 4, 10).unwrap();
            account.paid(10, 0);
        }
        assert_eq!(account.lost(10, 0), Some(WrittenOff { amount: 10, permille: 250 }));
    }

    #[test]
    fn whoever_waits_for_room_waits_no_longer_because_the_clock_was_once_far_ahead() {
        let ahead = 1_000_000;
        let account = account(1);
        let (_open, _) = account.begin_link(0, ahead);
        for _ in 0..3 {
            account.lost(10, ahead);
        }
        let wait = account.has_room(0).unwrap_err();
        assert!(wait <= FORGIVE);
        assert_eq!(account.has_room(wait.as_secs()), Ok(()));
    }

    #[test]
    fn what_was_promised_is_counted_once() {
        let account = account(1);
        let channel = |number| ChannelKey::from(&voucher(1, number, 0).voucher);
        assert_eq!(account.count(&channel(1), 10, 15), 5);
        assert_eq!(account.count(&channel(1), 15, 15), 0, "what came on an earlier link was counted there");
        assert_eq!(account.count(&channel(1), 0, 18), 3);
        assert_eq!(account.count(&channel(2), 0, 18), 18);
    }

    #[test]
    fn a_link_counts_as_long_as_it_lives() {
        let account = account(1);
        let (open, written_off) = account.begin_link(0, 0);
        assert!(account.standing().is_linked && written_off.is_none());
        drop(open);
        assert!(!account.standing().is_linked);
    }
}
