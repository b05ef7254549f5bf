//! Vouchers as text, for a miner that has lost its wallet: `miner-worker wallet import` reads them.

use cuckoo_chain_client::Keypair;
use cuckoo_primitives::{AccountId, Hash};
use serde_json::{json, Value};

use super::{
    channel::{ChannelKey, Promise},
    vouchers::sign,
};

/// What was promised to the miner with this stash, signed now.
pub(crate) fn handout(
    key: &Keypair,
    genesis: &Hash,
    coordinator: &AccountId,
    miner: &AccountId,
    promises: Vec<(ChannelKey, Promise)>,
) -> Value {
    let of_miner = promises.into_iter().filter(|(key, promise)| key.miner == *miner && promise.amount > 0);
    let vouchers = of_miner.map(|(channel, promise)| {
        let signed = sign(key, genesis, coordinator, &channel, promise);
        json!({
            "coordinator": coordinator.to_string(),
            "miner": miner.to_string(),
            "channel": hexed(&channel.channel),
            "amount": promise.amount.to_string(),
            "tasks": promise.tasks,
            "operator": signed.operator.to_string(),
            "signature": hexed(&signed.signature),
        })
    });
    json!({"genesis": hexed(genesis.as_bytes()), "vouchers": vouchers.collect::<Vec<_>>()})
}

fn hexed(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cuckoo_primitives::settlement::{SignedVoucher, Voucher};
    use subxt_signer::sr25519::dev;

    #[test]
    fn a_miner_is_given_its_own_vouchers_signed() {
        let [coordinator, miner, other] = [1, 2, 3].map(|byte| AccountId::from([byte; 32]));
        let genesis = Hash::repeat_byte(9);
        let promise = |miner: &AccountId, channel: u8, amount| {
            (ChannelKey { miner: miner.clone(), channel: [channel; 16] }, Promise { amount, tasks: 4 })
        };
        let promises = vec![promise(&miner, 5, u128::MAX), promise(&miner, 6, 0), promise(&other, 7, 1)];
        let text = handout(&dev::alice(), &genesis, &coordinator, &miner, promises);
        assert_eq!(text["genesis"], format!("0x{}", "09".repeat(32)));
        let vouchers = text["vouchers"].as_array().unwrap();
        assert_eq!((vouchers.len(), &vouchers[0]["amount"]), (1, &json!(u128::MAX.to_string())));
        let signature = hex::decode(&vouchers[0]["signature"].as_str().unwrap()[2..]).unwrap();
        let signed = SignedVoucher {
            voucher: Voucher { coordinator, miner, channel: [5; 16], amount: u128::MAX, tasks: 4 },
            operator: vouchers[0]["operator"].as_str().unwrap().parse().unwrap(),
            signature: signature.try_into().unwrap(),
        };
        assert!(signed.is_signed(&genesis));
    }
}
