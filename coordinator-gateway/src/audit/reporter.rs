//! Brings proof of faults before the chain.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cuckoo_primitives::evidence::Evidence;
use tokio_util::sync::CancellationToken;

use crate::store::{EvidenceStore, StoreError};

/// How often it is looked what is to be reported.
const PACE: Duration = Duration::from_secs(3);
/// Most reports that are made before it is looked again.
const AT_ONCE: u32 = 8;

/// Why something was not done on the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotDone {
    /// The chain refuses it, and always will.
    Refused(String),
    /// It may be done later.
    Later(String),
}

/// Reports faults to the chain.
#[async_trait]
pub(crate) trait Reports: Send + Sync + 'static {
    /// Returns when the report is in a final block.
    async fn report(&self, evidence: Evidence) -> Result<(), NotDone>;
}

/// Reports what was found until `stop`.
pub(crate) async fn run(evidence: EvidenceStore, chain: Arc<dyn Reports>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(PACE)).await.is_some() {
        let reporting = stop.run_until_cancelled(report_all(&evidence, chain.as_ref())).await;
        if let Some(Err(error)) = reporting {
            tracing::error!(target: "gateway::audit", %error, "it is not known what is to be reported");
        }
    }
}

async fn report_all(store: &EvidenceStore, chain: &dyn Reports) -> Result<(), StoreError> {
    for evidence in store.unreported(AT_ONCE).await? {
        let miner = &evidence.spec().miner;
        match chain.report(evidence.clone()).await {
            Ok(()) => {
                tracing::warn!(target: "gateway::audit", %miner, "a miner's fault is reported");
                metrics::counter!("gateway_reports_total", "outcome" => "reported").increment(1);
                store.reported(&evidence).await?;
            }
            // Others may have been faster; the fault is on the docket all the same.
            Err(NotDone::Refused(reason)) => {
                tracing::info!(target: "gateway::audit", { %miner, reason }, "the chain refuses a report");
                metrics::counter!("gateway_reports_total", "outcome" => "refused").increment(1);
                store.reported(&evidence).await?;
            }
            Err(NotDone::Later(reason)) => {
                tracing::warn!(
                    target: "gateway::audit",
                    { %miner, reason },
                    "a miner's fault could not be reported and is tried again; a report takes the fee of a transaction until \
                     it is found valid: see that the operator's account has coins"
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
    use crate::{config::JournalSync, store::Store};

    struct Scripted(Mutex<Vec<Result<(), NotDone>>>);

    #[async_trait]
    impl Reports for Scripted {
        async fn report(&self, _: Evidence) -> Result<(), NotDone> {
            self.0.lock().remove(0)
        }
    }

    #[tokio::test]
    async fn what_was_found_is_reported_once_and_again_if_it_could_not_be() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap().evidence();
        for completion_tokens in 0..3 {
            let mut receipt = receipt();
            receipt.completion_tokens = completion_tokens;
            let signed = SignedReceipt { receipt, signature: [7; 64] };
            store.add(&Evidence::Excess { receipt: signed }).await.unwrap();
        }
        let (refused, later) = (NotDone::Refused("known".into()), NotDone::Later("no coins".into()));
        let chain = Scripted(Mutex::new(vec![Ok(()), Err(refused), Err(later), Ok(())]));
        report_all(&store, &chain).await.unwrap();
        assert_eq!(store.unreported(9).await.unwrap().len(), 1);
        report_all(&store, &chain).await.unwrap();
        assert!(store.unreported(9).await.unwrap().is_empty() && chain.0.lock().is_empty());
    }
}
