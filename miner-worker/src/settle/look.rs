//! What the chain says of one coordinator, as far as this miner cares.

use std::collections::{BTreeMap, BTreeSet};

use cuckoo_chain_client::ChainError;
use cuckoo_primitives::{
    currency::EXISTENTIAL_DEPOSIT,
    settlement::{Debt, Settled, Solvency},
    AccountId, Balance, Perbill,
};
use futures::{Stream, StreamExt};

use super::source::Source;
use crate::wallet::{ChannelKey, Held};

/// Channels that are read at once.
const CHANNELS_AT_ONCE: usize = 8;

/// What the chain says of one coordinator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// What stands behind its vouchers.
    pub(crate) solvency: Solvency,
    /// The part of its stake that will answer to this miner for new work; 0 if this miner has no stash.
    pub(crate) cover: Balance,
    /// The part of its stake that answers to this miner now; 0 if this miner has no stash.
    pub(crate) claimable: Balance,
    /// What it thinks of this miner's work; `None` if this miner has no stash.
    pub(crate) rating: Option<Perbill>,
    /// What it owes to this miner's stash, and to those for which this wallet has vouchers.
    pub(crate) debts: Vec<(AccountId, Debt)>,
    /// Its channels that were read; others that are open could not be read in time, which `trouble` says.
    pub(crate) channels: BTreeSet<ChannelKey>,
    /// Why not all of them were.
    pub(crate) trouble: Option<String>,
}

/// Reads it, all but the channels, of which there may be many.
pub(crate) async fn look(
    source: &dyn Source,
    vouchers: &BTreeMap<ChannelKey, Held>,
    coordinator: &AccountId,
    miner: Option<&AccountId>,
) -> Result<Look, ChainError> {
    let solvency = source.solvency(coordinator).await?;
    let (cover, claimable, rating) = match miner {
        Some(miner) => (
            source.cover(coordinator, miner).await?,
            source.claimable(coordinator, miner).await?,
            Some(source.rating(coordinator, miner).await?),
        ),
        None => (0, 0, None),
    };
    let mut debts = Vec::new();
    if solvency.owed > 0 {
        let own = vouchers.keys().filter(|key| key.coordinator == *coordinator);
        let creditors: BTreeSet<&AccountId> = own.map(|key| &key.miner).chain(miner).collect();
        for creditor in creditors {
            let debt = source.debt(coordinator, creditor).await?;
            if debt.open > 0 {
                debts.push((creditor.clone(), debt));
            }
        }
    }
    Ok(Look { solvency, cover, claimable, rating, debts, ..Look::default() })
}

/// Whether something may be left to redeem of a channel that is known to be settled so far. The chain opens none for
/// less than an account needs, so that what holds less is never worth a look.
pub(crate) fn is_open(held: &Held, settled: Option<&Settled>) -> bool {
    held.amount() >= EXISTENTIAL_DEPOSIT && settled.is_none_or(|settled| settled.amount < held.amount())
}

/// The open channels of this coordinator; those first of which most may be left.
pub(crate) fn open_channels(
    vouchers: &BTreeMap<ChannelKey, Held>,
    known: &BTreeMap<ChannelKey, Settled>,
    coordinator: &AccountId,
) -> Vec<ChannelKey> {
    let own = vouchers.iter().filter(|(key, _)| key.coordinator == *coordinator);
    let open = own.filter(|(key, held)| is_open(held, known.get(key)));
    let mut open: Vec<(Balance, &ChannelKey)> = open
        .map(|(key, held)| (held.amount().saturating_sub(known.get(key).map_or(0, |settled| settled.amount)), key))
        .collect();
    open.sort_by(|(one, _), (other, _)| other.cmp(one));
    open.into_iter().map(|(_, key)| key.clone()).collect()
}

/// How far these channels are settled, each as it is read.
pub(crate) fn settled_of<'a>(
    source: &'a dyn Source,
    channels: Vec<ChannelKey>,
) -> impl Stream<Item = Result<(ChannelKey, Settled), ChainError>> + 'a {
    let reads = futures::stream::iter(channels)
        .map(move |key| async move { source.settled(&key).await.map(|settled| (key, settled)) });
    reads.buffer_unordered(CHANNELS_AT_ONCE)
}

/// Whether this coordinator owes something to that miner.
pub(crate) async fn owes(source: &dyn Source, coordinator: &AccountId, miner: &AccountId) -> Result<bool, ChainError> {
    let is_in_debt = source.solvency(coordinator).await?.owed > 0;
    Ok(is_in_debt && source.debt(coordinator, miner).await?.open > 0)
}
