//! Calls that look at a candidate's own stake, or move it, take first what slashes have cost it.

use cuckoo_primitives::{registry::MAX_SETTLED, Role};
use frame_support::{assert_noop, assert_ok, dispatch::GetDispatchInfo, weights::Weight};
use sp_runtime::Perbill;

use crate::{mock::*, Call, Config, WeightInfo};

type Weights = <Test as Config>::WeightInfo;

/// A call and its weight by the number of slashes that it takes.
type Priced = (Call<Test>, fn(u32) -> Weight);

/// Calls that settle a candidate and succeed once it is chilled.
fn of_candidates() -> [Priced; 3] {
    [
        (Call::validate {}, Weights::validate),
        (Call::deregister {}, Weights::deregister),
        (Call::set_commission { rate: Perbill::from_percent(1) }, Weights::set_commission),
    ]
}

/// Alice is a miner, and chilled.
fn chilled(test: impl FnOnce()) {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        assert_ok!(submit(&ALICE, Call::chill {}));
        test();
    });
}

/// What `call` of Alice was charged for at first, and what it paid for in the end.
fn cost(call: Call<Test>) -> (Weight, Weight) {
    let charged = RuntimeCall::from(call.clone()).get_dispatch_info();
    (charged.call_weight, dispatch(&ALICE, call).unwrap().calc_actual_weight(&charged))
}

#[test]
fn calls_are_refused_while_more_slashes_wait_than_one_takes() {
    for (call, _) in of_candidates() {
        chilled(|| {
            Stakes::is_behind(&ALICE, MAX_SETTLED + 1);
            assert_noop!(submit(&ALICE, call), PENDING);
        });
    }
    ExtBuilder::default().build_and_execute(|| {
        Stakes::is_behind(&ALICE, MAX_SETTLED + 1);
        assert_noop!(register_miner(&ALICE, 1), PENDING);
    });
}

#[test]
fn calls_pay_for_the_slashes_that_they_took() {
    for taken in [0, 1, 5, MAX_SETTLED] {
        for (call, weight) in of_candidates() {
            chilled(|| {
                Stakes::is_behind(&ALICE, taken);
                assert_eq!(cost(call), (weight(MAX_SETTLED), weight(taken)));
            });
            assert_ne!(weight(0), weight(1));
        }
        ExtBuilder::default().build_and_execute(|| {
            Stakes::is_behind(&ALICE, taken);
            let call = registering(&ALICE, 1, Role::Miner, MIN + 1);
            assert_eq!(cost(call), (Weights::register(MAX_SETTLED), Weights::register(taken)));
        });
    }
}
