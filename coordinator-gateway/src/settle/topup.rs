//! Adds to the escrow when it runs low, and has own debts paid out of it.
//!
//! Both are transactions of the operator's account, which any account could send. Their fate may stay unknown; so before
//! each it is read again on the chain what is needed, and after one that was lost from sight nothing is done for long.

use std::{sync::Arc, time::Duration};

use cuckoo_chain_client::{Cai, ChainError, Keypair, MarketView};
use cuckoo_primitives::{settlement::Solvency, AccountId, Balance};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{exposure::Exposure, source::SettlementSource};
use crate::store::Store;

/// Pause after a first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
/// The longest pause, and that after a transaction whose fate is not known: by then it is in a block or never will be.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// Most debts that are collected one after the other before it is looked again what is needed.
const MAX_COLLECTED: usize = 64;

/// When to add to the escrow, and how much; all in planck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TopUpTerms {
    /// When less than this can still be promised; 0: never.
    pub(crate) low: Balance,
    /// So that this can be promised.
    pub(crate) target: Balance,
    /// No more than this in a day.
    pub(crate) per_day: Balance,
}

impl TopUpTerms {
    /// What is to be deposited now, with so much promised and not settled.
    fn wanted(&self, solvency: &Solvency, outstanding: Balance) -> Balance {
        let has = solvency.escrow.saturating_sub(solvency.withdrawing);
        let owes = outstanding.saturating_add(solvency.owed);
        match self.low > 0 && has.saturating_sub(owes) < self.low {
            true => self.target.saturating_add(owes).saturating_sub(has),
            false => 0,
        }
    }
}

/// Keeps the escrow filled, within limits.
pub(crate) struct TopUps {
    pub(crate) chain: Arc<dyn SettlementSource>,
    pub(crate) key: Keypair,
    pub(crate) coordinator: AccountId,
    pub(crate) exposure: Arc<Exposure>,
    pub(crate) store: Store,
    pub(crate) terms: TopUpTerms,
}

/// What had to be done and could not.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("{0}")]
    Chain(#[from] ChainError),
    #[error("{0}")]
    Store(#[from] crate::store::StoreError),
}

impl Failed {
    fn is_of_unknown_fate(&self) -> bool {
        matches!(self, Self::Chain(ChainError::Lost { .. } | ChainError::TimedOut { .. }))
    }
}

impl TopUps {
    /// Acts after every finalised block on which something is needed, until `stop`.
    pub(crate) async fn run(self, mut views: watch::Receiver<Arc<MarketView>>, stop: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        while let Some(Ok(())) = stop.run_until_cancelled(views.changed()).await {
            if !self.may_be_needed() {
                continue;
            }
            let wait = match stop.run_until_cancelled(self.act()).await {
                None => return,
                Some(Ok(())) => {
                    pause = FIRST_PAUSE;
                    continue;
                }
                Some(Err(failed)) => {
                    let wait = if failed.is_of_unknown_fate() { LONGEST_PAUSE } else { pause };
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                    let wait_s = wait.as_secs();
                    tracing::error!(
                        target: "gateway::settle",
                        %failed,
                        wait_s,
                        "the escrow was not filled or a debt not paid; has the operator's account enough CAI?"
                    );
                    wait
                }
            };
            if stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                return;
            }
        }
    }

    /// Whether it is worth asking the chain, as far as is known.
    fn may_be_needed(&self) -> bool {
        let Some(solvency) = self.exposure.solvency() else { return false };
        solvency.owed > 0 || self.terms.wanted(&solvency, self.exposure.report().outstanding) > 0
    }

    async fn act(&self) -> Result<(), Failed> {
        let solvency = self.chain.solvency(&self.coordinator).await?;
        let wanted = self.terms.wanted(&solvency, self.exposure.report().outstanding);
        if wanted > 0 {
            self.deposit(wanted).await?;
        }
        if solvency.owed > 0 {
            self.collect().await?;
        }
        Ok(())
    }

    async fn deposit(&self, wanted: Balance) -> Result<(), Failed> {
        let granted = self.store.take_topup(wanted, self.terms.per_day).await?;
        if granted == 0 {
            tracing::debug!(target: "gateway::settle", "the escrow is low, and today's allowance for it is used up");
            return Ok(());
        }
        self.chain.deposit(&self.key, &self.coordinator, granted).await?;
        let left_out = Cai(wanted.saturating_sub(granted));
        tracing::info!(target: "gateway::settle", amount = %Cai(granted), %left_out, "deposited into the escrow");
        Ok(())
    }

    /// Has open debts paid, as far as there is escrow.
    async fn collect(&self) -> Result<(), Failed> {
        let debts = self.chain.debts(&self.coordinator).await?;
        let open = debts.into_iter().filter(|(_, debt)| debt.open > 0);
        for (miner, debt) in open.take(MAX_COLLECTED) {
            if self.chain.solvency(&self.coordinator).await?.escrow == 0 {
                return Ok(());
            }
            match self.chain.collect(&self.key, &self.coordinator, &miner).await {
                Ok(()) => tracing::info!(target: "gateway::settle", %miner, open = %Cai(debt.open), "had a debt paid"),
                // Paid meanwhile, or to a miner that cannot receive it: no reason to let the others wait.
                Err(error @ ChainError::Dispatch { .. }) => {
                    tracing::warn!(target: "gateway::settle", %miner, %error, "a debt could not be paid");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solvency(escrow: Balance, withdrawing: Balance, owed: Balance) -> Solvency {
        Solvency { escrow, withdrawing, owed, ..Default::default() }
    }

    #[test]
    fn the_escrow_is_filled_when_little_can_be_promised() {
        let terms = TopUpTerms { low: 10, target: 100, per_day: 1_000 };
        assert_eq!(terms.wanted(&solvency(10, 0, 0), 0), 0);
        assert_eq!(terms.wanted(&solvency(9, 0, 0), 0), 91);
        assert_eq!(terms.wanted(&solvency(50, 0, 0), 41), 91);
        assert_eq!(terms.wanted(&solvency(50, 50, 0), 0), 100, "what is asked back does not count");
        assert_eq!(terms.wanted(&solvency(0, 0, 30), 5), 135, "debts are paid from it too");
        assert_eq!(TopUpTerms::default().wanted(&solvency(0, 0, 30), 5), 0, "not unless it was said");
    }
}
