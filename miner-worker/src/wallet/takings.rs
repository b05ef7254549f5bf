//! Which vouchers of a file a wallet takes.

use std::collections::BTreeMap;

use cuckoo_primitives::settlement::SignedVoucher;

use super::holdings::{ChannelKey, Held, Holdings};

/// The vouchers of a file, sorted out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Takings {
    /// Of channels that the wallet does not know, or higher than what it holds, by the same key. Of each channel the
    /// highest.
    pub(super) taken: Vec<SignedVoucher>,
    /// By another key than what the wallet holds, and as high or higher. Anybody can sign a voucher with a key of his
    /// own; it would not be paid, and hide the one that would. Which key is the coordinator's is not known here.
    pub(super) left: Vec<SignedVoucher>,
    /// How many are lower than what it holds, or the same.
    pub(super) known: usize,
}

impl Takings {
    /// What a wallet that holds so much takes of these vouchers, each of which is signed by the key that it names.
    pub(super) fn of(held: &Holdings, offered: Vec<SignedVoucher>) -> Self {
        let mut takings = Self::default();
        let mut taken: BTreeMap<ChannelKey, SignedVoucher> = BTreeMap::new();
        for signed in offered {
            let key = ChannelKey::from(&signed.voucher);
            let newest = taken.get(&key).or(held.vouchers().get(&key).map(|Held { signed, .. }| signed));
            match newest {
                Some(newest) if is_known(&signed, newest) => takings.known = takings.known.saturating_add(1),
                Some(newest) if signed.operator != newest.operator => takings.left.push(signed),
                _ => drop(taken.insert(key, signed)),
            }
        }
        takings.taken = taken.into_values().collect();
        takings
    }
}

/// Whether this voucher brings nothing over that one. The same amount by a newer key does: it counts for longer.
fn is_known(signed: &SignedVoucher, newest: &SignedVoucher) -> bool {
    let (amount, held) = (signed.voucher.amount, newest.voucher.amount);
    amount < held || (amount == held && signed.operator == newest.operator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wallet::{
        fixture::{account, voucher, GENESIS},
        record::{Entry, Seed},
    };

    fn holding(signed: SignedVoucher) -> Holdings {
        let mut holdings = Holdings::new(GENESIS, Seed([1; 32]), 0);
        holdings.apply(1, &Entry::Voucher { signed, era: 2 });
        holdings
    }

    fn by_another(signed: SignedVoucher) -> SignedVoucher {
        SignedVoucher { operator: account(66), ..signed }
    }

    #[test]
    fn new_channels_and_higher_vouchers_by_the_same_key_are_taken() {
        let offered = vec![voucher(1, 1, 9), voucher(1, 2, 3), voucher(2, 1, 1)];
        let takings = Takings::of(&holding(voucher(1, 1, 5)), offered.clone());
        assert_eq!(takings, Takings { taken: offered, left: vec![], known: 0 });
    }

    #[test]
    fn what_is_lower_or_the_same_changes_nothing() {
        let offered = vec![voucher(1, 1, 5), voucher(1, 1, 4), by_another(voucher(1, 1, 4))];
        let takings = Takings::of(&holding(voucher(1, 1, 5)), offered);
        assert_eq!(takings, Takings { taken: vec![], left: vec![], known: 3 });
    }

    #[test]
    fn a_held_voucher_is_never_replaced_by_another_keys() {
        let forged = by_another(voucher(1, 1, u128::MAX));
        let takings = Takings::of(&holding(voucher(1, 1, 5)), vec![forged.clone(), voucher(1, 1, 6)]);
        assert_eq!(takings, Takings { taken: vec![voucher(1, 1, 6)], left: vec![forged], known: 0 });
    }

    #[test]
    fn the_same_amount_by_another_key_is_not_left_out_in_silence() {
        let signed_anew = by_another(voucher(1, 1, 5));
        let takings = Takings::of(&holding(voucher(1, 1, 5)), vec![signed_anew.clone()]);
        assert_eq!(takings, Takings { taken: vec![], left: vec![signed_anew], known: 0 });
    }

    #[test]
    fn of_one_channel_that_is_twice_in_the_file_the_first_key_counts() {
        let offered = vec![voucher(1, 2, 3), by_another(voucher(1, 2, 8)), voucher(1, 2, 4)];
        let takings = Takings::of(&holding(voucher(1, 1, 5)), offered);
        assert_eq!(takings.taken, [voucher(1, 2, 4)]);
        assert_eq!(takings.left, [by_another(voucher(1, 2, 8))]);
    }
}
