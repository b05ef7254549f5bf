//! The mutual proof of operator keys with which a miner link begins.
//!
//! Each side signs both fresh nonces, both operator keys and the genesis hash, under a domain of its own side, so that
//! a recorded handshake, one for another peer, or one's own reflected back proves nothing.

use codec::Encode;

use crate::{signing::Statement, AccountId};

/// Random bytes that one side of a link chose for this one handshake.
pub type Nonce = [u8; 32];

/// Signed by the coordinator's operator key after the miner's hello.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct CoordinatorProof {
    /// The coordinator's operator.
    pub coordinator: AccountId,
    /// The miner's operator.
    pub miner: AccountId,
    /// Chosen by the miner.
    pub miner_nonce: Nonce,
    /// Chosen by the coordinator.
    pub coordinator_nonce: Nonce,
}

/// Signed by the miner's operator key after the coordinator's proof.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct MinerProof {
    /// The coordinator's operator.
    pub coordinator: AccountId,
    /// The miner's operator.
    pub miner: AccountId,
    /// Chosen by the miner.
    pub miner_nonce: Nonce,
    /// Chosen by the coordinator.
    pub coordinator_nonce: Nonce,
}

impl Statement for CoordinatorProof {
    const DOMAIN: &'static [u8] = b"cuckoo/link-coordinator/v1";
}

impl Statement for MinerProof {
    const DOMAIN: &'static [u8] = b"cuckoo/link-miner/v1";
}
