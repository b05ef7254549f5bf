//! Statements with the signature of the miner that they name.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{
    signing::Statement,
    task::{Delivered, Receipt, TaskSpec},
    Hash, Signature,
};

/// A receipt, and the miner's signature over it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct SignedReceipt {
    /// What the miner claims.
    pub receipt: Receipt,
    /// Made with the key of the operator that the receipt names as its miner.
    pub signature: Signature,
}

/// What a miner accepted, and its signature over it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct SignedSpec {
    /// What it took on.
    pub spec: TaskSpec,
    /// Made with the key of the operator that the spec names as its miner.
    pub signature: Signature,
}

/// What a miner has sent, and its signature over it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct SignedDelivered {
    /// What it has sent.
    pub delivered: Delivered,
    /// Made with the key of the operator that it names as its miner.
    pub signature: Signature,
}

impl SignedReceipt {
    /// Whether the signature is the named miner's, on the chain with this genesis hash.
    pub fn is_signed(&self, genesis: &Hash) -> bool {
        self.receipt.is_signed_by(genesis, &self.receipt.spec.miner, &self.signature)
    }
}

impl SignedSpec {
    /// Whether the signature is the named miner's, on the chain with this genesis hash.
    pub fn is_signed(&self, genesis: &Hash) -> bool {
        self.spec.is_signed_by(genesis, &self.spec.miner, &self.signature)
    }
}

impl SignedDelivered {
    /// Whether the signature is the named miner's, on the chain with this genesis hash.
    pub fn is_signed(&self, genesis: &Hash) -> bool {
        self.delivered.is_signed_by(genesis, &self.delivered.miner, &self.signature)
    }
}
