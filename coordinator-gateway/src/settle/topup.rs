//! Adds to the escrow when it runs low, and has own debts paid out of it.
//!
//! Both are transactions of the operator's account, which any account could send. Their fate may stay unknown; so before
//! each it is read on the chain what is needed, and after one that was lost from sight it is read there what came of it. A
//! deposit is stored before it is sent, so that a restart changes nothing of that.

use std::{sync::Arc, time::Duration};

use cuckoo_chain_client::{account_of, Cai, ChainError, Keypair};
use cuckoo_primitives::{currency::EXISTENTIAL_DEPOSIT, settlement::Solvency, AccountId, Balance};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    at::At,
    collect::Collector,
    lost::{LostDeposit, Outlook},
    pauses::Pauses,
    source::SettlementSource,
    watch::Steady,
};
use crate::store::{Before, Deposit, Store, StoreError};

/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

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
    chain: Arc<dyn SettlementSource>,
    key: Keypair,
    coordinator: AccountId,
    store: Store,
    terms: TopUpTerms,
    collector: Collector,
    /// The deposit whose fate is not known.
    lost: Option<LostDeposit>,
}

/// What had to be done and could not.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("{0}")]
    Chain(#[from] ChainError),
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl TopUps {
    /// For this coordinator, whose operator's key is `key`; goes on with the deposit that was under way when the gateway
    /// ended last.
    pub(crate) async fn resume(
        chain: Arc<dyn SettlementSource>,
        key: Keypair,
        coordinator: AccountId,
        store: Store,
        terms: TopUpTerms,
    ) -> Result<Self, StoreError> {
        let collector = Collector::new(chain.clone(), key.clone(), coordinator.clone());
        let lost = store.deposit_under_way().await?.map(LostDeposit::new);
        Ok(Self { chain, key, coordinator, store, terms, collector, lost })
    }

    /// Acts whenever something is needed by `steady`, what stands behind all vouchers as of blocks for which it is known
    /// what was paid out of it; until `stop`.
    pub(crate) async fn run(mut self, mut steady: watch::Receiver<Option<Steady>>, stop: CancellationToken) {
        let mut pauses = Pauses::up_to(LONGEST_PAUSE);
        while let Some(Ok(())) = stop.run_until_cancelled(steady.changed()).await {
            let Some(known) = *steady.borrow_and_update() else { continue };
            match stop.run_until_cancelled(self.act(&known)).await {
                None => return,
                Some(Ok(())) => pauses.reset(),
                Some(Err(failed)) => {
                    let wait = pauses.take();
                    tracing::error!(
                        target: "gateway::settle",
                        %failed,
                        wait_s = wait.as_secs(),
                        "the escrow was not filled or a debt not paid; has the operator's account enough CAI?"
                    );
                    if stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                        return;
                    }
                }
            }
        }
    }

    /// Does what is needed, if the chain is still as it is `known` to be.
    async fn act(&mut self, Steady { solvency: known, outstanding }: &Steady) -> Result<(), Failed> {
        let wanted = self.terms.wanted(known, *outstanding);
        if wanted == 0 && known.owed == 0 && self.lost.is_none() {
            return Ok(());
        }
        let now = self.chain.solvency(&self.coordinator).await?;
        let found = self.find_lost(&now).await;
        if now.value != *known {
            // What is promised and not settled is of another moment; the next look brings both.
            return found;
        }
        let deposits = wanted > 0 && self.lost.is_none();
        let deposited = if deposits { self.deposit(now.value.escrow, wanted).await } else { Ok(()) };
        // Whatever came of it: what is there pays debts.
        let collected = if known.owed > 0 { self.collector.collect(Instant::now()).await } else { Ok(()) };
        found?;
        deposited?;
        Ok(collected?)
    }

    /// Finds out what became of a deposit that was lost from sight.
    async fn find_lost(&mut self, now: &At<Solvency>) -> Result<(), Failed> {
        let Some(lost) = &mut self.lost else { return Ok(()) };
        match lost.outlook(now) {
            Outlook::MayCome => return Ok(()),
            Outlook::Arrived => self.store.end_deposit().await?,
            Outlook::Over(ends) => {
                let deposit = *lost.deposit();
                let nonce = self.chain.nonce(&account_of(&self.key)).await?;
                if nonce.block <= ends {
                    return Ok(());
                }
                match nonce.value == deposit.before().nonce {
                    // Each transaction makes it one more: so there was none, and what was lost has never come.
                    true => self.store.give_back_deposit(&deposit).await?,
                    // It may have come and been spent, or something else of the operator's has.
                    false => self.store.end_deposit().await?,
                }
            }
        }
        self.lost = None;
        Ok(())
    }

    async fn deposit(&mut self, escrow: Balance, wanted: Balance) -> Result<(), Failed> {
        // The chain takes no smaller deposit, and what is missing grows.
        if wanted < EXISTENTIAL_DEPOSIT {
            return Ok(());
        }
        // What comes after this and before the deposit only makes its fate less certain.
        let nonce = self.chain.nonce(&account_of(&self.key)).await?.value;
        let before = Before { escrow, nonce };
        let begun = self.store.begin_deposit(wanted, self.terms.per_day, EXISTENTIAL_DEPOSIT, before).await?;
        let Some(deposit) = begun else {
            tracing::debug!(target: "gateway::settle", "the escrow is low, and today's allowance for it is used up");
            return Ok(());
        };
        // Until it is stored what became of it.
        self.lost = Some(LostDeposit::new(deposit));
        let amount = deposit.planck();
        match self.chain.deposit(&self.key, &self.coordinator, amount).await {
            Ok(()) => {
                let left_out = Cai(wanted.saturating_sub(amount));
                tracing::info!(target: "gateway::settle", amount = %Cai(amount), %left_out, "deposited into the escrow");
                self.store.end_deposit().await?;
            }
            Err(error @ (ChainError::Lost { .. } | ChainError::TimedOut { .. })) => return Err(error.into()),
            Err(error) => {
                self.give_back(&deposit).await?;
                self.lost = None;
                return Err(error.into());
            }
        }
        self.lost = None;
        Ok(())
    }

    /// What was certainly not deposited may be today still.
    async fn give_back(&self, unmade: &Deposit) -> Result<(), StoreError> {
        self.store.give_back_deposit(unmade).await.inspect_err(|error| {
            let amount = Cai(unmade.planck());
            tracing::warn!(target: "gateway::settle", %error, %amount, "a deposit that failed counts for the day");
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::JournalSync,
        settle::scripted::{miner, Fate, Script},
    };
    use cuckoo_chain_client::MORTAL_BLOCKS;
    use cuckoo_primitives::CAI;
    use subxt_signer::sr25519::dev;

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

    struct Stage {
        script: Arc<Script>,
        top_ups: TopUps,
        folder: tempfile::TempDir,
    }

    impl Stage {
        /// An escrow of nothing that is to be filled with 10 CAI, 25 CAI a day.
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let script = Arc::new(Script::default());
            let top_ups = Self::begin(&script, &folder).await;
            Self { script, top_ups, folder }
        }

        async fn begin(script: &Arc<Script>, folder: &tempfile::TempDir) -> TopUps {
            let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
            let terms = TopUpTerms { low: CAI, target: 10 * CAI, per_day: 25 * CAI };
            let coordinator = AccountId::from([9; 32]);
            TopUps::resume(script.clone(), dev::alice(), coordinator, store, terms).await.unwrap()
        }

        /// The gateway ends and another begins.
        async fn restart(&mut self) {
            self.top_ups.store.close().await;
            self.top_ups = Self::begin(&self.script, &self.folder).await;
        }

        /// Waits until a deposit that was lost cannot come any more, and sees that none is made before.
        async fn wait_in_vain(&mut self) {
            let before = self.deposits();
            for _ in 0..=MORTAL_BLOCKS {
                self.act().await.unwrap();
                assert_eq!(self.deposits(), before);
            }
        }

        /// Acts on what the chain says after one more block.
        async fn act(&mut self) -> Result<(), Failed> {
            let known = {
                let mut books = self.script.books();
                books.block += 1;
                books.solvency
            };
            self.top_ups.act(&Steady { solvency: known, outstanding: 0 }).await
        }

        /// What was deposited, in CAI.
        fn deposits(&self) -> Vec<Balance> {
            self.script.books().deposits.iter().map(|amount| amount / CAI).collect()
        }
    }

    #[tokio::test]
    async fn a_deposit_that_failed_for_certain_leaves_the_day_its_allowance() {
        let mut stage = Stage::new().await;
        for fate in [Fate::Failed, Fate::Rejected, Fate::Failed, Fate::Rejected] {
            stage.script.books().fates = [fate].into();
            assert!(stage.act().await.is_err());
        }
        for _ in 0..4 {
            stage.act().await.unwrap();
            stage.script.books().solvency.escrow = 0;
        }
        assert_eq!(stage.deposits(), [10, 10, 5], "all of the day's allowance, and no more");
    }

    #[tokio::test]
    async fn a_deposit_that_was_lost_from_sight_and_came_is_not_made_again() {
        let mut stage = Stage::new().await;
        stage.script.books().fates = [Fate::LostButDone].into();
        assert!(stage.act().await.is_err());
        stage.act().await.unwrap();
        assert_eq!(stage.deposits(), [10]);
        stage.script.books().solvency.escrow = 0;
        stage.act().await.unwrap();
        assert_eq!(stage.deposits(), [10, 10], "as it came, another may follow at once");
    }

    #[tokio::test]
    async fn a_deposit_that_was_lost_from_sight_is_waited_for_as_long_as_it_may_come() {
        let mut stage = Stage::new().await;
        stage.script.books().fates = [Fate::Lost].into();
        assert!(stage.act().await.is_err());
        stage.wait_in_vain().await;
        for _ in 0..4 {
            stage.act().await.unwrap();
            stage.script.books().solvency.escrow = 0;
        }
        assert_eq!(stage.deposits(), [10, 10, 5], "it certainly never came, so it costs the day nothing");
    }

    #[tokio::test]
    async fn a_deposit_of_which_nobody_knows_counts_for_the_day() {
        let mut stage = Stage::new().await;
        stage.script.books().fates = [Fate::Lost].into();
        assert!(stage.act().await.is_err());
        // A transaction of the operator's account came. It may have been that one, and all of it was paid out since.
        stage.script.books().nonce += 1;
        stage.wait_in_vain().await;
        for _ in 0..4 {
            stage.act().await.unwrap();
            stage.script.books().solvency.escrow = 0;
        }
        assert_eq!(stage.deposits(), [10, 5]);
    }

    #[tokio::test]
    async fn a_restart_does_not_forget_a_deposit_that_was_lost_from_sight() {
        for (comes, expected) in [(true, vec![10, 10, 5]), (false, vec![10, 5])] {
            let mut stage = Stage::new().await;
            stage.script.books().fates = [Fate::Lost].into();
            assert!(stage.act().await.is_err());
            stage.restart().await;
            if comes {
                stage.script.books().deposits.push(10 * CAI);
                stage.script.books().solvency.escrow = 10 * CAI;
            } else {
                stage.script.books().nonce += 1;
                stage.wait_in_vain().await;
            }
            for _ in 0..4 {
                stage.act().await.unwrap();
                stage.script.books().solvency.escrow = 0;
                stage.restart().await;
            }
            assert_eq!(stage.deposits(), expected, "as much as the day allows, with what came late");
        }
    }

    #[tokio::test]
    async fn nothing_is_done_by_figures_of_another_moment() {
        let mut stage = Stage::new().await;
        let known = Steady { solvency: solvency(0, 0, 0), outstanding: 0 };
        stage.script.books().solvency.escrow = 10 * CAI;
        stage.top_ups.act(&known).await.unwrap();
        assert!(stage.deposits().is_empty());
    }

    #[tokio::test]
    async fn debts_are_paid_though_a_deposit_fails() {
        let mut stage = Stage::new().await;
        {
            let mut books = stage.script.books();
            books.solvency.escrow = CAI;
            books.owe(miner(1), CAI);
            books.fates = [Fate::Failed].into();
        }
        assert!(stage.act().await.is_err());
        assert_eq!(stage.script.books().solvency.owed, 0);
    }
}
