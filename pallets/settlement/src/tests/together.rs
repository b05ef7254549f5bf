//! Many vouchers in one call are paid as if each had come alone.

use cuckoo_primitives::{
    settlement::{ChannelId, SignedVoucher},
    AccountId, Balance,
};
use frame_support::{
    assert_ok,
    storage::{with_transaction, TransactionOutcome},
};
use proptest::prelude::*;
use sp_runtime::{DispatchError, StateVersion};

use crate::{mock::*, *};

const COORDINATORS: [AccountId; 3] = [ANNE, CLEO, BOB];
const KEYS: [u8; 3] = [ANNES_KEY, CLEOS_KEY, 77];
/// Miners, somebody else, coordinators themselves, two who do not exist, and the treasury.
const MINERS: [AccountId; 8] = [MIKE, NORA, BOB, ANNE, CLEO, NOBODY, NOBODY_ELSE, TREASURY];
const NOBODY_ELSE: AccountId = AccountId::new([32; 32]);
const CHANNELS: [ChannelId; 2] = [FIRST, SECOND];

/// Coordinator, key, miner, channel, amount.
type Drawn = (usize, usize, usize, usize, Balance);

fn drawn() -> impl Strategy<Value = Drawn> {
    let amount = prop_oneof![
        2 => 0..4 * ED,
        3 => 0..3_000u128,
        1 => 9_000..60_000u128,
        1 => Just(Balance::MAX),
    ];
    // Most are signed by the right key.
    let key = prop_oneof![6 => Just(None), 1 => (0..3usize).prop_map(Some)];
    (0..3usize, key, 0..8usize, 0..2usize, amount).prop_map(|(c, key, m, channel, amount)| {
        let key = key.unwrap_or(c);
        (c, key, m, channel, amount)
    })
}

fn sign(&(c, key, m, channel, amount): &Drawn) -> SignedVoucher {
    signed_by(KEYS[key], voucher(&COORDINATORS[c], &MINERS[m], CHANNELS[channel], amount))
}

/// How the chain is left, but for its events.
#[derive(Debug, PartialEq)]
struct Left {
    storage: Vec<u8>,
    issuance: Balance,
    balances: Vec<(Balance, Balance)>,
    /// In order of their texts.
    events: Vec<String>,
}

fn left() -> Left {
    use frame_support::traits::fungible::Inspect;
    let everyone = COORDINATORS.iter().chain(&MINERS);
    let balances = everyone.map(|who| (Balances::free_balance(who), <Balances as Inspect<_>>::total_balance(who)));
    let balances = balances.collect();
    let mut events: Vec<_> = events().iter().map(|event| format!("{event:?}")).collect();
    events.sort();
    Left { storage: sp_io::storage::root(StateVersion::V1), issuance: Balances::total_issuance(), balances, events }
}

/// What `act` returns and how it leaves the chain, which goes on as if it had never been.
fn tried<R>(act: impl FnOnce() -> R) -> (R, Left) {
    let done = with_transaction(|| -> TransactionOutcome<Result<_, DispatchError>> {
        events();
        let done = act();
        Settlement::do_try_state().unwrap();
        TransactionOutcome::Rollback(Ok((done, left())))
    });
    done.unwrap()
}

/// Each in a call of its own. Returns the reason of the first if all are refused.
fn one_by_one(vouchers: &[SignedVoucher]) -> Result<(), DispatchError> {
    let mut refused = Vec::new();
    for (index, signed) in (0..).zip(vouchers) {
        if let Err(reason) = redeem([signed.clone()]) {
            refused.push(Event::Skipped { index, reason });
        }
    }
    if refused.len() == vouchers.len() {
        let Some(Event::Skipped { reason, .. }) = refused.first() else { unreachable!("there are vouchers") };
        return Err(*reason);
    }
    refused.into_iter().for_each(Settlement::deposit_event);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_call_is_worth_its_vouchers_one_by_one(
        escrows in prop::array::uniform2(prop_oneof![Just(0), ED..100, 500..20_000u128]),
        before in prop::collection::vec(drawn(), 0..6),
        in_call in prop::collection::vec(drawn(), 1..24),
    ) {
        ExtBuilder::default().build_and_execute(|| {
            Market::employ(77, &BOB);
            Market::deregister(&NORA);
            for (coordinator, escrow) in COORDINATORS.iter().zip(escrows) {
                if escrow > 0 {
                    assert_ok!(deposit(coordinator, escrow));
                }
            }
            for earlier in &before {
                let _refused_or_done = redeem([sign(earlier)]);
            }
            let vouchers: Vec<_> = in_call.iter().map(sign).collect();
            let (together, left_by_one) = tried(|| redeem(vouchers.clone()));
            let (alone, left_by_many) = tried(|| one_by_one(&vouchers));
            assert_eq!(together, alone);
            assert_eq!(left_by_one, left_by_many);
        });
    }
}

/// The call that is compared above is not refused as a whole every time, and not everything in it is paid.
#[test]
fn what_is_compared_is_paid_owed_and_refused() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(deposit(&ANNE, 1_000));
        let drawn = [(0, 0, 0, 0, 500), (0, 0, 5, 0, ED), (0, 0, 1, 0, 900), (0, 1, 0, 1, 100)];
        let vouchers: Vec<_> = drawn.iter().map(sign).collect();
        let (done, left) = tried(|| redeem(vouchers));
        assert_ok!(done);
        let count = |name: &str| left.events.iter().filter(|event| event.contains(name)).count();
        assert_eq!((count("Redeemed"), count("DebtRecorded"), count("Skipped")), (2, 1, 2));
        assert_ne!(left.storage, tried(|| ()).1.storage);
    });
}

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
        assert_ok!(redeem([for_mike(1_000), for_herself]));
        assert_eq!(earned(&MIKE), 950);
        assert_eq!(Settlement::solvency(ANNE).escrow, ED);
        assert_eq!(Settlement::settled(ANNE, ANNE, FIRST).amount, 0);
        let reason = Error::<Test>::MinerCannotReceive.into();
        assert!(events().contains(&Event::Skipped { index: 1, reason }));
    });
}
