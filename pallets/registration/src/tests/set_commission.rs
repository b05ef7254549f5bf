use cuckoo_primitives::registry::Candidates as _;
use frame_support::{assert_noop, assert_ok, dispatch::DispatchResult};
use sp_runtime::Perbill;

use crate::{mock::*, Call, CommissionChange, CommissionOverview, Commissions, Error, Event};

fn set(percent: u32) -> DispatchResult {
    submit(&ALICE, Call::set_commission { rate: Perbill::from_percent(percent) })
}

/// Alice's commission in percent in eras 10 to 15.
fn rates() -> Vec<u32> {
    (10..16).map(|era| Registration::commission(&ALICE, era) * 100u32).collect()
}

/// Alice registered long ago, has a commission of 10 % in era 10, and others' votes.
fn in_era_10(test: impl FnOnce()) {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        assert_ok!(set(10));
        Stakes::vote(&ALICE, 500);
        Stakes::run_to_era(10);
        Stakes::paid();
        test();
    });
}

#[test]
fn a_candidate_keeps_nothing_at_first() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        assert_eq!(Registration::commission(&ALICE, 0), Perbill::zero());
        assert_eq!(Registration::commission(&BOB, 0), Perbill::zero());
        assert!(!Commissions::<Test>::contains_key(ALICE));
    });
}

#[test]
fn set_commission_is_free_for_who_is_new_and_alone() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        assert_ok!(set(100));
        System::assert_last_event(Event::CommissionSet { candidate: ALICE, rate: Perbill::one(), from: 1 }.into());
        assert_ok!(set(40));
        assert_eq!(Registration::commission(&ALICE, 0), Perbill::zero());
        assert_eq!(Registration::commission(&ALICE, 1), Perbill::from_percent(40));
        Stakes::run_to_era(1);
        assert_noop!(set(50), Error::<Test>::RaiseTooSteep);
    });
}

#[test]
fn set_commission_is_not_free_once_others_have_voted() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        Stakes::vote(&ALICE, 1);
        assert_noop!(set(6), Error::<Test>::RaiseTooSteep);
        assert_ok!(set(5));
        System::assert_last_event(
            Event::CommissionSet { candidate: ALICE, rate: Perbill::from_percent(5), from: 2 }.into(),
        );
    });
}

#[test]
fn voters_of_a_former_candidacy_are_not_surprised() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        Stakes::vote(&ALICE, 500);
        Stakes::run_to_era(10);
        assert_ok!(submit(&ALICE, Call::deregister {}));
        assert_ok!(register_miner(&ALICE, 1));
        assert_noop!(set(6), Error::<Test>::RaiseTooSteep);
    });
}

#[test]
fn a_lower_rate_counts_from_the_next_era() {
    in_era_10(|| {
        assert_ok!(set(3));
        System::assert_last_event(
            Event::CommissionSet { candidate: ALICE, rate: Perbill::from_percent(3), from: 11 }.into(),
        );
        assert_eq!(rates(), [10, 3, 3, 3, 3, 3]);
        assert_ok!(set(2));
        assert_eq!(rates(), [10, 2, 2, 2, 2, 2]);
    });
}

#[test]
fn a_higher_rate_counts_two_eras_later() {
    in_era_10(|| {
        assert_ok!(set(15));
        System::assert_last_event(
            Event::CommissionSet { candidate: ALICE, rate: Perbill::from_percent(15), from: 12 }.into(),
        );
        assert_eq!(rates(), [10, 10, 15, 15, 15, 15]);
        let announced = CommissionChange { from: 12, rate: Perbill::from_percent(15) };
        let before = CommissionOverview { rate: Perbill::from_percent(10), changes: vec![announced] };
        assert_eq!(Registration::commission_of(ALICE), Some(before));
        Stakes::run_to_era(12);
        let after = CommissionOverview { rate: Perbill::from_percent(15), changes: Vec::new() };
        assert_eq!(Registration::commission_of(ALICE), Some(after));
        assert_eq!(Registration::commission_of(BOB), None);
        assert_ok!(set(20));
        assert_eq!(rates()[2..], [15, 15, 20, 20]);
    });
}

#[test]
fn set_commission_fails_for_a_steep_raise() {
    in_era_10(|| {
        assert_noop!(set(16), Error::<Test>::RaiseTooSteep);
        assert_noop!(set(100), Error::<Test>::RaiseTooSteep);
        let rate = Perbill::from_parts(150_000_001);
        assert_noop!(submit(&ALICE, Call::set_commission { rate }), Error::<Test>::RaiseTooSteep);
    });
}

#[test]
fn set_commission_fails_while_a_raise_is_announced() {
    in_era_10(|| {
        assert_ok!(set(12));
        assert_noop!(set(13), Error::<Test>::RaiseAnnounced);
        assert_noop!(set(11), Error::<Test>::RaiseAnnounced);
        Stakes::run_to_era(11);
        assert_noop!(set(13), Error::<Test>::RaiseAnnounced);
    });
}

#[test]
fn a_raise_is_taken_back_by_what_counts_before_it_or_less() {
    in_era_10(|| {
        assert_ok!(set(15));
        Stakes::run_to_era(11);
        frame_support::hypothetically!({
            assert_ok!(set(10));
            assert_eq!(rates()[1..], [10, 10, 10, 10, 10]);
            // And can be announced anew.
            assert_ok!(set(14));
            assert_eq!(rates()[1..], [10, 10, 14, 14, 14]);
        });
        assert_ok!(set(4));
        assert_eq!(rates()[1..], [10, 4, 4, 4, 4]);
    });
}

#[test]
fn a_raise_is_measured_by_what_counts_before_it() {
    in_era_10(|| {
        assert_ok!(set(5));
        // Not by the 10 % of this era.
        assert_noop!(set(11), Error::<Test>::RaiseTooSteep);
        assert_ok!(set(10));
        assert_eq!(rates(), [10, 5, 10, 10, 10, 10]);
        Stakes::run_to_era(11);
        assert_eq!(rates()[1..], [5, 10, 10, 10, 10]);
        assert_ok!(set(5));
        assert_eq!(rates()[1..], [5, 5, 5, 5, 5]);
    });
}

#[test]
fn set_commission_pays_by_the_old_rate_first() {
    in_era_10(|| {
        assert_ok!(set(15));
        Stakes::run_to_era(13);
        assert_ok!(set(1));
        assert_eq!(Stakes::paid(), [(ALICE, Perbill::from_percent(10)), (ALICE, Perbill::from_percent(15))]);
    });
}

#[test]
fn set_commission_fails_without_a_change() {
    in_era_10(|| {
        assert_noop!(set(10), Error::<Test>::CommissionUnchanged);
        assert_ok!(set(3));
        assert_noop!(set(3), Error::<Test>::CommissionUnchanged);
    });
}

#[test]
fn set_commission_fails_if_not_registered() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(set(0), Error::<Test>::NotRegistered);
    });
}
