//! Many vouchers in one call are paid at once, and each as if it had come alone.

use frame_support::assert_ok;

use crate::{mock::*, *};

type Weights = <Test as Config>::WeightInfo;

#[test]
fn everyone_who_takes_part_is_written_once() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deposit(&ANNE, 10_000));
        System::reset_events();
        let second = signed_by(ANNES_KEY, voucher(&ANNE, &MIKE, SECOND, 1_000));
        assert_ok!(redeem([for_mike(1_000), second, for_mike(2_000)]));
        let moved = System::events().into_iter().filter_map(|record| match record.event {
            RuntimeEvent::Balances(event) => Some(event),
            _ => None,
        });
        use pallet_balances::Event::{BurnedDebt, Deposit};
        let moved: Vec<_> = moved.filter(|event| !matches!(event, BurnedDebt { .. })).collect();
        let (treasury, miner) = (Deposit { who: TREASURY, amount: 75 }, Deposit { who: MIKE, amount: 2_850 });
        assert!(moved.contains(&treasury) && moved.contains(&miner), "{moved:?}");
        assert_eq!(moved.iter().filter(|event| matches!(event, Deposit { .. })).count(), 2);
    });
}

#[test]
fn the_fee_of_each_voucher_is_rounded_by_itself() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deposit(&ANNE, 10_000));
        let issuance = Balances::total_issuance();
        // 5 % of 21 are 1.05: a fee of 2 each, of which the treasury gets 1. Together they were 3.15.
        let vouchers =
            [[1; 16], [2; 16], [3; 16]].map(|channel| signed_by(ANNES_KEY, voucher(&ANNE, &MIKE, channel, 21)));
        assert_ok!(redeem(vouchers));
        assert_eq!(earned(&MIKE), 3 * 19);
        assert_eq!(Balances::free_balance(TREASURY), FUNDS + 3);
        assert_eq!(Balances::total_issuance(), issuance - 3);
    });
}

#[test]
fn whoever_comes_into_being_in_a_call_receives_less_afterwards() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deposit(&ANNE, 10_000));
        let for_nobody = |channel, amount| signed_by(ANNES_KEY, voucher(&ANNE, &NOBODY, channel, amount));
        // Less the fee the first is not worth an account.
        assert_ok!(redeem([for_nobody(FIRST, ED), for_nobody(SECOND, ED + 1), for_nobody(FIRST, ED)]));
        assert_eq!(Balances::free_balance(NOBODY), ED + ED - 1);
        let reason = Error::<Test>::MinerCannotReceive.into();
        assert!(events().contains(&Event::Skipped { index: 0, reason }));
    });
}

#[test]
fn an_account_that_dies_of_paying_harms_no_other_voucher() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deposit(&ANNE, 1_000 + ED));
        // Something else keeps her account alive, on less than the existential deposit, until escrow is empty.
        System::inc_providers(&ANNE);
        let rest = Balances::free_balance(ANNE) - ED / 2;
        assert_ok!(Balances::transfer_allow_death(RuntimeOrigin::signed(ANNE), BOB, rest));
        events();
        let for_herself = signed_by(ANNES_KEY, voucher(&ANNE, &ANNE, FIRST, ED));
        let vouchers = vec![for_mike(1_000), for_herself].try_into().unwrap();
        let done = Settlement::redeem(RuntimeOrigin::signed(BOB), vouchers).unwrap();
        // All at once was undone, and then each was paid for itself.
        let (together, one_by_one) = (Weights::redeem(2, 1, 2), Weights::redeem(2, 2, 2));
        assert_eq!(done.actual_weight.unwrap(), together + one_by_one + Weights::record_debts(2, 1, 2));
        assert_eq!(earned(&MIKE), 950);
        assert_eq!(Settlement::solvency(ANNE).escrow, ED);
        assert_eq!(Settlement::settled(ANNE, ANNE, FIRST).amount, 0);
        let reason = Error::<Test>::MinerCannotReceive.into();
        assert!(events().contains(&Event::Skipped { index: 1, reason }));
    });
}
