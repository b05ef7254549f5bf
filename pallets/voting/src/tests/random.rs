//! Random walks through everything that can happen to stake: every invariant holds after each block, no planck comes
//! from nowhere or gets lost, and in the end everybody can leave with what is theirs.

use std::ops::RangeInclusive;

use cuckoo_primitives::{registry::Candidates, AccountId, Balance};
use frame_support::traits::Hooks;
use proptest::prelude::*;

use super::steps::{everybody, ignore, step, Step};
use crate::{mock::*, Earned, Marks, Pools, Voters};

/// What went in and out of the bonds.
#[derive(Default)]
struct Flows {
    bonded: Balance,
    withdrawn: Balance,
    budgets: Balance,
}

fn run(who: &AccountId, step: &Step, flows: &mut Flows) {
    let all = everybody();
    match step {
        Step::Bond(value) => {
            let value = *value.min(&(2_000 * cuckoo_primitives::CAI));
            bond(who, value);
            flows.bonded += value;
        }
        Step::Unbond(value) => ignore(unbond(who, *value)),
        Step::Withdraw => flows.withdrawn += withdraw(who),
        Step::Vote(to, amount) => ignore(vote(who, &all[*to], *amount)),
        Step::Unvote(from, amount) => ignore(unvote(who, &all[*from], *amount)),
        Step::Revote(from, to, amount) => ignore(revote(who, &all[*from], &all[*to], *amount)),
        Step::Settle(candidate) => ignore(settle(who, &all[*candidate])),
        Step::Register(role, own) => {
            if Market::role(who).is_none() && *own > MIN_SELF_STAKE {
                ignore(register(who, *role, *own));
            }
        }
        Step::Chill => ignore(chill(who)),
        Step::Validate => ignore(validate(who)),
        Step::Deregister => {
            if Market::role(who).is_some() {
                ignore(deregister(who));
            }
        }
        Step::Commission(percent) => set_commission(who, *percent),
        Step::Author => Voting::note_author(who),
        Step::Claim => ignore(claim(who)),
        Step::Slash(back, percent) => {
            slash(who, now().saturating_sub(*back), *percent);
            chill(who);
        }
        Step::EndEra(staking, mining) => {
            if end_era(*staking, *mining) {
                flows.budgets += staking + mining;
            }
        }
        Step::PayPage => ignore(Voting::on_initialize(1)),
    }
}

/// Takes everything of `who` out of the market.
fn leave(who: &AccountId, flows: &mut Flows) {
    settle_fully(who);
    if Market::role(who).is_some() {
        deregister(who).unwrap();
    }
    for (candidate, _, next) in positions(who) {
        if next > 0 {
            unvote(who, &candidate, next).unwrap();
        }
    }
    unbond(who, Market::active_of(who)).unwrap();
    run_to_era(now() + BONDING_ERAS + 1);
    flows.withdrawn += withdraw(who);
    claim(who);
    for position in Voters::<Test>::get(who).map(|record| record.positions).unwrap_or_default() {
        settle(who, &position.candidate).unwrap();
    }
}

/// With the 256 cases that proptest runs unless `PROPTEST_CASES` says otherwise, at least 230,400 steps; seven in ten are
/// calls.
const STEPS: RangeInclusive<usize> = 900..=1_100;

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn no_planck_is_lost_or_made(
        steps in prop::collection::vec((0..MINERS.len() + 2, step()), STEPS),
        steps_in_block in 1..16usize,
    ) {
        ExtBuilder::default().build_and_execute(|| {
            let all = everybody();
            let mut flows = Flows { bonded: all.iter().map(bonded).sum(), ..Default::default() };
            for block in steps.chunks(steps_in_block) {
                block.iter().for_each(|(who, step)| run(&all[*who], step, &mut flows));
                check_all();
                let there: Balance = all.iter().map(bonded).sum();
                assert_eq!(there + flows.withdrawn + burned(), flows.bonded);
                assert!(pot().0 <= flows.budgets);
            }
            for who in &all {
                leave(who, &mut flows);
                check_all();
            }
            // Positions that others are still liable by have passed by now; nothing is left.
            for who in &all {
                claim(who);
            }
            assert_eq!(all.iter().map(bonded).sum::<Balance>(), 0);
            assert_eq!(flows.withdrawn + burned(), flows.bonded);
            assert_eq!(Voters::<Test>::iter().count(), 0);
            assert_eq!(Pools::<Test>::iter().count(), 0);
            assert_eq!(Earned::<Test>::iter().count(), 0);
            assert_eq!(Marks::<Test>::iter().count(), 0);
            let (minted, claimed, given_back) = pot();
            assert!(claimed <= minted);
            assert_eq!(minted + given_back, flows.budgets);
        });
    }
}
