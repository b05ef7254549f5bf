use crate::{mock::*, *};

fn build(change: impl FnOnce(&mut GenesisConfig<Test>)) {
    let mut builder = ExtBuilder::default();
    change(&mut builder.settlement);
    builder.build_and_execute(|| ());
}

#[test]
fn escrow_can_be_there_from_the_start() {
    let mut builder = ExtBuilder::default();
    builder.settlement.escrows = vec![(ANNE, 700)];
    builder.build_and_execute(|| {
        assert_eq!(Settlement::solvency(ANNE).escrow, 700);
        let terms = Settlement::terms();
        assert_eq!((terms.redeem_eras, terms.withdrawal_eras, terms.grace_eras), (2, 3, 2));
        assert_eq!((terms.fee, terms.max_vouchers), (FEE, 64));
    });
}

#[test]
#[should_panic(expected = "settlement.redeemEras is 0")]
fn genesis_fails_without_time_to_redeem() {
    build(|config| config.redeem_eras = 0);
}

#[test]
#[should_panic(expected = "settlement.graceEras is 0")]
fn genesis_fails_without_time_to_pay() {
    build(|config| config.grace_eras = 0);
}

#[test]
#[should_panic(expected = "settlement.withdrawalEras is 2")]
fn genesis_fails_if_escrow_leaves_before_vouchers_are_redeemed() {
    build(|config| config.withdrawal_eras = REDEEM_ERAS);
}

#[test]
#[should_panic(expected = "settlement.redeemEras is 7")]
fn genesis_fails_if_stake_leaves_before_vouchers_are_redeemed() {
    build(|config| (config.redeem_eras, config.withdrawal_eras) = (BONDING_ERAS, BONDING_ERAS + 1));
}

#[test]
#[should_panic(expected = "is no coordinator")]
fn genesis_fails_for_the_escrow_of_a_miner() {
    build(|config| config.escrows = vec![(MIKE, 100)]);
}

#[test]
#[should_panic(expected = "cannot put 200000 planck into escrow")]
fn genesis_fails_for_escrow_that_nobody_has() {
    build(|config| config.escrows = vec![(ANNE, 200_000)]);
}
