//! Steps of random walks through everything that can happen to stake.

use cuckoo_primitives::{AccountId, Balance, EraIndex, Role, CAI};
use proptest::prelude::*;

use crate::mock::*;

/// Everybody who can do something.
pub(super) fn everybody() -> Vec<AccountId> {
    MINERS.into_iter().chain([VOTER, VOTER_2]).collect()
}

/// Whether a step was refused is its own matter.
pub(super) fn ignore<T>(_: T) {}

/// What one of [`everybody`] does, or what happens to all. Candidates are numbered as in [`everybody`], amounts are in
/// planck.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Bond(Balance),
    Unbond(Balance),
    Withdraw,
    Vote(usize, Balance),
    Unvote(usize, Balance),
    Revote(usize, usize, Balance),
    Settle(usize),
    Register(Role, Balance),
    Chill,
    Validate,
    Deregister,
    Commission(u32),
    Author,
    Claim,
    /// Offence this many eras ago, percent.
    Slash(EraIndex, u32),
    EndEra(Balance, Balance),
    PayPage,
}

fn amount() -> impl Strategy<Value = Balance> {
    prop_oneof![
        4 => 0..400u128,
        4 => 0..400 * CAI,
        1 => 900 * CAI..1_100 * CAI,
        1 => Just(Balance::MAX),
    ]
}

fn budget() -> impl Strategy<Value = Balance> {
    prop_oneof![1 => Just(0), 1 => 0..1_000u128, 4 => 0..100_000 * CAI]
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let who = || 0..MINERS.len() + 2;
    let role = prop_oneof![Just(Role::Miner), Just(Role::Coordinator), Just(Role::Validator)];
    prop_oneof![
        2 => amount().prop_map(Step::Bond),
        2 => amount().prop_map(Step::Unbond),
        1 => Just(Step::Withdraw),
        8 => (who(), amount()).prop_map(|(to, amount)| Step::Vote(to, amount)),
        5 => (who(), amount()).prop_map(|(from, amount)| Step::Unvote(from, amount)),
        5 => (who(), who(), amount()).prop_map(|(from, to, amount)| Step::Revote(from, to, amount)),
        3 => who().prop_map(Step::Settle),
        2 => (role, amount()).prop_map(|(role, amount)| Step::Register(role, amount)),
        1 => Just(Step::Chill),
        1 => Just(Step::Validate),
        1 => Just(Step::Deregister),
        1 => (0..100u32).prop_map(Step::Commission),
        3 => Just(Step::Author),
        2 => Just(Step::Claim),
        3 => (0..BONDING_ERAS, 0..=100u32).prop_map(|(back, percent)| Step::Slash(back, percent)),
        5 => (budget(), budget()).prop_map(|(staking, mining)| Step::EndEra(staking, mining)),
        4 => Just(Step::PayPage),
    ]
}
