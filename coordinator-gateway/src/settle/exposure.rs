//! What has been promised and is not settled, against what stands behind it.
//!
//! All of it is integers behind one lock that is held for microseconds, never across an await, and may be taken under the
//! registry's lock but not the other way round. Nothing here asks the chain: [`super::EscrowWatch`] and handshakes bring
//! its news, each with the block as of which it is so, in whatever order.

use std::{
    collections::HashMap,
    sync::{
        atomic::{AtomicBool, Ordering},
        Arc,
    },
};

use cuckoo_primitives::{settlement::Solvency, AccountId, Balance, BlockNumber};
use parking_lot::{Mutex, MutexGuard};

use super::{
    at::At,
    channel::{ChannelKey, Promise},
    unfunded::Unfunded,
};

/// A miner is promised no more than this part of what covers it: the rest is for what others may take of the stake
/// before it can be claimed.
const PART_OF_COVER: Balance = 2;

/// What has been promised, reserved and settled.
pub(crate) struct Exposure {
    state: Mutex<State>,
    /// Whether a draw has passed somebody over for want of cover or budget since it was last asked.
    pinched: AtomicBool,
}

#[derive(Default)]
struct State {
    /// `None` until the chain has told, and when it has not for long.
    solvency: Option<At<Solvency>>,
    channels: HashMap<ChannelKey, Channel>,
    /// By the miner's stash.
    pairs: HashMap<AccountId, Pair>,
    /// Of all pairs, in planck.
    outstanding: Balance,
    /// Of all pairs, in planck.
    reserved: Balance,
}

#[derive(Clone, Copy, Default)]
struct Channel {
    promised: Promise,
    settled: Balance,
}

impl Channel {
    fn outstanding(&self) -> Balance {
        self.promised.amount.saturating_sub(self.settled)
    }
}

#[derive(Clone, Copy, Default)]
struct Pair {
    /// `None` until the chain has told.
    cover: Option<At<Balance>>,
    outstanding: Balance,
    reserved: Balance,
}

impl Pair {
    /// What may still be promised to it, running tasks aside.
    fn left(&self) -> Balance {
        let cover = self.cover.map_or(0, |cover| cover.value);
        (cover / PART_OF_COVER).saturating_sub(self.outstanding)
    }
}

impl State {
    fn change(&mut self, key: &ChannelKey, change: impl FnOnce(&mut Channel)) {
        let channel = self.channels.entry(key.clone()).or_default();
        let before = channel.outstanding();
        change(channel);
        let after = channel.outstanding();
        let pair = self.pairs.entry(key.miner.clone()).or_default();
        pair.outstanding = pair.outstanding.saturating_sub(before).saturating_add(after);
        self.outstanding = self.outstanding.saturating_sub(before).saturating_add(after);
    }

    /// What may still be promised in all, running tasks aside.
    fn left(&self) -> Balance {
        match self.solvency {
            Some(At { value, .. }) if value.owed == 0 => usable(&value).saturating_sub(self.outstanding),
            _ => 0,
        }
    }
}

/// Escrow that can be counted on.
fn usable(solvency: &Solvency) -> Balance {
    solvency.escrow.saturating_sub(solvency.withdrawing)
}

/// All figures together, in planck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExposureReport {
    /// Escrow that has not been asked back.
    pub(crate) escrow: Balance,
    /// Promised and not settled.
    pub(crate) outstanding: Balance,
    /// Ceilings of running tasks.
    pub(crate) reserved: Balance,
}

impl Exposure {
    /// With what has been promised before.
    pub(crate) fn new(promised: impl IntoIterator<Item = (ChannelKey, Promise)>) -> Arc<Self> {
        let mut state = State::default();
        for (key, promise) in promised {
            state.change(&key, |channel| channel.promised = promise);
        }
        Arc::new(Self { state: Mutex::new(state), pinched: AtomicBool::new(false) })
    }

    /// What covers a miner, whatever was known, for tests in which no block passes.
    #[cfg(test)]
    pub(crate) fn set_cover(&self, miner: &AccountId, cover: Balance) {
        self.note_cover(miner, At { block: 0, value: cover });
    }

    /// The same of what stands behind all vouchers.
    #[cfg(test)]
    pub(crate) fn set_solvency(&self, solvency: Solvency) {
        self.note_solvency(At { block: 0, value: solvency });
    }

    /// Takes note of what a channel promises now, after that was committed.
    pub(crate) fn set_promised(&self, key: &ChannelKey, promise: Promise) {
        self.state.lock().change(key, |channel| channel.promised = promise);
    }

