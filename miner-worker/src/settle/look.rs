//! What the chain says of one coordinator, as far as this miner cares.

use std::collections::{BTreeMap, BTreeSet};

use cuckoo_chain_client::ChainError;
use cuckoo_primitives::{
    settlement::{Debt, Settled, Solvency},
    AccountId, Balance,
};

use super::source::Source;
use crate::wallet::{ChannelKey, Held};

/// What the chain says of one coordinator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// What stands behind its vouchers.
    pub(crate) solvency: Solvency,
    /// The part of its stake that will answer to this miner for new work; 0 if this miner has no stash.
    pub(crate) cover: Balance,
    /// The part of its stake that answers to this miner now; 0 if this miner has no stash.
    pub(crate) claimable: Balance,
    /// Its channels in this wallet that were not known to be settled to the end.
    pub(crate) settled: BTreeMap<ChannelKey, Settled>,
    /// What it owes to this miner's stash, and to those for which this wallet has vouchers.
    pub(crate) debts: Vec<(AccountId, Debt)>,
}

/// Reads it. Channels that are `known` to be settled to the end are not asked for again.
pub(crate) async fn look(
    source: &dyn Source,
    vouchers: &BTreeMap<ChannelKey, Held>,
    known: &BTreeMap<ChannelKey, Settled>,
    coordinator: &AccountId,
    miner: Option<&AccountId>,
) -> Result<Look, ChainError> {
    let solvency = source.solvency(coordinator).await?;
    let (cover, claimable) = match miner {
        Some(miner) => (source.cover(coordinator, miner).await?, source.claimable(coordinator, miner).await?),
        None => (0, 0),
    };
    let own: Vec<_> = vouchers.iter().filter(|(key, _)| key.coordinator == *coordinator).collect();
    let mut settled = BTreeMap::new();
    for (key, held) in &own {
        let is_settled = known.get(key).is_some_and(|settled| settled.amount >= held.amount());
        if !is_settled {
            settled.insert((*key).clone(), source.settled(key).await?);
        }
    }
    let mut debts = Vec::new();
    if solvency.owed > 0 {
        let creditors: BTreeSet<&AccountId> = own.iter().map(|(key, _)| &key.miner).chain(miner).collect();
        for creditor in creditors {
            let debt = source.debt(coordinator, creditor).await?;
            if debt.open > 0 {
                debts.push((creditor.clone(), debt));
            }
        }
    }
    Ok(Look { solvency, cover, claimable, settled, debts })
}

/// Whether this coordinator owes something to that miner.
pub(crate) async fn owes(source: &dyn Source, coordinator: &AccountId, miner: &AccountId) -> Result<bool, ChainError> {
    let is_in_debt = source.solvency(coordinator).await?.owed > 0;
    Ok(is_in_debt && source.debt(coordinator, miner).await?.open > 0)
}
