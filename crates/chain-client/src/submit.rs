//! Signing a call and seeing it through to a finalised block.

use std::{sync::Arc, time::Duration};

use cuckoo_primitives::{Balance, BlockNumber, Hash};
use subxt::{
    client::OnlineClientAtBlockImpl,
    config::DefaultExtrinsicParamsBuilder,
    error::{BackendError, ExtrinsicError, RpcError},
    rpcs::UserError,
    tx::{Signer, SubmittableTransaction, TransactionInBlock, TransactionProgress, TransactionStatus},
    utils::{AccountId32, MultiSignature},
    SubstrateConfig,
};
use subxt_signer::sr25519::Keypair;
use tokio::{
    sync::watch,
    time::{sleep, timeout, timeout_at, Instant},
};

use crate::{
    call::Call,
    error::ChainError,
    follow::Followed,
    key::account_of,
    node::{answer, Node, REQUEST_TIMEOUT},
    nonces::UnderWay,
    outcome,
    view::MarketView,
};

/// How long to wait until a transaction is final.
const SUBMIT_TIMEOUT: Duration = Duration::from_secs(60);
/// Times that a transaction is signed anew because its nonce was taken.
const MAX_ATTEMPTS: u32 = 3;
/// Pause before the second of them; grows with each.
const RETRY_AFTER: Duration = Duration::from_millis(300);
/// How long the view may take to show a block that is already final.
const VIEW_TIMEOUT: Duration = Duration::from_secs(5);

type Client = OnlineClientAtBlockImpl<SubstrateConfig>;
type Progress = TransactionProgress<SubstrateConfig, Client>;
type InBlock = TransactionInBlock<SubstrateConfig, Client>;
type Signed = SubmittableTransaction<SubstrateConfig, Client>;

/// Where a submitted call ended up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// Height of the finalised block that holds the transaction.
    pub block_number: BlockNumber,
    /// Its hash.
    pub block_hash: Hash,
    /// Hash of the transaction.
    pub extrinsic_hash: Hash,
}

/// See [`Chain::submit`](crate::Chain::submit).
pub(crate) async fn submit(
    followed: &Followed,
    mut views: watch::Receiver<Arc<MarketView>>,
    signer: &Keypair,
    call: &Call,
) -> Result<Inclusion, ChainError> {
    let deadline = Instant::now() + SUBMIT_TIMEOUT;
    let timed_out = |_| ChainError::TimedOut { after: SUBMIT_TIMEOUT };
    let node = followed.node()?;
    let (progress, under_way) =
        timeout_at(deadline, send(followed, &node, signer, call)).await.map_err(timed_out)??;
    tracing::debug!(target: "chain::submit", call = call.name(), extrinsic.hash = ?progress.extrinsic_hash(), "sent");
    let block = timeout_at(deadline, finalised(progress, &under_way)).await.map_err(timed_out)??;
    drop(under_way);

    let (block_hash, extrinsic_hash) = (block.block_hash(), block.extrinsic_hash());
    let number = outcome::check(&node, block_hash, extrinsic_hash).await?;
    // So that whoever reads the view next finds what it has just changed. No error if that takes long: it happened.
    let _ = timeout(VIEW_TIMEOUT, views.wait_for(|view| view.number >= number)).await;
    tracing::info!(target: "chain::submit", call = call.name(), block.number = number, extrinsic.hash = ?extrinsic_hash, "final");
    Ok(Inclusion { block_number: number, block_hash, extrinsic_hash })
}

