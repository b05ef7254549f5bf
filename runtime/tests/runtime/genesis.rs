use cuckoo_primitives::{Role, CAI, TOTAL_SUPPLY_CAP};
use cuckoo_runtime::{
    genesis_config_presets::{get_preset, preset_names, well_known},
    Babe, Balances, Registration, Runtime, Session, Settlement, Stake,
};
use sp_core::{ed25519, sr25519, Pair};

use crate::chain::{Account, Chain};

#[test]
fn every_preset_starts_a_chain_within_the_supply_cap() {
    for name in preset_names() {
        let mut chain = Chain::new(&name);
        chain.block(Vec::new);
        let issued = chain.read(Balances::total_issuance);
        assert!(issued > 0 && issued < TOTAL_SUPPLY_CAP, "{name} issues {issued} planck");
    }
}

#[test]
fn presets_have_their_short_names() {
    assert_eq!(get_preset(&"dev".into()), get_preset(&"development".into()));
    assert_eq!(get_preset(&"local".into()), get_preset(&"local_testnet".into()));
    assert_eq!(get_preset(&"mainnet".into()), None);
}

#[test]
fn well_known_keys_derive_from_their_names() {
    for known in well_known::ALL {
        let name = known.name;
        assert_eq!(known.operator(), Account::new(&format!("//{name}")).id(), "//{name}");
        assert_eq!(known.stash(), Account::new(&format!("//{name}//stash")).id(), "//{name}//stash");
        let Some(keys) = known.session_keys() else { continue };
        let suri = format!("//{name}");
        assert_eq!(keys.babe, sr25519::Pair::from_string(&suri, None).unwrap().public().into());
        assert_eq!(keys.grandpa, ed25519::Pair::from_string(&suri, None).unwrap().public().into());
    }
}

#[test]
fn the_clock_comes_from_genesis() {
    for (preset, slot_ms, session_slots, sessions_per_era) in [("dev", 1_000, 10, 3), ("testnet", 6_000, 600, 24)] {
        let mut chain = Chain::new(preset);
        chain.block(Vec::new);
        chain.read(|| {
            assert_eq!(Babe::slot_duration(), slot_ms);
            assert_eq!(Babe::current_epoch().duration, session_slots);
            let progress = Stake::era_progress();
            assert_eq!(progress.slot_ms, slot_ms);
            assert_eq!(u64::from(progress.session_blocks), session_slots);
            assert_eq!(progress.sessions_per_era, sessions_per_era);
        });
    }
}

#[test]
fn dev_has_one_validator_and_local_has_three() {
    for (preset, names) in [("dev", &["Alice"][..]), ("local", &["Alice", "Bob", "Charlie"])] {
        let stashes: Vec<_> = names.iter().map(|name| Account::new(&format!("//{name}//stash")).id()).collect();
        assert_eq!(Chain::new(preset).read(Session::validators), stashes, "{preset}");
    }
}

#[test]
fn a_coordinator_and_two_miners_are_active_from_the_start() {
    let mut chain = Chain::dev();
    chain.read(|| {
        let coordinators = Registration::candidates(Role::Coordinator, None, 10);
        assert_eq!(coordinators.len(), 1);
        assert_eq!(coordinators[0].stash, Account::new("//Coordinator//stash").id());
        assert_eq!(coordinators[0].operator, Account::new("//Coordinator").id());
        assert_eq!(coordinators[0].info.endpoint.as_slice(), b"http://127.0.0.1:7701");
        assert!(coordinators[0].is_active());

        let mut backings: Vec<_> = Registration::candidates(Role::Miner, None, 10)
            .into_iter()
            .map(|miner| {
                assert!(miner.is_active() && miner.stash != miner.operator);
                miner.backing
            })
            .collect();
        backings.sort();
        assert_eq!(backings, [25_000 * CAI, 75_000 * CAI]);
    });
}

#[test]
fn coordinators_of_test_chains_have_escrow_from_the_start() {
    let coordinator = Account::new("//Coordinator//stash").id();
    for (preset, escrow) in [("dev", 10_000 * CAI), ("local", 10_000 * CAI), ("testnet", 0)] {
        let solvency = Chain::new(preset).read(|| Settlement::solvency(coordinator.clone()));
        assert_eq!((solvency.escrow, solvency.withdrawing, solvency.owed), (escrow, 0, 0), "{preset}");
    }
}

#[test]
fn stake_outlasts_escrow_and_escrow_the_time_to_redeem() {
    for preset in preset_names() {
        let (terms, clock) = Chain::new(&preset).read(|| (Settlement::terms(), Stake::era_progress()));
        assert!(terms.redeem_eras < terms.withdrawal_eras, "{preset}: {terms:?}");
        assert!(terms.redeem_eras < clock.bonding_eras, "{preset}: {terms:?}");
        assert!(terms.grace_eras > 0, "{preset}: {terms:?}");
    }
}

#[test]
#[should_panic(expected = "settlement.redeemEras is 4, but stake leaves after 4 eras")]
fn a_chain_on_which_stake_leaves_before_vouchers_are_redeemed_does_not_start() {
    Chain::with("dev", serde_json::json!({ "settlement": { "redeemEras": 4, "withdrawalEras": 5 } }));
}

#[test]
fn only_test_chains_fund_well_known_accounts_beyond_their_bonds() {
    let everyone = well_known::ALL.iter().flat_map(|known| [known.stash(), known.operator()]);
    let mut chain = Chain::new("testnet");
    for account in everyone {
        let free = chain.read(|| pallet_balances::Pallet::<Runtime>::free_balance(&account));
        assert!(free <= 1_000 * CAI, "{account} has {free} planck");
    }
}
