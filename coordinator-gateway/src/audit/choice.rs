//! Which attempts are audited: by a secret of the day, so that no miner knows before it has signed, and everybody can check
//! it after the day.

use cuckoo_primitives::{evidence::SignedReceipt, signing::blake2_256};

/// Whether an attempt is audited of which a share of `rate`, from 0 to 1, is.
///
/// The hash of the day's secret and of what names the attempt is a number below 2^64, and the lowest such part of them is
/// chosen. Nothing that the miner chooses is in it.
pub(crate) fn is_chosen(secret: &[u8; 32], signed: &SignedReceipt, rate: f64) -> bool {
    let spec = &signed.receipt.spec;
    let attempt = spec.attempt.to_le_bytes();
    let hash = blake2_256(&[b"cuckoo/audit-choice/v1", secret, spec.link.as_bytes(), &spec.task_id, &attempt]);
    let number = hash.as_bytes().first_chunk().map_or(0, |first| u64::from_le_bytes(*first));
    // A float has 53 digits; what is lost of the number says less than one part in 2^53.
    rate >= 1.0 || (number as f64) < rate * 2f64.powi(64)
}

#[cfg(test)]
mod tests {
    use cuckoo_primitives::{fixture, Hash};

    use super::*;

    fn signed(attempt: u32) -> SignedReceipt {
        let mut receipt = fixture::receipt();
        receipt.spec.attempt = attempt;
        SignedReceipt { receipt, signature: [0; 64] }
    }

    fn chosen(secret: u8, rate: f64) -> Vec<bool> {
        (0..10_000).map(|attempt| is_chosen(&[secret; 32], &signed(attempt), rate)).collect()
    }

    #[test]
    fn as_many_are_chosen_as_should_be() {
        for (rate, deviation) in [(0.02, 14.0), (0.3, 46.0), (0.9, 30.0)] {
            let count = chosen(7, rate).into_iter().filter(|is_chosen| *is_chosen).count() as f64;
            assert!((count - rate * 10_000.0).abs() < 5.0 * deviation, "{rate}: {count}");
        }
        assert!(chosen(7, 1.0).into_iter().all(|is_chosen| is_chosen));
        assert!(!chosen(7, 0.0).into_iter().any(|is_chosen| is_chosen));
    }

    #[test]
    fn what_the_miner_could_try_out_makes_no_difference() {
        let other = |change: fn(&mut SignedReceipt)| {
            let mut signed = signed(3);
            change(&mut signed);
            (0..100).map(|secret| is_chosen(&[secret; 32], &signed, 0.5)).collect::<Vec<_>>()
        };
        let honest = other(|_| ());
        for change in
            [(|it| it.signature = [1; 64]) as fn(&mut SignedReceipt), |it| it.receipt.output_hash = Hash::zero()]
        {
            assert_eq!(other(change), honest);
        }
        assert_ne!(other(|it| it.receipt.spec.task_id[0] ^= 1), honest);
    }

    #[test]
    fn other_days_choose_others() {
        assert_ne!(chosen(7, 0.3), chosen(8, 0.3));
    }
}