/// Signs `call` with the next nonce and hands it to the node's pool.
async fn send(
    followed: &Followed,
    node: &Node,
    signer: &Keypair,
    call: &Call,
) -> Result<(Progress, UnderWay), ChainError> {
    let account = account_of(signer);
    let lane = followed.nonces().lane(&account);
    let _turn = lane.turn().await;
    let mut attempt = 1;
    loop {
        let nonce = lane.next(node.next_nonce(&account).await?);
        let error = match offer(followed, node, signer, call, nonce).await? {
            Ok(progress) => return Ok((progress, lane.took(nonce))),
            Err(error) => error,
        };
        lane.forget();
        let Some(refusal) = refusal(&error) else { return Err(ChainError::Lost { reason: error.to_string() }) };
        if attempt >= MAX_ATTEMPTS || !is_about_nonce(refusal) {
            return Err(ChainError::Rejected { reason: reason_of(refusal) });
        }
        sleep(RETRY_AFTER * attempt).await;
        attempt += 1;
    }
}

/// What a transaction with `call` of `signer` would cost now, in planck, without a tip. It is not sent.
pub(crate) async fn fee(followed: &Followed, signer: &Keypair, call: &Call) -> Result<Balance, ChainError> {
    let node = followed.node()?;
    let nonce = node.next_nonce(&account_of(signer)).await?;
    let transaction = signed(followed, &node, signer, call, nonce).await?;
    answer(transaction.partial_fee_estimate()).await
}

/// See [`Chain::sign`](crate::Chain::sign).
pub(crate) async fn encoded(
    followed: &Followed,
    signer: &Keypair,
    call: &Call,
    nonce: u64,
) -> Result<Vec<u8>, ChainError> {
    let node = followed.node()?;
    Ok(signed(followed, &node, signer, call, nonce).await?.into_encoded())
}

/// Signs `call` with `nonce` and offers it to the node's pool, whose answer is the inner result.
async fn offer(
    followed: &Followed,
    node: &Node,
    signer: &Keypair,
    call: &Call,
    nonce: u64,
) -> Result<Result<Progress, ExtrinsicError>, ChainError> {
    let transaction = signed(followed, node, signer, call, nonce).await?;
    let answer = timeout(REQUEST_TIMEOUT, transaction.submit_and_watch()).await;
    answer.map_err(|_| ChainError::Lost { reason: format!("the node took it and was silent for {REQUEST_TIMEOUT:?}") })
}

async fn signed(
    followed: &Followed,
    node: &Node,
    signer: &Keypair,
    call: &Call,
    nonce: u64,
) -> Result<Signed, ChainError> {
    let view = followed.view();
    let unencodable = |error: ExtrinsicError| ChainError::Encode(error.to_string());
    let params = DefaultExtrinsicParamsBuilder::new()
        .mortal_from_unchecked(call.mortal_blocks(), view.number.into(), view.hash)
        .nonce(nonce)
        .build();
    let transactions = node.at(view.number, view.hash).await?.transactions();
    let payload = call.payload();
    let mut signable = transactions.create_signable_offline(&payload, params).map_err(unencodable)?;
    signable.sign(&Signing(signer)).map_err(unencodable)
}

/// Waits for the finalised block that holds the transaction.
async fn finalised(mut progress: Progress, under_way: &UnderWay) -> Result<InBlock, ChainError> {
    loop {
        let status = match progress.next().await {
            Some(status) => status.map_err(|error| ChainError::Lost { reason: error.to_string() })?,
            None => return Err(ChainError::Lost { reason: "the node stopped reporting".into() }),
        };
        match block_of(status) {
            Ok(None) => {}
            Ok(Some(block)) => return Ok(block),
            Err(error) => {
                under_way.forgotten();
                return Err(error);
            }
        }
    }
}

