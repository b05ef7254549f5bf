//! Has own debts paid out of the escrow.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use cuckoo_chain_client::{Cai, ChainError, Keypair};
use cuckoo_primitives::{currency::EXISTENTIAL_DEPOSIT, settlement::Solvency, AccountId, Balance};
use tokio::time::Instant;

use super::{
    pauses::{Pauses, FIRST_PAUSE},
    source::SettlementSource,
};

/// The longest pause before a debt is tried again that could not be paid.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);
/// Most debts that are collected one after the other before it is looked again what is needed.
const MAX_COLLECTED: usize = 64;

/// Collects own debts. Each try costs a fee, so a debt that cannot be paid is left alone for longer and longer, until
/// something has changed that could help.
pub(super) struct Collector {
    chain: Arc<dyn SettlementSource>,
    key: Keypair,
    coordinator: AccountId,
    /// Debts that could not be paid, by the miner's stash.
    unpaid: HashMap<AccountId, Unpaid>,
}

/// A debt that could not be paid.
struct Unpaid {
    when: Circumstances,
    tried: Instant,
    until: Instant,
    pauses: Pauses,
}

/// All that a payment hangs on, in planck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Circumstances {
    debt: Balance,
    escrow: Balance,
    stake: Balance,
}

impl Circumstances {
    /// Whether what failed then might work now. An escrow that shrinks, as with every payment, is no help.
    fn are_better_than(&self, then: &Self) -> bool {
        self.escrow > then.escrow || self.debt != then.debt || self.stake != then.stake
    }
}

impl Unpaid {
    fn is_due(&self, now: Instant, circumstances: &Circumstances) -> bool {
        let is_hopeful = circumstances.are_better_than(&self.when) && now >= self.tried + FIRST_PAUSE;
        is_hopeful || now >= self.until
    }
}

impl Collector {
    pub(super) fn new(chain: Arc<dyn SettlementSource>, key: Keypair, coordinator: AccountId) -> Self {
        Self { chain, key, coordinator, unpaid: HashMap::new() }
    }

    /// Has debts paid that are due to be tried at `now`, as far as there is escrow.
    pub(super) async fn collect(&mut self, now: Instant) -> Result<(), ChainError> {
        let mut open = self.chain.debts(&self.coordinator).await?;
        open.retain(|(_, debt)| debt.open > 0);
        let owed_to: HashSet<&AccountId> = open.iter().map(|(miner, _)| miner).collect();
        self.unpaid.retain(|miner, _| owed_to.contains(miner));
        let mut solvency = self.solvency().await?;
        let mut tried = 0;
        for (miner, debt) in open {
            if solvency.escrow == 0 || tried >= MAX_COLLECTED {
                return Ok(());
            }
            let circumstances = Circumstances { debt: debt.open, escrow: solvency.escrow, stake: solvency.stake };
            if self.unpaid.get(&miner).is_some_and(|unpaid| !unpaid.is_due(now, &circumstances)) {
                continue;
            }
            tried += 1;
            self.try_one(miner, circumstances, now).await?;
            solvency = self.solvency().await?;
        }
        Ok(())
    }

