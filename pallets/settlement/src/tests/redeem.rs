use cuckoo_primitives::{
    settlement::{SignedVoucher, Voucher},
    Balance,
};
use frame_support::{assert_noop, assert_ok, dispatch::GetDispatchInfo, weights::Weight};

use crate::{mock::*, *};

/// Anne has 10,000 in escrow.
fn funded(test: impl FnOnce()) {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deposit(&ANNE, 10_000));
        events();
        test();
    });
}

#[test]
fn a_voucher_is_paid_less_the_fee() {
    funded(|| {
        let issuance = Balances::total_issuance();
        assert_ok!(redeem([for_mike(1_000)]));
        let (coordinator, miner) = (ANNE, MIKE);
        let redeemed =
            Event::Redeemed { coordinator, miner, channel: FIRST, paid: 1_000, fee: 50, settled: 1_000, tasks: 1 };
        assert_eq!(events(), [redeemed]);
        assert_eq!(earned(&MIKE), 950);
        assert_eq!(Balances::free_balance(TREASURY), FUNDS + 25);
        assert_eq!(Balances::total_issuance(), issuance - 25);
        assert_eq!(Settlement::solvency(ANNE).escrow, 9_000);
    });
}

#[test]
fn the_fee_is_rounded_up_and_the_treasurys_half_down() {
    funded(|| {
        // 5 % of 1,021 is 51.05.
        assert_ok!(redeem([for_mike(1_021)]));
        assert_eq!(earned(&MIKE), 1_021 - 52);
        assert_eq!(Balances::free_balance(TREASURY), FUNDS + 26);
        // 5 % of 1 is 0.05: the miner gets nothing of a single planck.
        assert_ok!(redeem([for_mike(1_022)]));
        assert_eq!(earned(&MIKE), 1_021 - 52);
        assert_eq!(Balances::free_balance(TREASURY), FUNDS + 26);
    });
}

#[test]
fn a_newer_voucher_pays_the_difference() {
    funded(|| {
        assert_ok!(redeem([for_mike(400)]));
        assert_ok!(redeem([for_mike(1_000)]));
        assert_eq!(earned(&MIKE), 380 + 570);
        assert_eq!(Settlement::settled(ANNE, MIKE, FIRST).amount, 1_000);
    });
}

#[test]
fn redeem_fails_for_a_voucher_that_was_redeemed_and_for_older_ones() {
    funded(|| {
        assert_ok!(redeem([for_mike(1_000)]));
        for amount in [0, 999, 1_000] {
            assert_noop!(redeem([for_mike(amount)]), Error::<Test>::NothingDue);
        }
    });
}

#[test]
fn channels_of_one_pair_are_paid_each_for_itself() {
    funded(|| {
        assert_ok!(redeem([for_mike(400), signed_by(ANNES_KEY, voucher(&ANNE, &MIKE, SECOND, 600))]));
        assert_eq!(earned(&MIKE), 380 + 570);
        assert_eq!(Settlement::settled(ANNE, MIKE, SECOND).amount, 600);
    });
}

#[test]
fn one_call_takes_vouchers_of_many_pairs() {
    funded(|| {
        assert_ok!(deposit(&CLEO, 10_000));
        assert_ok!(redeem([
            for_mike(1_000),
            signed_by(ANNES_KEY, voucher(&ANNE, &NORA, FIRST, 2_000)),
            signed_by(CLEOS_KEY, voucher(&CLEO, &MIKE, FIRST, 3_000)),
        ]));
        assert_eq!((earned(&MIKE), earned(&NORA)), (950 + 2_850, 1_900));
        let escrow = |coordinator| Settlement::solvency(coordinator).escrow;
        assert_eq!((escrow(ANNE), escrow(CLEO)), (7_000, 7_000));
    });
}

#[test]
fn a_refused_voucher_does_not_keep_others_from_being_paid() {
    funded(|| {
        assert_ok!(redeem([for_mike(500)]));
        events();
        // Somebody was faster with the first; the last is a forgery.
        let forged = signed_by(CLEOS_KEY, voucher(&ANNE, &MIKE, SECOND, 9_000));
        assert_ok!(redeem([for_mike(500), for_mike(800), forged]));
        assert_eq!(earned(&MIKE), 475 + 285);
        let skipped: Vec<_> = events().into_iter().filter(|it| matches!(it, Event::Skipped { .. })).collect();
        let why = |index, reason: Error<Test>| Event::Skipped { index, reason: reason.into() };
        assert_eq!(skipped, [why(0, Error::NothingDue), why(2, Error::UnknownSigner)]);
    });
}

