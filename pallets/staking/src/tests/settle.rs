//! Every call that changes a bond takes first what slashes have cost it.

use cuckoo_primitives::registry::MAX_SETTLED;
use frame_support::{assert_noop, assert_ok, dispatch::GetDispatchInfo, weights::Weight};

use crate::{mock::*, Call, Config, Error, Event, Ledgers, WeightInfo};

type Weights = <Test as Config>::WeightInfo;

/// A call and its weight by the number of slashes that it takes.
type Priced = (Call<Test>, fn(u32) -> Weight);

/// Calls of Alice that settle her first and then succeed after [`owing`], in era [`BONDING_ERAS`].
fn settling() -> [Priced; 5] {
    [
        (Call::bond_extra { value: 5 }, Weights::bond_extra),
        (Call::unbond { value: 5 }, Weights::unbond),
        (Call::rebond { value: 5 }, Weights::rebond),
        (Call::withdraw_unbonded {}, Weights::withdraw_unbonded),
        (Call::claim {}, Weights::claim),
    ]
}

/// Alice has 60 active and 40 unbonding, and owes 10 of the first and 30 of the second.
fn owing(test: impl FnOnce()) {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        assert_ok!(submit(&ALICE, Call::unbond { value: 40 }));
        Register::owes(ALICE, 10, 30);
        test();
    });
}

#[test]
fn unbond_settles_first() {
    owing(|| {
        assert_noop!(submit(&ALICE, Call::unbond { value: 60 }), Error::<Test>::NotEnoughActive);
        assert_ok!(submit(&ALICE, Call::unbond { value: 50 }));
        assert_eq!(funds(&ALICE), (900, 60, 0));
        assert_eq!(unlocking(&ALICE), [(60, BONDING_ERAS)]);
    });
}

#[test]
fn withdraw_unbonded_settles_first() {
    owing(|| {
        run_to_era(BONDING_ERAS);
        assert_ok!(submit(&ALICE, Call::withdraw_unbonded {}));
        System::assert_last_event(Event::Withdrawn { stash: ALICE, amount: 10 }.into());
        assert_eq!(funds(&ALICE), (910, 50, 50));
    });
}

#[test]
fn withdraw_unbonded_finds_nothing_of_what_was_slashed() {
    owing(|| {
        Register::owes(ALICE, 0, 40);
        run_to_era(BONDING_ERAS);
        assert_noop!(submit(&ALICE, Call::withdraw_unbonded {}), Error::<Test>::NothingToWithdraw);
    });
}

#[test]
fn rebond_settles_first() {
    owing(|| {
        assert_noop!(submit(&ALICE, Call::rebond { value: 11 }), Error::<Test>::NotEnoughUnlocking);
        assert_ok!(submit(&ALICE, Call::rebond { value: 10 }));
        assert_eq!(funds(&ALICE), (900, 60, 60));
    });
}

#[test]
fn bond_extra_settles_first() {
    owing(|| {
        assert_ok!(submit(&ALICE, Call::bond_extra { value: 5 }));
        assert_eq!(funds(&ALICE), (895, 65, 55));
    });
    owing(|| {
        Register::owes(ALICE, 60, 40);
        assert_noop!(submit(&ALICE, Call::bond_extra { value: 50 }), Error::<Test>::NotBonded);
    });
}

#[test]
fn claim_settles_first() {
    owing(|| {
        Register::earn(ALICE, 7);
        assert_ok!(submit(&ALICE, Call::claim {}));
        assert_eq!(funds(&ALICE), (907, 60, 50));
    });
}

#[test]
fn a_bond_is_shown_as_if_it_were_settled() {
    owing(|| {
        let bond = Stake::bond_of(ALICE).unwrap();
        assert_eq!((bond.total, bond.active), (60, 50));
        assert_eq!(bond.unlocking.iter().map(|part| part.amount).collect::<Vec<_>>(), [10]);
        // Looking took nothing.
        assert_eq!(funds(&ALICE), (900, 100, 60));
        Register::owes(ALICE, 60, 40);
        assert_eq!(Stake::bond_of(ALICE), None);
    });
}

#[test]
fn a_new_bond_does_not_pay_for_a_former_one() {
    ExtBuilder::default().build_and_execute(|| {
        Register::owes(ALICE, 50, 50);
        assert_ok!(submit(&ALICE, Call::bond { value: 100 }));
        assert_eq!(funds(&ALICE), (900, 100, 100));
        assert!(Ledgers::<Test>::contains_key(ALICE));
    });
}

#[test]
fn calls_are_refused_while_more_slashes_wait_than_one_takes() {
    for (call, _) in settling().into_iter().chain([(Call::bond { value: 100 }, Weights::bond as fn(u32) -> Weight)]) {
        owing(|| {
            Register::earn(ALICE, 7);
            run_to_era(BONDING_ERAS);
            Register::is_behind(&ALICE, MAX_SETTLED + 1);
            assert_noop!(submit(&ALICE, call), PENDING);
        });
    }
}

#[test]
fn calls_pay_for_the_slashes_that_they_took() {
    let cost = |who, call: Call<Test>| {
        let charged = RuntimeCall::from(call.clone()).get_dispatch_info();
        (charged.call_weight, dispatch(who, call).unwrap().calc_actual_weight(&charged))
    };
    for taken in [0, 1, 5, MAX_SETTLED] {
        for (call, weight) in settling() {
            owing(|| {
                Register::earn(ALICE, 7);
                run_to_era(BONDING_ERAS);
                Register::is_behind(&ALICE, taken);
                assert_eq!(cost(&ALICE, call), (weight(MAX_SETTLED), weight(taken)));
            });
            assert_ne!(weight(0), weight(1));
        }
        owing(|| {
            Register::is_behind(&BOB, taken);
            let call = Call::bond { value: 100 };
            assert_eq!(cost(&BOB, call), (Weights::bond(MAX_SETTLED), Weights::bond(taken)));
        });
    }
}
