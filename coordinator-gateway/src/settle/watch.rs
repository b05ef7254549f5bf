//! Follows what the chain says of the escrow, of settled channels and of covers.

use std::{sync::Arc, time::Duration};

use cuckoo_chain_client::{Cai, ChainError, MarketView};
use cuckoo_primitives::{settlement::Solvency, AccountId, EraIndex};
use futures::{stream, StreamExt, TryStreamExt};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{channel::ChannelKey, exposure::Exposure, source::SettlementSource};
use crate::dispatch::Registry;

/// Longest time for all that is asked after one block.
const LOOK_LIMIT: Duration = Duration::from_secs(30);
/// Covers that are asked for at once.
const AT_ONCE: usize = 8;

/// Brings the chain's news to [`Exposure`].
pub(crate) struct EscrowWatch {
    source: Arc<dyn SettlementSource>,
    coordinator: AccountId,
    exposure: Arc<Exposure>,
    registry: Arc<Registry>,
    /// As it was before all that hangs on it was read.
    seen: Option<Solvency>,
    era: Option<EraIndex>,
    is_failing: bool,
}

impl EscrowWatch {
    pub(crate) fn new(
        source: Arc<dyn SettlementSource>,
        coordinator: AccountId,
        exposure: Arc<Exposure>,
        registry: Arc<Registry>,
    ) -> Self {
        Self { source, coordinator, exposure, registry, seen: None, era: None, is_failing: false }
    }

    /// Looks after every finalised block, until `stop`.
    pub(crate) async fn run(mut self, mut views: watch::Receiver<Arc<MarketView>>, stop: CancellationToken) {
        while let Some(Ok(())) = stop.run_until_cancelled(views.changed()).await {
            let era = views.borrow_and_update().era.era;
            if stop.run_until_cancelled(self.look(era)).await.is_none() {
                return;
            }
        }
    }

    /// Reads what may have changed by now. If the chain cannot be read, all stays as it was: no task is accepted anyway
    /// once that has lasted.
    pub(crate) async fn look(&mut self, era: EraIndex) {
        let read = match tokio::time::timeout(LOOK_LIMIT, self.read(era)).await {
            Ok(read) => read.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {} s", LOOK_LIMIT.as_secs())),
        };
        match read {
            Ok(()) => self.is_failing = false,
            Err(error) if self.is_failing => {
                tracing::debug!(target: "gateway::settle", error, "cannot read the escrow")
            }
            Err(error) => {
                self.is_failing = true;
                tracing::warn!(target: "gateway::settle", error, "cannot read the escrow; trying again with each block");
            }
        }
        self.registry.serve_uncovered();
    }

    async fn read(&mut self, era: EraIndex) -> Result<(), ChainError> {
        let before = self.source.solvency(&self.coordinator).await?;
        let mut solvency = before;
        if self.seen != Some(before) {
            let settled = self.source.channels(&self.coordinator).await?;
            // Read again: escrow must not be older than what was paid out of it, or it would be counted twice.
            solvency = self.source.solvency(&self.coordinator).await?;
            self.exposure.set_solvency(solvency);
            let settled = settled.into_iter();
            self.exposure.set_settled(
                settled.map(|((miner, channel), settled)| (ChannelKey { miner, channel }, settled.amount)),
            );
        } else {
            // Said again, since a handshake may have brought an older figure meanwhile.
            self.exposure.set_solvency(solvency);
        }
        if self.era != Some(era) || self.seen.map(|seen| seen.owed) != Some(solvency.owed) {
            self.read_covers().await?;
        }
        if self.seen.is_none_or(|seen| seen.escrow != solvency.escrow || seen.owed != solvency.owed) {
            let (escrow, owed) = (Cai(solvency.escrow), Cai(solvency.owed));
            tracing::info!(target: "gateway::settle", %escrow, %owed, "escrow");
        }
        // What changed after the channels were read is a change still when the next block comes.
        self.seen = Some(before);
        self.era = Some(era);
        Ok(())
    }

    /// Covers follow bonds, which count by eras, and debts.
    async fn read_covers(&self) -> Result<(), ChainError> {
        let (source, coordinator) = (&self.source, &self.coordinator);
        let asked = stream::iter(self.registry.stashes()).map(|miner| async move {
            let cover = source.cover(coordinator, &miner).await?;
            Ok::<_, ChainError>((miner, cover))
        });
        let covers: Vec<_> = asked.buffer_unordered(AT_ONCE).try_collect().await?;
        covers.iter().for_each(|(miner, cover)| self.exposure.set_cover(miner, *cover));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        link::Link,
        settle::{Prices, Promise},
    };
    use cuckoo_chain_client::Keypair;
    use cuckoo_primitives::{
        settlement::{ChannelId, Debt, Settled},
        Balance, Hash,
    };
    use futures::future::{ready, BoxFuture};
    use parking_lot::Mutex;