    /// Has one debt paid. Whatever becomes of a transaction that was lost from sight, the next look at the debts shows it,
    /// and to send it twice does no harm.
    async fn try_one(
        &mut self,
        miner: AccountId,
        circumstances: Circumstances,
        now: Instant,
    ) -> Result<(), ChainError> {
        let amount = Cai(circumstances.debt);
        match self.chain.collect(&self.key, &self.coordinator, &miner).await {
            Ok(()) => {
                tracing::info!(target: "gateway::settle", %miner, %amount, "had a debt paid");
                self.unpaid.remove(&miner);
                Ok(())
            }
            Err(error @ (ChainError::Dispatch { .. } | ChainError::Lost { .. } | ChainError::TimedOut { .. })) => {
                if self.put_off(miner.clone(), circumstances, now) {
                    let mend = mend(&error, &miner);
                    tracing::warn!(
                        target: "gateway::settle",
                        %miner,
                        %amount,
                        %error,
                        mend,
                        "a debt could not be paid; it is tried again when something has changed, and within the hour"
                    );
                } else {
                    tracing::debug!(target: "gateway::settle", %miner, %amount, %error, "a debt can still not be paid");
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Leaves a debt alone for a while; whether that is news.
    fn put_off(&mut self, miner: AccountId, when: Circumstances, now: Instant) -> bool {
        let before = self.unpaid.remove(&miner).filter(|before| !when.are_better_than(&before.when));
        let is_news = before.is_none();
        let mut pauses = before.map_or_else(|| Pauses::up_to(LONGEST_PAUSE), |before| before.pauses);
        let until = now + pauses.take();
        self.unpaid.insert(miner, Unpaid { when, tried: now, until, pauses });
        is_news
    }

    async fn solvency(&self) -> Result<Solvency, ChainError> {
        Ok(self.chain.solvency(&self.coordinator).await?.value)
    }
}

/// What the coordinator's operator can do about a debt that could not be paid; empty if nothing but wait.
fn mend(error: &ChainError, miner: &AccountId) -> String {
    match error {
        ChainError::Dispatch { error, .. } if error == "MinerCannotReceive" => format!(
            "the miner's account is gone, and the debt is less than an account must hold; until it is paid no miner takes \
             paid work from this coordinator. Send {} to {miner} (balances.transferKeepAlive), then have the debt paid \
             with settlement.collect, which anybody may call, or wait for the next try",
            Cai(EXISTENTIAL_DEPOSIT)
        ),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settle::scripted::{miner, Fate, Script};
    use subxt_signer::sr25519::dev;

    /// A coordinator with an escrow of 100 that owes 30 to the miner 1.
    fn owing() -> (Arc<Script>, Collector) {
        let script = Arc::new(Script::default());
        script.books().solvency.escrow = 100;
        script.books().owe(miner(1), 30);
        (script.clone(), Collector::new(script, dev::alice(), AccountId::from([9; 32])))
    }

    /// Collects once a second for so long; after how many seconds each try was made.
    async fn tries(script: &Script, collector: &mut Collector, from: u64, seconds: u64) -> Vec<u64> {
        let began = Instant::now();
        let mut tries = Vec::new();
        for second in from..from + seconds {
            script.books().collected.clear();
            script.books().fates = [Fate::Failed; 8].into();
            collector.collect(began + Duration::from_secs(second)).await.unwrap();
            tries.extend(script.books().collected.iter().map(|_| second));
        }
        tries
    }

    #[tokio::test]
    async fn debts_are_paid_one_after_the_other_as_far_as_there_is_escrow() {
        let (script, mut collector) = owing();
        script.books().owe(miner(2), 80);
        script.books().owe(miner(3), 5);
        collector.collect(Instant::now()).await.unwrap();
        let books = script.books();
        assert_eq!(books.collected, [miner(1), miner(2)], "then nothing is left");
        assert_eq!((books.solvency.escrow, books.solvency.owed), (0, 15));
    }

    #[tokio::test]
    async fn a_debt_that_cannot_be_paid_is_tried_less_and_less_often() {
        let (script, mut collector) = owing();
        assert_eq!(tries(&script, &mut collector, 0, 640).await, [0, 10, 30, 70, 150, 310, 630]);
        let later = tries(&script, &mut collector, 640, 4 * 3_600).await;
        let last: Vec<u64> = later.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(last[last.len() - 2..], [3_600, 3_600], "{later:?}");
    }

    #[tokio::test]
    async fn it_is_tried_again_when_something_has_changed_that_could_help() {
        let changes: [fn(&mut Solvency); 2] = [|solvency| solvency.escrow += 1, |solvency| solvency.stake += 1];
        for change in changes {
            let (script, mut collector) = owing();
            tries(&script, &mut collector, 0, 400).await;
            change(&mut script.books().solvency);
            assert_eq!(tries(&script, &mut collector, 400, 15).await, [0, 10].map(|after| 400 + after));
        }
        let (script, mut collector) = owing();
        tries(&script, &mut collector, 0, 400).await;
        script.books().owe(miner(1), 31);
        assert_eq!(tries(&script, &mut collector, 400, 5).await, [400]);
        script.books().solvency.escrow -= 1;
        assert!(tries(&script, &mut collector, 405, 4).await.is_empty(), "less escrow helps nobody");
    }

    #[tokio::test]
    async fn changes_in_every_block_do_not_burn_a_fee_in_every_block() {
        let (script, mut collector) = owing();
        let began = Instant::now();
        for second in 0..60 {
            script.books().solvency.escrow += 1;
            script.books().fates = [Fate::Failed].into();
            collector.collect(began + Duration::from_secs(second)).await.unwrap();
        }
        assert_eq!(script.books().collected.len(), 6);
    }

    #[tokio::test]
    async fn one_that_cannot_be_paid_does_not_hold_up_the_others() {
        let (script, mut collector) = owing();
        script.books().owe(miner(2), 40);
        script.books().fates = [Fate::Failed].into();
        let now = Instant::now();
        collector.collect(now).await.unwrap();
        assert_eq!(script.books().solvency.owed, 30);
        collector.collect(now).await.unwrap();
        assert_eq!(script.books().collected, [miner(1), miner(2)]);
    }

    #[test]
    fn whoever_owes_to_an_account_that_is_gone_is_told_what_to_send() {
        let refused = |error: &str| ChainError::Dispatch {
            pallet: "Settlement".into(),
            error: error.into(),
            docs: String::new(),
        };
        let mend = |error| super::mend(&error, &miner(1));
        let told = mend(refused("MinerCannotReceive"));
        for said in [Cai(EXISTENTIAL_DEPOSIT).to_string(), miner(1).to_string(), "settlement.collect".into()] {
            assert!(told.contains(&said), "{said} is not in {told:?}");
        }
        assert_eq!(mend(refused("NothingLeft")), "");
        assert_eq!(mend(ChainError::Lost { reason: "gone".into() }), "");
    }

    #[tokio::test]
    async fn one_whose_payment_was_lost_from_sight_goes_by_what_the_chain_says() {
        let (script, mut collector) = owing();
        let now = Instant::now();
        script.books().fates = [Fate::LostButDone].into();
        collector.collect(now).await.unwrap();
        collector.collect(now + LONGEST_PAUSE).await.unwrap();
        assert_eq!(script.books().collected.len(), 1, "the chain says that it is paid");
        assert!(collector.unpaid.is_empty());
        script.books().owe(miner(1), 20);
        script.books().fates = [Fate::Lost].into();
        collector.collect(now).await.unwrap();
        collector.collect(now + FIRST_PAUSE).await.unwrap();
        let books = script.books();
        assert_eq!((books.collected.len(), books.solvency.owed), (3, 0), "it never came, so it is sent again");
    }

    #[tokio::test]
    async fn without_a_fee_for_it_nothing_else_is_tried() {
        let (script, mut collector) = owing();
        script.books().owe(miner(2), 40);
        script.books().fates = [Fate::Rejected].into();
        let failed = collector.collect(Instant::now()).await.unwrap_err();
        assert!(matches!(failed, ChainError::Rejected { .. }), "{failed}");
        assert_eq!(script.books().collected, [miner(1)]);
    }
}
