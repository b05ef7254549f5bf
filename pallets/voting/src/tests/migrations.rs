use cuckoo_primitives::era::EraAmount;
use frame_support::{
    assert_ok,
    traits::{OnRuntimeUpgrade, StorageVersion},
};

use crate::{
    migrations::{v1, FollowStake, MigrateV1ToV2},
    mock::*,
};

/// Version 1's records of these positions.
fn write_v1(positions: &[(sp_runtime::AccountId32, sp_runtime::AccountId32, EraAmount)]) {
    StorageVersion::new(1).put::<Voting>();
    let _ = crate::Voters::<Test>::clear(u32::MAX, None);
    let _ = crate::Pools::<Test>::clear(u32::MAX, None);
    let _ = crate::Totals::<Test>::clear(u32::MAX, None);
    let _ = crate::Earned::<Test>::clear(u32::MAX, None);
    let _ = crate::Marks::<Test>::clear(u32::MAX, None);
    for (voter, candidate, amount) in positions {
        v1::Positions::<Test>::insert(voter, candidate, amount);
        let (voted, count) = v1::Voters::<Test>::get(voter).unwrap_or_default();
        v1::Voters::<Test>::insert(voter, (voted + amount.next(), count + 1));
        let zero = EraAmount::default();
        let backing = v1::Backings::<Test>::get(candidate).unwrap_or(v1::BackingRecord { own: zero, total: zero });
        let sum = |sum: EraAmount| EraAmount::of(now(), sum.at(now()) + amount.at(now()), sum.next() + amount.next());
        let own = if voter == candidate { sum(backing.own) } else { backing.own };
        v1::Backings::<Test>::insert(candidate, v1::BackingRecord { own, total: sum(backing.total) });
    }
}

#[test]
fn votes_of_version_1_count_earn_and_stay_liable() {
    ExtBuilder::default().build_and_execute(|| {
        run_to_era(5);
        chill(&MINER_2);
        let steady = |amount| EraAmount::of(3, amount, amount);
        write_v1(&[
            (MINER_1.clone(), MINER_1, steady(OWN)),
            (MINER_2.clone(), MINER_2, steady(OWN)),
            (MINER_3.clone(), MINER_3, steady(OWN)),
            (MINER_4.clone(), MINER_4, steady(OWN)),
            // One that grows, one that shrinks, one that leaves.
            (VOTER, MINER_1, EraAmount::of(5, 100, 300)),
            (VOTER_2, MINER_1, EraAmount::of(5, 300, 100)),
            (VOTER_2, MINER_3, EraAmount::of(5, 50, 0)),
        ]);
        let before = FollowStake::<Test>::before();
        MigrateV1ToV2::<Test>::on_runtime_upgrade();
        FollowStake::<Test>::check_after(before).unwrap();
        assert_eq!(StorageVersion::get::<Voting>(), 2);
        assert_eq!(v1::Positions::<Test>::iter().count() + v1::Backings::<Test>::iter().count(), 0);
        assert_eq!(positions(&VOTER), [(MINER_1, 100, 300)]);
        assert_eq!(positions(&VOTER_2), [(MINER_1, 300, 100), (MINER_3, 50, 0)]);
        check_all();

        // 500 behind MINER_1, 150 behind MINER_3, 100 behind MINER_4; MINER_2 has stepped back.
        end_era(0, 750);
        pay_all();
        assert_eq!((claim(&VOTER), claim(&VOTER_2), claim(&MINER_2)), (100, 350, 0));
        slash(&MINER_1, 5, 50);
        assert_ok!(settle(&VOTER_2, &MINER_1));
        assert_eq!(bonded(&VOTER_2), BOND - 150);
    });
}

#[test]
fn it_runs_once() {
    ExtBuilder::default().build_and_execute(|| {
        let before = backing(&MINER_1);
        MigrateV1ToV2::<Test>::on_runtime_upgrade();
        assert_eq!(backing(&MINER_1), before);
    });
}
