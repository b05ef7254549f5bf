//! Who validates, who authored a block, and what validators are charged with, as a node tells it.
//!
//! Blocks are named by their hash, as JSON-RPC does.

use anyhow::{ensure, Context};
use codec::{Decode, DecodeAll, Encode};
use cuckoo_primitives::{
    docket::{Case, CaseId, Conviction},
    AccountId,
};
use serde_json::json;

use crate::rpc::{bytes_of, Rpc};

/// twox_128("Session") ++ twox_128("Validators").
const SESSION_VALIDATORS: &str = "0xcec5070d609dd3497f72bde07fc96ba088dcde934c658227ee1dfafcd6e16903";
/// How the digest of a block begins that names its author: a pre-runtime item of BABE.
const BABE_PRE_DIGEST: [u8; 5] = *b"\x06BABE";
/// More cases than a test has.
const ALL_CASES: u32 = 100;

/// Those who validate in the session of block `at`, in the order of consensus.
pub async fn validators(rpc: &Rpc, at: &str) -> anyhow::Result<Vec<AccountId>> {
    rpc.storage(SESSION_VALIDATORS, at).await
}

/// The keys that vote on the finality of the blocks after `at`.
pub async fn finality_keys(rpc: &Rpc, at: &str) -> anyhow::Result<Vec<[u8; 32]>> {
    let weighted: Vec<([u8; 32], u64)> = rpc.runtime("GrandpaApi_grandpa_authorities", &[], at).await?;
    Ok(weighted.into_iter().map(|(key, _)| key).collect())
}

/// The stash of the validator that authored the block `at`.
pub async fn author(rpc: &Rpc, at: &str) -> anyhow::Result<AccountId> {
    let header = rpc.call("chain_getHeader", json!([at])).await?;
    let logs = header["digest"]["logs"].as_array().cloned().unwrap_or_default();
    let logs = logs.iter().map(bytes_of).collect::<anyhow::Result<Vec<_>>>()?;
    let index = logs.iter().find_map(|log| author_index(log)).context("the block names no author")?;
    let validators = validators(rpc, at).await?;
    let author = validators.get(index as usize);
    author.cloned().with_context(|| format!("author {index} of {} validators", validators.len()))
}

/// The cases that waited after block `at`.
pub async fn docket(rpc: &Rpc, at: &str) -> anyhow::Result<Vec<(CaseId, Case)>> {
    rpc.runtime("MarketApi_docket", &(None::<CaseId>, ALL_CASES).encode(), at).await
}

/// What `stash` had been convicted of after block `at`.
pub async fn convictions(rpc: &Rpc, stash: &AccountId, at: &str) -> anyhow::Result<Vec<Conviction>> {
    rpc.runtime("MarketApi_convictions", &stash.encode(), at).await
}

/// New session keys of a node, for its owner to put on chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKeys {
    /// sr25519, to produce blocks.
    pub babe: [u8; 32],
    /// ed25519, to vote on finality.
    pub grandpa: [u8; 32],
    /// Shows that the node has both, and for which stash.
    pub proof: Vec<u8>,
}

/// Has the node make session keys for `stash`.
pub async fn rotate_keys(rpc: &Rpc, stash: &AccountId) -> anyhow::Result<NewKeys> {
    let owner = format!("0x{}", hex::encode(stash.encode()));
    let made = rpc.call("author_rotateKeysWithOwner", json!([owner])).await?;
    let keys = bytes_of(&made["keys"])?;
    let (babe, grandpa) = <([u8; 32], [u8; 32])>::decode_all(&mut keys.as_slice())?;
    Ok(NewKeys { babe, grandpa, proof: bytes_of(&made["proof"])? })
}

/// Which authority an item of a block's digest names as the author; `None` for other items.
fn author_index(log: &[u8]) -> Option<u32> {
    let item = Vec::<u8>::decode_all(&mut log.strip_prefix(&BABE_PRE_DIGEST)?).ok()?;
    // After the kind of slot, whichever it is.
    u32::decode(&mut item.get(1..)?).ok()
}

/// Fails unless all `nodes` have the same block at `height`.
pub async fn ensure_same_block(nodes: impl IntoIterator<Item = &Rpc>, height: u32) -> anyhow::Result<()> {
    let mut hashes = Vec::new();
    for rpc in nodes {
        hashes.push(rpc.block_hash(height).await?);
    }
    ensure!(hashes.windows(2).all(|pair| pair[0] == pair[1]), "different blocks at {height}: {hashes:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_author_is_named_by_babes_pre_runtime_item_alone() {
        let secondary = [&[3u8][..], &7u32.encode(), &[0; 16]].concat();
        let log = [&BABE_PRE_DIGEST[..], &secondary.encode()].concat();
        assert_eq!(author_index(&log), Some(7));
        let seal = [&b"\x05BABE"[..], &[0u8; 64].to_vec().encode()].concat();
        assert_eq!(author_index(&seal), None);
        assert_eq!(author_index(&log[..7]), None);
    }
}
