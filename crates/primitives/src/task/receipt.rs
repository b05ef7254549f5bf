//! The receipt with which a miner answers for its result.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use super::{Finish, TaskSpec};
use crate::{signing::Statement, Hash};

/// What a miner claims to have done in one attempt of a task; signed with its operator key.
///
/// Two different receipts of one miner for the same attempt on the same link are equivocation. Nobody can trick an honest
/// miner into it, not even over a restart: a link's hash covers a fresh nonce of the miner's own, so it never returns, and
/// on one link a miner takes each attempt once.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Receipt {
    /// What it took on.
    pub spec: TaskSpec,
    /// blake2_256 of the output, see [`OutputHasher`].
    pub output_hash: Hash,
    /// Tokens read, those that other attempts have produced included.
    pub prompt_tokens: u32,
    /// Tokens produced, the one that ends the text not counted.
    pub completion_tokens: u32,
    /// Why it ended.
    pub finish: Finish,
    /// The tokens and how each was drawn; `None` if the spec says nothing of drawing.
    pub commitment: Option<Commitment>,
}

/// What a miner can be held to: one item for each token that it sent, the one that ends the text included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Commitment {
    /// How many items.
    pub tokens: u32,
    /// Root over the tokens' numbers, each as a `u32`.
    pub tokens_root: Hash,
    /// Root over their [`Leaf`](crate::commitment::Leaf)s.
    pub leaves_root: Hash,
}

impl Statement for Receipt {
    const DOMAIN: &'static [u8] = b"cuckoo/receipt/v2";
}

/// Running blake2_256 over the pieces of an output, one after the other with nothing between them.
///
/// So it does not depend on where the miner cut the pieces, and whoever has the answer can check the receipt: for chat
/// and completions `output_hash` is blake2_256 of the whole text in UTF-8, for embeddings of all vectors in the order of
/// the inputs as little-endian f32. How many vectors there are follows from the request.
#[derive(Clone, Default)]
pub struct OutputHasher(blake2::Blake2b<blake2::digest::consts::U32>);

impl OutputHasher {
    /// Adds the next piece: the UTF-8 text of a chunk, or the little-endian f32 values of one embedding.
    pub fn update(&mut self, piece: &[u8]) {
        use blake2::Digest;
        self.0.update(piece);
    }

    /// The hash over all pieces.
    pub fn finish(self) -> Hash {
        use blake2::Digest;
        let digest: [u8; 32] = self.0.finalize().into();
        Hash::from(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixture::receipt, signing::blake2_256};

    #[test]
    fn what_a_receipt_signs_is_fixed() {
        let Commitment { tokens_root, leaves_root, .. } = receipt().commitment.unwrap();
        assert_eq!(hex::encode(tokens_root), "1b6b4f1e9715aa99fbd99d7bccf047023eab017c5d95536a9700a7a33de9a9c5");
        assert_eq!(hex::encode(leaves_root), "6abe099815d01d5dd63ee8342d531139eecb3ceff34a953693a93bb14416bf1b");
        let hash = receipt().signing_hash(&Hash::repeat_byte(11));
        assert_eq!(hex::encode(hash), "d8974657f5549dfb0a3b1a03f834bc87ccc88dca8e5fd518ed5d0b226e36c9f9");
    }

    #[test]
    fn the_output_hash_is_that_of_the_whole_output() {
        let hash = |pieces: &[&[u8]]| {
            let mut hasher = OutputHasher::default();
            pieces.iter().for_each(|piece| hasher.update(piece));
            hasher.finish()
        };
        assert_eq!(hash(&[b"ab", b"", b"c"]), blake2_256(&[b"abc"]));
        assert_eq!(hash(&[b"a", b"bc"]), blake2_256(&[b"abc"]));
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"c", b"ab"]));
    }
}
