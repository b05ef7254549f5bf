use cuckoo_primitives::faucet::MAX_BLOCK_AGE;
use frame_support::assert_ok;
use sp_runtime::{
    traits::ValidateUnsigned,
    transaction_validity::{TransactionSource, ValidTransaction},
};

use crate::mock::*;

fn valid(account: &cuckoo_primitives::AccountId, block: u64) -> ValidTransaction {
    validity(&call(account, block, solve(account, block))).unwrap()
}

#[test]
fn the_pool_keeps_one_claim_per_account() {
    ExtBuilder::default().build_and_execute(|| {
        let (first, second) = (valid(&ALICE, 99), valid(&ALICE, 98));
        assert_eq!(first.provides, second.provides);
        assert_ne!(first.provides, valid(&BOB, 99).provides);
        assert!(first.requires.is_empty());
    });
}

#[test]
fn claims_give_way_to_whoever_pays() {
    ExtBuilder::default().build_and_execute(|| assert_eq!(valid(&ALICE, 99).priority, 0));
}

#[test]
fn a_claim_leaves_the_pool_when_its_block_is_too_old() {
    ExtBuilder::default().build_and_execute(|| {
        assert_eq!(valid(&ALICE, 99).longevity, u64::from(MAX_BLOCK_AGE) - 1);
        let last = 99 + u64::from(MAX_BLOCK_AGE);
        run_to_block(last);
        assert_eq!(valid(&ALICE, 99).longevity, 1);
        run_to_block(last + 1);
        assert!(validity(&call(&ALICE, 99, solve(&ALICE, 99))).is_err());
    });
}

#[test]
fn a_claim_that_was_paid_is_refused_everywhere() {
    ExtBuilder::default().build_and_execute(|| {
        let paid = call(&ALICE, 99, solve(&ALICE, 99));
        for source in [TransactionSource::Local, TransactionSource::External, TransactionSource::InBlock] {
            assert!(Faucet::validate_unsigned(source, &paid).is_ok());
        }
        assert_ok!(Faucet::pre_dispatch(&paid));
        assert_ok!(submit(RuntimeOrigin::none(), paid.clone()));
        assert!(Faucet::pre_dispatch(&paid).is_err());
        assert!(validity(&paid).is_err());
    });
}