    /// A chain on which the miner redeems in the middle of a look.
    #[derive(Default)]
    struct Script(Mutex<State>);

    #[derive(Default)]
    struct State {
        escrow: Balance,
        owed: Balance,
        settled: Balance,
        /// Redeemed right after the channels are read the next time.
        redeems: Balance,
        channels_read: u32,
        covers_read: u32,
    }

    fn key() -> ChannelKey {
        ChannelKey { miner: AccountId::from([1; 32]), channel: [2; 16] }
    }

    fn answer<'a, T: Send + 'a>(answer: T) -> BoxFuture<'a, Result<T, ChainError>> {
        Box::pin(ready(Ok(answer)))
    }

    impl SettlementSource for Script {
        fn solvency<'a>(&'a self, _: &'a AccountId) -> BoxFuture<'a, Result<Solvency, ChainError>> {
            let state = self.0.lock();
            answer(Solvency { escrow: state.escrow, owed: state.owed, ..Default::default() })
        }

        fn cover<'a>(&'a self, _: &'a AccountId, _: &'a AccountId) -> BoxFuture<'a, Result<Balance, ChainError>> {
            self.0.lock().covers_read += 1;
            answer(1_000)
        }

        fn settled<'a>(
            &'a self,
            _: &'a AccountId,
            _: &'a AccountId,
            _: &'a ChannelId,
        ) -> BoxFuture<'a, Result<Settled, ChainError>> {
            answer(Settled::default())
        }

        fn channels<'a>(
            &'a self,
            _: &'a AccountId,
        ) -> BoxFuture<'a, Result<crate::settle::source::SettledChannels, ChainError>> {
            let mut state = self.0.lock();
            state.channels_read += 1;
            let settled = Settled { amount: state.settled, tasks: 1 };
            let redeems = std::mem::take(&mut state.redeems);
            state.settled += redeems;
            state.escrow -= redeems;
            answer(vec![((key().miner, key().channel), settled)])
        }

        fn debts<'a>(&'a self, _: &'a AccountId) -> BoxFuture<'a, Result<Vec<(AccountId, Debt)>, ChainError>> {
            answer(Vec::new())
        }

        fn deposit<'a>(
            &'a self,
            _: &'a Keypair,
            _: &'a AccountId,
            _: Balance,
        ) -> BoxFuture<'a, Result<(), ChainError>> {
            answer(())
        }

        fn collect<'a>(
            &'a self,
            _: &'a Keypair,
            _: &'a AccountId,
            _: &'a AccountId,
        ) -> BoxFuture<'a, Result<(), ChainError>> {
            answer(())
        }
    }

    /// A watch over an escrow of 100, of which 60 are promised to a linked miner.
    fn watch() -> (Arc<Script>, Arc<Exposure>, EscrowWatch) {
        let script = Arc::new(Script::default());
        script.0.lock().escrow = 100;
        let exposure = Exposure::new([(key(), Promise { amount: 60, tasks: 1 })]);
        let prices = Arc::new(Prices::default());
        let registry = Registry::new(Hash::zero(), Hash::zero(), 1, prices, exposure.clone());
        registry.admit(Arc::new(Link::unheard(key().miner, 1)), 1).unwrap();
        let watch = EscrowWatch::new(script.clone(), AccountId::from([9; 32]), exposure.clone(), registry);
        (script, exposure, watch)
    }

    #[tokio::test]
    async fn what_is_redeemed_while_it_looks_is_neither_counted_twice_nor_missed() {
        let (script, exposure, mut watch) = watch();
        script.0.lock().redeems = 60;
        watch.look(1).await;
        let report = exposure.report();
        assert_eq!((report.escrow, report.outstanding), (40, 60), "the escrow is not older than what is settled");
        watch.look(1).await;
        let report = exposure.report();
        assert_eq!((report.escrow, report.outstanding), (40, 0));
    }

    #[tokio::test]
    async fn channels_are_read_when_the_escrow_has_changed_and_covers_with_eras_and_debts() {
        let (script, _exposure, mut watch) = watch();
        let read = |script: &Script| {
            let state = script.0.lock();
            (state.channels_read, state.covers_read)
        };
        watch.look(1).await;
        watch.look(1).await;
        assert_eq!(read(&script), (1, 1));
        script.0.lock().escrow += 1;
        watch.look(1).await;
        assert_eq!(read(&script), (2, 1));
        watch.look(2).await;
        assert_eq!(read(&script), (2, 2));
        script.0.lock().owed = 5;
        watch.look(2).await;
        assert_eq!(read(&script), (3, 3));
    }
}
