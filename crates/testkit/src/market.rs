//! Acting on the chain as the development accounts: register, vote, chill.

use std::time::Duration;

use anyhow::{ensure, Context};
use cuckoo_chain_client::{Call, Chain, ChainConfig, Inclusion};
use cuckoo_primitives::{
    candidate::CandidateInfo,
    signing::{OperatorConsent, Statement},
    AccountId, Balance, Candidate, Role,
};

use crate::{
    keys::{account, keypair, stash_of},
    node::Node,
    wait::until,
};

/// The chain of a node, with calls in terms of development operators.
pub struct Market {
    chain: Chain,
}

impl Market {
    /// Follows the chain of `node`.
    pub async fn connect(node: &Node) -> anyhow::Result<Self> {
        let chain = Chain::connect(ChainConfig::new([node.rpc_url()])).await?;
        Ok(Self { chain })
    }

    /// The chain client.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Signs `call` with the key of `suri`, and returns when it is final.
    pub async fn submit(&self, suri: &str, call: Call) -> anyhow::Result<Inclusion> {
        let what = format!("{suri}: {call:?}");
        self.chain.submit(&keypair(suri)?, call).await.context(what)
    }

    /// The candidate that `operator` runs, as of the last finalised block.
    pub fn candidate(&self, operator: &str) -> anyhow::Result<Candidate> {
        let found = self.chain.view().by_operator(&account(operator)?).map(|candidate| Candidate::clone(candidate));
        found.with_context(|| format!("no candidate has the operator {operator}"))
    }

    /// Bonds `stake` planck from the stash of `operator` and registers it.
    pub async fn register(&self, operator: &str, role: Role, stake: Balance, endpoint: &str) -> anyhow::Result<()> {
        let stash = stash_of(operator);
        self.submit(&stash, Call::Bond { value: stake }).await?;
        let era = self.chain.view().era;
        let consent_expires = era.era + era.bonding_eras;
        let consent = OperatorConsent { stash: account(&stash)?, role, expires: consent_expires };
        let proof = keypair(operator)?.sign(consent.signing_hash(&self.chain.genesis()).as_bytes()).0;
        let call = Call::Register {
            role,
            operator: account(operator)?,
            consent_expires,
            proof,
            self_stake: stake,
            info: info(operator, endpoint)?,
        };
        self.submit(&stash, call).await.map(drop)
    }

    /// Waits until the candidate of `operator` may work; new stake counts from the next era.
    pub async fn until_active(&self, operator: &str, limit: Duration) -> anyhow::Result<Candidate> {
        until(limit, &format!("{operator} to be active"), async || {
            let candidate = self.candidate(operator)?;
            ensure!(candidate.is_active(), "it is {:?}", candidate.status);
            Ok(candidate)
        })
        .await
    }

    /// Waits until `backing` planck stand behind the candidate of `operator`.
    pub async fn until_backing(&self, operator: &str, backing: Balance, limit: Duration) -> anyhow::Result<()> {
        until(limit, &format!("{operator} to have {backing} planck of backing"), async || {
            let candidate = self.candidate(operator)?;
            ensure!(candidate.backing == backing, "it has {} (next era {})", candidate.backing, candidate.next_backing);
            Ok(())
        })
        .await
    }

    /// How long two eras take, and a little more: within this, what was voted counts.
    pub fn two_eras(&self) -> Duration {
        let era = self.chain.view().era;
        let era_ms = u64::from(era.sessions_per_era) * u64::from(era.session_blocks) * era.slot_ms;
        Duration::from_millis(2 * era_ms) + Duration::from_secs(15)
    }
}

/// The account of the stash behind a development operator.
pub fn stash_account(operator: &str) -> anyhow::Result<AccountId> {
    account(&stash_of(operator))
}

/// How the candidate of a development operator presents itself.
pub fn info(operator: &str, endpoint: &str) -> anyhow::Result<CandidateInfo> {
    let bytes = |text: &str| text.as_bytes().to_vec();
    let too_long = |_| anyhow::anyhow!("the name or endpoint is too long");
    Ok(CandidateInfo {
        name: bytes(operator).try_into().map_err(too_long)?,
        introduction: bytes("a candidate of the tests").try_into().map_err(too_long)?,
        endpoint: bytes(endpoint).try_into().map_err(too_long)?,
    })
}
