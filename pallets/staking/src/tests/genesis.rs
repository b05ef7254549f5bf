use crate::{mock::*, GenesisConfig};

fn build(change: impl FnOnce(&mut GenesisConfig<Test>)) {
    let mut builder = ExtBuilder::default();
    change(&mut builder.stake);
    builder.build_and_execute(|| ());
}

#[test]
fn genesis_bonds() {
    ExtBuilder::default().bonds(&[(ALICE, 100), (BOB, BALANCE - 1)]).build_and_execute(|| {
        assert_eq!(funds(&ALICE), (900, 100, 100));
        assert_eq!(funds(&BOB), (1, 999, 999));
        assert_eq!(Stake::bond_of(POOR), None);
    });
}

#[test]
fn genesis_survives_json() {
    let config = GenesisConfig::<Test> { bonds: vec![(ALICE, 3 * 10u128.pow(24))], ..Default::default() };
    let json = serde_json::to_string(&config).unwrap();
    let back: GenesisConfig<Test> = serde_json::from_str(&json).unwrap();
    assert_eq!(back.bonds, config.bonds);
    assert!(json.contains("\"sessionsPerEra\""), "{json}");
}

#[test]
#[should_panic(expected = "even number of milliseconds")]
fn genesis_refuses_an_odd_slot() {
    build(|stake| stake.slot_ms = 1_001);
}

#[test]
#[should_panic(expected = "at least one block")]
fn genesis_refuses_empty_sessions() {
    build(|stake| stake.session_blocks = 0);
}

#[test]
#[should_panic(expected = "at least one session")]
fn genesis_refuses_empty_eras() {
    build(|stake| stake.sessions_per_era = 0);
}

#[test]
#[should_panic(expected = "liable for at least one era")]
fn genesis_refuses_instant_unbonding() {
    build(|stake| stake.bonding_eras = 0);
}

#[test]
#[should_panic(expected = "worth something")]
fn genesis_refuses_empty_bonds() {
    build(|stake| stake.min_bond = 0);
}

#[test]
#[should_panic(expected = "NotEnoughFree")]
fn genesis_refuses_bonds_without_funds() {
    build(|stake| stake.bonds = vec![(POOR, 100)]);
}

#[test]
#[should_panic(expected = "AlreadyBonded")]
fn genesis_refuses_to_bond_twice() {
    build(|stake| stake.bonds = vec![(ALICE, 100), (ALICE, 100)]);
}

#[test]
#[should_panic(expected = "do not fit under the cap")]
fn genesis_refuses_budgets_past_the_cap() {
    build(|stake| stake.mining_budget = cuckoo_primitives::TOTAL_SUPPLY_CAP - stake.staking_budget - 2 * BALANCE);
}

#[test]
fn genesis_takes_budgets_up_to_the_cap() {
    // Both balances, and the deposit of the pot.
    build(|stake| stake.mining_budget = cuckoo_primitives::TOTAL_SUPPLY_CAP - stake.staking_budget - 2 * BALANCE - 1);
}
