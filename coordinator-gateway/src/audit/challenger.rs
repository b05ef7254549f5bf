//! Asks miners on the chain what they did not say off it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cuckoo_primitives::challenge::Demand;
use tokio_util::sync::CancellationToken;

use super::reporter::NotDone;
use crate::store::{DemandStore, OpenDemand, StoreError};

/// How often it is looked what is to be demanded.
const PACE: Duration = Duration::from_secs(5);
/// Most demands that are made before it is looked again.
const AT_ONCE: u32 = 8;

/// Makes demands on the chain.
#[async_trait]
pub(crate) trait Demands: Send + Sync + 'static {
    /// Returns when the demand is in a final block.
    async fn demand(&self, demand: Demand) -> Result<(), NotDone>;
}

/// Makes the demands that are due until `stop`.
pub(crate) async fn run(demands: DemandStore, chain: Arc<dyn Demands>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(PACE)).await.is_some() {
        let making = stop.run_until_cancelled(make_due(&demands, chain.as_ref())).await;
        if let Some(Err(error)) = making {
            tracing::error!(target: "gateway::audit", %error, "it is not known what is to be demanded of miners");
        }
    }
}

async fn make_due(demands: &DemandStore, chain: &dyn Demands) -> Result<(), StoreError> {
    for OpenDemand { hash, demand } in demands.due(AT_ONCE).await? {
        let miner = demand.spec().miner.clone();
        match chain.demand(demand).await {
            Ok(()) => {
                tracing::warn!(target: "gateway::audit", %miner, "a miner is challenged on the chain");
                metrics::counter!("gateway_challenges_total", "outcome" => "made").increment(1);
                demands.done(&hash).await?;
            }
            Err(NotDone::Refused(reason)) => {
                tracing::warn!(target: "gateway::audit", { %miner, reason }, "the chain refuses a challenge");
                metrics::counter!("gateway_challenges_total", "outcome" => "refused").increment(1);
                demands.done(&hash).await?;
            }
            Err(NotDone::Later(reason)) => {
                tracing::warn!(
                    target: "gateway::audit",
                    { %miner, reason },
                    "a miner could not be challenged and is tried again; a challenge takes a deposit from the operator's \
                     account, see that it has coins"
                );
                // What kept this one back keeps back the others.
                return Ok(());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use cuckoo_primitives::{evidence::SignedReceipt, fixture::receipt};
    use parking_lot::Mutex;

    use super::*;
    use crate::{
        config::JournalSync,
        store::{now_ms, Store},
    };

    struct Scripted {
        answers: Mutex<Vec<Result<(), NotDone>>>,
        made: Mutex<Vec<u32>>,
    }

    #[async_trait]
    impl Demands for Scripted {
        async fn demand(&self, demand: Demand) -> Result<(), NotDone> {
            let answer = self.answers.lock().remove(0);
            if let (Ok(()), Demand::Opening { index, .. }) = (&answer, demand) {
                self.made.lock().push(index);
            }
            answer
        }
    }

    #[tokio::test]
    async fn what_is_due_is_demanded_once_and_again_if_it_could_not_be() {
        let folder = tempfile::tempdir().unwrap();
        let demands = Store::open(folder.path(), JournalSync::Normal).await.unwrap().demands();
        let miner = receipt().spec.miner;
        for (index, before) in [(0, 30), (1, 20), (2, 10)] {
            let demand = Demand::Opening { receipt: SignedReceipt { receipt: receipt(), signature: [7; 64] }, index };
            demands.add(&miner, &demand, (now_ms() - before, now_ms() + 60_000), 9).await.unwrap();
        }
        let (refused, later) = (NotDone::Refused("answered before".into()), NotDone::Later("no coins".into()));
        let answers = Mutex::new(vec![Ok(()), Err(refused), Err(later), Ok(())]);
        let chain = Scripted { answers, made: Mutex::default() };
        make_due(&demands, &chain).await.unwrap();
        assert_eq!(*chain.made.lock(), [0]);
        make_due(&demands, &chain).await.unwrap();
        assert_eq!(*chain.made.lock(), [0, 2], "what was refused is not asked again");
        assert!(demands.due(9).await.unwrap().is_empty());
    }
}
