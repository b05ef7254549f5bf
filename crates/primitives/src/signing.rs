//! How anything that an operator signs is turned into bytes.
//!
//! A signature here is always over 32 bytes: `blake2_256(len(domain) ++ domain ++ genesis ++ body)`. The domain keeps
//! one kind of statement from being taken for another, the genesis hash keeps it on one chain.

use blake2::{digest::consts::U32, Blake2b, Digest};
use codec::{Decode, DecodeWithMemTracking, Encode};
use scale_info::TypeInfo;
use sp_core::crypto::ByteArray;

use crate::{AccountId, EraIndex, Hash, Role, Signature};

/// 32-byte blake2b over the concatenation of `parts`.
pub fn blake2_256(parts: &[&[u8]]) -> Hash {
    let mut hasher = Blake2b::<U32>::new();
    for part in parts {
        hasher.update(part);
    }
    let digest: [u8; 32] = hasher.finalize().into();
    Hash::from(digest)
}

/// A statement that an operator key signs.
pub trait Statement: Encode {
    /// Names the kind and version of the statement; unique, at most 255 bytes.
    const DOMAIN: &'static [u8];

    /// The 32 bytes that are signed on the chain with this genesis hash.
    fn signing_hash(&self, genesis: &Hash) -> Hash {
        let domain_len = [Self::DOMAIN.len() as u8];
        blake2_256(&[&domain_len, Self::DOMAIN, genesis.as_bytes(), &self.encode()])
    }

    /// Whether `signature` over this statement was made by `signer`.
    fn is_signed_by(&self, genesis: &Hash, signer: &AccountId, signature: &Signature) -> bool {
        let Ok(public) = sp_core::sr25519::Public::from_slice(signer.as_ref()) else { return false };
        let signature = sp_core::sr25519::Signature::from_raw(*signature);
        sp_runtime::traits::Verify::verify(&signature, self.signing_hash(genesis).as_bytes(), &public)
    }
}

/// The operator's consent to work for a stash, so that nobody registers a key that is not theirs.
///
/// It ends, so that a stash for which the operator has ceased to work cannot bring it back to work later on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct OperatorConsent {
    /// The stash that registers the operator.
    pub stash: AccountId,
    /// For which role.
    pub role: Role,
    /// The first era in which it counts no more: at most `BondingEras` after the one in which it is used.
    pub expires: EraIndex,
}

impl Statement for OperatorConsent {
    const DOMAIN: &'static [u8] = b"cuckoo/operator-consent/v2";
}

#[cfg(test)]
mod tests {
    use super::*;
    use sp_core::{sr25519, Pair};

    #[test]
    fn a_statement_holds_for_one_signer_chain_and_body() {
        let pair = sr25519::Pair::from_seed(&[7; 32]);
        let operator = AccountId::from(pair.public());
        let genesis = Hash::repeat_byte(1);
        let consent = OperatorConsent { stash: AccountId::from([2; 32]), role: Role::Miner, expires: 7 };
        let signature = pair.sign(consent.signing_hash(&genesis).as_bytes()).0;
        assert!(consent.is_signed_by(&genesis, &operator, &signature));

        let other_role = OperatorConsent { role: Role::Coordinator, ..consent.clone() };
        assert!(!other_role.is_signed_by(&genesis, &operator, &signature));
        let longer = OperatorConsent { expires: 8, ..consent.clone() };
        assert!(!longer.is_signed_by(&genesis, &operator, &signature));
        assert!(!consent.is_signed_by(&Hash::repeat_byte(9), &operator, &signature));
        assert!(!consent.is_signed_by(&genesis, &consent.stash, &signature));
    }

    #[test]
    fn blake2_is_the_plain_256_bit_variant() {
        let of_abc = "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319";
        assert_eq!(hex::encode(blake2_256(&[b"ab", b"c"])), of_abc);
    }
}
