use crate::{mock::*, FaucetTerms, GenesisConfig, Terms, MAX_DIFFICULTY};

fn build(change: impl FnOnce(&mut Terms)) {
    let mut builder = ExtBuilder::default();
    change(builder.faucet.terms.as_mut().unwrap());
    builder.build_and_execute(|| ());
}

#[test]
fn genesis_sets_the_terms() {
    ExtBuilder::default().build_and_execute(|| {
        let terms = Terms { drip: DRIP, era_cap: ERA_CAP, difficulty: DIFFICULTY };
        assert_eq!(FaucetTerms::<Test>::get(), Some(terms));
    });
}

#[test]
fn genesis_has_no_faucet_unless_told() {
    assert_eq!(GenesisConfig::<Test>::default().terms, None);
}

#[test]
#[should_panic(expected = "no account exists with less than 10 planck")]
fn genesis_refuses_dust() {
    build(|terms| terms.drip = ED - 1);
}

#[test]
#[should_panic(expected = "one claim is 100 planck")]
fn genesis_refuses_a_cap_below_a_drip() {
    build(|terms| terms.era_cap = DRIP - 1);
}

#[test]
#[should_panic(expected = "must be from 1 to 40 bits")]
fn genesis_refuses_no_work() {
    build(|terms| terms.difficulty = 0);
}

#[test]
#[should_panic(expected = "must be from 1 to 40 bits")]
fn genesis_refuses_endless_work() {
    build(|terms| terms.difficulty = MAX_DIFFICULTY + 1);
}

#[test]
fn genesis_survives_json() {
    let terms = Terms { drip: 10u128.pow(20), era_cap: 10u128.pow(23), difficulty: 20 };
    let config = GenesisConfig::<Test> { terms: Some(terms), ..Default::default() };
    let json = serde_json::to_string(&config).unwrap();
    let back: GenesisConfig<Test> = serde_json::from_str(&json).unwrap();
    assert_eq!(back.terms, config.terms);
    assert!(json.contains("\"eraCap\""), "{json}");
}
