//! Random orders of minting, giving back and claiming: every planck of the budgets is somewhere, exactly once.

use cuckoo_primitives::{
    registry::{Budgets, RewardPot},
    Balance, TOTAL_SUPPLY_CAP,
};
use proptest::prelude::*;

use crate::{mock::*, Call, Emission};

#[derive(Clone, Debug)]
enum Step {
    Session(u32),
    Refuse,
    Mint(Budgets),
    GiveBack(Budgets),
    /// Alice is owed this part of what was emitted, in 256ths.
    Earn(u8),
    Claim,
}

fn amount() -> impl Strategy<Value = Balance> {
    prop_oneof![
        1 => Just(0),
        4 => 0..1_000u128,
        4 => 0..1_000_000_000_000_000_000_000u128,
        1 => Just(Balance::MAX),
    ]
}

fn budgets() -> impl Strategy<Value = Budgets> {
    (amount(), amount()).prop_map(|(staking, mining)| Budgets { staking, mining })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..5u32).prop_map(Step::Session),
        1 => Just(Step::Refuse),
        4 => budgets().prop_map(Step::Mint),
        4 => budgets().prop_map(Step::GiveBack),
        3 => any::<u8>().prop_map(Step::Earn),
        3 => Just(Step::Claim),
    ]
}

fn run(step: Step, session: &mut u32) {
    match step {
        Step::Session(count) => {
            *session += count;
            start_session(*session);
        }
        Step::Refuse => Register::refuse(),
        Step::Mint(earned) => Stake::mint(earned),
        Step::GiveBack(unearned) => Stake::give_back(unearned),
        Step::Earn(part) => {
            let state = Stake::emission();
            let free = state.emitted() - state.claimed - Register::earned(&ALICE);
            Register::record(ALICE, free / 256 * u128::from(part));
        }
        Step::Claim => {
            let _nothing_or_done = submit(&ALICE, Call::claim {});
        }
    }
}

proptest! {
    #[test]
    fn every_planck_is_somewhere_once(steps in proptest::collection::vec(step(), 1..80), budgets in budgets()) {
        let mut builder = ExtBuilder::default();
        // Small budgets as well as large ones.
        builder.stake.staking_budget = budgets.staking.min(110_000_000_000_000_000_000_000_000);
        builder.stake.mining_budget = budgets.mining.min(300_000_000_000_000_000_000_000_000);
        let (staking, mining) = (builder.stake.staking_budget, builder.stake.mining_budget);
        builder.build_and_execute(|| {
            let issuance = Balances::total_issuance();
            let mut session = 0;
            for step in steps {
                run(step, &mut session);
                Stake::do_try_state().unwrap();
                let state = Stake::emission();
                for (budget, total) in [(state.staking, staking), (state.mining, mining)] {
                    assert_eq!(budget.remaining + budget.open + budget.emitted, total);
                }
                assert_eq!(Balances::total_issuance(), issuance + state.emitted());
                assert!(Balances::total_issuance() <= TOTAL_SUPPLY_CAP);
                let pot = Balances::free_balance(Emission::<Test>::pot());
                assert_eq!(pot, 1 + state.emitted() - state.claimed);
                assert_eq!(Balances::free_balance(ALICE), BALANCE + state.claimed);
            }
        });
    }
}
