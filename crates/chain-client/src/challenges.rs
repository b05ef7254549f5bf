//! What the chain says of challenges, each as of the last finalised block.

use codec::Encode;
use cuckoo_primitives::{
    challenge::{Challenge, ChallengeId, MAX_CHALLENGES_PER_PAGE},
    AccountId,
};

use crate::{chain::Chain, error::ChainError};

/// Most challenges against one miner that are read at once.
pub const MOST_AGAINST_ONE: usize = 65_536;

impl Chain {
    /// The challenge with this number, if it waits for its answer.
    pub async fn challenge(&self, id: ChallengeId) -> Result<Option<Challenge>, ChainError> {
        let followed = self.followed()?;
        let view = followed.view();
        followed.node()?.look_up("Slashing", "open_challenge", id.encode(), (view.number, view.hash)).await
    }

    /// Challenges that wait for their answers in storage order, at most [`MAX_CHALLENGES_PER_PAGE`]: those after `after`,
    /// or from the first.
    pub async fn challenges(&self, after: Option<ChallengeId>) -> Result<Vec<(ChallengeId, Challenge)>, ChainError> {
        let followed = self.followed()?;
        let arguments = (after, MAX_CHALLENGES_PER_PAGE).encode();
        followed.node()?.market("challenges", &arguments, followed.view().hash).await
    }

    /// Those that the miner with this stash is to answer, the oldest first. Of more than [`MOST_AGAINST_ONE`] the newest are
    /// left out: somebody means that they cannot be read.
    pub async fn challenges_against(&self, miner: &AccountId) -> Result<Vec<(ChallengeId, Challenge)>, ChainError> {
        let followed = self.followed()?;
        let node = followed.node()?;
        let at = followed.view().hash;
        let mut all: Vec<(ChallengeId, Challenge)> = Vec::new();
        while all.len() < MOST_AGAINST_ONE {
            let after = all.last().map(|(id, _)| *id);
            let arguments = (miner, after, MAX_CHALLENGES_PER_PAGE).encode();
            let page: Vec<(ChallengeId, Challenge)> = node.market("challenges_against", &arguments, at).await?;
            let is_last = page.len() < MAX_CHALLENGES_PER_PAGE as usize;
            all.extend(page);
            if is_last {
                break;
            }
        }
        all.truncate(MOST_AGAINST_ONE);
        Ok(all)
    }
}
