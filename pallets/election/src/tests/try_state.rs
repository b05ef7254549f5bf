use crate::{mock::*, MinValidators, ValidatorCount};

#[test]
fn a_chain_without_validators_is_found() {
    ExtBuilder::default().build_and_expect_broken("at least one validator is required", || {
        MinValidators::<Test>::put(0);
    });
}

#[test]
fn a_count_below_the_minimum_is_found() {
    let invariant = "an election may choose as many validators as are required";
    ExtBuilder::default().build_and_expect_broken(invariant, || MinValidators::<Test>::put(4));
}

#[test]
fn a_count_beyond_what_consensus_can_have_is_found() {
    let invariant = "an election chooses no more validators than consensus can have";
    ExtBuilder::default().build_and_expect_broken(invariant, || ValidatorCount::<Test>::put(MAX_VALIDATORS + 1));
}
