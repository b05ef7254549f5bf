//! Vouchers as text, to be kept elsewhere or redeemed by somebody else.
//!
//! No seed is in it, so that whoever has it can redeem these vouchers, to the same stash, and do nothing else.

use cuckoo_primitives::{
    settlement::{SignedVoucher, Voucher},
    AccountId, Hash,
};
use serde::{Deserialize, Serialize};

use super::holdings::Holdings;

/// Why a file of vouchers cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// It is no such file.
    #[error("this is no file of `miner-worker wallet export`: {0}")]
    Unreadable(String),
    /// Its chain is named by something else than a hash.
    #[error("{0:?} is no genesis hash; it has 64 hexadecimal digits after 0x")]
    Genesis(String),
    /// One of its vouchers is wrong.
    #[error("voucher {number} of the file cannot be taken: {reason}")]
    Voucher {
        /// Counted from 1.
        number: usize,
        /// Why.
        reason: &'static str,
    },
}

/// A file of vouchers.
#[derive(Serialize, Deserialize)]
struct File {
    genesis: String,
    vouchers: Vec<Line>,
}

/// A signed voucher: accounts as addresses, bytes in hexadecimal, the amount in planck.
#[derive(Serialize, Deserialize)]
struct Line {
    coordinator: String,
    miner: String,
    channel: String,
    amount: String,
    tasks: u64,
    operator: String,
    signature: String,
}

/// The newest voucher of every channel.
pub(super) fn export(holdings: &Holdings) -> String {
    let line = |signed: &SignedVoucher| Line {
        coordinator: signed.voucher.coordinator.to_string(),
        miner: signed.voucher.miner.to_string(),
        channel: hexed(&signed.voucher.channel),
        amount: signed.voucher.amount.to_string(),
        tasks: signed.voucher.tasks,
        operator: signed.operator.to_string(),
        signature: hexed(&signed.signature),
    };
    let vouchers = holdings.vouchers().values().map(|held| line(&held.signed)).collect();
    let file = File { genesis: hexed(holdings.genesis().as_bytes()), vouchers };
    let mut text = serde_json::to_string_pretty(&file).unwrap_or_default();
    text.push('\n');
    text
}

/// Reads what [`export`] wrote: the chain, and its vouchers, each of which is signed.
pub(super) fn import(text: &str) -> Result<(Hash, Vec<SignedVoucher>), ExchangeError> {
    let file: File = serde_json::from_str(text).map_err(|error| ExchangeError::Unreadable(error.to_string()))?;
    let genesis = bytes::<32>(&file.genesis).map(Hash::from);
    let genesis = genesis.ok_or_else(|| ExchangeError::Genesis(file.genesis.chars().take(80).collect()))?;
    let signed = (1_usize..).zip(file.vouchers).map(|(number, line)| {
        let refused = |reason| ExchangeError::Voucher { number, reason };
        let signed = line.read().map_err(refused)?;
        match signed.is_signed(&genesis) {
            true => Ok(signed),
            false => Err(refused("its signature does not hold on this chain")),
        }
    });
    Ok((genesis, signed.collect::<Result<_, _>>()?))
}

impl Line {
    fn read(self) -> Result<SignedVoucher, &'static str> {
        let account = |text: &str| text.parse::<AccountId>().map_err(|_| "one of its accounts is no address");
        let voucher = Voucher {
            coordinator: account(&self.coordinator)?,
            miner: account(&self.miner)?,
            channel: bytes(&self.channel).ok_or("its channel is not 16 bytes")?,
            amount: self.amount.parse().map_err(|_| "its amount is no number of planck")?,
            tasks: self.tasks,
        };
        let signature = bytes(&self.signature).ok_or("its signature is not 64 bytes")?;
        Ok(SignedVoucher { voucher, operator: account(&self.operator)?, signature })
    }
}

/// Bytes in hexadecimal.
pub(super) fn hexed(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wallet::{
        fixture::{signed_by, voucher, GENESIS},
        record::{Entry, Seed},
    };
    use subxt_signer::sr25519::dev;

    fn holdings(vouchers: impl IntoIterator<Item = SignedVoucher>) -> Holdings {
        let mut holdings = Holdings::new(GENESIS, Seed([0xab; 32]), 0);
        vouchers.into_iter().for_each(|signed| holdings.apply(1, &Entry::Voucher { signed, era: 2 }));
        holdings
    }

    #[test]
    fn what_is_exported_is_read_back_and_holds_no_seed() {
        let vouchers = [1, 2].map(|channel| signed_by(&dev::alice(), voucher(1, channel, u128::MAX)));
        let text = export(&holdings(vouchers.clone()));
        assert!(!text.contains("abab"), "{text}");
        assert_eq!(import(&text), Ok((GENESIS, vouchers.to_vec())));
        assert_eq!(import(&export(&holdings([]))), Ok((GENESIS, vec![])));
    }

    #[test]
    fn what_is_not_signed_for_this_chain_is_refused() {
        let text = export(&holdings([signed_by(&dev::alice(), voucher(1, 1, 5))]));
        let raised = text.replace("\"5\"", "\"6\"");
        assert_ne!(raised, text);
        let other_chain = text.replace(&"07".repeat(32), &"08".repeat(32));
        assert_ne!(other_chain, text);
        for wrong in [raised, other_chain] {
            let error = import(&wrong).unwrap_err();
            assert!(matches!(error, ExchangeError::Voucher { number: 1, .. }), "{error}");
        }
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        assert!(matches!(import("{}"), Err(ExchangeError::Unreadable(_))));
        let text = export(&holdings([signed_by(&dev::alice(), voucher(1, 1, 5))]));
        let short = text.replace(&"07".repeat(32), "07");
        assert_eq!(import(&short), Err(ExchangeError::Genesis("0x07".into())));
        let nobody = text.replace("\"miner\": \"5", "\"miner\": \"x");
        assert!(matches!(import(&nobody), Err(ExchangeError::Voucher { .. })));
    }
}