    /// What a channel promises.
    pub(crate) fn promised(&self, key: &ChannelKey) -> Promise {
        self.state.lock().channels.get(key).map(|channel| channel.promised).unwrap_or_default()
    }

    /// Takes note of how far channels are settled. Those through which nothing was promised are left aside, and an older
    /// reading than the last changes nothing.
    pub(crate) fn set_settled(&self, settled: impl IntoIterator<Item = (ChannelKey, Balance)>) {
        let mut state = self.state.lock();
        for (key, amount) in settled {
            if state.channels.contains_key(&key) {
                state.change(&key, |channel| channel.settled = channel.settled.max(amount));
            }
        }
    }

    /// Takes note of how much covers a miner, unless something newer is known.
    pub(crate) fn note_cover(&self, miner: &AccountId, cover: At<Balance>) {
        let mut state = self.state.lock();
        let pair = state.pairs.entry(miner.clone()).or_default();
        pair.cover.get_or_insert(cover).follow(cover);
    }

    /// Takes note of what stands behind all vouchers, unless something newer is known.
    pub(crate) fn note_solvency(&self, solvency: At<Solvency>) {
        self.state.lock().solvency.get_or_insert(solvency).follow(solvency);
    }

    /// Those of `miners` of whose cover nothing is known as of this block or a later one.
    pub(crate) fn covers_before(&self, block: BlockNumber, miners: Vec<AccountId>) -> Vec<AccountId> {
        let state = self.state.lock();
        let cover = |miner: &AccountId| state.pairs.get(miner).and_then(|pair| pair.cover);
        miners.into_iter().filter(|miner| cover(miner).is_none_or(|cover| cover.block < block)).collect()
    }

    /// What was read of this miner's cover counts no more: it is too long ago that it may have changed.
    pub(crate) fn forget_cover(&self, miner: &AccountId) {
        self.state.lock().pairs.get_mut(miner).into_iter().for_each(|pair| pair.cover = None);
    }

    /// What was read counts no more: it is too long ago, or the chain is not the one that it was. What has been promised
    /// and reserved stays.
    pub(crate) fn forget_readings(&self) {
        let mut state = self.state.lock();
        state.solvency = None;
        state.pairs.values_mut().for_each(|pair| pair.cover = None);
        let settled = state.channels.iter().filter(|(_, channel)| channel.settled > 0);
        for key in settled.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            state.change(&key, |channel| channel.settled = 0);
        }
    }

    /// Whether anything at all can still be promised, once running tasks are done.
    pub(crate) fn funded(&self) -> Result<(), Unfunded> {
        let state = self.state.lock();
        let Some(At { value: solvency, .. }) = state.solvency else { return Err(Unfunded::Unknown) };
        let (escrow, promised) = (usable(&solvency), state.outstanding);
        if solvency.owed > 0 {
            Err(Unfunded::Owes(solvency.owed))
        } else if promised > escrow {
            Err(Unfunded::Overdrawn { escrow, promised })
        } else if promised == escrow {
            Err(Unfunded::Spent { escrow })
        } else {
            Ok(())
        }
    }

    /// All figures together.
    pub(crate) fn report(&self) -> ExposureReport {
        let state = self.state.lock();
        ExposureReport {
            escrow: state.solvency.as_ref().map(|known| usable(&known.value)).unwrap_or_default(),
            outstanding: state.outstanding,
            reserved: state.reserved,
        }
    }

    /// Everything as it is now, and stays until the answer is dropped.
    pub(crate) fn headrooms(self: &Arc<Self>) -> Headrooms<'_> {
        Headrooms { exposure: self, state: self.state.lock() }
    }

    /// Whether a draw has passed somebody over for want of cover or budget since this was last asked.
    pub(crate) fn take_pinched(&self) -> bool {
        self.pinched.swap(false, Ordering::Relaxed)
    }

    fn release(&self, miner: &AccountId, amount: Balance) {
        let mut state = self.state.lock();
        state.reserved = state.reserved.saturating_sub(amount);
        if let Some(pair) = state.pairs.get_mut(miner) {
            pair.reserved = pair.reserved.saturating_sub(amount);
        }
    }
}

/// What can still be promised, while nothing changes.
pub(crate) struct Headrooms<'a> {
    exposure: &'a Arc<Exposure>,
    state: MutexGuard<'a, State>,
}

