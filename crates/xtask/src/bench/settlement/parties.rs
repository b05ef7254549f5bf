//! Who takes part, and the chain on which they begin.

use anyhow::Context;
use cuckoo_chain_client::{account_of, Keypair};
use cuckoo_primitives::{signing::blake2_256, AccountId, Balance, Role, CAI};
use cuckoo_testkit::{ChainSpec, Founder};

/// How many pay.
pub(super) const COORDINATORS: u32 = 10;
/// How many are paid.
pub(super) const MINERS: u32 = 1_000;
const COORDINATOR_STAKE: Balance = 2_500_000 * CAI;
const MINER_STAKE: Balance = 25_000 * CAI;
/// What each coordinator can pay.
const ESCROW: Balance = 10_000 * CAI;
/// For fees.
const FUNDS: Balance = 100 * CAI;
/// No era ends while it is measured: paying that out would take room in blocks.
const SESSIONS_PER_ERA: u32 = 10_000;

/// All of them.
pub(super) struct Parties {
    pub(super) coordinators: Vec<Party>,
    pub(super) miners: Vec<Party>,
}

/// A coordinator or a miner.
pub(super) struct Party {
    pub(super) stash: AccountId,
    pub(super) operator: Keypair,
}

impl Parties {
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self { coordinators: several("coordinator", COORDINATORS)?, miners: several("miner", MINERS)? })
    }

    /// The `dev` chain with all of them registered, bonded and funded.
    pub(super) fn chain(&self) -> anyhow::Result<ChainSpec> {
        let mut spec = ChainSpec::dev()?.sessions_per_era(SESSIONS_PER_ERA)?;
        for (number, party) in self.coordinators.iter().enumerate() {
            let endpoint = "http://127.0.0.1:7701";
            spec = party.join(spec, Role::Coordinator, COORDINATOR_STAKE, number, endpoint)?;
            spec = spec.escrow(&party.stash, ESCROW)?;
        }
        for (number, party) in self.miners.iter().enumerate() {
            spec = party.join(spec, Role::Miner, MINER_STAKE, number, "")?;
        }
        Ok(spec)
    }
}

impl Party {
    fn join(
        &self,
        spec: ChainSpec,
        role: Role,
        stake: Balance,
        number: usize,
        endpoint: &str,
    ) -> anyhow::Result<ChainSpec> {
        let founder = Founder {
            stash: self.stash.clone(),
            operator: account_of(&self.operator),
            role,
            stake,
            name: format!("{role:?} {number}"),
            endpoint: endpoint.into(),
        };
        let spec = spec.funds(&founder.stash, stake + ESCROW + FUNDS)?.funds(&founder.operator, FUNDS)?;
        spec.founder(&founder)
    }
}

fn several(kind: &str, count: u32) -> anyhow::Result<Vec<Party>> {
    (0..count).map(|number| party(kind, number)).collect()
}

fn party(kind: &str, number: u32) -> anyhow::Result<Party> {
    let hash = |what: &str| blake2_256(&[b"bench settlement", what.as_bytes(), kind.as_bytes(), &number.to_le_bytes()]);
    let operator = Keypair::from_secret_key(hash("operator").0).context("the seed makes no key")?;
    Ok(Party { stash: AccountId::from(hash("stash").0), operator })
}
