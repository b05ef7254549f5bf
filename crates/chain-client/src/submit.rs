//! Signing a call and seeing it through to a finalised block.

use cuckoo_primitives::Hash;

/// Where a submitted call ended up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// The finalised block that holds the transaction.
    pub block_hash: Hash,
    /// Hash of the transaction.
    pub extrinsic_hash: Hash,
}