impl Headrooms<'_> {
    /// Whether a task that may cost `ceiling` is covered on top of all that runs, for a client that can afford so much.
    pub(crate) fn covers(&self, miner: &AccountId, ceiling: Balance, affordable: Balance) -> bool {
        let covered = ceiling == 0 || ceiling <= affordable && self.of(miner) >= ceiling;
        if !covered {
            self.exposure.pinched.store(true, Ordering::Relaxed);
        }
        covered
    }

    /// Whether it would be covered if nothing ran.
    pub(crate) fn could_cover(&self, miner: &AccountId, ceiling: Balance) -> bool {
        let pair = self.state.pairs.get(miner).map(Pair::left).unwrap_or_default();
        ceiling == 0 || self.state.left().min(pair) >= ceiling
    }

    /// Whether the escrow alone would do if nothing ran.
    pub(crate) fn has_escrow_for(&self, ceiling: Balance) -> bool {
        ceiling == 0 || self.state.left() >= ceiling
    }

    /// What can still be promised to a miner on top of all that runs, in planck.
    pub(crate) fn of(&self, miner: &AccountId) -> Balance {
        let Some(pair) = self.state.pairs.get(miner) else { return 0 };
        let whole = self.state.left().saturating_sub(self.state.reserved);
        whole.min(pair.left().saturating_sub(pair.reserved))
    }

    /// Sets the ceiling of a task aside until the answer is dropped. The caller has made sure that it is covered.
    pub(crate) fn reserve(mut self, miner: &AccountId, ceiling: Balance) -> Reserved {
        if ceiling > 0 {
            self.state.reserved = self.state.reserved.saturating_add(ceiling);
            let pair = self.state.pairs.entry(miner.clone()).or_default();
            pair.reserved = pair.reserved.saturating_add(ceiling);
        }
        Reserved { exposure: self.exposure.clone(), miner: miner.clone(), amount: ceiling }
    }
}

/// The ceiling of a running task, given back when dropped.
pub(crate) struct Reserved {
    exposure: Arc<Exposure>,
    miner: AccountId,
    amount: Balance,
}

