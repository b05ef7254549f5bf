//! More slashes wait than one call can take.

use cuckoo_primitives::{
    registry::{Backing, Freed, OwnStake, Rewards, Slash, VotedStake},
    AccountId, Balance, EraIndex, Role,
};
use frame_support::{
    assert_noop, assert_ok,
    dispatch::{GetDispatchInfo, Pays},
    weights::Weight,
};
use proptest::prelude::*;
use sp_runtime::Perbill;

use crate::{mock::*, Call, Error, Event, SlashCount, Voters, WeightInfo, MAX_SETTLED};

type Weights = <Test as crate::Config>::WeightInfo;

/// [`VOTER`] is behind three candidates, and liable for stake that left two of them; era 3 runs.
fn behind_three() {
    assert_ok!(vote(&VOTER, &MINER_1, 500));
    assert_ok!(vote(&VOTER, &MINER_2, 300));
    run_to_era(1);
    assert_ok!(revote(&VOTER, &MINER_1, &MINER_3, 200));
    run_to_era(2);
    assert_ok!(revote(&VOTER, &MINER_2, &MINER_3, 100));
    end_era(10_000, 10_000);
    pay_all();
}

/// So many slashes of those three in turn, a tenth each.
fn slash_all(count: u32) {
    for n in 0..count {
        slash(&MINERS[n as usize % 3], 1 + n % 3, 10);
    }
}

/// Bond, positions and reward of [`VOTER`] as they show.
type Shown = (Balance, Vec<(AccountId, Balance, Balance)>, Balance);

fn shown() -> Shown {
    (Voting::voted(&VOTER), positions(&VOTER), Voting::pending_reward(VOTER))
}

fn pending() -> Error<Test> {
    Error::<Test>::SlashesPending
}

#[test]
fn calls_are_refused_while_more_slashes_wait_than_one_takes() {
    ExtBuilder::default().build_and_execute(|| {
        behind_three();
        slash_all(MAX_SETTLED + 1);
        assert_noop!(vote(&VOTER, &MINER_1, 20), pending());
        assert_noop!(unvote(&VOTER, &MINER_1, 20), pending());
        assert_noop!(revote(&VOTER, &MINER_1, &MINER_2, 20), pending());
        assert_noop!(<Voting as VotedStake<AccountId>>::settle(&VOTER), pending());
        assert_noop!(<Voting as Rewards<AccountId>>::take(&VOTER), pending());
        assert_noop!(Voting::stand(&VOTER, Role::Miner, 100), pending());
        assert_noop!(Voting::leave(&VOTER), pending());
        assert_noop!(Voting::bring_up_to_date(&VOTER), pending());
    });
}

#[test]
fn as_many_slashes_as_one_call_takes_do_not_keep_it() {
    ExtBuilder::default().build_and_execute(|| {
        behind_three();
        slash_all(MAX_SETTLED);
        assert_ok!(vote(&VOTER, &MINER_1, 20));
        assert_eq!(Voters::<Test>::get(VOTER).unwrap().settled_slash, MAX_SETTLED);
    });
}

#[test]
fn settle_takes_them_in_steps() {
    ExtBuilder::default().build_and_execute(|| {
        behind_three();
        slash_all(2 * MAX_SETTLED + 1);
        let before = shown();
        let reward = Voters::<Test>::get(VOTER).unwrap().reward;
        for settled in [MAX_SETTLED, 2 * MAX_SETTLED, 2 * MAX_SETTLED + 1] {
            assert_eq!(settle_pays(&VOTER, &MINER_1), Pays::No);
            let taken = Voters::<Test>::get(VOTER).unwrap().settled_slash;
            assert_eq!(taken, settled, "the first of them, in their order");
            check_all();
            assert_eq!(shown(), before, "whoever looks sees all of them taken");
        }
        assert!(Voters::<Test>::get(VOTER).unwrap().reward > reward, "and the reward is counted");
        assert_ok!(unvote(&VOTER, &MINER_3, 20));
    });
}

#[test]
fn settle_leaves_liable_what_slashes_wait_for() {
    ExtBuilder::default().build_and_execute(|| {
        // The slashes are late: by the time that they are taken, nothing could come for those eras any more.
        set_applied_through(Some(2));
        behind_three();
        run_to_era(3 + BONDING_ERAS);
        assert_ok!(vote(&VOTER, &MINER_1, 20));
        slash_all(2 * MAX_SETTLED);
        set_applied_through(None);
        let before = shown();
        assert_ok!(settle(&VOTER, &MINER_1));
        assert_eq!(shown(), before);
        check_all();
        assert_ok!(settle(&VOTER, &MINER_1));
        assert_eq!(shown(), before);
    });
}

#[test]
fn a_position_that_one_step_empties_is_forgotten() {
    ExtBuilder::default().build_and_execute(|| {
        behind_three();
        slash(&MINER_2, 1, 100);
        slash(&MINER_2, 2, 100);
        slash_all(2 * MAX_SETTLED);
        assert_ok!(settle(&VOTER, &MINER_1));
        check_all();
        let record = Voters::<Test>::get(VOTER).unwrap();
        assert!(record.positions.iter().all(|position| position.candidate != MINER_2));
        // Of which there is nothing to settle any more.
        assert_noop!(settle(&VOTER, &MINER_2), Error::<Test>::NothingToSettle);
        assert_ok!(settle(&VOTER, &MINER_1));
        assert_eq!(Voters::<Test>::get(VOTER).unwrap().settled_slash, SlashCount::<Test>::get());
    });
}

