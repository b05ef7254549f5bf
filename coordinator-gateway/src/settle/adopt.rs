//! What a channel goes on from when a miner links.
//!
//! A journal may have been set back, a voucher may have been lost, a key may have been changed: so both sides say what
//! they have, the chain says what it has settled, and the highest counts, once it is committed.

use std::{sync::Arc, time::Duration};

use cuckoo_chain_client::{Cai, ChainError};
use cuckoo_primitives::{settlement::ChannelId, AccountId, Hash};
use cuckoo_wire::{
    link::{RefusalCode, Voucher},
    money::voucher_from_wire,
};

use super::{
    channel::{ChannelKey, Promise},
    exposure::Exposure,
    source::SettlementSource,
};
use crate::{chain_guard::ChainGuard, link::Refused, store::Journal};

/// Longest wait for the chain while a miner links.
const CHAIN_LIMIT: Duration = Duration::from_secs(5);

/// What a miner's proof says of its pay.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    /// Through which channel it is to be paid.
    pub(crate) channel: ChannelId,
    /// The highest voucher that it has of it.
    pub(crate) newest: Option<Voucher>,
}

/// Decides what channels go on from. Whoever calls it sees to it that nobody can have our node asked without end.
pub(crate) struct Adoption {
    genesis: Hash,
    operator: AccountId,
    coordinator: AccountId,
    source: Option<Arc<dyn SettlementSource>>,
    journal: Journal,
    exposure: Arc<Exposure>,
}

impl Adoption {
    /// For the coordinator of `guard`. Without a `source` nothing is paid, so that the chain need not be asked.
    pub(crate) fn new(
        guard: &ChainGuard,
        source: Option<Arc<dyn SettlementSource>>,
        journal: Journal,
        exposure: Arc<Exposure>,
    ) -> Self {
        Self {
            genesis: guard.genesis(),
            operator: guard.operator().clone(),
            coordinator: guard.stash().clone(),
            source,
            journal,
            exposure,
        }
    }

    /// Brings the journal up to the highest of what it has itself, what the miner shows as its newest voucher of this
    /// channel, and what the chain has settled. When this returns, that is committed.
    pub(crate) async fn adopt(&self, key: &ChannelKey, newest: Option<&Voucher>) -> Result<(), Refused> {
        // First, as it asks nobody.
        let shown = newest.map(|newest| self.shown(key, newest)).transpose()?;
        let settled = self.ask_chain(key).await?;
        let known = self.exposure.promised(key).or_more(settled);
        let floor = match shown {
            Some(Shown { promise, is_ours: true }) => settled.or_more(promise),
            // To adopt it would be to sign again what a stolen or retired key may have signed.
            Some(Shown { promise, is_ours: false }) if promise.amount > known.amount => {
                let reason = format!(
                    "your voucher of {} is not signed with this gateway's key and above the {} that it knows of; start a \
                     new channel, and redeem that voucher on the chain",
                    Cai(promise.amount),
                    Cai(known.amount)
                );
                return Err(Refused::new(RefusalCode::Channel, reason));
            }
            Some(_) | None => settled,
        };
        if floor.amount > self.exposure.promised(key).amount {
            self.raise(key, floor).await?;
        }
        self.exposure.set_settled([(key.clone(), settled.amount)]);
        Ok(())
    }

    /// How far the chain has settled the channel; what covers the miner is read with it.
    async fn ask_chain(&self, key: &ChannelKey) -> Result<Promise, Refused> {
        let Some(source) = &self.source else { return Ok(Promise::default()) };
        let asked = async {
            let cover = source.cover(&self.coordinator, &key.miner).await?;
            let settled = source.settled(&self.coordinator, &key.miner, &key.channel).await?;
            // After it: escrow must not be older than what was paid out of it.
            let solvency = source.solvency(&self.coordinator).await?;
            Ok::<_, ChainError>((cover, settled, solvency))
        };
        let why = match tokio::time::timeout(CHAIN_LIMIT, asked).await {
            Ok(Ok((cover, settled, solvency))) => {
                self.exposure.note_cover(&key.miner, cover);
                self.exposure.note_solvency(solvency);
                return Ok(Promise { amount: settled.amount, tasks: settled.tasks });
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", CHAIN_LIMIT.as_secs()),
        };
        tracing::warn!(target: "gateway::settle", why, "cannot ask the chain how far a channel is settled");
        let reason = "this gateway cannot read on the chain what it has paid you; try again in a moment";
        Err(Refused::new(RefusalCode::StaleChain, reason))
    }

    fn shown(&self, key: &ChannelKey, newest: &Voucher) -> Result<Shown, Refused> {
        let signed = voucher_from_wire(newest, &self.coordinator, &key.miner, key.channel)
            .map_err(|bad| Refused::new(RefusalCode::Protocol, bad.to_string()))?;
        let promise = Promise { amount: signed.voucher.amount, tasks: signed.voucher.tasks };
        let is_ours = signed.operator == self.operator && signed.is_signed(&self.genesis);
        Ok(Shown { promise, is_ours })
    }

    async fn raise(&self, key: &ChannelKey, floor: Promise) -> Result<(), Refused> {
        let raised = self.journal.adopt(key.clone(), floor).await.map_err(|error| {
            tracing::error!(target: "gateway::settle", %error, "what a channel goes on from could not be stored");
            Refused::new(RefusalCode::Busy, "this gateway cannot write its journal now; try again later")
        })?;
        if raised.now.amount > raised.before.amount {
            tracing::error!(
                target: "gateway::settle",
                miner = %key.miner,
                channel = hex::encode(key.channel),
                journal = %Cai(raised.before.amount),
                adopted = %Cai(raised.now.amount),
                "more was promised than this journal knew: was its folder set back, or does another gateway sign with this \
                 operator's key? Run one gateway for each operator key, always on its newest folder"
            );
        }
        Ok(())
    }
}

/// A voucher that a miner shows.
struct Shown {
    promise: Promise,
    /// Whether it is signed with the key that we sign with now.
    is_ours: bool,
}