impl Reserved {
    /// How much is set aside, in planck.
    pub(crate) fn planck(&self) -> Balance {
        self.amount
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if self.amount > 0 {
            self.exposure.release(&self.miner, self.amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn miner(byte: u8) -> AccountId {
        AccountId::from([byte; 32])
    }

    fn key(byte: u8, channel: u8) -> ChannelKey {
        ChannelKey { miner: miner(byte), channel: [channel; 16] }
    }

    fn promise(amount: Balance) -> Promise {
        Promise { amount, tasks: 1 }
    }

    fn solvency(escrow: Balance) -> Solvency {
        Solvency { escrow, ..Default::default() }
    }

    /// Two miners, each covered with 200, and an escrow of 150.
    fn exposure() -> Arc<Exposure> {
        let exposure = Exposure::new([]);
        exposure.set_solvency(solvency(150));
        exposure.set_cover(&miner(1), 200);
        exposure.set_cover(&miner(2), 200);
        exposure
    }

    #[test]
    fn the_lesser_of_escrow_and_half_the_cover_bounds_a_promise() {
        let exposure = exposure();
        assert_eq!(exposure.headrooms().of(&miner(1)), 100);
        exposure.set_solvency(solvency(60));
        assert_eq!(exposure.headrooms().of(&miner(1)), 60);
        assert_eq!(exposure.headrooms().of(&miner(9)), 0, "nothing covers a stranger");
        assert!(exposure.headrooms().covers(&miner(9), 0, 0), "and nothing needs to if it costs nothing");
    }

    #[test]
    fn what_is_asked_back_does_not_count() {
        let exposure = exposure();
        exposure.set_solvency(Solvency { escrow: 150, withdrawing: 149, ..Default::default() });
        assert_eq!(exposure.headrooms().of(&miner(1)), 1);
    }

    #[test]
    fn promises_of_one_miner_leave_less_escrow_for_the_other() {
        let exposure = exposure();
        exposure.set_promised(&key(1, 1), promise(60));
        exposure.set_promised(&key(1, 2), promise(30));
        assert_eq!(exposure.headrooms().of(&miner(1)), 10);
        assert_eq!(exposure.headrooms().of(&miner(2)), 60);
        exposure.set_settled([(key(1, 1), 60)]);
        assert_eq!(exposure.headrooms().of(&miner(1)), 70);
        assert_eq!(exposure.headrooms().of(&miner(2)), 100);
    }

    #[test]
    fn an_older_reading_changes_nothing_and_strange_channels_are_left_aside() {
        let exposure = exposure();
        exposure.set_promised(&key(1, 1), promise(60));
        exposure.set_settled([(key(1, 1), 50), (key(2, 9), 1_000)]);
        exposure.set_settled([(key(1, 1), 40)]);
        assert_eq!(exposure.report().outstanding, 10);
        assert_eq!(exposure.headrooms().of(&miner(2)), 100);
    }

    #[test]
    fn ceilings_are_set_aside_until_their_tasks_end() {
        let exposure = exposure();
        let held = exposure.headrooms().reserve(&miner(1), 70);
        assert_eq!(exposure.headrooms().of(&miner(1)), 30);
        assert_eq!(exposure.headrooms().of(&miner(2)), 80);
        assert!(exposure.headrooms().covers(&miner(1), 30, 30));
        assert!(!exposure.take_pinched());
        for (ceiling, affordable) in [(31, Balance::MAX), (30, 29)] {
            assert!(!exposure.headrooms().covers(&miner(1), ceiling, affordable));
            assert!(exposure.take_pinched());
            assert!(!exposure.take_pinched());
        }
        assert!(exposure.headrooms().could_cover(&miner(1), 100), "once it is done");
        drop(held);
        assert_eq!(exposure.headrooms().of(&miner(1)), 100);
        assert_eq!(exposure.report().reserved, 0);
    }

    #[test]
    fn an_answer_that_comes_late_does_not_take_the_place_of_a_newer_one() {
        let exposure = Exposure::new([]);
        exposure.note_solvency(At { block: 7, value: solvency(40) });
        exposure.note_cover(&miner(1), At { block: 7, value: 60 });
        exposure.note_solvency(At { block: 6, value: solvency(150) });
        exposure.note_cover(&miner(1), At { block: 6, value: 200 });
        assert_eq!((exposure.report().escrow, exposure.headrooms().of(&miner(1))), (40, 30));
        exposure.note_solvency(At { block: 8, value: solvency(20) });
        assert_eq!(exposure.headrooms().of(&miner(1)), 20);
    }

    #[test]
    fn it_is_known_whose_cover_was_read_too_long_ago() {
        let exposure = Exposure::new([]);
        exposure.note_cover(&miner(1), At { block: 7, value: 60 });
        let before = |block| exposure.covers_before(block, vec![miner(1), miner(2)]);
        assert_eq!(before(7), [miner(2)]);
        assert_eq!(before(8), [miner(1), miner(2)]);
    }

    #[test]
    fn when_readings_are_forgotten_nothing_can_be_promised_and_what_was_is_kept() {
        let exposure = exposure();
        exposure.set_promised(&key(1, 1), promise(60));
        exposure.set_settled([(key(1, 1), 50)]);
        let held = exposure.headrooms().reserve(&miner(1), 20);
        exposure.note_solvency(At { block: 9, value: solvency(150) });
        exposure.forget_readings();
        assert_eq!(exposure.funded(), Err(Unfunded::Unknown));
        assert_eq!(exposure.headrooms().of(&miner(1)), 0);
        let report = exposure.report();
        assert_eq!((report.escrow, report.outstanding, report.reserved), (0, 60, 20));
        drop(held);
        exposure.note_solvency(At { block: 3, value: solvency(100) });
        exposure.note_cover(&miner(1), At { block: 3, value: 300 });
        assert_eq!(exposure.headrooms().of(&miner(1)), 40, "a chain that began anew has lower blocks");
    }

    #[test]
    fn without_escrow_or_with_debts_nothing_is_promised() {
        let unknown = Exposure::new([(key(1, 1), promise(5))]);
        assert_eq!(unknown.funded(), Err(Unfunded::Unknown));
        unknown.set_solvency(solvency(5));
        assert_eq!(unknown.funded(), Err(Unfunded::Spent { escrow: 5 }));
        unknown.set_solvency(solvency(4));
        assert_eq!(unknown.funded(), Err(Unfunded::Overdrawn { escrow: 4, promised: 5 }));
        unknown.set_solvency(solvency(6));
        assert_eq!(unknown.funded(), Ok(()));
        unknown.set_solvency(Solvency { escrow: 6, owed: 1, ..Default::default() });
        assert_eq!(unknown.funded(), Err(Unfunded::Owes(1)));
        unknown.set_cover(&miner(1), 100);
        assert_eq!(unknown.headrooms().of(&miner(1)), 0);
    }
}
