use cuckoo_primitives::{CandidateStatus, Role, CAI};

use crate::{mock::*, GenesisConfig, MinSelfStake};

const ENDPOINT: &str = "http://127.0.0.1:7701";

fn build(change: impl FnOnce(&mut GenesisConfig<Test>)) {
    let mut builder = ExtBuilder::default().candidates(&[(ALICE, 1, Role::Miner, "")]);
    change(&mut builder.registration);
    builder.build_and_execute(|| ());
}

#[test]
fn genesis_registers() {
    let founders = [(ALICE, 1, Role::Miner, ""), (BOB, 2, Role::Coordinator, ENDPOINT)];
    ExtBuilder::default().candidates(&founders).build_and_execute(|| {
        let candidate = Registration::candidate_of_operator(operator(2)).unwrap();
        assert_eq!((candidate.stash, candidate.role), (BOB, Role::Coordinator));
        assert_eq!(candidate.info, info_of("Founder", "", ENDPOINT));
        // Its own stake comes with the votes.
        assert_eq!(candidate.status, CandidateStatus::BelowMinimum);
        assert_eq!(MinSelfStake::<Test>::get(Role::Validator), 5 * MIN);
    });
}

#[test]
fn genesis_defaults_to_the_public_minimums() {
    let config = GenesisConfig::<Test>::default();
    assert_eq!(
        config.min_self_stake,
        [(Role::Miner, 20_000 * CAI), (Role::Coordinator, 2_000_000 * CAI), (Role::Validator, 100_000 * CAI)]
    );
}

#[test]
fn genesis_survives_json() {
    let config = ExtBuilder::default().candidates(&[(BOB, 2, Role::Coordinator, ENDPOINT)]).registration;
    let json = serde_json::to_string(&config).unwrap();
    let back: GenesisConfig<Test> = serde_json::from_str(&json).unwrap();
    assert_eq!((back.candidates, back.min_self_stake), (config.candidates, config.min_self_stake));
    assert!(json.contains("[\"coordinator\",200]"), "{json}");
}

#[test]
#[should_panic(expected = "one entry for Validator but has 0")]
fn genesis_refuses_a_missing_minimum() {
    build(|config| config.min_self_stake.retain(|(role, _)| *role != Role::Validator));
}

#[test]
#[should_panic(expected = "one entry for Miner but has 2")]
fn genesis_refuses_two_minimums() {
    build(|config| config.min_self_stake.push((Role::Miner, 1)));
}

#[test]
#[should_panic(expected = "is there twice")]
fn genesis_refuses_a_stash_twice() {
    build(|config| config.candidates.push((ALICE, operator(2), Role::Miner, "Again".into(), "".into())));
}

#[test]
#[should_panic(expected = "OperatorTaken")]
fn genesis_refuses_an_operator_twice() {
    build(|config| config.candidates.push((BOB, operator(1), Role::Miner, "Second".into(), "".into())));
}

#[test]
#[should_panic(expected = "must be another account")]
fn genesis_refuses_the_stash_as_operator() {
    build(|config| config.candidates.push((BOB, BOB, Role::Miner, "Self".into(), "".into())));
}

#[test]
#[should_panic(expected = "EndpointInvalid")]
fn genesis_refuses_bad_info() {
    build(|config| config.candidates.push((BOB, operator(2), Role::Coordinator, "Coordinator".into(), "".into())));
}

#[test]
#[should_panic(expected = "longer than 64 bytes")]
fn genesis_refuses_a_long_name() {
    build(|config| config.candidates.push((BOB, operator(2), Role::Miner, "x".repeat(65), "".into())));
}

#[test]
#[should_panic(expected = "TooManyValidators")]
fn genesis_refuses_too_many_validators() {
    build(|config| {
        for n in 10..=10 + MAX_VALIDATORS as u8 {
            let stash = cuckoo_primitives::AccountId::new([n; 32]);
            config.candidates.push((stash, operator(n), Role::Validator, "Validator".into(), "".into()));
        }
    });
}
