//! Follows what the chain says of the escrow, of settled channels and of covers.

use std::{cmp::Reverse, collections::HashMap, sync::Arc, time::Duration};

use cuckoo_chain_client::{Cai, ChainError, MarketView};
use cuckoo_primitives::{settlement::Solvency, AccountId, Balance, BlockNumber, EraIndex};
use futures::{stream, StreamExt};
use tokio::{
    sync::watch,
    time::{timeout, timeout_at, Instant},
};
use tokio_util::sync::CancellationToken;

use super::{channel::ChannelKey, exposure::Exposure, source::SettlementSource};
use crate::dispatch::Registry;

/// Longest time for what is asked of the escrow after one block.
const LOOK_LIMIT: Duration = Duration::from_secs(30);
/// Covers that are asked for at once.
const AT_ONCE: usize = 8;
/// Longest time for one cover.
const COVER_LIMIT: Duration = Duration::from_secs(3);
/// Longest time for all covers that are asked for after one block; those that are left come after the next.
const COVERS_LIMIT: Duration = Duration::from_secs(10);
/// After so long without an answer what was read counts no more, though blocks may still be heard of.
const SIGHT_LIMIT: Duration = Duration::from_secs(90);

/// What stands behind all vouchers, and what had been promised and not settled when that was read, in planck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Steady {
    pub(super) solvency: Solvency,
    pub(super) outstanding: Balance,
}

/// Brings the chain's news to [`Exposure`].
pub(crate) struct EscrowWatch {
    source: Arc<dyn SettlementSource>,
    coordinator: AccountId,
    exposure: Arc<Exposure>,
    registry: Arc<Registry>,
    /// Height of the newest block that was looked at.
    newest: BlockNumber,
    /// As it was before all that hangs on it was read.
    seen: Option<Solvency>,
    era: Option<EraIndex>,
    /// Covers that were read before this block may have changed since.
    covers_from: BlockNumber,
    /// Miners whose cover is to be read, and since when.
    unread: HashMap<AccountId, Instant>,
    /// Longest time for one cover.
    cover_limit: Duration,
    /// Set whenever all is known that was paid out of the escrow.
    steady: watch::Sender<Option<Steady>>,
    /// When the chain was last read.
    read: Instant,
    is_failing: bool,
    is_funded: bool,
}

impl EscrowWatch {
    pub(crate) fn new(
        source: Arc<dyn SettlementSource>,
        coordinator: AccountId,
        exposure: Arc<Exposure>,
        registry: Arc<Registry>,
    ) -> Self {
        Self {
            source,
            coordinator,
            exposure,
            registry,
            newest: 0,
            seen: None,
            era: None,
            covers_from: 0,
            unread: HashMap::new(),
            cover_limit: COVER_LIMIT,
            steady: watch::Sender::new(None),
            read: Instant::now(),
            is_failing: false,
            is_funded: true,
        }
    }

    /// What stands behind all vouchers, after each look for which [`Exposure`] knows all that was paid out of it. Between
    /// such looks what is promised and what there is do not belong together.
    pub(crate) fn steady(&self) -> watch::Receiver<Option<Steady>> {
        self.steady.subscribe()
    }

    /// Looks after every finalised block, until `stop`.
    pub(crate) async fn run(mut self, mut views: watch::Receiver<Arc<MarketView>>, stop: CancellationToken) {
        while let Some(Ok(())) = stop.run_until_cancelled(views.changed()).await {
            let (number, era) = {
                let view = views.borrow_and_update();
                (view.number, view.era.era)
            };
            self.reach(number);
            if stop.run_until_cancelled(self.look(era)).await.is_none() {
                return;
            }
        }
    }

    /// Takes note of the newest block. Blocks only follow on each other, unless a development chain is started anew.
    fn reach(&mut self, number: BlockNumber) {
        if number < self.newest {
            tracing::warn!(target: "gateway::settle", number, "the chain was started anew; its escrow is read again");
            self.forget();
        }
        self.newest = number;
    }

    /// Reads what may have changed by now. If the chain cannot be read, all stays as it was for a while.
    pub(crate) async fn look(&mut self, era: EraIndex) {
        let read = match timeout(LOOK_LIMIT, self.read(era)).await {
            Ok(read) => read.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {} s", LOOK_LIMIT.as_secs())),
        };
        let is_read = read.is_ok();
        match read {
            Ok(()) => {
                self.is_failing = false;
                self.read = Instant::now();
            }
            Err(error) => self.failed(&error),
        }
        self.say_whether_funded();
        self.registry.serve_uncovered();
        // The escrow is read, whatever becomes of the covers: each concerns only its miner.
        if is_read {
            self.read_covers().await;
            self.registry.serve_uncovered();
        }
    }

