//! Proof of a fault that anyone can check alone, and that the chain checks when it is reported.

mod check;
mod signed;

pub use check::{Accusation, Unproven};
pub use signed::{SignedDelivered, SignedReceipt, SignedSpec};

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{
    commitment::{Leaf, Path},
    signing::blake2_256,
    Hash,
};

/// Proof of a fault. Its size is bounded, and nobody's judgement is needed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Evidence {
    /// Two receipts of one miner for the same attempt on the same link that differ.
    Receipts {
        /// One receipt.
        first: SignedReceipt,
        /// Another.
        second: SignedReceipt,
    },
    /// A miner accepted an attempt, and its receipt is for another understanding of it.
    Acceptance {
        /// What it accepted.
        accepted: SignedSpec,
        /// What it says it has done.
        receipt: SignedReceipt,
    },
    /// A miner sent other tokens than those that its receipt commits to.
    Delivery {
        /// What it sent, to the last token.
        delivered: SignedDelivered,
        /// Its receipt for as many tokens.
        receipt: SignedReceipt,
    },
    /// A miner committed to two tokens in one place: one that was sent, and one that was drawn.
    Leaf {
        /// Its receipt.
        receipt: SignedReceipt,
        /// The place, counted from the attempt's first token.
        index: u32,
        /// The token that was sent.
        token: u32,
        /// Its way to the tokens' root.
        token_path: Path,
        /// How it was drawn.
        leaf: Leaf,
        /// Its way to the leaves' root.
        leaf_path: Path,
    },
    /// A miner committed to a token that cannot have been drawn so.
    Sampling {
        /// Its receipt.
        receipt: SignedReceipt,
        /// The place, counted from the attempt's first token.
        index: u32,
        /// How it says it drew the token.
        leaf: Leaf,
        /// Its way to the leaves' root.
        leaf_path: Path,
    },
    /// A miner signed for more tokens than it was asked for.
    Excess {
        /// Its receipt.
        receipt: SignedReceipt,
    },
}

impl Evidence {
    /// Names this evidence: blake2_256 of its encoding.
    pub fn hash(&self) -> Hash {
        self.using_encoded(|bytes| blake2_256(&[bytes]))
    }
}
