//! What a miner commits to with one hash, and opens later piece by piece.
//!
//! A list of items becomes a root by the Merkle tree of RFC 6962 (section 2.1) over blake2b-256: leaves are hashed behind
//! a byte 0, nodes behind a byte 1, and a list that is no power of two long is split at the greatest one below. How long
//! the list is stands beside the root wherever one is signed.

mod leaf;
mod proof;
mod tree;

pub use leaf::{Leaf, Projection, PROJECTED_EVERY};
pub use proof::{Path, MAX_PATH};
#[cfg(any(test, feature = "runtime-benchmarks", feature = "fixture"))]
pub(crate) use tree::node;
pub use tree::{hash_of, path, root, Tree};