#[test]
fn a_slash_of_the_offender_waits_for_what_others_cost_it() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&MINER_4, &MINER_1, 500));
        run_to_era(2);
        (0..2 * MAX_SETTLED + 1).for_each(|_| {
            slash(&MINER_1, 2, 1);
        });
        let half = Perbill::from_percent(50);
        for step in [1, 2] {
            assert_eq!(Voting::slash(&MINER_4, 2, half, None), None);
            assert_eq!(Voters::<Test>::get(MINER_4).unwrap().settled_slash, step * MAX_SETTLED);
            assert_eq!(SlashCount::<Test>::get(), 2 * MAX_SETTLED + 1);
            assert_eq!(backing(&MINER_4), (OWN, OWN), "nothing has happened yet");
            check_all();
        }
        assert_eq!(Voting::slash(&MINER_4, 2, half, None), Some(OWN / 2));
        System::assert_last_event(Event::BackingSlashed { candidate: MINER_4, offence_era: 2, fraction: half }.into());
        assert_eq!(backing(&MINER_4), (OWN / 2, OWN / 2));
    });
}

#[test]
fn stake_is_freed_once_the_slashes_before_are_taken() {
    ExtBuilder::default().build_and_execute(|| {
        behind_three();
        slash_all(2 * MAX_SETTLED + 1);
        let (bond, shown_before) = (bonded(&VOTER), shown());
        for step in [1, 2] {
            let delayed = Freed { amount: 0, slashes: MAX_SETTLED, is_delayed: true };
            assert_eq!(<Voting as OwnStake<AccountId>>::free(&VOTER, 10), delayed);
            assert_eq!(Voters::<Test>::get(VOTER).unwrap().settled_slash, step * MAX_SETTLED);
            assert_eq!(shown(), shown_before);
            check_all();
        }
        let before = bonded(&VOTER);
        assert!(before < bond);
        let freed = Freed { amount: 10, slashes: 1, is_delayed: false };
        assert_eq!(<Voting as OwnStake<AccountId>>::free(&VOTER, 10), freed);
        assert!(bonded(&VOTER) <= before - 10);
    });
}

/// What `call` of [`VOTER`] was charged for at first, and what it paid for in the end.
fn cost(call: Call<Test>) -> (Weight, Weight) {
    let charged = RuntimeCall::from(call.clone()).get_dispatch_info();
    let paid = dispatch(&VOTER, call).unwrap();
    (charged.call_weight, paid.calc_actual_weight(&charged))
}

#[test]
fn calls_pay_for_the_slashes_that_they_took() {
    let (candidate, amount) = (MINER_1, 20);
    let (from, to) = (MINER_1, MINER_3);
    type CallAndWeight = (Call<Test>, fn(u32) -> Weight);
    let calls: [CallAndWeight; 4] = [
        (Call::vote { candidate: candidate.clone(), amount }, Weights::vote),
        (Call::unvote { candidate: candidate.clone(), amount }, Weights::unvote),
        (Call::revote { from, to, amount }, Weights::revote),
        (Call::settle { voter: VOTER, candidate }, Weights::settle),
    ];
    for (call, weight) in calls {
        for taken in [0, 1, 5, MAX_SETTLED] {
            ExtBuilder::default().build_and_execute(|| {
                behind_three();
                (0..taken).for_each(|_| {
                    slash(&MINER_1, 2, 1);
                });
                assert_eq!(cost(call.clone()), (weight(MAX_SETTLED), weight(taken)));
            });
        }
        assert_ne!(weight(0), weight(1));
    }
}

#[test]
fn those_who_ask_are_told_how_many_slashes_were_taken() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(vote(&MINER_4, &MINER_1, 500));
        run_to_era(1);
        let slash_times = |count| {
            (0..count).for_each(|_| {
                slash(&MINER_1, 1, 1);
            });
        };
        slash_times(3);
        assert_eq!(<Voting as VotedStake<AccountId>>::settle(&MINER_4), Ok(3));
        assert_eq!(<Voting as VotedStake<AccountId>>::settle(&MINER_4), Ok(0));
        slash_times(5);
        assert_eq!(Voting::bring_up_to_date(&MINER_4), Ok(5));
        slash_times(2);
        assert_eq!(Voting::stand(&MINER_4, Role::Miner, 20), Ok(2));
        slash_times(4);
        frame_support::hypothetically!(assert_eq!(Voting::leave(&MINER_4), Ok((OWN + 20, 4))));
    });
}

/// Offender, era of the offence, percent.
type Offence = (usize, EraIndex, u32);

fn offences() -> impl Strategy<Value = Vec<Offence>> {
    prop::collection::vec((0..3usize, 1..=3u32, prop_oneof![4 => 0..30u32, 1 => 0..=100u32]), 1..60)
}

/// What [`VOTER`] has after all of them, settled after each of them or only in the end.
fn fate(offences: &[Offence], settled_at_once: bool) -> (Balance, Vec<(AccountId, Balance, Balance)>) {
    ExtBuilder::default().times(cuckoo_primitives::CAI).build().execute_with(|| {
        behind_three();
        for (offender, era, percent) in offences {
            slash(&MINERS[*offender], *era, *percent);
            if settled_at_once {
                settle_fully(&VOTER);
            }
        }
        let shown = shown();
        settle_fully(&VOTER);
        check_all();
        assert_eq!(self::shown(), shown, "whoever looks sees what will be");
        (bonded(&VOTER), positions(&VOTER))
    })
}

proptest! {
    #[test]
    fn it_makes_no_difference_in_how_many_steps_slashes_are_taken(offences in offences()) {
        prop_assert_eq!(fate(&offences, true), fate(&offences, false));
    }
}
