//! Reports and challenges as transactions of the operator.

use async_trait::async_trait;
use cuckoo_chain_client::{Call, Chain, ChainError, Keypair};
use cuckoo_primitives::{challenge::Demand, evidence::Evidence, AccountId, Perbill, Role};

use super::{
    challenger::Demands,
    rater::Rates,
    reporter::{NotDone, Reports},
};

/// Signs with the operator's key, whose account pays fees and deposits.
#[derive(Clone)]
pub(crate) struct OnChain {
    chain: Chain,
    key: Keypair,
    /// The coordinator's stash.
    coordinator: AccountId,
}

impl OnChain {
    pub(crate) fn new(chain: Chain, key: Keypair, coordinator: AccountId) -> Self {
        Self { chain, key, coordinator }
    }

    async fn submit(&self, call: Call) -> Result<(), NotDone> {
        match self.chain.submit(&self.key, call).await {
            Ok(_) => Ok(()),
            Err(error) if is_final(&error) => Err(NotDone::Refused(error.to_string())),
            Err(error) => Err(NotDone::Later(error.to_string())),
        }
    }
}

/// Whether the chain has judged it, and would judge again so. To be refused for want of coins is no judgement.
fn is_final(error: &ChainError) -> bool {
    matches!(error, ChainError::Dispatch { pallet, error, .. } if pallet == "Slashing" && error != "TooEarlyToAsk")
}

#[async_trait]
impl Reports for OnChain {
    async fn report(&self, evidence: Evidence) -> Result<(), NotDone> {
        self.submit(Call::Report { evidence: Box::new(evidence) }).await
    }
}

#[async_trait]
impl Demands for OnChain {
    async fn demand(&self, demand: Demand) -> Result<(), NotDone> {
        self.submit(Call::Challenge { demand: Box::new(demand) }).await
    }
}

#[async_trait]
impl Rates for OnChain {
    fn is_miner(&self, stash: &AccountId) -> bool {
        self.chain.view().by_stash(stash).is_some_and(|candidate| candidate.role == Role::Miner)
    }

    async fn rating(&self, stash: &AccountId) -> Result<Perbill, NotDone> {
        self.chain.rating(&self.coordinator, stash).await.map_err(|error| NotDone::Later(error.to_string()))
    }

    async fn rate(&self, ratings: Vec<(AccountId, Perbill)>) -> Result<(), NotDone> {
        self.submit(Call::Rate { ratings }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_chain_has_judged_is_over() {
        let refused = |pallet: &str, error: &str| ChainError::Dispatch {
            pallet: pallet.into(),
            error: error.into(),
            docs: String::new(),
        };
        assert!(is_final(&refused("Slashing", "AlreadyReported")));
        assert!(!is_final(&refused("Slashing", "TooEarlyToAsk")));
        assert!(!is_final(&refused("Balances", "AlreadyReported")));
        assert!(!is_final(&ChainError::Disconnected));
        assert!(!is_final(&ChainError::Rejected { reason: "inability to pay".into() }));
    }
}