#[test]
fn redeem_fails_if_all_vouchers_are_refused() {
    funded(|| {
        let forged = signed_by(CLEOS_KEY, voucher(&ANNE, &MIKE, SECOND, 9_000));
        assert_noop!(redeem([for_mike(0), forged.clone()]), Error::<Test>::NothingDue);
        assert_noop!(redeem([forged, for_mike(0)]), Error::<Test>::UnknownSigner);
    });
}

#[test]
fn redeem_fails_without_vouchers() {
    funded(|| {
        assert_noop!(redeem([]), Error::<Test>::NoVouchers);
    });
}

#[test]
fn redeem_fails_if_anything_that_was_signed_is_changed() {
    funded(|| {
        let signed = signed_by(ANNES_KEY, voucher(&ANNE, &MIKE, FIRST, 100));
        let with = |change: fn(&mut Voucher)| {
            let mut other = signed.clone();
            change(&mut other.voucher);
            other
        };
        for other in [
            with(|it| it.amount = 101),
            with(|it| it.miner = NORA),
            with(|it| it.channel = SECOND),
            with(|it| it.tasks = 2),
        ] {
            assert_noop!(redeem([other]), Error::<Test>::BadSignature);
        }
        assert_noop!(redeem([with(|it| it.coordinator = CLEO)]), Error::<Test>::UnknownSigner);
        assert_ok!(redeem([signed]));
    });
}

#[test]
fn redeem_fails_for_a_voucher_of_another_chain() {
    funded(|| {
        let foreign = {
            use cuckoo_primitives::{signing::Statement, Hash};
            use sp_core::Pair;
            let voucher = voucher(&ANNE, &MIKE, FIRST, 100);
            let signature = key(ANNES_KEY).sign(voucher.signing_hash(&Hash::repeat_byte(9)).as_bytes()).0;
            SignedVoucher { voucher, operator: operator(ANNES_KEY), signature }
        };
        assert_noop!(redeem([foreign]), Error::<Test>::BadSignature);
    });
}

#[test]
fn redeem_fails_for_a_key_that_works_for_nobody_or_for_another() {
    funded(|| {
        for stranger in [CLEOS_KEY, 55] {
            let signed = signed_by(stranger, voucher(&ANNE, &MIKE, FIRST, 100));
            assert_noop!(redeem([signed]), Error::<Test>::UnknownSigner);
        }
    });
}

#[test]
fn a_retired_keys_vouchers_count_as_long_as_miners_have_to_redeem() {
    funded(|| {
        Market::run_to(5);
        Market::retire(ANNES_KEY);
        Market::employ(77, &ANNE);
        Market::run_to(5 + REDEEM_ERAS);
        assert_ok!(redeem([for_mike(100)]));
        Market::run_to(5 + REDEEM_ERAS + 1);
        assert_noop!(redeem([for_mike(200)]), Error::<Test>::SignerExpired);
        assert_ok!(redeem([signed_by(77, voucher(&ANNE, &MIKE, FIRST, 200))]));
    });
}

#[test]
fn redeem_fails_for_a_new_channel_that_is_not_worth_an_account() {
    funded(|| {
        assert_noop!(redeem([for_mike(ED - 1)]), Error::<Test>::TooSmall);
        assert_ok!(redeem([for_mike(ED)]));
        assert_ok!(redeem([for_mike(ED + 1)]));
    });
}

#[test]
fn redeem_fails_if_the_miner_cannot_receive() {
    funded(|| {
        let signed = |amount| signed_by(ANNES_KEY, voucher(&ANNE, &NOBODY, FIRST, amount));
        assert_noop!(redeem([signed(ED)]), Error::<Test>::MinerCannotReceive);
        assert_ok!(redeem([signed(ED + 1)]));
        assert_eq!(Balances::free_balance(NOBODY), ED);
    });
}

#[test]
fn what_escrow_lacks_becomes_a_debt() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deposit(&ANNE, 300));
        Market::run_to(3);
        events();
        assert_ok!(redeem([for_mike(1_000)]));
        let (coordinator, miner, channel) = (ANNE, MIKE, FIRST);
        assert_eq!(
            events(),
            [
                Event::Redeemed {
                    coordinator: coordinator.clone(),
                    miner: miner.clone(),
                    channel,
                    paid: 300,
                    fee: 15,
                    settled: 1_000,
                    tasks: 1
                },
                Event::DebtRecorded { coordinator, miner, channel, amount: 700, settled: 1_000, since: 3 },
            ]
        );
        assert_eq!(Settlement::solvency(ANNE).owed, 700);
        assert_noop!(redeem([for_mike(1_000)]), Error::<Test>::NothingDue);
    });
}

