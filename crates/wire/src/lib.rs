//! What client, gateway and miner say to each other: types and their limits, nothing else.
//!
//! [`link`] is the protobuf of the stream between gateway and miner, [`handshake`] its mutual proof of operator keys,
//! [`spec`] what a miner takes on with a task, [`request`] the hash of a task that this names, [`sampling`] how its tokens
//! are drawn, [`shares`] a miner's part of their seeds, [`charge`] what a task may cost and did cost, [`money`] how prices
//! and vouchers cross the link. The HTTP API's types come from the crate `openai-protocol`.

#![warn(missing_docs)]

pub mod charge;
pub mod handshake;
pub mod limits;
pub mod money;
pub mod request;
pub mod sampling;
pub mod shares;
pub mod spec;

/// Generated from `proto/link.proto`, which documents it.
#[allow(missing_docs, clippy::all, unreachable_pub)]
pub mod link {
    tonic::include_proto!("cuckoo.link.v1");
}
