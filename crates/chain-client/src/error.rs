//! What can go wrong between a program and the chain.

use std::time::Duration;

use cuckoo_primitives::{BlockNumber, Hash};

/// Why the chain could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// No endpoint could be used; one entry for each that was tried.
    #[error("no chain endpoint can be used: {}; start a node, or name one with --chain-url", list(.tried))]
    NoEndpoint {
        /// Each endpoint (without path and query, which may hold an access key) with the reason why it was not used.
        tried: Vec<(String, String)>,
    },
    /// The node serves another chain than the one this program began with.
    #[error(
        "the node serves another chain: its genesis is {found:?}, expected {expected:?}; name a node of that chain with \
         --chain-url"
    )]
    WrongChain {
        /// Genesis hash of the chain that this program follows.
        expected: Hash,
        /// Genesis hash that the node reported.
        found: Hash,
    },
    /// The node's finalised blocks are not the ones that this program has seen, though they begin alike.
    #[error(
        "the node's block {number} is {found:?}, but {expected:?} is known to be final; name another node with --chain-url, \
         or, if the chain was begun anew, start this program again with a new --data-dir"
    )]
    Conflict {
        /// Height of the block.
        number: BlockNumber,
        /// Its hash as known so far.
        expected: Hash,
        /// Its hash on this node.
        found: Hash,
    },
    /// The node has not yet seen the block up to which this program knows the chain.
    #[error("the node is behind: block {node} is final there, block {known} is already known to be")]
    Behind {
        /// Height of the last finalised block of the node.
        node: BlockNumber,
        /// Height of the last finalised block that this program knows.
        known: BlockNumber,
    },
    /// The node's runtime has no market API.
    #[error("this node does not run a Cuckoo runtime (its runtime has no `MarketApi`)")]
    NotCuckoo,
    /// There is no connection to a node at the moment; it is being re-established in the background.
    #[error("not connected to the chain; reconnecting, try again in a moment")]
    Disconnected,
    /// The node did not answer a request as it should have.
    #[error("the node could not answer: {0}")]
    Node(String),
    /// What the node returned could not be understood.
    #[error("cannot decode {what}: {reason}")]
    Decode {
        /// What was being decoded.
        what: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// The runtime has no such call, or it takes other arguments: this program and the chain are of different versions.
    #[error("the chain does not take this call, is this program up to date? {0}")]
    Encode(String),
    /// The node's pool did not take the transaction; it had no effect, and will have none.
    #[error("the transaction was rejected: {reason}")]
    Rejected {
        /// The node's reason.
        reason: String,
    },
    /// The transaction is in a finalised block, but its call failed; only the fee was paid.
    #[error("{pallet}.{error}: {docs}")]
    Dispatch {
        /// The pallet that refused, or `Runtime` for errors that belong to none.
        pallet: String,
        /// Name of the error.
        error: String,
        /// What the runtime's metadata says about it.
        docs: String,
    },
    /// The transaction was sent and then lost from sight, with the connection, or because the pool that took it holds it no
    /// more. Other nodes may, so it may still be included.
    #[error("lost sight of the transaction ({reason}); it may still be included, check before you send it again")]
    Lost {
        /// What happened.
        reason: String,
    },
    /// The transaction was not seen in a finalised block in time. It may still be included.
    #[error("not in a finalised block after {after:?}; the transaction may still be included, check before you send it again")]
    TimedOut {
        /// How long was waited.
        after: Duration,
    },
}

fn list(tried: &[(String, String)]) -> String {
    if tried.is_empty() {
        return "none is configured".into();
    }
    tried.iter().map(|(endpoint, reason)| format!("{endpoint}: {reason}")).collect::<Vec<_>>().join("; ")
}
