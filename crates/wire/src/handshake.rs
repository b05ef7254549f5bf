//! Building and checking the handshake; the same code for both sides, so that they cannot disagree.

use cuckoo_primitives::{
    link::{CoordinatorProof, MinerProof, Nonce},
    signing::Statement,
    AccountId, Hash, Signature,
};

/// What both sides know after hello and challenge, and sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// Genesis hash of the chain both are on.
    pub genesis: Hash,
    /// The coordinator's operator.
    pub coordinator: AccountId,
    /// The miner's operator.
    pub miner: AccountId,
    /// Chosen by the miner.
    pub miner_nonce: Nonce,
    /// Chosen by the coordinator.
    pub coordinator_nonce: Nonce,
}

/// Bytes that are not what their field requires.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} has {actual} bytes, expected {expected}")]
pub struct WrongLength {
    /// The field's name in `link.proto`.
    pub field: &'static str,
    /// Bytes it has.
    pub actual: usize,
    /// Bytes it must have.
    pub expected: usize,
}

/// Reads a field of exactly `N` bytes.
pub fn fixed<const N: usize>(field: &'static str, bytes: &[u8]) -> Result<[u8; N], WrongLength> {
    bytes.try_into().map_err(|_| WrongLength { field, actual: bytes.len(), expected: N })
}

impl Handshake {
    /// What the coordinator signs.
    pub fn coordinator_hash(&self) -> Hash {
        self.coordinator_proof().signing_hash(&self.genesis)
    }

    /// Names the link that this handshake opens, in receipts: what the coordinator signed. Both nonces are in it, so no
    /// other link, of whatever time, has the same.
    pub fn link_hash(&self) -> Hash {
        self.coordinator_hash()
    }

    /// What the miner signs.
    pub fn miner_hash(&self) -> Hash {
        self.miner_proof().signing_hash(&self.genesis)
    }

    /// Whether the coordinator holds its operator key.
    pub fn coordinator_is_proven(&self, signature: &Signature) -> bool {
        self.coordinator_proof().is_signed_by(&self.genesis, &self.coordinator, signature)
    }

    /// Whether the miner holds its operator key.
    pub fn miner_is_proven(&self, signature: &Signature) -> bool {
        self.miner_proof().is_signed_by(&self.genesis, &self.miner, signature)
    }

    fn coordinator_proof(&self) -> CoordinatorProof {
        CoordinatorProof {
            coordinator: self.coordinator.clone(),
            miner: self.miner.clone(),
            miner_nonce: self.miner_nonce,
            coordinator_nonce: self.coordinator_nonce,
        }
    }

    fn miner_proof(&self) -> MinerProof {
        MinerProof {
            coordinator: self.coordinator.clone(),
            miner: self.miner.clone(),
            miner_nonce: self.miner_nonce,
            coordinator_nonce: self.coordinator_nonce,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use subxt_signer::sr25519::{dev, Keypair};

    fn account(key: &Keypair) -> AccountId {
        AccountId::from(key.public_key().0)
    }

    fn handshake() -> Handshake {
        Handshake {
            genesis: Hash::repeat_byte(1),
            coordinator: account(&dev::alice()),
            miner: account(&dev::bob()),
            miner_nonce: [3; 32],
            coordinator_nonce: [4; 32],
        }
    }

    #[test]
    fn each_side_proves_its_own_key_only() {
        let handshake = handshake();
        let by_coordinator = dev::alice().sign(handshake.coordinator_hash().as_bytes()).0;
        let by_miner = dev::bob().sign(handshake.miner_hash().as_bytes()).0;
        assert!(handshake.coordinator_is_proven(&by_coordinator));
        assert!(handshake.miner_is_proven(&by_miner));
        assert!(!handshake.miner_is_proven(&by_coordinator));
        assert!(!handshake.coordinator_is_proven(&by_miner));
    }

    #[test]
    fn a_proof_does_not_serve_another_handshake() {
        let recorded = handshake();
        let proof = dev::bob().sign(recorded.miner_hash().as_bytes()).0;
        let fresh_nonce = Handshake { coordinator_nonce: [5; 32], ..recorded.clone() };
        let other_peer = Handshake { coordinator: account(&dev::charlie()), ..recorded.clone() };
        let other_chain = Handshake { genesis: Hash::repeat_byte(2), ..recorded.clone() };
        for replayed in [fresh_nonce, other_peer, other_chain] {
            assert!(!replayed.miner_is_proven(&proof));
        }
    }

    #[test]
    fn every_handshake_opens_a_link_of_its_own() {
        let first = handshake();
        let miners_choice = Handshake { miner_nonce: [5; 32], ..first.clone() };
        let coordinators_choice = Handshake { coordinator_nonce: [5; 32], ..first.clone() };
        assert_eq!(first.link_hash(), handshake().link_hash());
        assert_ne!(first.link_hash(), miners_choice.link_hash());
        assert_ne!(first.link_hash(), coordinators_choice.link_hash());
    }

    #[test]
    fn wrong_lengths_are_named() {
        assert_eq!(fixed::<32>("nonce", &[0; 31]), Err(WrongLength { field: "nonce", actual: 31, expected: 32 }));
    }
}
