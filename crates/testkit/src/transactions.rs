//! Transactions in a node's pool and in its blocks, as their bytes.

use anyhow::Context;
use codec::Compact;
use serde_json::{json, Value};

use crate::rpc::{bytes_of, Rpc};

/// twox_128("System") ++ twox_128("BlockWeight").
const BLOCK_WEIGHT: &str = "0x26aa394eea5630e07c48ae0c9558cef734abf5cb34d6244378cddbf18e849d96";

/// Hands a signed transaction to the node's pool, and returns its hash.
pub async fn offer(rpc: &Rpc, transaction: &[u8]) -> anyhow::Result<String> {
    let hash = rpc.call("author_submitExtrinsic", json!([format!("0x{}", hex::encode(transaction))])).await?;
    hash.as_str().map(str::to_owned).context("author_submitExtrinsic returned no hash")
}

/// Those that wait in the node's pool and could be in the next block.
pub async fn waiting(rpc: &Rpc) -> anyhow::Result<Vec<Vec<u8>>> {
    all_bytes(&rpc.call("author_pendingExtrinsics", json!([])).await?)
}

/// Those in the block with this hash, what its author put in included.
pub async fn in_block(rpc: &Rpc, block: &str) -> anyhow::Result<Vec<Vec<u8>>> {
    let found = rpc.call("chain_getBlock", json!([block])).await?;
    all_bytes(&found["block"]["extrinsics"]).with_context(|| format!("there is no block {block}"))
}

/// Picoseconds of computing that ordinary transactions took of the block with this hash, by their weights.
pub async fn weight_in_block(rpc: &Rpc, block: &str) -> anyhow::Result<u64> {
    // By class: normal, operational, mandatory; of each the time and the size of a proof.
    let [normal, ..]: [(Compact<u64>, Compact<u64>); 3] = rpc.storage(BLOCK_WEIGHT, block).await?;
    Ok(normal.0 .0)
}

fn all_bytes(list: &Value) -> anyhow::Result<Vec<Vec<u8>>> {
    list.as_array().context("no list of transactions")?.iter().map(transaction_bytes).collect()
}

/// Nodes write the bytes of transactions as hex or as numbers, depending on their release.
fn transaction_bytes(value: &Value) -> anyhow::Result<Vec<u8>> {
    let Some(numbers) = value.as_array() else { return bytes_of(value) };
    let byte = |number: &Value| number.as_u64().and_then(|number| u8::try_from(number).ok());
    numbers.iter().map(byte).collect::<Option<_>>().with_context(|| format!("{value} are no bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_are_read_as_hex_and_as_numbers() {
        assert_eq!(all_bytes(&json!(["0x0801ff", [8, 1, 255]])).unwrap(), [[8, 1, 255], [8, 1, 255]]);
        assert!(all_bytes(&json!(["0801"])).is_err());
        assert!(all_bytes(&json!([[256]])).is_err());
        assert!(all_bytes(&Value::Null).is_err());
    }
}
