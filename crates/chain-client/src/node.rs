//! One connection to one node.

use std::{fmt::Display, future::Future, sync::Arc, time::Duration};

use codec::DecodeAll;
use cuckoo_primitives::{signing::blake2_256, AccountId, BlockNumber, Hash};
use serde::Deserialize;
use subxt::{
    backend::LegacyBackend,
    client::OnlineClientAtBlock,
    config::{substrate::SubstrateHeader, RpcConfigFor},
    ext::codec::Encode,
    rpcs::{
        client::{rpc_params, RpcSubscription},
        LegacyRpcMethods, RpcClient,
    },
    OnlineClient, SubstrateConfig,
};
use tokio::time::timeout;

use crate::{endpoint::Endpoint, error::ChainError};

/// The runtime API that makes a chain a Cuckoo chain.
const MARKET_API: &str = "MarketApi";
/// The runtime API that answers for escrow, vouchers and debts.
const SETTLEMENT_API: &str = "SettlementApi";
/// The runtime's function that answers for all view functions of pallets.
const VIEW_FUNCTIONS: &str = "RuntimeViewFunction_execute_view_function";
/// Longest time to open a connection and learn what is at its other end.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time for the answer to one request.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Header of a block.
pub(crate) type Header = SubstrateHeader<Hash>;

/// One connection to one node. It does not reconnect; [`follow`](crate::follow) opens another.
///
/// Metadata is fetched once for each runtime version met, so a runtime upgrade needs no new connection.
pub(crate) struct Node {
    endpoint: Endpoint,
    requests: RpcClient,
    rpc: LegacyRpcMethods<RpcConfigFor<SubstrateConfig>>,
    client: OnlineClient<SubstrateConfig>,
}

impl Node {
    /// Connects to `endpoint` and makes sure that a Cuckoo runtime runs there.
    pub(crate) async fn connect(endpoint: &Endpoint) -> Result<Self, ChainError> {
        timeout(CONNECT_TIMEOUT, Self::open(endpoint)).await.map_err(|_| no_answer(CONNECT_TIMEOUT))?
    }

    async fn open(endpoint: &Endpoint) -> Result<Self, ChainError> {
        let requests = RpcClient::from_insecure_url(endpoint.url()).await.map_err(node_error)?;
        let backend = LegacyBackend::<SubstrateConfig>::builder().build(requests.clone());
        let client = OnlineClient::from_backend(Arc::new(backend)).await.map_err(node_error)?;
        let rpc = LegacyRpcMethods::new(requests.clone());
        let node = Self { endpoint: endpoint.clone(), requests, rpc, client };
        let (number, hash) = node.finalised_head().await?;
        if node.at(number, hash).await?.metadata_ref().runtime_api_trait_by_name(MARKET_API).is_none() {
            return Err(ChainError::NotCuckoo);
        }
        Ok(node)
    }

    /// Where it is.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Genesis hash of its chain.
    pub(crate) fn genesis(&self) -> Hash {
        self.client.genesis_hash()
    }

    /// The last block that it holds to be final.
    pub(crate) async fn finalised_head(&self) -> Result<(BlockNumber, Hash), ChainError> {
        let hash = answer(self.rpc.chain_get_finalized_head()).await?;
        let number = self.height_of(hash).await?;
        let number = number.ok_or_else(|| ChainError::Node("it does not know its own finalised block".into()))?;
        Ok((number, hash))
    }

    /// Height of the block with this hash.
    pub(crate) async fn height_of(&self, hash: Hash) -> Result<Option<BlockNumber>, ChainError> {
        answer(self.rpc.chain_get_header(Some(hash))).await?.as_ref().map(number_of).transpose()
    }

    /// Headers of blocks as they become final; where several do at once, only the last of them.
    pub(crate) async fn finalised_heads(&self) -> Result<RpcSubscription<Header>, ChainError> {
        answer(self.rpc.chain_subscribe_finalized_heads()).await
    }

    /// Hash of the block at height `number`.
    pub(crate) async fn hash_of(&self, number: BlockNumber) -> Result<Option<Hash>, ChainError> {
        answer(self.rpc.chain_get_block_hash(Some(number.into()))).await
    }

    /// subxt's view of one block: metadata, events, storage, transactions.
    pub(crate) async fn at(
        &self,
        number: BlockNumber,
        hash: Hash,
    ) -> Result<OnlineClientAtBlock<SubstrateConfig>, ChainError> {
        answer(self.client.at_block_hash_and_number(hash, number.into())).await
    }

    /// The result of the runtime's `MarketApi_<method>` with the SCALE-encoded `arguments` after the block `at`.
    pub(crate) async fn market<T: DecodeAll>(
        &self,
        method: &'static str,
        arguments: &[u8],
        at: Hash,
    ) -> Result<T, ChainError> {
        self.ask(MARKET_API, method, arguments, at).await
    }

    /// The same of its `SettlementApi`.
    pub(crate) async fn settlement<T: DecodeAll>(
        &self,
        method: &'static str,
        arguments: &[u8],
        at: Hash,
    ) -> Result<T, ChainError> {
        self.ask(SETTLEMENT_API, method, arguments, at).await
    }