#[test]
fn a_debt_is_no_larger_than_what_covers_it_and_the_rest_stays_due() {
    ExtBuilder::default().build_and_execute(|| {
        let cover = Settlement::cover(ANNE, MIKE);
        assert_eq!(cover, 10_000);
        assert_ok!(redeem([for_mike(cover + 1)]));
        assert_eq!(Settlement::settled(ANNE, MIKE, FIRST).amount, cover);
        assert_eq!(Settlement::cover(ANNE, MIKE), 0);
        assert_noop!(redeem([for_mike(cover + 1)]), Error::<Test>::Uncovered);
        assert_ok!(deposit(&ANNE, ED));
        assert_ok!(redeem([for_mike(cover + 1)]));
        assert_eq!(Settlement::settled(ANNE, MIKE, FIRST).amount, cover + 1);
    });
}

#[test]
fn redeem_fails_if_neither_escrow_nor_stake_is_there() {
    ExtBuilder::default().build_and_execute(|| {
        let for_bob = signed_by(ANNES_KEY, voucher(&ANNE, &BOB, FIRST, 1_000));
        assert_noop!(redeem([for_bob.clone()]), Error::<Test>::Uncovered);
        assert_ok!(deposit(&ANNE, 1_000));
        assert_ok!(redeem([for_bob]));
        assert_eq!(earned(&BOB), 950);
    });
}

fn for_nora(amount: Balance) -> SignedVoucher {
    signed_by(ANNES_KEY, voucher(&ANNE, &NORA, FIRST, amount))
}

/// What a call with these was charged for.
fn taken(vouchers: Vec<SignedVoucher>) -> Weight {
    let origin = RuntimeOrigin::signed(BOB);
    Settlement::redeem(origin, vouchers.try_into().unwrap()).unwrap().actual_weight.unwrap()
}

/// What it is charged for before.
fn booked(vouchers: Vec<SignedVoucher>) -> Weight {
    Call::<Test>::redeem { vouchers: vouchers.try_into().unwrap() }.get_dispatch_info().call_weight
}

type Weights = <Test as Config>::WeightInfo;

#[test]
fn a_call_costs_by_its_vouchers_coordinators_and_miners() {
    funded(|| {
        assert_ok!(deposit(&CLEO, 10_000));
        let cleos = signed_by(CLEOS_KEY, voucher(&CLEO, &MIKE, FIRST, 100));
        let vouchers = vec![for_mike(100), for_mike(200), for_nora(100), cleos];
        // And once more, should they have to be paid one by one.
        let again = Weights::redeem(4, 4, 4);
        assert_eq!(booked(vouchers.clone()), Weights::redeem(4, 2, 2) + again + Weights::record_debts(4, 2, 2));
        assert_eq!(taken(vouchers), Weights::redeem(4, 2, 2));
    });
}

#[test]
fn every_key_of_a_coordinator_counts() {
    funded(|| {
        Market::employ(77, &ANNE);
        let by_another = signed_by(77, voucher(&ANNE, &MIKE, SECOND, 100));
        assert_eq!(taken(vec![for_mike(100), by_another]), Weights::redeem(2, 2, 1));
    });
}

#[test]
fn a_call_pays_for_debts_only_if_escrow_was_short() {
    funded(|| {
        assert_eq!(taken(vec![for_mike(4_000)]), Weights::redeem(1, 1, 1));
        // For the second there are 5,000 in escrow; the last is refused, and needs none.
        let vouchers = vec![for_mike(5_000), for_nora(6_000), for_mike(1)];
        assert_eq!(taken(vouchers), Weights::redeem(3, 1, 2) + Weights::record_debts(1, 1, 1));
        let once = Weights::redeem(1, 1, 1);
        assert_eq!(booked(vec![for_mike(6_000)]), once + once + Weights::record_debts(1, 1, 1));
    });
}

#[test]
fn a_voucher_that_is_refused_for_want_of_cover_has_cost_a_look_at_it() {
    funded(|| {
        let for_bob = signed_by(ANNES_KEY, voucher(&ANNE, &BOB, FIRST, 1_000));
        let weight = taken(vec![for_mike(10_000), for_bob]);
        assert_eq!(weight, Weights::redeem(2, 1, 2) + Weights::record_debts(1, 1, 1));
    });
}
