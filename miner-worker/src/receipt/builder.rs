//! Building and signing a receipt while the output is sent.

use codec::Encode;
use cuckoo_chain_client::Keypair;
use cuckoo_primitives::{
    commitment::{Leaf, Tree},
    evidence::SignedReceipt,
    signing::Statement,
    task::{self, Commitment, Finish, OutputHasher, Receipt, TaskSpec, SIGNED_EVERY},
    Hash,
};
use cuckoo_wire::{charge::Delivered, link};

/// What was accepted, and what was sent of it so far.
pub struct ReceiptBuilder {
    spec: TaskSpec,
    output: OutputHasher,
    prompt_tokens: u32,
    tokens: u32,
    delivered: Delivered,
    /// Of attempts whose draws are committed to.
    drawn: Option<Drawn>,
}

/// The tokens that were sent, the one that ends the text included.
#[derive(Default)]
struct Drawn {
    tokens: Tree,
    leaves: Tree,
    kept: Vec<Leaf>,
    /// How many of them were signed for.
    signed: u32,
    /// Whether the message before was signed.
    is_signed: bool,
}

impl ReceiptBuilder {
    /// Begins the receipt for what was accepted with `spec`.
    pub fn new(spec: TaskSpec) -> Self {
        Self {
            drawn: spec.drawing.map(|_| Drawn::default()),
            spec,
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

    /// Takes note of a token that is sent and how it was drawn, where that is committed to.
    pub fn draw(&mut self, leaf: Leaf) {
        if let Some(drawn) = &mut self.drawn {
            drawn.tokens.push(&leaf.token);
            drawn.leaves.push(&leaf);
            drawn.kept.push(leaf);
        }
    }

    /// What is to be signed with the message that has brought everything so far: where tokens are committed to, with the
    /// last message of an answer that ended by itself, and whenever [`SIGNED_EVERY`] have not been signed for.
    pub fn due(&mut self, is_last: bool) -> Option<task::Delivered> {
        let drawn = self.drawn.as_mut()?;
        let tokens = drawn.tokens.len();
        drawn.is_signed = is_last || tokens.saturating_sub(drawn.signed) >= SIGNED_EVERY;
        if !drawn.is_signed {
            return None;
        }
        drawn.signed = tokens;
        Some(task::Delivered {
            task_id: self.spec.task_id,
            attempt: self.spec.attempt,
            link: self.spec.link,
            miner: self.spec.miner.clone(),
            tokens,
            tokens_root: drawn.tokens.root(),
        })
    }

    /// Whether an answer that ended by itself with the message before would lack a signature.
    pub fn lacks_signature(&self) -> bool {
        self.drawn.as_ref().is_some_and(|drawn| !drawn.is_signed)
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
        let commitment = self.drawn.as_ref().map(|drawn| Commitment {
            tokens: drawn.tokens.len(),
            tokens_root: drawn.tokens.root(),
            leaves_root: drawn.leaves.root(),
        });
        Receipt {
            spec: self.spec.clone(),
            output_hash: self.output.clone().finish(),
            prompt_tokens: self.prompt_tokens,
            completion_tokens: self.tokens,
            finish,
            commitment,
        }
    }

    /// How the tokens were drawn that the receipt commits to, to be kept; `None` if it does not.
    pub fn take_leaves(&mut self) -> Option<Vec<Leaf>> {
        self.drawn.take().map(|drawn| drawn.kept)
    }
}

/// Signs with the operator's key for the chain with this genesis hash. An attempt must be signed for once at most.
pub fn sign(receipt: Receipt, key: &Keypair, genesis: &Hash) -> SignedReceipt {
    let signature = key.sign(receipt.signing_hash(genesis).as_bytes()).0;
    SignedReceipt { receipt, signature }
}

/// The message that carries a receipt.
pub fn result(signed: &SignedReceipt) -> link::Result {
    let SignedReceipt { receipt, signature } = signed;
    link::Result {
        task_id: receipt.spec.task_id.to_vec().into(),
        attempt: receipt.spec.attempt,
        receipt: receipt.encode().into(),
        signature: signature.to_vec().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::DecodeAll;
    use cuckoo_chain_client::account_of;
    use cuckoo_primitives::{
        commitment::{hash_of, root},
        fixture,
    };
    use subxt_signer::sr25519::dev;

    fn genesis() -> Hash {
        Hash::repeat_byte(1)
    }

    fn spec() -> TaskSpec {
        TaskSpec { miner: account_of(&dev::bob()), attempt: 2, ..fixture::spec() }
    }

    fn builder(pieces: &[(&str, u32)]) -> ReceiptBuilder {
        let mut builder = ReceiptBuilder::new(spec());
        builder.prompt(5);
        pieces.iter().for_each(|(text, tokens)| builder.text(text, *tokens));
        builder
    }

    fn signed(pieces: &[(&str, u32)]) -> SignedReceipt {
        sign(builder(pieces).receipt(Finish::Length), &dev::bob(), &genesis())
    }

    #[test]
    fn a_receipt_names_everything_and_verifies() {
        let signed = signed(&[("Par", 1), ("is", 1)]);
        let mut output = OutputHasher::default();
        output.update(b"Par");
        output.update(b"is");
        let nothing = Commitment { tokens: 0, tokens_root: root(&[]), leaves_root: root(&[]) };
        let expected = Receipt {
            spec: spec(),
            output_hash: output.finish(),
            prompt_tokens: 5,
            completion_tokens: 2,
            finish: Finish::Length,
            commitment: Some(nothing),
        };
        assert_eq!(signed.receipt, expected);
        assert!(signed.is_signed(&genesis()));
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
    fn a_receipt_commits_to_the_tokens_and_how_they_were_drawn() {
        let leaves = fixture::leaves(&fixture::drawing(), 70);
        let mut builder = builder(&[]);
        leaves.iter().for_each(|leaf| builder.draw(leaf.clone()));
        assert_eq!(builder.receipt(Finish::Stop).commitment, Some(fixture::commitment(&leaves)));
        assert_eq!(builder.take_leaves(), Some(leaves));
    }

    #[test]
    fn where_nothing_is_drawn_nothing_is_committed_to() {
        let mut builder = ReceiptBuilder::new(TaskSpec { drawing: None, ..spec() });
        builder.draw(fixture::leaf(&fixture::drawing(), 0));
        assert_eq!((builder.due(true), builder.lacks_signature()), (None, false));
        assert_eq!(builder.receipt(Finish::Stop).commitment, None);
        assert_eq!(builder.take_leaves(), None);
    }

    #[test]
    fn tokens_are_signed_for_when_there_are_thirty_two_and_at_the_end() {
        let leaves = fixture::leaves(&fixture::drawing(), 100);
        let mut builder = builder(&[]);
        let mut signed = Vec::new();
        for (index, leaf) in leaves.iter().enumerate() {
            builder.draw(leaf.clone());
            // The last two come in one message.
            if index != 98 {
                signed.extend(builder.due(index == 99).map(|delivered| delivered.tokens));
            }
        }
        assert_eq!(signed, [32, 64, 96, 100]);
        assert!(!builder.lacks_signature());
        builder.draw(leaves[0].clone());
        assert_eq!(builder.due(false), None);
        assert!(builder.lacks_signature());
        let last = builder.due(true).unwrap();
        let tokens: Vec<Hash> = leaves.iter().chain(&leaves[..1]).map(|leaf| hash_of(&leaf.token)).collect();
        assert_eq!((last.tokens, last.tokens_root), (101, root(&tokens)));
        assert_eq!((last.task_id, last.attempt), (spec().task_id, spec().attempt));
        assert_eq!((last.link, last.miner), (spec().link, spec().miner));
    }

    #[test]
    fn the_message_carries_the_encoded_receipt() {
        let signed = signed(&[("x", 1)]);
        let result = result(&signed);
        assert_eq!(Receipt::decode_all(&mut &result.receipt[..]), Ok(signed.receipt));
        assert_eq!(result.signature.as_ref(), signed.signature);
        assert_eq!((result.task_id.as_ref(), result.attempt), (&fixture::TASK[..], 2));
    }
}
