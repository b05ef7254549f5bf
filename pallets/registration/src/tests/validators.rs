//! How many validators there may be, and which of them can be elected.

use cuckoo_primitives::{AccountId, Role};
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Call, Error, ValidatorCount};

/// Minimum of validators.
const MINIMUM: u128 = 5 * MIN;

fn stash(n: u8) -> AccountId {
    AccountId::new([n; 32])
}

fn validator(n: u8) -> frame_support::dispatch::DispatchResult {
    register(&stash(n), n, Role::Validator, MINIMUM + u128::from(n))
}

#[test]
fn register_fails_for_a_validator_too_many() {
    ExtBuilder::default().build_and_execute(|| {
        for n in 1..=3 {
            assert_ok!(validator(n));
        }
        assert_noop!(validator(4), Error::<Test>::TooManyValidators);
        // Others do not count, and whoever steps back still does.
        assert_ok!(register_miner(&stash(4), 4));
        assert_ok!(submit(&stash(1), Call::chill {}));
        assert_noop!(validator(5), Error::<Test>::TooManyValidators);
        assert_ok!(submit(&stash(1), Call::deregister {}));
        assert_ok!(validator(5));
        assert_ok!(submit(&stash(4), Call::deregister {}));
        assert_eq!(ValidatorCount::<Test>::get(), MAX_VALIDATORS);
    });
}

#[test]
fn active_validators_are_those_whose_stake_counts() {
    ExtBuilder::default().build_and_execute(|| {
        for n in 1..=3 {
            assert_ok!(validator(n));
        }
        assert_ok!(register_miner(&stash(4), 4));
        assert_eq!(Registration::active_validators(), []);
        assert!(!Registration::is_active(&stash(1)));
        Stakes::run_to_era(1);
        Stakes::vote(&stash(2), 500);
        assert_ok!(submit(&stash(3), Call::chill {}));
        let active = || {
            let mut active = Registration::active_validators();
            active.sort();
            active
        };
        assert_eq!(active(), [(stash(1), MINIMUM + 1), (stash(2), MINIMUM + 2)]);
        assert!(Registration::is_active(&stash(1)) && Registration::is_active(&stash(4)));
        assert!(!Registration::is_active(&stash(3)) && !Registration::is_active(&stash(5)));
        Stakes::lose(&stash(1), 1);
        Stakes::run_to_era(2);
        assert_eq!(active(), [(stash(2), MINIMUM + 502)]);
        assert!(!Registration::is_active(&stash(1)));
    });
}
