//! Reward per unit of stake, as a fixed-point number.

use cuckoo_primitives::Balance;
use sp_core::U256;
use sp_runtime::{helpers_128bit::multiply_by_rational_with_rounding, Rounding};

/// Planck of reward that one planck of stake has earned since a candidate first stood, in units of 2^-96 planck.
///
/// A whole budget earned by a single CAI fits: 3 * 10^26 * 2^96 / 10^18 is less than 2^128. What an era adds is rounded
/// down, by less than 2^-96 planck for each planck of stake.
pub type PerUnit = u128;

const UNIT: u128 = 1 << 96;

/// `reward` planck spread over `stake` planck, rounded down; `None` if there is no stake or the figure does not fit.
pub(crate) fn per_unit(reward: Balance, stake: Balance) -> Option<PerUnit> {
    if stake == 0 {
        return None;
    }
    multiply_by_rational_with_rounding(reward, UNIT, stake, Rounding::Down)
}

/// What stakes earned while the figure rose, in planck: the sum over (stake, rise), rounded down once.
pub(crate) fn earned(parts: [(Balance, PerUnit); 2]) -> Balance {
    let [first, second] = parts.map(|(stake, rise)| U256::from(stake).saturating_mul(U256::from(rise)));
    let planck = first.saturating_add(second).checked_div(U256::from(UNIT));
    planck.and_then(|planck| planck.try_into().ok()).unwrap_or(Balance::MAX)
}

/// `amount * share / whole`, rounded down; zero if there is no whole.
pub(crate) fn part(amount: Balance, share: Balance, whole: Balance) -> Balance {
    if whole == 0 {
        return 0;
    }
    multiply_by_rational_with_rounding(amount, share.min(whole), whole, Rounding::Down).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cuckoo_primitives::CAI;
    use proptest::prelude::*;

    #[test]
    fn the_greatest_reward_on_the_smallest_stake_fits() {
        let reward = 300_000_000 * CAI;
        let figure = per_unit(reward, CAI).unwrap();
        assert_eq!(earned([(CAI, figure), (0, 0)]), reward);
    }

    #[test]
    fn nothing_is_spread_over_no_stake() {
        assert_eq!(per_unit(1, 0), None);
        assert_eq!(part(10, 1, 0), 0);
        assert_eq!(part(10, 5, 4), 10);
    }

    proptest! {
        #[test]
        fn shares_never_exceed_the_reward_and_lose_less_than_a_planck_each(
            reward in 0..300_000_000 * CAI,
            stakes in prop::collection::vec(CAI..100_000_000 * CAI, 1..8),
        ) {
            let whole: Balance = stakes.iter().sum();
            let figure = per_unit(reward, whole).unwrap();
            let paid: Balance = stakes.iter().map(|stake| earned([(*stake, figure), (0, 0)])).sum();
            prop_assert!(paid <= reward);
            prop_assert!(reward - paid <= stakes.len() as Balance);
        }
    }
}
