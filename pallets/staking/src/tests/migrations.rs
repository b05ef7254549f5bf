use cuckoo_primitives::{registry::CurrentEra, TOTAL_SUPPLY_CAP};
use frame_support::{
    assert_ok,
    traits::{
        fungible::Mutate, tokens::Fortitude, tokens::Precision, tokens::Preservation, GetStorageVersion,
        OnRuntimeUpgrade, StorageVersion,
    },
};
use sp_runtime::DispatchError;

use crate::{
    migrations::{AddEmission, MigrateV1ToV2},
    mock::*,
    Call, Emission, EmissionState, EraStarts, Payee, Position,
};

/// A chain of storage version 1 in era 3, on which Alice has a bond.
fn version_1(test: impl FnOnce()) {
    ExtBuilder::default().bonds(&[(ALICE, 100)]).build_and_execute(|| {
        run_to_era(3);
        EmissionState::<Test>::kill();
        let _cleared = EraStarts::<Test>::clear(u32::MAX, None);
        let pot = Emission::<Test>::pot();
        assert_ok!(Balances::burn_from(&pot, 1, Preservation::Expendable, Precision::Exact, Fortitude::Force));
        StorageVersion::new(1).put::<Stake>();
        test();
    });
}

#[test]
fn version_1_gets_budgets_a_pot_and_a_start_of_its_era() {
    version_1(|| {
        let (bond, position) = (Stake::bond_of(ALICE), Position::<Test>::get());
        let before = AddEmission::<Test>::check_before().unwrap();
        MigrateV1ToV2::<Test>::on_runtime_upgrade();
        assert_ok!(AddEmission::<Test>::check_after(before));
        assert_ok!(Stake::do_try_state());
        assert_eq!(Stake::on_chain_storage_version(), 2);
        assert_eq!((Stake::bond_of(ALICE), Position::<Test>::get()), (bond, position));

        // What was before the upgrade has no era.
        let now = GENESIS_MS + 3 * u64::from(SESSIONS_PER_ERA) * SESSION_MS;
        assert_eq!((Stake::era_at(now), Stake::era_at(now - 1)), (Some(3), None));
        run_to_era(4);
        Register::earn(ALICE, 70);
        assert_ok!(submit(&ALICE, Call::claim {}));
        assert_eq!(Stake::payee(ALICE), Payee::Stash);
    });
}

#[test]
fn it_runs_once() {
    version_1(|| {
        MigrateV1ToV2::<Test>::on_runtime_upgrade();
        run_to_era(4);
        let state = Stake::emission();
        MigrateV1ToV2::<Test>::on_runtime_upgrade();
        assert_eq!(Stake::emission(), state);
        assert!(AddEmission::<Test>::check_before().is_err());
    });
}

#[test]
fn the_check_finds_budgets_that_do_not_fit() {
    version_1(|| {
        assert_ok!(Balances::force_set_balance(RuntimeOrigin::root(), BOB, TOTAL_SUPPLY_CAP - 1_000));
        let refused = AddEmission::<Test>::check_before();
        assert_eq!(refused, Err(DispatchError::Other("the budgets fit under the cap of the supply")));
        // On a chain that upgrades all the same nothing is emitted.
        MigrateV1ToV2::<Test>::on_runtime_upgrade();
        assert_eq!(Stake::emission().to_come(), 0);
        assert_ok!(Balances::force_set_balance(RuntimeOrigin::root(), BOB, BALANCE));
        assert_ok!(Balances::mint_into(&Emission::<Test>::pot(), 1));
    });
}
