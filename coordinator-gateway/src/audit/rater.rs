//! Tells the chain what audits think of miners.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use cuckoo_primitives::{settlement::MAX_RATINGS, AccountId, Perbill};
use tokio_util::sync::CancellationToken;

use super::{reporter::NotDone, Auditor};

/// How often it is looked what has changed.
const PACE: Duration = Duration::from_secs(10);
/// A smaller change is not worth a transaction, unless now all is good or nothing is.
const STEP: Perbill = Perbill::from_percent(5);

/// Rates miners on the chain in the coordinator's name.
#[async_trait]
pub(crate) trait Rates: Send + Sync + 'static {
    /// Whether the stash is a miner's, so that it can be rated.
    fn is_miner(&self, stash: &AccountId) -> bool;
    /// What the chain knows that the coordinator thinks of the miner.
    async fn rating(&self, stash: &AccountId) -> Result<Perbill, NotDone>;
    /// Returns when the ratings are in a final block.
    async fn rate(&self, ratings: Vec<(AccountId, Perbill)>) -> Result<(), NotDone>;
}

/// Rates miners as audits find them, until `stop`.
pub(crate) async fn run(auditor: Arc<Auditor>, chain: Arc<dyn Rates>, stop: CancellationToken) {
    let mut rater = Rater::default();
    while stop.run_until_cancelled(tokio::time::sleep(PACE)).await.is_some() {
        let rating = stop.run_until_cancelled(rater.rate(&auditor.qualities(), chain.as_ref())).await;
        if let Some(Err(NotDone::Refused(reason) | NotDone::Later(reason))) = rating {
            tracing::warn!(
                target: "gateway::audit",
                reason,
                "the chain does not know yet what audits think of some miners; trying again. A rating takes the fee of a \
                 transaction: see that the operator's account has coins"
            );
        }
    }
}

/// Knows what the chain knows.
#[derive(Default)]
struct Rater {
    known: HashMap<AccountId, Perbill>,
}

impl Rater {
    /// Rates those of whom something else is thought than the chain knows.
    async fn rate(&mut self, qualities: &[(AccountId, Perbill)], chain: &dyn Rates) -> Result<(), NotDone> {
        let mut news = Vec::new();
        for (miner, quality) in qualities.iter().filter(|(miner, _)| chain.is_miner(miner)) {
            if news.len() == MAX_RATINGS as usize {
                break;
            }
            if is_news(self.known(miner, chain).await?, *quality) {
                news.push((miner.clone(), *quality));
            }
        }
        if news.is_empty() {
            return Ok(());
        }
        // Whatever comes of it, the chain is asked before the next time.
        self.known.retain(|miner, _| news.iter().all(|(other, _)| other != miner));
        chain.rate(news.clone()).await?;
        for (miner, quality) in news {
            tracing::info!(target: "gateway::audit", %miner, percents = quality * 100u32, "the chain knows what audits think of a miner");
            self.known.insert(miner, quality);
        }
        Ok(())
    }

    async fn known(&mut self, miner: &AccountId, chain: &dyn Rates) -> Result<Perbill, NotDone> {
        if let Some(known) = self.known.get(miner) {
            return Ok(*known);
        }
        let known = chain.rating(miner).await?;
        self.known.insert(miner.clone(), known);
        Ok(known)
    }
}

/// Whether the chain should know that a miner is thought so of `now`.
fn is_news(known: Perbill, now: Perbill) -> bool {
    let is_end = now.is_one() || now.is_zero();
    let change = if now > known { now - known } else { known - now };
    known != now && (is_end || change >= STEP)
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    #[derive(Default)]
    struct Chain(Mutex<State>);

    #[derive(Default)]
    struct State {
        ratings: HashMap<AccountId, Perbill>,
        asked: usize,
        calls: Vec<usize>,
        failures: Vec<NotDone>,
    }

    #[async_trait]
    impl Rates for Chain {
        fn is_miner(&self, stash: &AccountId) -> bool {
            *stash != miner(99)
        }

        async fn rating(&self, stash: &AccountId) -> Result<Perbill, NotDone> {
            let mut state = self.0.lock();
            state.asked += 1;
            Ok(state.ratings.get(stash).copied().unwrap_or(Perbill::one()))
        }

        async fn rate(&self, ratings: Vec<(AccountId, Perbill)>) -> Result<(), NotDone> {
            let mut state = self.0.lock();
            if let Some(failure) = state.failures.pop() {
                return Err(failure);
            }
            state.calls.push(ratings.len());
            state.ratings.extend(ratings);
            Ok(())
        }
    }

    fn miner(number: u8) -> AccountId {
        AccountId::from([number; 32])
    }

    fn percent(percent: u32) -> Perbill {
        Perbill::from_percent(percent)
    }

    #[tokio::test]
    async fn only_what_is_news_is_said() {
        let (chain, mut rater) = (Chain::default(), Rater::default());
        for (quality, calls) in [(100, 0), (96, 0), (95, 1), (91, 1), (99, 1), (100, 2), (1, 3), (0, 4), (0, 4)] {
            rater.rate(&[(miner(1), percent(quality)), (miner(99), percent(0))], &chain).await.unwrap();
            assert_eq!(chain.0.lock().calls.len(), calls, "{quality} %");
        }
        let state = chain.0.lock();
        assert_eq!((state.ratings.clone(), state.asked), ([(miner(1), percent(0))].into(), 1));
    }

    #[tokio::test]
    async fn what_the_chain_knew_before_a_restart_is_mended() {
        let chain = Chain::default();
        chain.0.lock().ratings.insert(miner(1), percent(10));
        Rater::default().rate(&[(miner(1), percent(100))], &chain).await.unwrap();
        assert_eq!(chain.0.lock().ratings[&miner(1)], percent(100));
    }

    #[tokio::test]
    async fn what_failed_is_said_again() {
        let (chain, mut rater) = (Chain::default(), Rater::default());
        chain.0.lock().failures = vec![NotDone::Refused("no miner".into()), NotDone::Later("no coins".into())];
        for is_done in [false, false, true] {
            assert_eq!(rater.rate(&[(miner(1), percent(0))], &chain).await.is_ok(), is_done);
        }
        assert_eq!(chain.0.lock().calls, [1]);
    }

    #[tokio::test]
    async fn many_are_rated_in_several_calls() {
        let (chain, mut rater) = (Chain::default(), Rater::default());
        let all: Vec<_> = (0..90).map(|number| (miner(number), percent(0))).collect();
        for _ in 0..3 {
            rater.rate(&all, &chain).await.unwrap();
        }
        assert_eq!(chain.0.lock().calls, [64, 26]);
    }
}
