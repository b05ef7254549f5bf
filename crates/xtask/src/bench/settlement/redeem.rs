//! Bringing vouchers to the chain, and what that takes.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use anyhow::{ensure, Context};
use cuckoo_chain_client::{Call, Chain, Keypair};
use cuckoo_primitives::BlockNumber;
use cuckoo_testkit::{transactions, until, Node};
use futures::{StreamExt, TryStreamExt};

/// A signed transaction.
pub(super) type Transaction = Vec<u8>;

/// Until all of them are final.
const LIMIT: Duration = Duration::from_secs(180);
/// Requests that the node works on at once.
const AT_ONCE: usize = 16;
/// Computing time of a block, in picoseconds, as the runtime limits it, and what ordinary transactions may have of it.
const BLOCK_PS: f64 = 0.5e12;
const ORDINARY_PS: f64 = 0.75 * BLOCK_PS;

/// What it took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    first_block: BlockNumber,
    pub(super) last_block: BlockNumber,
    /// From the first submission until the last was seen to be final.
    pub(super) time: Duration,
    /// Of all blocks together, and of the fullest.
    weight_ps: u64,
    fullest_ps: u64,
}

impl Taken {
    /// From the first with one of them to the last.
    pub(super) fn blocks(&self) -> u32 {
        self.last_block - self.first_block + 1
    }

    /// How many they would be if ordinary transactions filled them.
    pub(super) fn full_blocks(&self) -> f64 {
        self.weight_ps as f64 / ORDINARY_PS
    }

    /// Which part of its computing time the fullest of them used.
    pub(super) fn fullest_block(&self) -> f64 {
        self.fullest_ps as f64 / BLOCK_PS
    }

    fn add(&mut self, block: BlockNumber, weight_ps: u64) {
        if self.weight_ps == 0 {
            self.first_block = block;
        }
        self.last_block = block;
        self.weight_ps += weight_ps;
        self.fullest_ps = self.fullest_ps.max(weight_ps);
    }
}

/// Signs each call as the first of its sender.
pub(super) async fn sign(chain: &Chain, calls: Vec<(&Keypair, Call)>) -> anyhow::Result<Vec<Transaction>> {
    let signed = futures::stream::iter(calls).map(|(sender, call)| async move { chain.sign(sender, &call, 0).await });
    Ok(signed.buffered(AT_ONCE).try_collect().await?)
}

/// Submits them all, and waits until they are final.
pub(super) async fn all(node: &Node, transactions: &[Transaction]) -> anyhow::Result<Taken> {
    let rpc = node.rpc();
    let (mut seen, _) = rpc.finalised().await?;
    let start = Instant::now();
    let offers = futures::stream::iter(transactions).map(|transaction| transactions::offer(rpc, transaction));
    let offered: Vec<String> = offers.buffer_unordered(AT_ONCE).try_collect().await.context("the pool took not all")?;
    let mut missing: HashSet<&[u8]> = transactions.iter().map(Vec::as_slice).collect();
    ensure!(offered.len() == missing.len(), "{} hashes for {} transactions", offered.len(), missing.len());
    let mut taken = Taken::default();
    until(LIMIT, "all to be final", async || {
        let (final_block, _) = rpc.finalised().await?;
        while seen < final_block {
            let hash = rpc.block_hash(seen + 1).await?;
            let found = transactions::in_block(rpc, &hash).await?;
            if found.iter().filter(|transaction| missing.remove(transaction.as_slice())).count() > 0 {
                taken.add(seen + 1, transactions::weight_in_block(rpc, &hash).await?);
            }
            seen += 1;
        }
        ensure!(missing.is_empty(), "{} are in no final block up to {seen}", missing.len());
        Ok(())
    })
    .await?;
    taken.time = start.elapsed();
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_counted_from_the_first_to_the_last() {
        let mut taken = Taken::default();
        for (block, weight_ps) in [(7, 375_000_000_000), (8, 125_000_000_000), (10, 250_000_000_000)] {
            taken.add(block, weight_ps);
        }
        assert_eq!((taken.first_block, taken.last_block, taken.blocks()), (7, 10, 4));
        assert_eq!((taken.full_blocks(), taken.fullest_block()), (2.0, 0.75));
    }
}