    fn failed(&mut self, error: &str) {
        if self.is_failing {
            tracing::debug!(target: "gateway::settle", error, "cannot read the escrow");
        } else {
            tracing::warn!(target: "gateway::settle", error, "cannot read the escrow; trying again with each block");
        }
        self.is_failing = true;
        if self.read.elapsed() > SIGHT_LIMIT && self.seen.is_some() {
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.exposure.forget_readings();
        (self.seen, self.era) = (None, None);
        self.unread.clear();
        self.steady.send_replace(None);
    }

    async fn read(&mut self, era: EraIndex) -> Result<(), ChainError> {
        let before = self.source.solvency(&self.coordinator).await?;
        let mut solvency = before;
        if self.seen != Some(before.value) {
            let settled = self.source.channels(&self.coordinator).await?;
            // Read again: escrow must not be older than what was paid out of it, or it would be counted twice.
            solvency = self.source.solvency(&self.coordinator).await?;
            self.exposure.note_solvency(solvency);
            let settled = settled.into_iter();
            self.exposure.set_settled(
                settled.map(|((miner, channel), settled)| (ChannelKey { miner, channel }, settled.amount)),
            );
        } else {
            self.exposure.note_solvency(solvency);
        }
        let now = solvency.value;
        // Covers follow bonds, which count by eras, and debts.
        let hangs_on = |solvency: &Solvency| (solvency.owed, solvency.stake);
        if self.era != Some(era) || self.seen.as_ref().map(hangs_on) != Some(hangs_on(&now)) {
            self.covers_from = solvency.block;
        }
        if self.seen.is_none_or(|seen| seen.escrow != now.escrow || seen.owed != now.owed) {
            let (escrow, owed) = (Cai(now.escrow), Cai(now.owed));
            tracing::info!(target: "gateway::settle", %escrow, %owed, "escrow");
        }
        // What changed after the channels were read is a change still when the next block comes.
        self.seen = Some(before.value);
        self.era = Some(era);
        if before.value == now {
            let outstanding = self.exposure.report().outstanding;
            self.steady.send_replace(Some(Steady { solvency: now, outstanding }));
        }
        Ok(())
    }

    /// Reads the covers that may have changed, also those of miners that were linked meanwhile. One that cannot be read is
    /// asked for again after the next block, and until then counts as it was, though not for ever.
    async fn read_covers(&mut self) {
        let began = Instant::now();
        let since = |miner: AccountId| {
            let since = self.unread.get(&miner).copied().unwrap_or(began);
            (miner, since)
        };
        let due = self.exposure.covers_before(self.covers_from, self.registry.stashes());
        let mut due: Vec<_> = due.into_iter().map(since).collect();
        // What could not be read for long is in nobody's way.
        due.sort_by_key(|(_, since)| Reverse(*since));
        let miners = due.iter().map(|(miner, _)| miner.clone()).collect();
        self.ask_covers(miners, began + COVERS_LIMIT).await;
        self.mind_unread(due);
    }

    /// Takes note of the covers of these miners, as far as there are answers in time.
    async fn ask_covers(&self, miners: Vec<AccountId>, until: Instant) {
        let (source, coordinator, limit) = (&self.source, &self.coordinator, self.cover_limit);
        let asked = stream::iter(miners).map(|miner| async move {
            let answer = timeout(limit, source.cover(coordinator, &miner)).await;
            (miner, answer.map_err(|_| format!("no answer within {limit:?}")))
        });
        let mut answers = std::pin::pin!(asked.buffer_unordered(AT_ONCE));
        while let Ok(Some((miner, answer))) = timeout_at(until, answers.next()).await {
            match answer.and_then(|answer| answer.map_err(|error| error.to_string())) {
                Ok(cover) => self.exposure.note_cover(&miner, cover),
                Err(error) => tracing::debug!(target: "gateway::settle", %miner, %error, "cannot read a cover"),
            }
        }
    }

    /// Keeps in mind which covers of those that were `due` are still to be read, and since when. What has waited for long
    /// counts no more.
    fn mind_unread(&mut self, due: Vec<(AccountId, Instant)>) {
        let late = self.exposure.covers_before(self.covers_from, due.iter().map(|(miner, _)| miner.clone()).collect());
        if self.unread.is_empty() && !late.is_empty() {
            tracing::warn!(
                target: "gateway::settle",
                miners = late.len(),
                "cannot read what covers some miners; trying again with each block"
            );
        }
        let since: HashMap<AccountId, Instant> = due.into_iter().collect();
        let since = |miner: AccountId| since.get(&miner).map(|since| (miner, *since));
        self.unread = late.into_iter().filter_map(since).collect();
        for (miner, _) in self.unread.iter().filter(|(_, since)| since.elapsed() > SIGHT_LIMIT) {
            self.exposure.forget_cover(miner);
        }
    }

    /// Says when nothing can be paid for any more, why, and when it can again.
    fn say_whether_funded(&mut self) {
        let funded = self.exposure.funded();
        if self.is_funded != funded.is_ok() {
            self.is_funded = funded.is_ok();
            match funded {
                Ok(()) => tracing::info!(target: "gateway::settle", "this coordinator can pay for work again"),
                Err(unfunded) => tracing::warn!(
                    target: "gateway::settle",
                    %unfunded,
                    "this coordinator cannot pay for work now; no paid task is accepted"
                ),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        link::Link,
        settle::{
            at::At,
            scripted::{channel, miner, Script, Unreadable},
            Prices, Promise, Unfunded,
        },
    };
    use cuckoo_primitives::Hash;

    /// A watch over an escrow of 100, of which 60 are promised to a linked miner.
    fn watch() -> (Arc<Script>, Arc<Exposure>, EscrowWatch) {
        let script = Arc::new(Script::default());
        {
            let mut books = script.books();
            (books.block, books.solvency.escrow, books.cover) = (1, 100, 1_000);
        }
        let exposure = Exposure::new([(channel(), Promise { amount: 60, tasks: 1 })]);
        let prices = Arc::new(Prices::default());
        let registry = Registry::new(Hash::zero(), Hash::zero(), 1, prices, exposure.clone(), Arc::default());
        registry.admit(Arc::new(Link::unheard(miner(1), 1)), 1).unwrap();
        let watch = EscrowWatch::new(script.clone(), AccountId::from([9; 32]), exposure.clone(), registry);
        (script, exposure, watch)
    }

    /// How often channels and covers were read.
    fn read(script: &Script) -> (u32, usize) {
        let books = script.books();
        (books.channels_read, books.covers_read.len())
    }

    #[tokio::test]
    async fn what_is_redeemed_while_it_looks_is_neither_counted_twice_nor_missed() {
        let (script, exposure, mut watch) = watch();
        let mut steady = watch.steady();
        script.books().redeems = 60;
        watch.look(1).await;
        let report = exposure.report();
        assert_eq!((report.escrow, report.outstanding), (40, 60), "the escrow is not older than what is settled");
        assert!(!steady.has_changed().unwrap(), "these two do not belong together");
        watch.look(1).await;
        let report = exposure.report();
        assert_eq!((report.escrow, report.outstanding), (40, 0));
        let now = steady.borrow_and_update().unwrap();
        assert_eq!((now.solvency.escrow, now.outstanding), (40, 0));
        watch.look(1).await;
        assert!(steady.has_changed().unwrap(), "it is said after every look");
    }

    #[tokio::test]
    async fn channels_are_read_when_the_escrow_has_changed_and_covers_with_eras_debts_and_stake() {
        let (script, _exposure, mut watch) = watch();
        let next = |change: fn(&mut Solvency)| {
            let mut books = script.books();
            books.block += 1;
            change(&mut books.solvency);
        };
        watch.look(1).await;
        next(|_| {});
        watch.look(1).await;
        assert_eq!(read(&script), (1, 1));
        next(|solvency| solvency.escrow += 1);
        watch.look(1).await;
        assert_eq!(read(&script), (2, 1));
        next(|_| {});
        watch.look(2).await;
        assert_eq!(read(&script), (2, 2));
        next(|solvency| solvency.owed = 5);
        watch.look(2).await;
        assert_eq!(read(&script), (3, 3));
        next(|solvency| solvency.stake = 7);
        watch.look(2).await;
        assert_eq!(read(&script), (4, 4));
    }

    #[tokio::test]
    async fn a_cover_that_a_handshake_read_before_the_era_began_is_read_again() {
        let (script, exposure, mut watch) = watch();
        watch.look(1).await;
        script.books().block = 5;
        watch.look(2).await;
        let late = miner(3);
        exposure.note_cover(&late, At { block: 4, value: 2_000 });
        watch.registry.admit(Arc::new(Link::unheard(late.clone(), 1)), 1).unwrap();
        script.books().covers_read.clear();
        watch.look(2).await;
        assert_eq!(script.books().covers_read, std::slice::from_ref(&late));
        exposure.note_cover(&late, At { block: 4, value: 2_000 });
        assert!(
            exposure.covers_before(5, vec![late]).is_empty(),
            "an old answer that arrives once more changes nothing"
        );
    }

    #[tokio::test]
    async fn what_was_read_long_ago_does_not_count() {
        let (script, exposure, mut watch) = watch();
        watch.look(1).await;
        assert_eq!(exposure.funded(), Ok(()));
        script.books().is_unreachable = true;
        watch.look(1).await;
        assert_eq!(exposure.funded(), Ok(()), "a moment without an answer is none of it");
        watch.read = watch.read.checked_sub(SIGHT_LIMIT).unwrap();
        watch.look(1).await;
        assert_eq!(exposure.funded(), Err(Unfunded::Unknown));
        script.books().is_unreachable = false;
        watch.look(1).await;
        assert_eq!(exposure.funded(), Ok(()));
        assert_eq!(exposure.headrooms().of(&miner(1)), 40, "all of it is read again");
    }

    #[tokio::test]
    async fn when_the_chain_is_not_seen_nobody_takes_what_was_settled_for_outstanding() {
        let (script, exposure, mut watch) = watch();
        let mut steady = watch.steady();
        {
            let mut books = script.books();
            (books.settled, books.solvency.escrow) = (60, 40);
        }
        watch.look(1).await;
        let known = steady.borrow_and_update().unwrap();
        watch.forget();
        assert_eq!(exposure.report().outstanding, 60, "by what is left");
        assert_eq!(known.outstanding, 0);
        assert_eq!(*steady.borrow_and_update(), None);
        watch.look(1).await;
        assert_eq!(*steady.borrow_and_update(), Some(known));
    }

    #[tokio::test]
    async fn a_cover_that_cannot_be_read_concerns_its_miner_alone() {
        for unreadable in [Unreadable::Fails, Unreadable::IsSilent] {
            let (script, exposure, mut watch) = watch();
            watch.cover_limit = Duration::from_millis(20);
            for other in 2..=20 {
                watch.registry.admit(Arc::new(Link::unheard(miner(other), 1)), 1).unwrap();
                if other > 2 {
                    script.books().unreadable.insert(miner(other), unreadable);
                }
            }
            let mut steady = watch.steady();
            watch.read = watch.read.checked_sub(SIGHT_LIMIT).unwrap();
            for _ in 0..3 {
                watch.look(1).await;
                assert!(!watch.is_failing && watch.read.elapsed() < SIGHT_LIMIT, "{unreadable:?}");
                assert!(steady.borrow_and_update().is_some());
                assert_eq!(exposure.funded(), Ok(()));
            }
            let headrooms = exposure.headrooms();
            assert_eq!([1, 2, 3].map(|id| headrooms.of(&miner(id))), [40, 40, 0], "{unreadable:?}");
        }
    }

    #[tokio::test]
    async fn a_cover_that_could_not_be_read_again_for_long_does_not_count() {
        let (script, exposure, mut watch) = watch();
        watch.look(1).await;
        script.books().block += 1;
        script.books().unreadable.insert(miner(1), Unreadable::Fails);
        watch.look(2).await;
        assert_eq!(exposure.headrooms().of(&miner(1)), 40, "for a moment it counts as it was");
        let since = watch.unread.get_mut(&miner(1)).unwrap();
        *since = since.checked_sub(SIGHT_LIMIT).unwrap();
        watch.look(2).await;
        assert_eq!(exposure.headrooms().of(&miner(1)), 0);
        assert_eq!(exposure.funded(), Ok(()), "it concerns no other");
        script.books().unreadable.clear();
        watch.look(2).await;
        assert_eq!(exposure.headrooms().of(&miner(1)), 40);
        assert!(watch.unread.is_empty());
    }

    #[tokio::test]
    async fn a_chain_that_was_started_anew_is_read_from_its_beginning() {
        let (script, exposure, mut watch) = watch();
        {
            let mut books = script.books();
            (books.block, books.settled) = (5_000, 60);
        }
        watch.reach(5_000);
        watch.look(1).await;
        assert_eq!(exposure.report().outstanding, 0);
        {
            let mut books = script.books();
            (books.block, books.settled, books.solvency.escrow) = (3, 0, 50);
        }
        watch.reach(3);
        watch.look(1).await;
        assert_eq!(exposure.funded(), Err(Unfunded::Overdrawn { escrow: 50, promised: 60 }));
    }
}
