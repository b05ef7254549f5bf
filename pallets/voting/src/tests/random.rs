//! Random sequences of calls on the whole market, over eras: no planck is lost, and every invariant of every pallet
//! holds after each step.

use cuckoo_primitives::{registry::CurrentEra, AccountId, Balance};
use frame_support::traits::fungible::{Inspect, InspectHold};
use pallet_cuckoo_registration::Call as RegistrationCall;
use pallet_cuckoo_staking::Call as StakeCall;
use proptest::prelude::*;

use crate::mock::*;

#[derive(Clone, Debug)]
enum Step {
    Bond(Balance),
    Unbond(Balance),
    Rebond(Balance),
    Withdraw,
    Vote(usize, Balance),
    Unvote(usize, Balance),
    Revote(usize, usize, Balance),
    Settle(usize),
    Register(Balance),
    Chill,
    Deregister,
    Session,
}

fn amount() -> impl Strategy<Value = Balance> {
    prop_oneof![8 => 0..400u128, 1 => 900..1_100u128, 1 => Just(Balance::MAX)]
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..MINERS.len() + 1;
    prop_oneof![
        1 => amount().prop_map(Step::Bond),
        2 => amount().prop_map(Step::Unbond),
        1 => amount().prop_map(Step::Rebond),
        1 => Just(Step::Withdraw),
        6 => (who(), amount()).prop_map(|(to, amount)| Step::Vote(to, amount)),
        4 => (who(), amount()).prop_map(|(from, amount)| Step::Unvote(from, amount)),
        4 => (who(), who(), amount()).prop_map(|(from, to, amount)| Step::Revote(from, to, amount)),
        2 => who().prop_map(Step::Settle),
        2 => amount().prop_map(Step::Register),
        1 => Just(Step::Chill),
        1 => Just(Step::Deregister),
        4 => Just(Step::Session),
    ]
}

fn everybody() -> Vec<AccountId> {
    MINERS.into_iter().chain([VOTER]).collect()
}

fn run(who: &AccountId, step: &Step, session: &mut u32) {
    let all = everybody();
    let _refused_or_done = match step {
        Step::Bond(value) => submit(who, StakeCall::bond_extra { value: *value }),
        Step::Unbond(value) => submit(who, StakeCall::unbond { value: *value }),
        Step::Rebond(value) => submit(who, StakeCall::rebond { value: *value }),
        Step::Withdraw => submit(who, StakeCall::withdraw_unbonded {}),
        Step::Vote(to, amount) => vote(who, &all[*to], *amount),
        Step::Unvote(from, amount) => unvote(who, &all[*from], *amount),
        Step::Revote(from, to, amount) => revote(who, &all[*from], &all[*to], *amount),
        Step::Settle(candidate) => settle(who, &all[*candidate]),
        Step::Register(self_stake) => register(who, *self_stake),
        Step::Chill => submit(who, RegistrationCall::chill {}),
        Step::Deregister => deregister(who),
        Step::Session => {
            *session += 1;
            Stake::note_session_started(*session);
            Ok(())
        }
    };
}

/// Takes everything of `who` out of the market.
fn leave(who: &AccountId) {
    let _no_candidate = deregister(who);
    for (candidate, _, next) in positions(who) {
        if next > 0 {
            unvote(who, &candidate, next).unwrap();
        }
    }
    run_to_era(Stake::current_era() + BONDING_ERAS);
    let _nothing_yet = submit(who, StakeCall::withdraw_unbonded {});
    for (candidate, ..) in positions(who) {
        settle(who, &candidate).unwrap();
    }
    let Some(bond) = Stake::bond_of(who) else { return };
    submit(who, StakeCall::unbond { value: bond.active }).unwrap();
    run_to_era(Stake::current_era() + BONDING_ERAS);
    submit(who, StakeCall::withdraw_unbonded {}).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_planck_is_lost(steps in proptest::collection::vec((0..MINERS.len() + 1, step()), 1..80)) {
        ExtBuilder::default().build_and_execute(|| {
            let issuance = Balances::total_issuance();
            let mut session = 0;
            for (who, step) in &steps {
                run(&everybody()[*who], step, &mut session);
                check_all();
                assert_eq!(Balances::total_issuance(), issuance);
                for who in everybody() {
                    assert_eq!(Balances::balance(&who) + Balances::total_balance_on_hold(&who), BALANCE);
                }
            }
            // Whatever happened, everybody can leave with all they had, and nothing stays behind.
            for who in everybody() {
                leave(&who);
                check_all();
                assert_eq!(Balances::balance(&who), BALANCE);
            }
            assert_eq!(crate::Positions::<Test>::iter().count(), 0);
            assert_eq!(crate::Voters::<Test>::iter().count(), 0);
            assert_eq!(crate::Backings::<Test>::iter().count(), 0);
        });
    }
}
