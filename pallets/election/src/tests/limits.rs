use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use crate::{mock::*, Error, Event, Limits};

fn set(count: u32, minimum: u32) -> sp_runtime::DispatchResult {
    Election::set_limits(RuntimeOrigin::root(), count, minimum)
}

#[test]
fn root_sets_how_many_validate() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(set(5, 1));
        System::assert_last_event(Event::LimitsSet { count: 5, minimum: 1 }.into());
        assert_eq!((Limits::<Test>::count(), Limits::<Test>::minimum()), (5, 1));
        Standing::set(&[(1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1)]);
        assert_eq!(next(&[1], true), [1, 2, 3, 4, 5]);
    });
}

#[test]
fn set_limits_fails_if_not_root() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(Election::set_limits(RuntimeOrigin::signed(who(1)), 3, 2), DispatchError::BadOrigin);
    });
}

#[test]
fn set_limits_fails_without_a_minimum() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(set(3, 0), Error::<Test>::NoMinimum);
    });
}

#[test]
fn set_limits_fails_below_the_minimum() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(set(2, 3), Error::<Test>::CountBelowMinimum);
    });
}

#[test]
fn set_limits_fails_beyond_what_consensus_can_have() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(set(MAX_VALIDATORS + 1, 1), Error::<Test>::TooManyValidators);
    });
}

#[test]
#[should_panic(expected = "election.validatorCount is 1, election.minValidators is 2")]
fn a_genesis_that_makes_no_sense_is_refused() {
    ExtBuilder::limits(1, 2).build_and_execute(|| ());
}
