//! How a miner's slots are spread over the coordinators that it serves.

use cuckoo_primitives::{AccountId, Balance};

/// Sums of backing are kept under this many bits, so that a product with any number of slots fits into 128.
const BACKING_BITS: u32 = 90;

/// Spreads `slots` over coordinators by their backing, by largest remainder: each gets the whole part of its exact
/// share, and what is left goes one by one to those with the largest fractions; of equal fractions to the larger
/// backing, then to the smaller account. The result has the order of the input and sums to `slots`, unless nobody has
/// any backing: then nobody gets a slot.
pub fn spread(slots: u32, coordinators: &[(AccountId, Balance)]) -> Vec<u32> {
    let backings = scaled(coordinators);
    let total: u128 = backings.iter().sum();
    if total == 0 {
        return vec![0; coordinators.len()];
    }
    let products = || backings.iter().map(|backing| backing * u128::from(slots));
    // A share is at most `slots`, so it fits.
    let mut shares: Vec<u32> = products().map(|product| (product / total) as u32).collect();
    let remainders: Vec<u128> = products().map(|product| product % total).collect();
    let left = slots - shares.iter().sum::<u32>();

    let mut order: Vec<usize> = (0..coordinators.len()).filter(|&at| backings[at] > 0).collect();
    order.sort_by(|&a, &b| {
        let key = |at: usize| (remainders[at], coordinators[at].1);
        key(b).cmp(&key(a)).then_with(|| coordinators[a].0.cmp(&coordinators[b].0))
    });
    for &at in order.iter().cycle().take(left as usize) {
        shares[at] += 1;
    }
    shares
}

/// The backings, shifted right alike until their sum has at most [`BACKING_BITS`] bits. All CAI that may ever exist
/// need 90 bits, so nothing is shifted unless a chain is broken.
fn scaled(coordinators: &[(AccountId, Balance)]) -> Vec<u128> {
    let backings = || coordinators.iter().map(|(_, backing)| *backing);
    let shift = (0..128).find(|shift| {
        let sum = backings().try_fold(0_u128, |sum, backing| sum.checked_add(backing >> shift));
        sum.is_some_and(|sum| 128 - sum.leading_zeros() <= BACKING_BITS)
    });
    backings().map(|backing| backing >> shift.unwrap_or(127)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cuckoo_primitives::CAI;
    use proptest::prelude::*;

    fn account(number: u8) -> AccountId {
        AccountId::from([number; 32])
    }

    fn coordinators(backings: &[Balance]) -> Vec<(AccountId, Balance)> {
        backings.iter().enumerate().map(|(at, backing)| (account(at as u8), *backing)).collect()
    }

    #[test]
    fn eight_slots_over_one_and_three_parts_are_two_and_six() {
        assert_eq!(spread(8, &coordinators(&[2_500_000 * CAI, 7_500_000 * CAI])), [2, 6]);
    }

    #[test]
    fn shares_follow_the_votes() {
        assert_eq!(spread(8, &coordinators(&[CAI, CAI])), [4, 4]);
        assert_eq!(spread(8, &coordinators(&[3 * CAI, CAI])), [6, 2]);
        assert_eq!(spread(8, &coordinators(&[CAI, 1_000_000 * CAI])), [0, 8]);
    }

    #[test]
    fn the_only_coordinator_gets_all() {
        assert_eq!(spread(5, &coordinators(&[1])), [5]);
        assert!(spread(5, &[]).is_empty());
    }

    #[test]
    fn nobody_without_backing_gets_a_slot() {
        assert_eq!(spread(3, &coordinators(&[0, 7, 0])), [0, 3, 0]);
        assert_eq!(spread(3, &coordinators(&[0, 0])), [0, 0]);
    }

    #[test]
    fn equal_fractions_go_to_the_larger_backing_then_to_the_smaller_account() {
        assert_eq!(spread(1, &coordinators(&[5, 5])), [1, 0]);
        let swapped = [(account(9), 5), (account(1), 5)];
        assert_eq!(spread(1, &swapped), [0, 1]);
    }

    #[test]
    fn the_largest_backings_do_not_overflow() {
        assert_eq!(spread(1024, &coordinators(&[u128::MAX, u128::MAX])), [512, 512]);
    }

    proptest! {
        #[test]
        fn all_slots_are_given_and_each_share_is_within_one_of_the_exact_one(
            slots in 0_u32..=1024,
            backings in prop::collection::vec(0_u128..=cuckoo_primitives::TOTAL_SUPPLY_CAP / 40, 1..40),
        ) {
            let shares = spread(slots, &coordinators(&backings));
            let total: u128 = backings.iter().sum();
            if total == 0 {
                prop_assert!(shares.iter().all(|share| *share == 0));
                return Ok(());
            }
            prop_assert_eq!(shares.iter().sum::<u32>(), slots);
            for (share, backing) in shares.iter().zip(&backings) {
                let floor = backing * u128::from(slots) / total;
                prop_assert!(u128::from(*share) == floor || u128::from(*share) == floor + 1);
            }
        }

        #[test]
        fn order_does_not_matter(
            slots in 0_u32..=64,
            backings in prop::collection::vec(any::<u128>(), 1..12),
        ) {
            let forward = coordinators(&backings);
            let mut backward = forward.clone();
            backward.reverse();
            let mut shares = spread(slots, &backward);
            shares.reverse();
            prop_assert_eq!(spread(slots, &forward), shares);
        }

        #[test]
        fn more_backing_never_gets_fewer_slots(
            slots in 0_u32..=64,
            backings in prop::collection::vec(1_u128..=u128::from(u64::MAX), 1..12),
        ) {
            let all = coordinators(&backings);
            let shares = spread(slots, &all);
            for a in 0..all.len() {
                for b in 0..all.len() {
                    if backings[a] > backings[b] {
                        prop_assert!(shares[a] >= shares[b]);
                    }
                }
            }
        }
    }
}
