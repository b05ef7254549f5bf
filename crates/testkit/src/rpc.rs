//! A node's JSON-RPC, for what the chain client does not offer.

use std::time::Duration;

use anyhow::{anyhow, Context};
use codec::DecodeAll;
use serde_json::{json, Value};

/// Calls JSON-RPC methods over HTTP.
#[derive(Clone, Debug)]
pub struct Rpc {
    url: String,
    http: reqwest::Client,
}

impl Rpc {
    /// For the RPC server at `address` (`127.0.0.1:9944`).
    pub fn new(address: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).no_proxy().build()?;
        Ok(Self { url: format!("http://{address}"), http })
    }

    /// The result of `method`; an RPC error is an error.
    pub async fn call(&self, method: &str, params: Value) -> anyhow::Result<Value> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = self.http.post(&self.url).json(&body).send().await?;
        let mut answer: Value = answer.json().await.with_context(|| format!("{method}: no JSON answer"))?;
        match answer.get("error") {
            Some(error) => Err(anyhow!("{method}: {error}")),
            None => Ok(answer["result"].take()),
        }
    }

    /// What the runtime API `method` (`MarketApi_era`) returns after block `at` for SCALE-encoded `arguments`.
    pub async fn runtime<T: DecodeAll>(&self, method: &str, arguments: &[u8], at: &str) -> anyhow::Result<T> {
        let arguments = format!("0x{}", hex::encode(arguments));
        let result = self.call("state_call", json!([method, arguments, at])).await?;
        T::decode_all(&mut bytes_of(&result)?.as_slice()).with_context(|| format!("{method} returned another type"))
    }

    /// What the storage of block `at` has under the hex-encoded `key`.
    pub async fn storage<T: DecodeAll>(&self, key: &str, at: &str) -> anyhow::Result<T> {
        let value = self.call("state_getStorage", json!([key, at])).await?;
        T::decode_all(&mut bytes_of(&value)?.as_slice()).with_context(|| format!("{key} holds another type"))
    }

    /// Height and hash of the last finalised block.
    pub async fn finalised(&self) -> anyhow::Result<(u32, String)> {
        let hash = self.call("chain_getFinalizedHead", json!([])).await?;
        let hash = hash.as_str().context("chain_getFinalizedHead returned no hash")?.to_owned();
        Ok((self.height(&hash).await?, hash))
    }

    /// Height and hash of the best block.
    pub async fn best(&self) -> anyhow::Result<(u32, String)> {
        let hash = self.call("chain_getBlockHash", json!([])).await?;
        let hash = hash.as_str().context("chain_getBlockHash returned no hash")?.to_owned();
        Ok((self.height(&hash).await?, hash))
    }

    /// Height of the block with this hash.
    pub async fn height(&self, hash: &str) -> anyhow::Result<u32> {
        let header = self.call("chain_getHeader", json!([hash])).await?;
        let number = header["number"].as_str().context("the header has no number")?;
        u32::from_str_radix(number.trim_start_matches("0x"), 16).context("the header's number is no number")
    }

    /// Hash of the block at `height` on the best chain; an error if it does not exist yet.
    pub async fn block_hash(&self, height: u32) -> anyhow::Result<String> {
        let hash = self.call("chain_getBlockHash", json!([height])).await?;
        hash.as_str().map(str::to_owned).with_context(|| format!("there is no block {height} yet"))
    }
}

/// The bytes of a 0x-prefixed hex string.
pub(crate) fn bytes_of(value: &Value) -> anyhow::Result<Vec<u8>> {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
    let digits = digits.with_context(|| format!("{value} is no hex string"))?;
    hex::decode(digits).with_context(|| format!("{value} is no hex string"))
}
