//! Comparing a receipt with what the gateway sent and received.

use codec::{DecodeAll, MaxEncodedLen};
use cuckoo_primitives::{
    evidence::{Evidence, SignedReceipt},
    task::{Receipt, TaskSpec},
    Hash,
};
use cuckoo_wire::link;

use super::{agreement::Agreement, sent_tokens::SentTokens};

/// What the gateway knows about an attempt.
pub(crate) struct Witnessed<'a> {
    /// Genesis hash of the chain.
    pub(crate) genesis: Hash,
    /// What the miner has taken on.
    pub(crate) agreement: &'a Agreement,
    /// The tokens, where draws are committed to.
    pub(crate) sent: Option<&'a SentTokens>,
    /// Hash of the pieces as they arrived.
    pub(crate) output_hash: Hash,
    /// Sum of the pieces' tokens.
    pub(crate) completion_tokens: u32,
}

/// Why a receipt is worthless.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadReceipt {
    /// The bytes are no receipt and signature.
    #[error("not a receipt")]
    Malformed,
    /// It names another task, model or deadline than the miner has taken on, or another output, number of tokens or
    /// commitment than it has sent.
    #[error("wrong {field}")]
    Mismatch {
        /// What is wrong.
        field: &'static str,
        /// Proof that the miner has signed something else, if it has.
        evidence: Option<Box<Evidence>>,
    },
    /// Not signed by the miner's operator.
    #[error("wrong signature")]
    Signature,
}

impl BadReceipt {
    /// What the chain can check.
    pub(crate) fn evidence(&self) -> Option<&Evidence> {
        match self {
            Self::Mismatch { evidence, .. } => evidence.as_deref(),
            Self::Malformed | Self::Signature => None,
        }
    }
}

/// Decodes and checks the receipt in `result`.
pub(crate) fn check(result: &link::Result, witnessed: &Witnessed<'_>) -> Result<SignedReceipt, BadReceipt> {
    if result.receipt.len() > Receipt::max_encoded_len() {
        return Err(BadReceipt::Malformed);
    }
    let receipt = Receipt::decode_all(&mut &result.receipt[..]).map_err(|_| BadReceipt::Malformed)?;
    let signature = result.signature[..].try_into().map_err(|_| BadReceipt::Malformed)?;
    let signed = SignedReceipt { receipt, signature };
    if let Some(field) = mismatch(&signed.receipt, witnessed) {
        return Err(BadReceipt::Mismatch { field, evidence: evidence(signed, witnessed).map(Box::new) });
    }
    match signed.is_signed(&witnessed.genesis) {
        true => Ok(signed),
        false => Err(BadReceipt::Signature),
    }
}

/// What of it is not as the gateway has seen it.
fn mismatch(receipt: &Receipt, witnessed: &Witnessed<'_>) -> Option<&'static str> {
    let committed = receipt.commitment.map(|commitment| (commitment.tokens, commitment.tokens_root));
    let facts = [
        ("output_hash", receipt.output_hash == witnessed.output_hash),
        ("completion_tokens", receipt.completion_tokens == witnessed.completion_tokens),
        ("commitment", committed == witnessed.sent.map(|sent| (sent.len(), sent.root()))),
    ];
    let differing = facts.into_iter().find(|(_, holds)| !holds).map(|(field, _)| field);
    differing_in_spec(&receipt.spec, &witnessed.agreement.spec).or(differing)
}

fn differing_in_spec(claimed: &TaskSpec, agreed: &TaskSpec) -> Option<&'static str> {
    let facts = [
        ("task_id", claimed.task_id == agreed.task_id),
        ("attempt", claimed.attempt == agreed.attempt),
        ("coordinator", claimed.coordinator == agreed.coordinator),
        ("miner", claimed.miner == agreed.miner),
        ("link", claimed.link == agreed.link),
        ("model_root", claimed.model_root == agreed.model_root),
        ("numeric_class", claimed.numeric_class == agreed.numeric_class),
        ("request_hash", claimed.request_hash == agreed.request_hash),
        ("deadline", claimed.deadline_ms == agreed.deadline_ms),
        ("drawing", claimed.drawing == agreed.drawing),
    ];
    facts.into_iter().find(|(_, holds)| !holds).map(|(field, _)| field)
}

/// What the chain would take as proof against the miner: that it has accepted something else, sent something else, or
/// signed for too much.
fn evidence(receipt: SignedReceipt, witnessed: &Witnessed<'_>) -> Option<Evidence> {
    let agreed = &witnessed.agreement.spec;
    let delivered = witnessed.sent.and_then(|sent| sent.signed(agreed));
    let accepted = witnessed.agreement.signed();
    let possible = [
        Some(Evidence::Acceptance { accepted, receipt: receipt.clone() }),
        delivered.map(|delivered| Evidence::Delivery { delivered, receipt: receipt.clone() }),
        Some(Evidence::Excess { receipt }),
    ];
    possible.into_iter().flatten().find(|evidence| evidence.check(&witnessed.genesis).is_ok())
}

#[cfg(test)]
mod tests;
