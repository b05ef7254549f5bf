//! Random sequences of calls and eras: every invariant holds after each step, and operators never change hands early.

use cuckoo_primitives::{registry, AccountId, EraIndex, Role};
use proptest::prelude::*;
use std::collections::BTreeMap;

use crate::{mock::*, Call, Operators};

#[derive(Clone, Debug)]
enum Step {
    Register(u8),
    SetOperator(u8),
    Chill,
    Validate,
    Deregister,
    Forget(u8),
    Commission(u32),
    Charge(bool),
    Slash,
    Era,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..6u8).prop_map(Step::Register),
        3 => (1..6u8).prop_map(Step::SetOperator),
        1 => Just(Step::Chill),
        1 => Just(Step::Validate),
        2 => Just(Step::Deregister),
        1 => (1..4u8).prop_map(Step::Forget),
        2 => (0..=100u32).prop_map(Step::Commission),
        1 => prop::bool::ANY.prop_map(Step::Charge),
        1 => Just(Step::Slash),
        1 => Just(Step::Era),
    ]
}

fn stash(n: u8) -> AccountId {
    AccountId::new([n; 32])
}

fn run(who: &AccountId, step: &Step, era: &mut EraIndex) {
    let _refused_or_done = match step {
        Step::Register(n) => register_miner(who, *n),
        Step::SetOperator(n) => set_operator(who, *n),
        Step::Chill => submit(who, Call::chill {}),
        Step::Validate => submit(who, Call::validate {}),
        Step::Deregister => submit(who, Call::deregister {}),
        Step::Forget(n) => submit(who, Call::forget_operators { stash: stash(*n) }),
        Step::Commission(percent) => {
            submit(who, Call::set_commission { rate: sp_runtime::Perbill::from_percent(*percent) })
        }
        Step::Charge(charged) => {
            Stakes::charge(who, *charged);
            Ok(())
        }
        Step::Slash => {
            let _was_active = <Registration as registry::Candidates<AccountId>>::chill(who);
            Ok(())
        }
        Step::Era => {
            *era += 1;
            Stakes::run_to_era(*era);
            Ok(())
        }
    };
}

proptest! {
    #[test]
    fn invariants_hold(steps in proptest::collection::vec((1..4u8, step()), 1..60)) {
        ExtBuilder::default().build_and_execute(|| {
            let mut era = 0;
            // Whom each key served last, and until when.
            let mut served: BTreeMap<AccountId, (AccountId, EraIndex)> = BTreeMap::new();
            for (who, step) in &steps {
                run(&stash(*who), step, &mut era);
                Registration::do_try_state().unwrap();
                for (key, record) in Operators::<Test>::iter().filter(|(_, record)| record.retired_in.is_none()) {
                    if let Some((before, last)) = served.get(&key) {
                        assert!(*before == record.stash || era >= last + BONDING_ERAS);
                    }
                    served.insert(key, (record.stash, era));
                }
                let listed = Registration::candidates(Role::Miner, None, 10);
                assert!(listed.iter().all(|it| Registration::candidate_of_operator(it.operator.clone()).is_some()));
            }
        });
    }
}
