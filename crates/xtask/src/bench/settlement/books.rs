//! What coordinators and miners have, compared with what was promised.

use std::collections::HashMap;

use anyhow::ensure;
use cuckoo_chain_client::{Chain, ChainError};
use cuckoo_primitives::{
    settlement::{Settled, SettlementTerms, SignedVoucher},
    AccountId, Balance,
};
use futures::{StreamExt, TryStreamExt};

use super::parties::{Parties, Party};

/// Requests that the node works on at once.
const AT_ONCE: usize = 16;

/// Balances in planck, in the order of the parties.
pub(super) struct Books {
    escrows: Vec<Balance>,
    /// What the stashes of miners hold freely.
    free: Vec<Balance>,
}

impl Books {
    /// As of the last final block.
    pub(super) async fn read(parties: &Parties, chain: &Chain) -> Result<Self, ChainError> {
        let escrow = |party: &Party| {
            let stash = party.stash.clone();
            async move { chain.solvency(&stash).await.map(|solvency| solvency.escrow) }
        };
        let free = |party: &Party| {
            let stash = party.stash.clone();
            async move { chain.free_balance(&stash).await }
        };
        Ok(Self {
            escrows: futures::stream::iter(&parties.coordinators).map(escrow).buffered(AT_ONCE).try_collect().await?,
            free: futures::stream::iter(&parties.miners).map(free).buffered(AT_ONCE).try_collect().await?,
        })
    }

    /// Fails unless every escrow has lost since `before` what was promised, and every miner has got it less the fee.
    pub(super) fn ensure_paid(
        &self,
        before: &Self,
        parties: &Parties,
        vouchers: &[SignedVoucher],
        terms: &SettlementTerms,
    ) -> anyhow::Result<()> {
        let (mut lost, mut got) = (HashMap::new(), HashMap::new());
        for signed in vouchers {
            let voucher = &signed.voucher;
            *lost.entry(&voucher.coordinator).or_insert(0) += voucher.amount;
            *got.entry(&voucher.miner).or_insert(0) += voucher.amount - terms.fee.mul_ceil(voucher.amount);
        }
        for (party, (before, now)) in parties.coordinators.iter().zip(before.escrows.iter().zip(&self.escrows)) {
            let lost: Balance = lost.get(&party.stash).copied().unwrap_or(0);
            let is_right = lost > 0 && before.checked_sub(*now) == Some(lost);
            ensure!(is_right, "{}: escrow went from {before} to {now}, not down by {lost}", party.stash);
        }
        for (party, (before, now)) in parties.miners.iter().zip(before.free.iter().zip(&self.free)) {
            let got: Balance = got.get(&party.stash).copied().unwrap_or(0);
            let is_right = got > 0 && now.checked_sub(*before) == Some(got);
            ensure!(is_right, "{}: it had {before} and has {now}, not {got} more", party.stash);
        }
        Ok(())
    }
}

/// Fails unless every channel is settled to the end of its voucher, and there is no other.
pub(super) async fn ensure_settled(parties: &Parties, chain: &Chain, vouchers: &[SignedVoucher]) -> anyhow::Result<()> {
    for coordinator in &parties.coordinators {
        let settled: HashMap<_, Settled> = chain.channels(&coordinator.stash).await?.into_iter().collect();
        let own = vouchers.iter().map(|signed| &signed.voucher).filter(|own| own.coordinator == coordinator.stash);
        let mut count = 0;
        for own in own {
            let expected = Settled { amount: own.amount, tasks: own.tasks };
            let found = settled.get(&(AccountId::clone(&own.miner), own.channel));
            ensure!(found == Some(&expected), "{own:?} is settled as {found:?}");
            count += 1;
        }
        let stash = &coordinator.stash;
        ensure!(settled.len() == count, "{stash} has {} channels, {count} were promised through", settled.len());
    }
    Ok(())
}
