//! Which attempts are audited.
//!
//! The draw is a hash that nobody can foresee without the secret of the day, compared with a rate:
//!
//! ```text
//! number = first 8 bytes, little-endian, of blake2_256("cuckoo/audit-choice/v2", secret, task_id, attempt, receipt hash)
//! chosen = number * 1,000,000 < rate * 2^64          (rate in millionths)
//! ```
//!
//! What commits to the secret is shown before the day, so that the coordinator cannot choose after it has seen results; the
//! secret is shown after the day, so that anyone can compute again what was chosen. The receipt is in the hash, so that
//! not even a coordinator that betrays its secret can say before an answer is signed whether it will be audited.

use cuckoo_primitives::{signing::blake2_256, task::TaskId, Hash};
use serde::{Deserialize, Serialize};

/// A share of all attempts, in millionths; at most all. Whole numbers, so that everybody compares alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "u32")]
pub struct Rate(u32);

impl Rate {
    /// All attempts.
    pub const ALL: Self = Self(1_000_000);
    /// No miner is audited less often: 2 %.
    pub const FLOOR: Self = Self(20_000);

    /// So many millionths; what is more than all is all.
    pub const fn of_millionths(millionths: u32) -> Self {
        Self(if millionths < Self::ALL.0 { millionths } else { Self::ALL.0 })
    }

    /// The least rate that is no less than `share`; all, if `share` is no number.
    pub fn of_share(share: f64) -> Self {
        let millionths = (share * f64::from(Self::ALL.0)).ceil();
        // A cast takes what is no number for 0.
        if share.is_nan() {
            Self::ALL
        } else {
            Self::of_millionths(millionths as u32)
        }
    }

    /// In millionths.
    pub const fn millionths(self) -> u32 {
        self.0
    }

    /// From 0 to 1.
    pub fn share(self) -> f64 {
        f64::from(self.0) / f64::from(Self::ALL.0)
    }
}

impl From<u32> for Rate {
    fn from(millionths: u32) -> Self {
        Self::of_millionths(millionths)
    }
}

/// How many of a miner's attempts are audited: the greatest of [`Rate::FLOOR`], three times the `bound` above which
/// cheating loses ([`least_rate`](crate::economics::Stakes::least_rate)), and what its reputation asks for.
pub fn rate(reputation: Rate, bound: f64) -> Rate {
    Rate::FLOOR.max(reputation).max(Rate::of_share(3.0 * bound))
}

/// The secret by which the attempts of one day are chosen.
#[derive(Clone, PartialEq, Eq)]
pub struct DaySecret([u8; 32]);

impl core::fmt::Debug for DaySecret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("DaySecret(..)")
    }
}

impl DaySecret {
    /// `secret` must be 32 bytes that nobody can guess.
    pub const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// What commits to it as the secret of `day`, counted from 1970 in UTC:
    /// `blake2_256("cuckoo/audit-day/v1", day as 8 bytes little-endian, secret)`.
    pub fn commitment(&self, day: u64) -> Hash {
        blake2_256(&[b"cuckoo/audit-day/v1", &day.to_le_bytes(), &self.0])
    }

    /// Whether an attempt is chosen of which `rate` are. `receipt` is the hash that the miner has signed.
    pub fn chooses(&self, task_id: &TaskId, attempt: u32, receipt: &Hash, rate: Rate) -> bool {
        let parts: [&[u8]; 5] =
            [b"cuckoo/audit-choice/v2", &self.0, task_id, &attempt.to_le_bytes(), receipt.as_bytes()];
        let first = blake2_256(&parts).as_bytes().first_chunk().copied().unwrap_or_default();
        u128::from(u64::from_le_bytes(first)) * u128::from(Rate::ALL.0) < u128::from(rate.0) << 64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: DaySecret = DaySecret::new([7; 32]);

    fn chosen(secret: &DaySecret, rate: Rate) -> Vec<bool> {
        (0..10_000).map(|attempt| secret.chooses(&[1; 16], attempt, &Hash::zero(), rate)).collect()
    }

    #[test]
    fn as_many_are_chosen_as_should_be() {
        for (millionths, deviation) in [(20_000, 14.0), (300_000, 46.0), (900_000, 30.0)] {
            let count = chosen(&SECRET, Rate::of_millionths(millionths)).into_iter().filter(|it| *it).count() as f64;
            assert!((count - f64::from(millionths) / 100.0).abs() < 5.0 * deviation, "{millionths}: {count}");
        }
    }

    #[test]
    fn task_attempt_receipt_and_secret_are_in_the_draw() {
        let half = Rate::of_millionths(500_000);
        let draws = |secret: DaySecret, task: u8, receipt: u8| -> Vec<bool> {
            (0..200).map(|at| secret.chooses(&[task; 16], at, &Hash::repeat_byte(receipt), half)).collect()
        };
        let all = [draws(SECRET, 1, 1), draws(SECRET, 2, 1), draws(SECRET, 1, 2), draws(DaySecret::new([8; 32]), 1, 1)];
        for (index, one) in all.iter().enumerate() {
            assert!(all[..index].iter().all(|other| other != one));
            assert!(one.contains(&true) && one.contains(&false));
        }
    }

    #[test]
    fn a_commitment_is_to_one_secret_and_one_day() {
        let other = DaySecret::new([8; 32]);
        assert_ne!(SECRET.commitment(3), SECRET.commitment(4));
        assert_ne!(SECRET.commitment(3), other.commitment(3));
        assert_eq!(format!("{SECRET:?}"), "DaySecret(..)");
    }

    #[test]
    fn the_greatest_reason_decides() {
        assert_eq!(rate(Rate::of_millionths(1), 0.0), Rate::FLOOR);
        assert_eq!(
            rate(Rate::of_millionths(1), 0.1),
            Rate::of_millionths(300_001).min(Rate::of_share(0.3f64.next_up()))
        );
        assert_eq!(rate(Rate::of_millionths(400_000), 0.1), Rate::of_millionths(400_000));
        assert_eq!(rate(Rate::FLOOR, 0.5), Rate::ALL);
        assert_eq!(rate(Rate::FLOOR, f64::NAN), Rate::ALL);
        assert_eq!(rate(Rate::FLOOR, f64::INFINITY), Rate::ALL);
    }

    proptest! {
        #[test]
        fn whoever_is_chosen_at_a_rate_is_chosen_at_a_higher_one(task: [u8; 16], low in 0u32..=1_000_000, more: u32) {
            let (low, high) = (Rate::of_millionths(low), Rate::of_millionths(low.saturating_add(more)));
            let chooses = |rate| SECRET.chooses(&task, 0, &Hash::zero(), rate);
            prop_assert!(!chooses(low) || chooses(high));
            prop_assert!(chooses(Rate::ALL) && !chooses(Rate::of_millionths(0)));
        }

        #[test]
        fn a_share_is_never_rounded_down(share in 0.0f64..=1.0) {
            prop_assert!(Rate::of_share(share).share() >= share);
            prop_assert!(Rate::of_share(share).share() < share + 1.1e-6);
        }
    }
}
