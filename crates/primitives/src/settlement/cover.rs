//! How much of a coordinator's stake answers for its debts to one miner.

use sp_arithmetic::{helpers_128bit::multiply_by_rational_with_rounding, Rounding};

use crate::{Balance, TOTAL_SUPPLY_CAP};

/// The most that a miner with `miner_bond` may take from the stake of a coordinator with `coordinator_bond` for unpaid
/// vouchers: `⌊coordinator_bond · miner_bond / TOTAL_SUPPLY_CAP⌋`, all in planck.
///
/// All miners together bond less than the supply, so all covers together are less than the coordinator's bond: nobody
/// can use up what covers another, however many accounts it has, and no claim has to come first.
pub fn cover(coordinator_bond: Balance, miner_bond: Balance) -> Balance {
    multiply_by_rational_with_rounding(coordinator_bond, miner_bond, TOTAL_SUPPLY_CAP, Rounding::Down).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CAI;

    #[test]
    fn cover_is_the_miners_share_of_the_supply() {
        assert_eq!(cover(2_500_000 * CAI, 25_000 * CAI), 62_500_000_000_000_000_000);
        assert_eq!(cover(0, CAI), 0);
        assert_eq!(cover(CAI, 0), 0);
        assert_eq!(cover(TOTAL_SUPPLY_CAP, 7), 7);
        assert_eq!(cover(TOTAL_SUPPLY_CAP - 1, 7), 6);
        assert_eq!(cover(TOTAL_SUPPLY_CAP, TOTAL_SUPPLY_CAP), TOTAL_SUPPLY_CAP);
    }

    #[test]
    fn covers_of_all_stake_are_never_more_than_the_bond() {
        let bond = 2_000_001 * CAI + 1;
        // A thousand uneven parts that make up all CAI.
        let parts: u128 = 1_000;
        let sum_of_numbers = parts * (parts + 1) / 2;
        let mut left = TOTAL_SUPPLY_CAP;
        let mut covered = 0;
        for part in 1..=parts {
            let stake = if part == parts { left } else { TOTAL_SUPPLY_CAP / sum_of_numbers * part };
            left -= stake;
            covered += cover(bond, stake);
        }
        assert_eq!(left, 0);
        assert!(covered <= bond && covered > bond - parts, "{covered}");
    }
}
