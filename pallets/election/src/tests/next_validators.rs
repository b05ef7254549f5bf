use crate::{mock::*, Event};

#[test]
fn an_election_takes_those_with_the_most_backing() {
    ExtBuilder::limits(3, 2).build_and_execute(|| {
        Standing::set(&[(1, 10), (2, 40), (3, 20), (4, 30)]);
        assert_eq!(next(&[1], true), [2, 3, 4]);
    });
}

#[test]
fn the_smaller_account_wins_a_tie() {
    ExtBuilder::limits(3, 2).build_and_execute(|| {
        Standing::set(&[(4, 10), (3, 10), (2, 10), (1, 20)]);
        assert_eq!(next(&[1], true), [1, 2, 3]);
    });
}

#[test]
fn nobody_without_keys_is_elected() {
    ExtBuilder::limits(3, 2).build_and_execute(|| {
        Standing::set(&[(1, 10), (2, 20), (3, 30)]);
        Standing::purge(&[3]);
        assert_eq!(next(&[3], true), [1, 2]);
    });
}

#[test]
fn an_election_with_too_few_candidates_changes_nothing() {
    ExtBuilder::limits(3, 2).build_and_execute(|| {
        Standing::set(&[(4, 10)]);
        assert_eq!(next(&[1, 2], true), [1, 2]);
        System::assert_last_event(Event::TooFewCandidates { found: 1 }.into());
    });
}

#[test]
fn nobody_joins_between_elections() {
    ExtBuilder::limits(3, 2).build_and_execute(|| {
        Standing::set(&[(1, 10), (2, 20), (3, 30)]);
        assert_eq!(next(&[1, 2], false), [1, 2]);
    });
}

#[test]
fn one_that_is_no_longer_active_leaves_between_elections() {
    ExtBuilder::limits(3, 2).build_and_execute(|| {
        Standing::set(&[(2, 20), (3, 30)]);
        assert_eq!(next(&[1, 2, 3], false), [2, 3]);
    });
}

#[test]
fn as_many_stay_as_are_required() {
    ExtBuilder::limits(3, 2).build_and_execute(|| {
        Standing::set(&[(3, 30)]);
        assert_eq!(next(&[1, 2, 3], false), [1, 3]);
        // One without keys cannot work, and so does not count.
        Standing::purge(&[1]);
        assert_eq!(next(&[1, 2, 3], false), [2, 3]);
    });
}
