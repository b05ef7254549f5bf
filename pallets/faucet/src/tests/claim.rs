use cuckoo_primitives::{faucet::MAX_BLOCK_AGE, AccountId};
use frame_support::{
    assert_noop, assert_ok,
    dispatch::{GetDispatchInfo, Pays},
    traits::{
        fungible::Mutate,
        tokens::{Fortitude, Precision, Preservation},
    },
};
use sp_runtime::{
    transaction_validity::{InvalidTransaction, TransactionValidityError},
    DispatchError,
};

use crate::{mock::*, Call, Error, Event};

/// The call is refused in a block with `error`, and by the pool with `reason`.
fn refused(call: Call<Test>, error: Error<Test>, reason: InvalidTransaction) {
    assert_eq!(validity(&call), Err(TransactionValidityError::Invalid(reason)));
    assert_noop!(submit(RuntimeOrigin::none(), call), error);
}

/// A claim for `account` with a good proof over the block before this one is refused.
fn claim_refused(account: &AccountId, error: Error<Test>, reason: InvalidTransaction) {
    let block = System::block_number() - 1;
    refused(call(account, block, solve(account, block)), error, reason);
}

#[test]
fn claim_gives_the_drip() {
    ExtBuilder::default().build_and_execute(|| {
        let issuance = Balances::total_issuance();
        assert_eq!(Faucet::left(), ERA_CAP);
        assert_ok!(claim(&ALICE));
        System::assert_last_event(Event::Dripped { account: ALICE, amount: DRIP, era: 0 }.into());
        assert_eq!(Balances::free_balance(ALICE), DRIP);
        assert_eq!(Balances::free_balance(Faucet::pot()), POT - DRIP);
        assert_eq!(Balances::total_issuance(), issuance);
        assert_eq!(Faucet::left(), ERA_CAP - DRIP);
    });
}

#[test]
fn claim_is_free_and_unsigned() {
    ExtBuilder::default().build_and_execute(|| {
        let good = call(&ALICE, 99, solve(&ALICE, 99));
        assert_eq!(good.get_dispatch_info().pays_fee, Pays::No);
        assert_noop!(submit(RuntimeOrigin::signed(RICH), good.clone()), DispatchError::BadOrigin);
        assert_noop!(submit(RuntimeOrigin::root(), good), DispatchError::BadOrigin);
    });
}

#[test]
fn claim_fails_without_a_faucet() {
    let mut builder = ExtBuilder::default();
    builder.faucet.terms = None;
    builder.build_and_execute(|| {
        claim_refused(&ALICE, Error::NoFaucet, InvalidTransaction::Call);
        assert_eq!(Faucet::left(), 0);
    });
}

#[test]
fn claim_fails_with_a_bad_proof() {
    ExtBuilder::default().build_and_execute(|| {
        let (error, reason) = (|| Error::BadProof, InvalidTransaction::BadProof);
        refused(call(&ALICE, 99, fail(&ALICE, 99)), error(), reason);
        // A proof is for one account and one block.
        let good = |account, block, nonce| validity(&call(account, block, nonce)).is_ok();
        let nonce = (0..)
            .find(|nonce| good(&ALICE, 99, *nonce) && !good(&BOB, 99, *nonce) && !good(&ALICE, 98, *nonce))
            .unwrap();
        refused(call(&BOB, 99, nonce), error(), reason);
        refused(call(&ALICE, 98, nonce), error(), reason);
        assert_ok!(submit(RuntimeOrigin::none(), call(&ALICE, 99, nonce)));
    });
}

#[test]
fn claim_fails_with_an_old_block() {
    ExtBuilder::default().build_and_execute(|| {
        let oldest = FIRST_BLOCK - u64::from(MAX_BLOCK_AGE);
        let (error, reason) = (|| Error::BlockTooOld, InvalidTransaction::AncientBirthBlock);
        refused(call(&ALICE, oldest - 1, solve(&ALICE, oldest - 1)), error(), reason);
        refused(call(&ALICE, 0, solve(&ALICE, 0)), error(), reason);
        assert_ok!(submit(RuntimeOrigin::none(), call(&ALICE, oldest, solve(&ALICE, oldest))));
    });
}

