//! What the chain asks of this miner, and what this miner tells it.

use async_trait::async_trait;
use cuckoo_chain_client::{account_of, Call, Chain, ChainError, Keypair, MOST_AGAINST_ONE};
use cuckoo_primitives::{
    challenge::{Challenge, ChallengeId, MAX_CHALLENGES_PER_PAGE},
    AccountId, Balance, BlockNumber,
};

/// Challenges as of the last finalised block.
#[async_trait]
pub trait Source: Send + Sync {
    /// The open challenges of the miner with this stash; without one, of whatever miner this operator signed for.
    async fn challenges(&self, stash: Option<&AccountId>) -> Result<Vec<(ChallengeId, Challenge)>, ChainError>;
    /// What the operator's account holds freely, in planck.
    async fn balance(&self) -> Result<Balance, ChainError>;
    /// What this call costs whoever signs it, in planck.
    async fn fee(&self, call: &Call) -> Result<Balance, ChainError>;
    /// Signs the call and waits until it is final. Returns the height of the block that it is in.
    async fn submit(&self, call: Call) -> Result<BlockNumber, ChainError>;
}

/// More challenges of one operator among all are not read, as of one stash.
const MOST_PAGES: usize = MOST_AGAINST_ONE / MAX_CHALLENGES_PER_PAGE as usize;

/// A chain, and the operator's key, which signs answers and advances their fees.
pub struct OnChain {
    chain: Chain,
    signer: Keypair,
}

impl OnChain {
    /// Answers are signed by `signer`.
    pub fn new(chain: Chain, signer: Keypair) -> Self {
        Self { chain, signer }
    }

    /// All open challenges to this operator, out of those to everybody.
    async fn to_operator(&self) -> Result<Vec<(ChallengeId, Challenge)>, ChainError> {
        let operator = account_of(&self.signer);
        let (mut own, mut after) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let page = self.chain.challenges(after).await?;
            let is_last = page.len() < MAX_CHALLENGES_PER_PAGE as usize;
            after = page.last().map(|(id, _)| *id);
            own.extend(page.into_iter().filter(|(_, challenge)| challenge.operator == operator));
            if is_last {
                return Ok(own);
            }
        }
        Err(ChainError::Node("it lists challenges without end".into()))
    }
}

#[async_trait]
impl Source for OnChain {
    async fn challenges(&self, stash: Option<&AccountId>) -> Result<Vec<(ChallengeId, Challenge)>, ChainError> {
        match stash {
            Some(stash) => self.chain.challenges_against(stash).await,
            None => self.to_operator().await,
        }
    }

    async fn balance(&self) -> Result<Balance, ChainError> {
        self.chain.free_balance(&account_of(&self.signer)).await
    }

    async fn fee(&self, call: &Call) -> Result<Balance, ChainError> {
        self.chain.fee(&self.signer, call).await
    }

    async fn submit(&self, call: Call) -> Result<BlockNumber, ChainError> {
        self.chain.submit(&self.signer, call).await.map(|inclusion| inclusion.block_number)
    }
}