    /// The result of the pallet's view function with the SCALE-encoded `arguments` after this block. Its name in requests
    /// is made of the names of its types too, so that another version of it is not found.
    pub(crate) async fn look_up<T: DecodeAll>(
        &self,
        pallet: &'static str,
        function: &'static str,
        arguments: Vec<u8>,
        (number, at): (BlockNumber, Hash),
    ) -> Result<T, ChainError> {
        let undecodable = |reason: String| ChainError::Decode { what: function, reason };
        let block = self.at(number, at).await?;
        let pallet = block.metadata_ref().pallet_by_name(pallet);
        let found = pallet.and_then(|pallet| pallet.view_function_by_name(function)).map(|found| *found.query_id());
        let id = found.ok_or_else(|| undecodable("the chain has no such view function".into()))?;
        let bytes = answer(self.rpc.state_call(VIEW_FUNCTIONS, Some(&(id, arguments).encode()), Some(at))).await?;
        viewed(&bytes).map_err(undecodable)
    }

    async fn ask<T: DecodeAll>(
        &self,
        api: &'static str,
        method: &'static str,
        arguments: &[u8],
        at: Hash,
    ) -> Result<T, ChainError> {
        let function = format!("{api}_{method}");
        let bytes = answer(self.rpc.state_call(&function, Some(arguments), Some(at))).await?;
        T::decode_all(&mut bytes.as_slice())
            .map_err(|error| ChainError::Decode { what: method, reason: error.to_string() })
    }

    /// Index of the transaction with the hash `extrinsic` in the block with the hash `block`.
    pub(crate) async fn index_in_block(&self, extrinsic: Hash, block: Hash) -> Result<Option<u32>, ChainError> {
        let found: Option<SignedBlock> = answer(self.requests.request("chain_getBlock", rpc_params![block])).await?;
        let Some(found) = found else { return Ok(None) };
        let index = found.block.extrinsics.iter().position(|bytes| bytes.hash() == Some(extrinsic));
        Ok(index.and_then(|index| index.try_into().ok()))
    }

    /// The nonce of `account`'s next transaction, those in the node's pool included.
    pub(crate) async fn next_nonce(&self, account: &AccountId) -> Result<u64, ChainError> {
        let account = subxt::utils::AccountId32(*account.as_ref());
        answer(self.rpc.system_account_next_index(&account)).await
    }
}

/// What a view function has returned.
fn viewed<T: DecodeAll>(mut bytes: &[u8]) -> Result<T, String> {
    // The encoded result of the function, or the number of an error that says why it was not called.
    match bytes.split_off_first() {
        Some(0) => {
            let returned = Vec::<u8>::decode_all(&mut bytes).map_err(|error| error.to_string())?;
            T::decode_all(&mut returned.as_slice()).map_err(|error| error.to_string())
        }
        _ => Err("the chain did not take the question".into()),
    }
}

/// A block as `chain_getBlock` returns it. subxt has a type for it too, which does not read the second of the forms that
/// extrinsics have, depending on the node's release.
#[derive(Deserialize)]
struct SignedBlock {
    block: Body,
}

#[derive(Deserialize)]
struct Body {
    extrinsics: Vec<ExtrinsicBytes>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ExtrinsicBytes {
    Hex(String),
    Numbers(Vec<u8>),
}

impl ExtrinsicBytes {
    fn hash(&self) -> Option<Hash> {
        Some(match self {
            Self::Hex(text) => blake2_256(&[&hex::decode(text.strip_prefix("0x")?).ok()?]),
            Self::Numbers(bytes) => blake2_256(&[bytes]),
        })
    }
}

/// Height and hash of the block with this header.
pub(crate) fn number_and_hash(header: &Header) -> Result<(BlockNumber, Hash), ChainError> {
    Ok((number_of(header)?, blake2_256(&[&header.encode()])))
}

fn number_of(header: &Header) -> Result<BlockNumber, ChainError> {
    header.number.try_into().map_err(|_| ChainError::Decode {
        what: "block header",
        reason: format!("height {} does not fit", header.number),
    })
}

/// Waits for the node's answer for a bounded time.
pub(crate) async fn answer<T, E: Display>(request: impl Future<Output = Result<T, E>>) -> Result<T, ChainError> {
    timeout(REQUEST_TIMEOUT, request).await.map_err(|_| no_answer(REQUEST_TIMEOUT))?.map_err(node_error)
}

fn no_answer(after: Duration) -> ChainError {
    ChainError::Node(format!("no answer within {after:?}"))
}

/// What the node, or the connection to it, said.
pub(crate) fn node_error(error: impl Display) -> ChainError {
    // subxt wraps what its transport says several times over in the same words.
    ChainError::Node(error.to_string().trim_start_matches("RPC error: client error: ").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_view_function_returns_is_unwrapped() {
        type Returned = Result<Vec<u8>, (u8, [u8; 32])>;
        let whole: Returned = Ok(Some(7_u32).encode());
        assert_eq!(viewed(&whole.encode()), Ok(Some(7_u32)));
        let refused: Returned = Err((1, [5; 32]));
        let longer: Returned = Ok((Some(7_u32), 1_u8).encode());
        for wrong in [refused.encode(), longer.encode(), [whole.encode(), vec![0]].concat(), Vec::new()] {
            assert!(viewed::<Option<u32>>(&wrong).is_err());
        }
    }

    #[test]
    fn extrinsics_are_read_as_hex_and_as_numbers() {
        let text =
            r#"{"block": {"extrinsics": ["0x0801ff", [8, 1, 255], "08"], "header": {}}, "justifications": null}"#;
        let block: SignedBlock = serde_json::from_str(text).unwrap();
        let hashes: Vec<_> = block.block.extrinsics.iter().map(ExtrinsicBytes::hash).collect();
        let expected = Some(blake2_256(&[&[8, 1, 255]]));
        assert_eq!(hashes, [expected, expected, None]);
    }
}
