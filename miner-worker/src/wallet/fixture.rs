//! Vouchers for tests.

use cuckoo_chain_client::{account_of, Keypair};
use cuckoo_primitives::{
    settlement::{SignedVoucher, Voucher},
    signing::Statement,
    AccountId, Balance, Hash,
};
use subxt_signer::sr25519::dev;

pub(crate) const GENESIS: Hash = Hash::repeat_byte(7);

pub(crate) fn account(number: u8) -> AccountId {
    AccountId::from([number; 32])
}

/// A voucher of the coordinator with this stash in this channel, with a signature of nobody.
pub(crate) fn voucher(coordinator: u8, channel: u8, amount: Balance) -> SignedVoucher {
    let voucher =
        Voucher { coordinator: account(coordinator), miner: account(200), channel: [channel; 16], amount, tasks: 3 };
    SignedVoucher { voucher, operator: account_of(&dev::alice()), signature: [5; 64] }
}

/// The same, signed.
pub(crate) fn signed_by(key: &Keypair, unsigned: SignedVoucher) -> SignedVoucher {
    let signature = key.sign(unsigned.voucher.signing_hash(&GENESIS).as_bytes()).0;
    SignedVoucher { operator: account_of(key), signature, ..unsigned }
}
