use cuckoo_primitives::{registry::Operators as _, CandidateInfo, Role};
use frame_support::{
    assert_ok,
    traits::{GetStorageVersion, OnRuntimeUpgrade, StorageVersion},
};

use crate::{
    migrations::{CountAndMend, MigrateV1ToV2},
    mock::*,
    Candidates, ValidatorCount,
};

/// A chain of storage version 1 with a miner and a validator.
fn version_1(miner: CandidateInfo, test: impl FnOnce()) {
    let founders = [(ALICE, 1, Role::Miner, ""), (BOB, 2, Role::Validator, "")];
    ExtBuilder::default().candidates(&founders).build_and_execute(|| {
        Candidates::<Test>::mutate(Role::Miner, ALICE, |record| record.as_mut().unwrap().info = miner);
        ValidatorCount::<Test>::kill();
        for (key, record) in crate::Operators::<Test>::iter().collect::<Vec<_>>() {
            let old = (record.stash, record.role, record.retired_in);
            frame_support::storage::unhashed::put(&crate::Operators::<Test>::hashed_key_for(key), &old);
        }
        StorageVersion::new(1).put::<Registration>();
        test();
    });
}

fn migrate() {
    let before = CountAndMend::<Test>::check_before();
    MigrateV1ToV2::<Test>::on_runtime_upgrade();
    assert_ok!(CountAndMend::<Test>::check_after(before));
    assert_ok!(Registration::do_try_state());
    assert_eq!(Registration::on_chain_storage_version(), 2);
}

#[test]
fn version_1_gets_its_validators_counted() {
    let info = info_of("Miner", "One line.\nAnother.", "");
    version_1(info.clone(), || {
        let bob = Registration::candidate(BOB);
        migrate();
        assert_eq!(ValidatorCount::<Test>::get(), 1);
        assert_eq!(Registration::served_by(&operator(2), 0), Some((BOB, Role::Validator)));
        assert_eq!(Registration::candidate(BOB), bob);
        assert_eq!(Registration::candidate(ALICE).unwrap().info, info);
    });
}

#[test]
fn texts_are_mended() {
    let bad = info_of("\u{202e}reniM", "\u{1b}[31mRuns\r\non wind.\u{2066}", "");
    version_1(bad, || {
        migrate();
        assert_eq!(Registration::candidate(ALICE).unwrap().info, info_of("reniM", "[31mRuns\non wind.", ""));
    });
    version_1(info_of("\u{200e}", "", ""), || {
        migrate();
        assert_eq!(Registration::candidate(ALICE).unwrap().info, info_of("unnamed", "", ""));
    });
}

#[test]
fn it_runs_once() {
    version_1(miner_info(), || {
        migrate();
        ValidatorCount::<Test>::put(7);
        MigrateV1ToV2::<Test>::on_runtime_upgrade();
        assert_eq!(ValidatorCount::<Test>::take(), 7);
        ValidatorCount::<Test>::put(1);
    });
}