#[test]
fn claim_fails_with_a_block_that_has_no_hash() {
    ExtBuilder::default().build_and_execute(|| {
        frame_system::BlockHash::<Test>::remove(90);
        // The hash would be zero, which everyone knew before.
        refused(call(&ALICE, 90, solve(&ALICE, 90)), Error::BlockTooOld, InvalidTransaction::AncientBirthBlock);
    });
}

#[test]
fn claim_fails_with_this_block_or_a_later_one() {
    ExtBuilder::default().build_and_execute(|| {
        for block in [FIRST_BLOCK, FIRST_BLOCK + 1, u64::MAX] {
            refused(call(&ALICE, block, solve(&ALICE, block)), Error::BlockTooNew, InvalidTransaction::Future);
        }
    });
}

#[test]
fn claim_fails_for_the_rich() {
    ExtBuilder::default().build_and_execute(|| {
        claim_refused(&RICH, Error::NotPoor, InvalidTransaction::Custom(1));
        assert_ok!(Balances::transfer(&RICH, &ALICE, DRIP, Preservation::Preserve));
        claim_refused(&ALICE, Error::NotPoor, InvalidTransaction::Custom(1));
        // Next to nothing is poor.
        assert_ok!(Balances::transfer(&RICH, &BOB, DRIP - 1, Preservation::Preserve));
        assert_ok!(claim(&BOB));
    });
}

#[test]
fn claim_fails_for_the_pot() {
    ExtBuilder::default().build_and_execute(|| {
        claim_refused(&Faucet::pot(), Error::NotPoor, InvalidTransaction::Custom(1));
    });
}

#[test]
fn claim_fails_if_claimed_in_this_era() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(claim(&ALICE));
        claim_refused(&ALICE, Error::NotPoor, InvalidTransaction::Custom(1));
        assert_ok!(Balances::burn_from(&ALICE, DRIP, Preservation::Expendable, Precision::Exact, Fortitude::Polite,));
        claim_refused(&ALICE, Error::AlreadyClaimed, InvalidTransaction::Custom(2));
        run_to_block(FIRST_BLOCK + 10);
        claim_refused(&ALICE, Error::AlreadyClaimed, InvalidTransaction::Custom(2));
        Eras::run_to(1);
        assert_ok!(claim(&ALICE));
    });
}

#[test]
fn claim_fails_if_the_era_is_spent() {
    ExtBuilder::default().build_and_execute(|| {
        for n in 0..5 {
            assert_ok!(claim(&account(n)));
        }
        // 99 are left, and that is no drip.
        claim_refused(&ALICE, Error::EraSpent, InvalidTransaction::Custom(3));
        Eras::run_to(1);
        assert_ok!(claim(&ALICE));
        assert_eq!(Faucet::left(), ERA_CAP - DRIP);
    });
}

#[test]
fn claim_fails_if_the_pot_is_empty() {
    let builder = ExtBuilder { pot: 2 * DRIP + ED - 1, ..Default::default() };
    builder.build_and_execute(|| {
        assert_eq!(Faucet::left(), 2 * DRIP - 1);
        assert_ok!(claim(&ALICE));
        // The pot's account itself stays.
        claim_refused(&BOB, Error::PotEmpty, InvalidTransaction::Custom(4));
        // Anyone can fill it up.
        let (pot, preserve) = (Faucet::pot(), Preservation::Preserve);
        assert_ok!(Balances::transfer(&RICH, &pot, 1, preserve));
        assert_ok!(claim(&BOB));
        assert_eq!(Balances::free_balance(pot), ED);
    });
}
