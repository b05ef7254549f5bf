use crate::{mock::*, DeferEras, EvidenceEras, GenesisConfig};

fn build(evidence_eras: u32, defer_eras: u32) {
    let mut builder = ExtBuilder::default();
    (builder.slashing.evidence_eras, builder.slashing.defer_eras) = (evidence_eras, defer_eras);
    builder.build_and_execute(|| {
        assert_eq!((EvidenceEras::<Test>::get(), DeferEras::<Test>::get()), (evidence_eras, defer_eras));
    });
}

#[test]
fn genesis_sets_the_window() {
    build(2, 0);
    build(4, 2);
}

#[test]
#[should_panic(expected = "stake would leave before it can be slashed")]
fn genesis_refuses_a_window_longer_than_unbonding() {
    build(4, 3);
}

#[test]
#[should_panic(expected = "stake would leave before it can be slashed")]
fn genesis_refuses_a_window_that_overflows() {
    build(u32::MAX, u32::MAX);
}

#[test]
#[should_panic(expected = "evidence must count for at least two eras")]
fn genesis_refuses_no_window() {
    build(0, 2);
}

#[test]
#[should_panic(expected = "silence is charged in the one after it")]
fn genesis_refuses_a_window_in_which_nobody_could_be_challenged() {
    build(1, 2);
}

/// So a slash waits on a chain, too, that began before there were slashes.
#[test]
fn a_chain_whose_genesis_set_no_window_has_one() {
    ExtBuilder::default().build_and_execute(|| {
        EvidenceEras::<Test>::kill();
        DeferEras::<Test>::kill();
        assert_eq!((EvidenceEras::<Test>::get(), DeferEras::<Test>::get()), (2, 1));
    });
}

#[test]
fn genesis_survives_json() {
    let config = GenesisConfig::<Test> { evidence_eras: 3, ..Default::default() };
    let json = serde_json::to_string(&config).unwrap();
    let back: GenesisConfig<Test> = serde_json::from_str(&json).unwrap();
    assert_eq!((back.evidence_eras, back.defer_eras), (3, 1));
    assert!(json.contains("\"deferEras\""), "{json}");
}
