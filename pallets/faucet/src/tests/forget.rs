use frame_support::{assert_ok, weights::Weight};

use crate::{mock::*, Claimed, ClaimedFrom, WeightInfo};

type Weights = crate::weights::SubstrateWeight<Test>;

#[test]
fn claims_of_past_eras_are_forgotten_step_by_step() {
    ExtBuilder::default().build_and_execute(|| {
        for n in 0..5 {
            assert_ok!(claim(&account(n)));
        }
        let room = Weights::forget_claim() * 3;
        // Not while the era runs.
        assert_eq!(idle(room), Weights::forget_claim());
        assert_eq!(Claimed::<Test>::iter().count(), 5);
        Eras::run_to(1);
        assert_ok!(claim(&ALICE));
        assert_eq!(idle(room), room);
        assert_eq!(Claimed::<Test>::iter_prefix(0).count(), 2);
        Faucet::do_try_state().unwrap();
        assert_eq!(idle(room), room);
        assert_eq!(ClaimedFrom::<Test>::get(), 1);
        assert_eq!(idle(room), Weights::forget_claim());
        assert_eq!(Claimed::<Test>::iter().count(), 1);
    });
}

#[test]
fn a_full_block_forgets_nothing() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(claim(&ALICE));
        Eras::run_to(3);
        assert_eq!(idle(Weight::zero()), Weight::zero());
        assert_eq!(Claimed::<Test>::iter().count(), 1);
    });
}

#[test]
fn an_empty_block_spends_little_on_it() {
    ExtBuilder::default().build_and_execute(|| {
        Eras::run_to(1_000_000);
        let max = frame_system::limits::BlockWeights::default().max_block;
        let spent = idle(Weight::MAX);
        assert!(spent.ref_time() <= max.ref_time() / 100, "{spent}");
        assert!(ClaimedFrom::<Test>::get() > 0);
    });
}
