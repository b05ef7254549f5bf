use cuckoo_primitives::registry::CurrentEra;
use frame_support::weights::Weight;
use frame_support::{
    assert_ok,
    traits::{Get, Hooks},
};
use sp_runtime::Perbill;

use crate::{mock::*, Event, OpenPots, PayoutRun, WeightInfo, MAX_OPEN_POTS};

fn block() -> Weight {
    <<Test as frame_system::Config>::BlockWeights as Get<frame_system::limits::BlockWeights>>::get().max_block
}

/// As much of a block as one visit takes.
fn one_at_a_time() {
    let block = block();
    let weights = <Test as crate::Config>::WeightInfo::payout(1);
    let mut share = Perbill::from_rational(weights.ref_time(), block.ref_time());
    while (share * block).ref_time() < weights.ref_time() {
        share = share + Perbill::from_parts(1);
    }
    PayoutShare::set(share);
}

#[test]
fn the_payout_is_spread_over_blocks() {
    ExtBuilder::default().build_and_execute(|| {
        one_at_a_time();
        end_era(0, 1_200);
        assert_eq!(pay_all(), 5);
        System::assert_last_event(Event::ErasPaid { before: 1 }.into());
        assert!(OpenPots::<Test>::get().is_empty());
        assert_eq!(pot(), (1_200, 0, 0));
    });
}

#[test]
fn the_hook_takes_no_more_than_its_part_of_a_block() {
    ExtBuilder::default().build_and_execute(|| {
        one_at_a_time();
        end_era(0, 1_200);
        let most = PayoutShare::get() * block();
        while PayoutRun::<Test>::exists() {
            assert!(Voting::on_initialize(1).all_lte(most));
        }
    });
}

#[test]
fn it_makes_no_difference_when_a_candidate_is_paid() {
    let paid = |early: bool| {
        let mut claimed = Vec::new();
        ExtBuilder::default().build_and_execute(|| {
            assert_ok!(vote(&VOTER, &MINER_1, 700));
            end_era(0, 1_000_000);
            if !early {
                pay_all();
            }
            assert_ok!(vote(&VOTER, &MINER_1, 300));
            end_era(0, 999_999);
            if !early {
                pay_all();
            }
            assert_ok!(unvote(&VOTER, &MINER_1, 500));
            end_era(0, 1_000_000);
            pay_all();
            claimed = [VOTER, MINER_1, MINER_2].map(|who| claim(&who)).to_vec();
        });
        claimed
    };
    assert_eq!(paid(true), paid(false));
}

#[test]
fn an_era_that_ends_while_others_wait_for_being_paid_is_not_lost() {
    ExtBuilder::default().build_and_execute(|| {
        one_at_a_time();
        for _ in 0..MAX_OPEN_POTS {
            assert!(end_era(0, 1_200));
            Voting::on_initialize(1);
        }
        // The next one finds no room: its budget stays where it is.
        assert!(!end_era(0, 1_200));
        check_all();
        pay_all();
        assert_eq!(pot(), (u128::from(MAX_OPEN_POTS) * 1_200, 0, 0));
        assert!(OpenPots::<Test>::get().is_empty());
        assert!(end_era(0, 1_200));
        assert_eq!(Market::current_era(), MAX_OPEN_POTS + 2);
    });
}
