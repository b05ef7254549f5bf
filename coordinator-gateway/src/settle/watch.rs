//! Follows what the chain says of the escrow, of settled channels and of covers.

use std::{sync::Arc, time::Duration};

use cuckoo_chain_client::{ChainError, MarketView};
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
    /// As it was when all that hangs on it had been read.
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
        if self.exposure.take_pinched() {
            self.registry.serve_all();
        }
    }

    async fn read(&mut self, era: EraIndex) -> Result<(), ChainError> {
        let mut solvency = self.source.solvency(&self.coordinator).await?;
        if self.seen != Some(solvency) {
            let settled = self.source.channels(&self.coordinator).await?;
            // Read again: escrow must not be older than what was paid out of it, or it would be counted twice.
            solvency = self.source.solvency(&self.coordinator).await?;
            let settled = settled.into_iter();
            self.exposure.set_settled(
                settled.map(|((miner, channel), settled)| (ChannelKey { miner, channel }, settled.amount)),
            );
        }
        self.exposure.set_solvency(solvency);
        if self.era != Some(era) || self.seen.map(|seen| seen.owed) != Some(solvency.owed) {
            self.read_covers().await?;
        }
        if self.seen.is_none_or(|seen| seen.escrow != solvency.escrow || seen.owed != solvency.owed) {
            let (escrow, owed) = (cuckoo_chain_client::Cai(solvency.escrow), cuckoo_chain_client::Cai(solvency.owed));
            tracing::info!(target: "gateway::settle", %escrow, %owed, "escrow");
        }
        self.seen = Some(solvency);
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
