//! Building and signing a receipt while the output is sent.

use codec::Encode;
use cuckoo_chain_client::Keypair;
use cuckoo_primitives::{
    signing::Statement,
    task::{Finish, OutputHasher, Receipt, TaskId},
    AccountId, Hash, Signature,
};
use cuckoo_wire::{charge::Delivered, link, request::request_hash};

/// What is known of an attempt from its beginning, and of its output so far.
pub struct ReceiptBuilder {
    task_id: TaskId,
    attempt: u32,
    coordinator: AccountId,
    miner: AccountId,
    link: Hash,
    model_root: Hash,
    request_hash: Hash,
    output: OutputHasher,
    prompt_tokens: u32,
    tokens: u32,
    delivered: Delivered,
}

/// A receipt and its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedReceipt {
    /// What was done.
    pub receipt: Receipt,
    /// Made by the miner's operator.
    pub signature: Signature,
}

impl ReceiptBuilder {
    /// Begins the receipt of the operator `miner` for `task`, which came from `coordinator` over the link with the hash
    /// `link` and which the model with `model_root` will work on.
    pub fn new(
        task_id: TaskId,
        task: &link::Task,
        coordinator: AccountId,
        miner: AccountId,
        link: Hash,
        model_root: [u8; 32],
    ) -> Self {
        Self {
            task_id,
            attempt: task.attempt,
            coordinator,
            miner,
            link,
            model_root: Hash::from(model_root),
            request_hash: request_hash(task),
            output: OutputHasher::default(),
            prompt_tokens: 0,
            tokens: 0,
            delivered: Delivered::default(),
        }
    }

    /// Takes note of how many tokens the model has read by now.
    pub fn prompt(&mut self, tokens: u32) {
        self.prompt_tokens = tokens;
    }

    /// Takes note of a piece of text that is sent.
    pub fn text(&mut self, text: &str, tokens: u32) {
        self.output.update(text.as_bytes());
        self.tokens = self.tokens.saturating_add(tokens);
        self.delivered.text_bytes = self.delivered.text_bytes.saturating_add(text.len() as u64);
    }

    /// Takes note of a vector that is sent, as little-endian f32.
    pub fn vector(&mut self, bytes: &[u8]) {
        self.output.update(bytes);
        self.delivered.vectors = self.delivered.vectors.saturating_add(1);
    }

    /// Tokens of all pieces so far.
    pub fn tokens(&self) -> u32 {
        self.tokens
    }

    /// What was sent so far; not part of the receipt, but what is charged is bounded by it.
    pub fn delivered(&self) -> Delivered {
        self.delivered
    }

    /// Whether nothing was sent so far.
    pub fn is_empty(&self) -> bool {
        self.tokens == 0 && self.delivered == Delivered::default()
    }

    /// The receipt for what was sent so far. The completion's tokens are those of the pieces.
    pub fn receipt(&self, finish: Finish) -> Receipt {
        Receipt {
            task_id: self.task_id,
            attempt: self.attempt,
            coordinator: self.coordinator.clone(),
            miner: self.miner.clone(),
            link: self.link,
            model_root: self.model_root,
            request_hash: self.request_hash,
            output_hash: self.output.clone().finish(),
            prompt_tokens: self.prompt_tokens,
            completion_tokens: self.tokens,
            finish,
        }
    }
}

impl SignedReceipt {
    /// Signs with the operator's key for the chain with this genesis hash. An attempt must be signed for once at most.
    pub fn sign(receipt: Receipt, key: &Keypair, genesis: &Hash) -> Self {
        let signature = key.sign(receipt.signing_hash(genesis).as_bytes()).0;
        Self { receipt, signature }
    }

    /// The message that carries it.
    pub fn into_result(self) -> link::Result {
        link::Result {
            task_id: self.receipt.task_id.to_vec().into(),
            attempt: self.receipt.attempt,
            receipt: self.receipt.encode().into(),
            signature: self.signature.to_vec().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::DecodeAll;
    use cuckoo_chain_client::account_of;
    use subxt_signer::sr25519::dev;

    fn genesis() -> Hash {
        Hash::repeat_byte(1)
    }

    fn task() -> link::Task {
        link::Task {
            task_id: vec![7; 16].into(),
            attempt: 2,
            model: "m".into(),
            timeout_ms: 1_000,
            work: Some(link::task::Work::Completion(link::Completion { prompt: "p".into(), ..Default::default() })),
            price: None,
        }
    }

    fn builder(pieces: &[(&str, u32)]) -> ReceiptBuilder {
        let [coordinator, miner] = [dev::alice(), dev::bob()].map(|key| account_of(&key));
        let mut builder = ReceiptBuilder::new([7; 16], &task(), coordinator, miner, Hash::repeat_byte(4), [3; 32]);
        builder.prompt(5);
        pieces.iter().for_each(|(text, tokens)| builder.text(text, *tokens));
        builder
    }

    fn signed(pieces: &[(&str, u32)]) -> SignedReceipt {
        SignedReceipt::sign(builder(pieces).receipt(Finish::Length), &dev::bob(), &genesis())
    }

    #[test]
    fn a_receipt_names_everything_and_verifies() {
        let signed = signed(&[("Par", 1), ("is", 1)]);
        let mut output = OutputHasher::default();
        output.update(b"Par");
        output.update(b"is");
        let expected = Receipt {
            task_id: [7; 16],
            attempt: 2,
            coordinator: account_of(&dev::alice()),
            miner: account_of(&dev::bob()),
            link: Hash::repeat_byte(4),
            model_root: Hash::repeat_byte(3),
            request_hash: request_hash(&task()),
            output_hash: output.finish(),
            prompt_tokens: 5,
            completion_tokens: 2,
            finish: Finish::Length,
        };
        assert_eq!(signed.receipt, expected);
        assert!(expected.is_signed_by(&genesis(), &account_of(&dev::bob()), &signed.signature));
        assert!(!expected.is_signed_by(&genesis(), &account_of(&dev::alice()), &signed.signature));
        let other_output = self::signed(&[("Rome", 2)]);
        assert!(!other_output.receipt.is_signed_by(&genesis(), &account_of(&dev::bob()), &signed.signature));
    }

    #[test]
    fn a_receipt_is_for_what_was_sent_by_then() {
        let mut builder = builder(&[]);
        assert!(builder.is_empty());
        builder.text("", 1);
        assert!(!builder.is_empty(), "a token is something, even without text");
        builder.text("Par", 1);
        assert_eq!(builder.delivered(), Delivered { text_bytes: 3, vectors: 0 });
        let first = builder.receipt(Finish::Cancelled);
        let mut output = OutputHasher::default();
        output.update(b"Par");
        assert_eq!((first.completion_tokens, first.output_hash), (2, output.finish()));
        builder.text("is", 1);
        assert_eq!(builder.receipt(Finish::Cancelled), self::builder(&[("Paris", 3)]).receipt(Finish::Cancelled));
    }

    #[test]
    fn the_message_carries_the_encoded_receipt() {
        let signed = signed(&[("x", 1)]);
        let result = signed.clone().into_result();
        assert_eq!(Receipt::decode_all(&mut &result.receipt[..]), Ok(signed.receipt));
        assert_eq!(result.signature.as_ref(), signed.signature);
        assert_eq!((result.task_id.as_ref(), result.attempt), (&[7; 16][..], 2));
    }
}
