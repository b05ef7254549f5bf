//! The operator's consent: what it must say, and for how long it counts.

use cuckoo_primitives::{signing::OperatorConsent, AccountId, EraIndex, Role, Signature};
use frame_support::{assert_noop, assert_ok, dispatch::DispatchResult};

use crate::{mock::*, Call, Error};

/// Alice's operator key number 1 agrees to work until era `expires`.
fn consent(expires: EraIndex) -> Signature {
    sign(System::block_hash(0), 1, OperatorConsent { stash: ALICE, role: Role::Miner, expires })
}

fn register_with(stash: &AccountId, consent_expires: EraIndex, proof: Signature) -> DispatchResult {
    let (role, operator, self_stake, info) = (Role::Miner, operator(1), MIN + 1, miner_info());
    submit(stash, Call::register { role, operator, consent_expires, proof, self_stake, info })
}

#[test]
fn a_consent_holds_for_one_key_stash_role_chain_and_end() {
    ExtBuilder::default().build_and_execute(|| {
        let other_chain = cuckoo_primitives::Hash::repeat_byte(7);
        assert_ne!(System::block_hash(0), other_chain);
        let refuse = |proof| {
            assert_noop!(register_with(&ALICE, 3, proof), Error::<Test>::BadProof);
        };
        refuse([0; 64]);
        let said = OperatorConsent { stash: ALICE, role: Role::Miner, expires: 3 };
        refuse(sign(System::block_hash(0), 2, said.clone()));
        refuse(sign(System::block_hash(0), 1, OperatorConsent { stash: BOB, ..said.clone() }));
        refuse(sign(System::block_hash(0), 1, OperatorConsent { role: Role::Validator, ..said.clone() }));
        refuse(sign(other_chain, 1, said.clone()));
        refuse(consent(4));
        assert_ok!(register_with(&ALICE, 3, sign(System::block_hash(0), 1, said)));
    });
}

#[test]
fn a_consent_ends() {
    ExtBuilder::default().build_and_execute(|| {
        let proof = consent(3);
        for (era, outcome) in [(3, Err(Error::<Test>::ConsentExpired.into())), (2, Ok(()))] {
            Stakes::run_to_era(era);
            assert_eq!(register_with(&ALICE, 3, proof), outcome);
        }
    });
}

#[test]
fn a_consent_cannot_count_for_longer_than_evidence() {
    ExtBuilder::default().build_and_execute(|| {
        let too_late = latest() + 1;
        assert_noop!(register_with(&ALICE, too_late, consent(too_late)), Error::<Test>::ConsentTooLong);
        let never = EraIndex::MAX;
        assert_noop!(register_with(&ALICE, never, consent(never)), Error::<Test>::ConsentTooLong);
        assert_ok!(register_with(&ALICE, latest(), consent(latest())));
    });
}

#[test]
fn a_free_key_is_not_brought_back_by_a_consent_that_it_gave_before() {
    ExtBuilder::default().build_and_execute(|| {
        Stakes::run_to_era(5);
        let (expires, proof) = (latest(), consent(latest()));
        assert_ok!(register_with(&ALICE, expires, proof));
        assert_ok!(submit(&ALICE, Call::deregister {}));
        // While it is hers all the same, its stash may come back.
        Stakes::run_to_era(5 + BONDING_ERAS - 1);
        frame_support::hypothetically_ok!(register_with(&ALICE, expires, proof));
        Stakes::run_to_era(5 + BONDING_ERAS);
        assert_noop!(register_with(&ALICE, expires, proof), Error::<Test>::ConsentExpired);
        assert_ok!(register_miner(&BOB, 1));
    });
}

#[test]
fn set_operator_needs_a_consent_that_counts() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 2));
        let set = |consent_expires| {
            let (operator, proof) = (operator(1), consent(consent_expires));
            submit(&ALICE, Call::set_operator { operator, consent_expires, proof })
        };
        assert_noop!(set(0), Error::<Test>::ConsentExpired);
        assert_noop!(set(latest() + 1), Error::<Test>::ConsentTooLong);
        assert_ok!(set(1));
    });
}
