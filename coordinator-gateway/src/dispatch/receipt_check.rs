//! Whether a receipt says what the gateway saw.

use codec::DecodeAll;
use cuckoo_primitives::{
    signing::Statement,
    task::{Receipt, TaskId},
    AccountId, Hash, Signature,
};
use cuckoo_wire::link;

/// No receipt is longer, encoded.
const MAX_ENCODED_LEN: usize = 512;

/// Everything that the gateway knows of an attempt that ended well.
#[derive(Clone, Debug)]
pub(crate) struct Witnessed {
    /// Genesis hash of the chain.
    pub(crate) genesis: Hash,
    /// The task.
    pub(crate) task_id: TaskId,
    /// Which try.
    pub(crate) attempt: u32,
    /// Our operator.
    pub(crate) coordinator: AccountId,
    /// The operator at the other end of the link.
    pub(crate) miner: AccountId,
    /// The link.
    pub(crate) link: Hash,
    /// What the miner offered for this model.
    pub(crate) model_root: Hash,
    /// Hash of the task as it was sent.
    pub(crate) request_hash: Hash,
    /// Hash of the pieces as they arrived.
    pub(crate) output_hash: Hash,
    /// Sum of the pieces' tokens.
    pub(crate) completion_tokens: u32,
}

/// Why a receipt is worthless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadReceipt {
    /// The bytes are no receipt and signature.
    #[error("not a receipt")]
    Malformed,
    /// It names another task, attempt, coordinator, miner, link, model, request, output or number of tokens.
    #[error("wrong {0}")]
    Mismatch(&'static str),
    /// Not signed by the miner's operator.
    #[error("wrong signature")]
    Signature,
}

/// Decodes and checks the receipt in `result`.
pub(crate) fn check(result: &link::Result, witnessed: &Witnessed) -> Result<(Receipt, Signature), BadReceipt> {
    if result.receipt.len() > MAX_ENCODED_LEN {
        return Err(BadReceipt::Malformed);
    }
    let receipt = Receipt::decode_all(&mut &result.receipt[..]).map_err(|_| BadReceipt::Malformed)?;
    let signature: Signature = result.signature[..].try_into().map_err(|_| BadReceipt::Malformed)?;
    let facts = [
        ("task_id", receipt.task_id == witnessed.task_id),
        ("attempt", receipt.attempt == witnessed.attempt),
        ("coordinator", receipt.coordinator == witnessed.coordinator),
        ("miner", receipt.miner == witnessed.miner),
        ("link", receipt.link == witnessed.link),
        ("model_root", receipt.model_root == witnessed.model_root),
        ("request_hash", receipt.request_hash == witnessed.request_hash),
        ("output_hash", receipt.output_hash == witnessed.output_hash),
        ("completion_tokens", receipt.completion_tokens == witnessed.completion_tokens),
    ];
    if let Some((wrong, _)) = facts.into_iter().find(|(_, holds)| !holds) {
        return Err(BadReceipt::Mismatch(wrong));
    }
    if !receipt.is_signed_by(&witnessed.genesis, &witnessed.miner, &signature) {
        return Err(BadReceipt::Signature);
    }
    Ok((receipt, signature))
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Encode;
    use cuckoo_chain_client::account_of;
    use cuckoo_primitives::task::Finish;
    use subxt_signer::sr25519::dev;

    fn witnessed() -> Witnessed {
        Witnessed {
            genesis: Hash::repeat_byte(1),
            task_id: [2; 16],
            attempt: 1,
            coordinator: account_of(&dev::alice()),
            miner: account_of(&dev::bob()),
            link: Hash::repeat_byte(6),
            model_root: Hash::repeat_byte(3),
            request_hash: Hash::repeat_byte(4),
            output_hash: Hash::repeat_byte(5),
            completion_tokens: 9,
        }
    }

    fn honest(witnessed: &Witnessed) -> Receipt {
        Receipt {
            task_id: witnessed.task_id,
            attempt: witnessed.attempt,
            coordinator: witnessed.coordinator.clone(),
            miner: witnessed.miner.clone(),
            link: witnessed.link,
            model_root: witnessed.model_root,
            request_hash: witnessed.request_hash,
            output_hash: witnessed.output_hash,
            prompt_tokens: 100,
            completion_tokens: witnessed.completion_tokens,
            finish: Finish::Stop,
        }
    }

    fn signed(receipt: &Receipt, genesis: Hash) -> link::Result {
        let signature = dev::bob().sign(receipt.signing_hash(&genesis).as_bytes()).0;
        link::Result { receipt: receipt.encode().into(), signature: signature.to_vec().into(), ..Default::default() }
    }

    #[test]
    fn an_honest_receipt_passes() {
        let witnessed = witnessed();
        let receipt = honest(&witnessed);
        assert_eq!(check(&signed(&receipt, witnessed.genesis), &witnessed).unwrap().0, receipt);
    }

    #[test]
    fn any_number_of_prompt_tokens_passes() {
        // A template may have a long standing instruction; what is paid is bounded.
        let witnessed = witnessed();
        let receipt = Receipt { prompt_tokens: u32::MAX, ..honest(&witnessed) };
        check(&signed(&receipt, witnessed.genesis), &witnessed).unwrap();
    }

    #[test]
    fn every_field_that_the_gateway_knows_is_compared() {
        let witnessed = witnessed();
        type Tamper = (&'static str, fn(&mut Receipt));
        let tampers: [Tamper; 9] = [
            ("task_id", |r| r.task_id = [0; 16]),
            ("attempt", |r| r.attempt = 0),
            ("coordinator", |r| r.coordinator = AccountId::from([0; 32])),
            ("miner", |r| r.miner = AccountId::from([0; 32])),
            ("link", |r| r.link = Hash::zero()),
            ("model_root", |r| r.model_root = Hash::zero()),
            ("request_hash", |r| r.request_hash = Hash::zero()),
            ("output_hash", |r| r.output_hash = Hash::zero()),
            ("completion_tokens", |r| r.completion_tokens += 1),
        ];
        for (field, tamper) in tampers {
            let mut receipt = honest(&witnessed);
            tamper(&mut receipt);
            let checked = check(&signed(&receipt, witnessed.genesis), &witnessed);
            assert_eq!(checked.unwrap_err(), BadReceipt::Mismatch(field));
        }
    }

    #[test]
    fn signatures_and_bytes_are_checked() {
        let witnessed = witnessed();
        let receipt = honest(&witnessed);
        let other_chain = signed(&receipt, Hash::repeat_byte(9));
        assert_eq!(check(&other_chain, &witnessed).unwrap_err(), BadReceipt::Signature);
        let mut short = signed(&receipt, witnessed.genesis);
        short.signature = short.signature.slice(..63);
        assert_eq!(check(&short, &witnessed).unwrap_err(), BadReceipt::Malformed);
        let mut longer = signed(&receipt, witnessed.genesis);
        longer.receipt = [&longer.receipt[..], &[0]].concat().into();
        assert_eq!(check(&longer, &witnessed).unwrap_err(), BadReceipt::Malformed);
    }
}
