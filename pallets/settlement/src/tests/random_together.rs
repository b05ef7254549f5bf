//! Random vouchers in one call leave the chain as if each had come in a call of its own.

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
            let (together, left_together) = tried(|| redeem(vouchers.clone()));
            let (alone, left_alone) = tried(|| one_by_one(&vouchers));
            assert_eq!(together, alone);
            assert_eq!(left_together, left_alone);
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