/// The finalised block that holds the transaction, once there is one.
///
/// A pool that took a transaction and then says that it is not valid, or dropped, speaks of itself alone: it has sent it on
/// before, other nodes may hold it still, and one of them may put it into a block. So its fate is not known.
fn block_of<C>(
    status: TransactionStatus<SubstrateConfig, C>,
) -> Result<Option<TransactionInBlock<SubstrateConfig, C>>, ChainError> {
    let reason = match status {
        TransactionStatus::InFinalizedBlock(block) => return Ok(Some(block)),
        TransactionStatus::Validated
        | TransactionStatus::Broadcasted
        | TransactionStatus::NoLongerInBestBlock
        | TransactionStatus::InBestBlock(_) => return Ok(None),
        // subxt's word for a transaction that is in a block which is not final after very long.
        TransactionStatus::Dropped { message } if message == "Finality timeout" => {
            "its block is not becoming final".into()
        }
        TransactionStatus::Error { message }
        | TransactionStatus::Invalid { message }
        | TransactionStatus::Dropped { message } => message,
    };
    Err(ChainError::Lost { reason })
}

/// What the node's pool said, if it is the pool that refused.
fn refusal(error: &ExtrinsicError) -> Option<&UserError> {
    match error {
        ExtrinsicError::ErrorSubmittingTransaction(BackendError::Rpc(RpcError::ClientError(
            subxt::rpcs::Error::User(refusal),
        ))) => Some(refusal),
        _ => None,
    }
}

/// Whether the pool refused because another transaction has the same nonce, or had it.
///
/// The codes are those of Substrate's `author` RPC: 1010 invalid (with the reason as data), 1013 already imported, 1014
/// priority too low to replace the one with the same nonce.
fn is_about_nonce(refusal: &UserError) -> bool {
    match refusal.code {
        1013 | 1014 => true,
        1010 => refusal.data.as_ref().is_some_and(|data| data.get().contains("outdated")),
        _ => false,
    }
}

fn reason_of(refusal: &UserError) -> String {
    match &refusal.data {
        Some(data) => format!("{}: {}", refusal.message, data.get().trim_matches('"')),
        None => refusal.message.clone(),
    }
}

/// The key as subxt wants to see it.
struct Signing<'a>(&'a Keypair);

impl Signer<SubstrateConfig> for Signing<'_> {
    fn account_id(&self) -> AccountId32 {
        AccountId32(self.0.public_key().0)
    }

    fn sign(&self, payload: &[u8]) -> MultiSignature {
        MultiSignature::Sr25519(self.0.sign(payload).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: i32, data: Option<&str>) -> UserError {
        let data = data.map(|data| format!("{{\"code\":{code},\"message\":\"no\",\"data\":\"{data}\"}}"));
        let text = data.unwrap_or_else(|| format!("{{\"code\":{code},\"message\":\"no\"}}"));
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_taken_nonce_is_tried_again_and_nothing_else() {
        assert!(is_about_nonce(&refused(1014, Some("too low priority"))));
        assert!(is_about_nonce(&refused(1013, None)));
        assert!(is_about_nonce(&refused(1010, Some("Transaction is outdated"))));
        assert!(!is_about_nonce(&refused(1010, Some("Inability to pay some fees"))));
        assert!(!is_about_nonce(&refused(1016, None)));
    }

    #[test]
    fn what_the_pool_has_taken_once_is_lost_from_sight_and_not_rejected() {
        type Status = TransactionStatus<SubstrateConfig, ()>;
        let message = || "said the pool".to_owned();
        let ends: [Status; 3] = [
            Status::Error { message: message() },
            Status::Invalid { message: message() },
            Status::Dropped { message: message() },
        ];
        for status in ends {
            let Err(ChainError::Lost { reason }) = block_of(status) else { panic!("its fate is not known") };
            assert_eq!(reason, "said the pool");
        }
        let late = Status::Dropped { message: "Finality timeout".into() };
        assert!(block_of(late).err().unwrap().to_string().contains("not becoming final"));
        for status in [Status::Validated, Status::Broadcasted, Status::NoLongerInBestBlock] {
            assert!(matches!(block_of(status), Ok(None)));
        }
    }

    #[test]
    fn the_reason_of_a_refusal_is_readable() {
        assert_eq!(reason_of(&refused(1010, Some("Inability to pay some fees"))), "no: Inability to pay some fees");
        assert_eq!(reason_of(&refused(1016, None)), "no");
    }
}
