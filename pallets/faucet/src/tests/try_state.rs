use crate::{mock::*, *};

/// Alice claimed in era 1.
fn broken_claims(invariant: &'static str, corrupt: impl FnOnce()) {
    ExtBuilder::default().build_and_expect_broken(invariant, || {
        Eras::run_to(1);
        claim(&ALICE).unwrap();
        Faucet::do_try_state().unwrap();
        corrupt();
    });
}

fn terms(change: impl FnOnce(&mut Terms)) {
    FaucetTerms::<Test>::mutate(|terms| change(terms.as_mut().unwrap()));
}

#[test]
fn wrong_forgetting_is_found() {
    broken_claims("no claim is forgotten before its era is over", || ClaimedFrom::<Test>::put(2));
    broken_claims("claims of forgotten eras are forgotten", || {
        Claimed::<Test>::insert(0, BOB, ());
        ClaimedFrom::<Test>::put(1);
    });
}

#[test]
fn wrong_claims_are_found() {
    broken_claims("nobody claimed in a later era", || Claimed::<Test>::insert(2, BOB, ()));
    broken_claims("nobody claims where there is no faucet", FaucetTerms::<Test>::kill);
    broken_claims("an era paid what its claims came to", || Claimed::<Test>::insert(1, BOB, ()));
    broken_claims("an era paid what its claims came to", || Claimed::<Test>::remove(1, ALICE));
}

#[test]
fn wrong_payments_are_found() {
    let paid = |era, amount| PaidInEra::<Test>::put(EraPayments { era, amount });
    broken_claims("nothing was paid in a later era", || paid(2, 0));
    broken_claims("an era pays no more than its cap", || paid(1, ERA_CAP + 1));
    broken_claims("an era paid what its claims came to", || paid(1, DRIP - 1));
}

#[test]
fn wrong_terms_are_found() {
    broken_claims("a claim is worth an account", || terms(|terms| terms.drip = ED - 1));
    broken_claims("the difficulty is within bounds", || terms(|terms| terms.difficulty = 0));
    broken_claims("the difficulty is within bounds", || terms(|terms| terms.difficulty = MAX_DIFFICULTY + 1));
}
