use cuckoo_primitives::registry::Backing;

use crate::{mock::*, GenesisConfig};

fn build(change: impl FnOnce(&mut GenesisConfig<Test>)) {
    let mut builder = ExtBuilder::default();
    change(&mut builder.voting);
    builder.build_and_execute(|| ());
}

#[test]
fn genesis_votes_count_at_once() {
    let mut builder = ExtBuilder::default();
    builder.voting.votes.push((VOTER, MINER_1, 300));
    builder.build_and_execute(|| {
        assert_eq!(backing(&MINER_1), (OWN + 300, OWN + 300));
        assert_eq!(positions(&VOTER), [(MINER_1, 300, 300)]);
        assert_eq!(Voting::own_stake(&MINER_1), (OWN, OWN));
    });
}

#[test]
#[should_panic(expected = "no such candidate")]
fn genesis_refuses_votes_for_nobody() {
    build(|voting| voting.votes.push((VOTER, STRANGER, 100)));
}

#[test]
#[should_panic(expected = "there twice")]
fn genesis_refuses_a_vote_twice() {
    build(|voting| voting.votes.push((MINER_1, MINER_1, OWN)));
}

#[test]
#[should_panic(expected = "ExceedsBond")]
fn genesis_refuses_to_vote_too_much() {
    build(|voting| voting.votes.push((VOTER, MINER_1, BOND + 1)));
}

#[test]
#[should_panic(expected = "ExceedsBond")]
fn genesis_refuses_votes_without_a_bond() {
    build(|voting| voting.votes.push((STRANGER, MINER_1, 100)));
}

#[test]
#[should_panic(expected = "own stake must be above 50 planck")]
fn genesis_refuses_too_little_own_stake() {
    build(|voting| voting.votes[0].2 = MIN_SELF_STAKE);
}

#[test]
#[should_panic(expected = "BelowMinVote")]
fn genesis_refuses_dust() {
    build(|voting| voting.votes.push((VOTER, MINER_1, MIN_VOTE - 1)));
}

#[test]
#[should_panic(expected = "worth something")]
fn genesis_refuses_empty_votes() {
    build(|voting| voting.min_vote = 0);
}
