//! A coordinator's cumulative promise to pay a miner.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{
    signing::{blake2_256, Statement},
    AccountId, Balance, Hash, Signature,
};

/// Names one sequence of vouchers between a coordinator and a miner. The miner chooses it, see [`channel_of`].
pub type ChannelId = [u8; 16];

/// What a coordinator owes a miner for all work of a channel, from its first task on.
///
/// Amounts only grow, so the newest voucher stands for all before it: it can be lost, sent twice, or redeemed whenever
/// the miner likes, and the chain pays the difference to what it settled before.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Voucher {
    /// Stash of the coordinator that pays.
    pub coordinator: AccountId,
    /// Stash of the miner that is paid.
    pub miner: AccountId,
    /// Which of their channels.
    pub channel: ChannelId,
    /// For all its work, in planck, the protocol's fee included.
    pub amount: Balance,
    /// How many tasks that was. Told, never paid by.
    pub tasks: u64,
}

impl Statement for Voucher {
    const DOMAIN: &'static [u8] = b"cuckoo/voucher/v1";
}

/// A voucher, and the signature of an operator of its coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct SignedVoucher {
    /// What is promised.
    pub voucher: Voucher,
    /// Whose key signed.
    pub operator: AccountId,
    /// Made with that key.
    pub signature: Signature,
}

impl SignedVoucher {
    /// Whether the signature is the named operator's, on the chain with this genesis hash. Whether that operator may
    /// sign for the coordinator only the chain knows.
    pub fn is_signed(&self, genesis: &Hash) -> bool {
        self.voucher.is_signed_by(genesis, &self.operator, &self.signature)
    }
}

/// The channel that a wallet keeps with the coordinator of that stash.
///
/// It follows from the wallet's secret seed, so that a wallet that is read back finds its channels again and two
/// wallets never share one. `generation` counts up when the pair starts anew.
pub fn channel_of(wallet_seed: &[u8; 32], coordinator: &AccountId, generation: u32) -> ChannelId {
    let hash = blake2_256(&[b"cuckoo/channel/v1", wallet_seed, coordinator.as_ref(), &generation.to_le_bytes()]);
    let mut channel = ChannelId::default();
    channel.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
    channel
}

#[cfg(test)]
mod tests {
    use super::*;
    use sp_core::{sr25519, Pair};

    const GENESIS: Hash = Hash::repeat_byte(1);

    fn voucher() -> Voucher {
        Voucher {
            coordinator: AccountId::new([2; 32]),
            miner: AccountId::new([3; 32]),
            channel: [4; 16],
            amount: 5,
            tasks: 6,
        }
    }

    fn signed() -> SignedVoucher {
        let pair = sr25519::Pair::from_seed(&[7; 32]);
        let signature = pair.sign(voucher().signing_hash(&GENESIS).as_bytes()).0;
        SignedVoucher { voucher: voucher(), operator: pair.public().into(), signature }
    }

    #[test]
    fn what_a_voucher_signs_is_fixed() {
        let hash = hex::encode(voucher().signing_hash(&Hash::repeat_byte(11)));
        assert_eq!(hash, "0a551011011c824ef688cc8078f4445be4119760d4c33d42b12be090619bd83d");
    }

    #[test]
    fn a_signature_holds_for_one_signer_chain_and_voucher() {
        let signed = signed();
        assert!(signed.is_signed(&GENESIS));
        assert!(!signed.is_signed(&Hash::repeat_byte(2)));
        assert!(!SignedVoucher { operator: AccountId::new([8; 32]), ..signed.clone() }.is_signed(&GENESIS));
        for other in [
            Voucher { coordinator: AccountId::new([9; 32]), ..voucher() },
            Voucher { miner: AccountId::new([9; 32]), ..voucher() },
            Voucher { channel: [9; 16], ..voucher() },
            Voucher { amount: 4, ..voucher() },
            Voucher { tasks: 9, ..voucher() },
        ] {
            assert!(!SignedVoucher { voucher: other, ..signed.clone() }.is_signed(&GENESIS));
        }
    }

    #[test]
    fn a_receipt_is_no_voucher() {
        // Whatever the bytes of another statement are, its domain differs.
        assert_ne!(Voucher::DOMAIN, crate::task::Receipt::DOMAIN);
        assert_ne!(Voucher::DOMAIN, crate::signing::OperatorConsent::DOMAIN);
    }

    #[test]
    fn a_signed_voucher_is_200_bytes() {
        assert_eq!(signed().encode().len(), 200);
        assert_eq!(SignedVoucher::max_encoded_len(), 200);
    }

    #[test]
    fn channels_differ_by_seed_coordinator_and_generation() {
        let coordinator = AccountId::new([2; 32]);
        let channel = channel_of(&[1; 32], &coordinator, 0);
        assert_eq!(channel, channel_of(&[1; 32], &coordinator, 0));
        assert_ne!(channel, channel_of(&[9; 32], &coordinator, 0));
        assert_ne!(channel, channel_of(&[1; 32], &AccountId::new([9; 32]), 0));
        assert_ne!(channel, channel_of(&[1; 32], &coordinator, 1));
    }
}
