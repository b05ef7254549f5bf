use cuckoo_primitives::{
    challenge::{Challenge, Demand, Question, CHALLENGED_WITHIN_MS},
    registry::OpenCases,
    AccountId, Balance, Hash, Role,
};
use frame_support::{
    assert_noop, assert_ok,
    dispatch::{GetDispatchInfo, Pays},
};
use sp_runtime::{DispatchError, TokenError};

use crate::{mock::*, Call, Config, Deposits, Error, Event, WeightInfo};

/// The task that Alice works on, in era 0.
fn task() -> [u8; 16] {
    task_id(ms(0), 0)
}

fn free(who: &AccountId) -> Balance {
    Balances::free_balance(who)
}

#[test]
fn challenge_asks_a_miner_and_holds_a_deposit() {
    ExtBuilder::default().build_and_execute(|| {
        assert_eq!(challenge(&CLEO, opening(ALICE_KEY, task(), 3)).unwrap().pays_fee, Pays::Yes);
        let question = Question::of_leaf(&receipt(ALICE_KEY, task()), 3).unwrap();
        let expected = Challenge {
            challenger: CLEO,
            deposit: DEPOSIT,
            miner: ALICE,
            operator: operator(ALICE_KEY),
            question: question.clone(),
            offence_era: 0,
            due_in: 1,
        };
        assert_eq!(Slashing::open_challenge(0), Some(expected.clone()));
        assert_eq!(Slashing::challenges_against(ALICE, None, 10), vec![(0, expected)]);
        System::assert_last_event(
            Event::Challenged {
                challenge: 0,
                miner: ALICE,
                operator: operator(ALICE_KEY),
                challenger: CLEO,
                question,
                due_in: 1,
            }
            .into(),
        );
        assert_eq!((free(&CLEO), Deposits::<Test>::held(&CLEO)), (FUNDS - DEPOSIT, DEPOSIT));
        // It is no charge yet.
        assert!(!Market::is_chilled(&ALICE) && !Slashing::has_open_case(&ALICE));
    });
}

#[test]
fn challenge_asks_for_a_result_once_the_time_for_it_is_over() {
    ExtBuilder::default().build_and_execute(|| {
        let deadline = spec(ALICE_KEY, task()).deadline_ms;
        Market::run_to(deadline);
        assert_noop!(challenge(&CLEO, result(ALICE_KEY, task())), Error::<Test>::TooEarlyToAsk);
        Market::run_to(deadline + 1);
        assert_ok!(challenge(&CLEO, result(ALICE_KEY, task())));
        let question = Question::of_result(&spec(ALICE_KEY, task()), &System::block_hash(0));
        assert_eq!(Slashing::open_challenge(0).unwrap().question, question);
    });
}

#[test]
fn challenge_fails_without_a_signature() {
    ExtBuilder::default().build_and_execute(|| {
        let call = Call::challenge { demand: Box::new(opening(ALICE_KEY, task(), 0)) };
        assert_noop!(submit(RuntimeOrigin::none(), call), DispatchError::BadOrigin);
    });
}

#[test]
fn challenge_fails_without_funds() {
    ExtBuilder::default().build_and_execute(|| {
        let poor = DispatchError::Token(TokenError::FundsUnavailable);
        assert_noop!(challenge(&BOB, opening(ALICE_KEY, task(), 0)), poor);
    });
}

#[test]
fn challenge_fails_if_the_task_has_no_time() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(challenge(&CLEO, opening(ALICE_KEY, [7; 16], 0)), Error::<Test>::Undated);
        assert_noop!(challenge(&CLEO, result(ALICE_KEY, [7; 16])), Error::<Test>::Undated);
    });
}

#[test]
fn challenge_fails_an_hour_after_the_task_began() {
    ExtBuilder::default().build_and_execute(|| {
        let began = ms(0) + 5;
        let late = task_id(began, 0);
        Market::run_to(began + CHALLENGED_WITHIN_MS + 1);
        assert_noop!(challenge(&CLEO, opening(ALICE_KEY, late, 0)), Error::<Test>::TooLateToAsk);
        assert_noop!(challenge(&CLEO, result(ALICE_KEY, late)), Error::<Test>::TooLateToAsk);
        Market::run_to(began + CHALLENGED_WITHIN_MS);
        assert_ok!(challenge(&CLEO, opening(ALICE_KEY, late, 0)));
    });
}

#[test]
fn challenge_fails_if_evidence_would_not_count_when_silence_is_charged() {
    let mut builder = ExtBuilder::default();
    builder.slashing.evidence_eras = 3;
    builder.build_and_execute(|| {
        Market::run_to_era(2);
        // In era 4 evidence of era 0 counts no more.
        assert_noop!(challenge(&CLEO, opening(ALICE_KEY, task_id(ms(0), 0), 0)), Error::<Test>::TooLateToAsk);
        assert_ok!(challenge(&CLEO, opening(ALICE_KEY, task_id(ms(1), 0), 0)));
        run_to_era(4);
        assert_eq!(Slashing::case(0).unwrap().offence_era, 1);
    });
}

#[test]
fn challenge_fails_if_the_task_is_yet_to_come() {
    ExtBuilder::default().build_and_execute(|| {
        let next = task_id(ms(0) + 1, 0);
        assert_noop!(challenge(&CLEO, opening(ALICE_KEY, next, 0)), Error::<Test>::OutsideEvidenceWindow);
    });
}

#[test]
fn challenge_fails_if_the_deadline_is_later_than_results_are_kept() {
    ExtBuilder::default().build_and_execute(|| {
        let with = |deadline_ms| {
            let spec = cuckoo_primitives::task::TaskSpec { deadline_ms, ..spec(ALICE_KEY, task()) };
            Demand::Result { accepted: accepted(ALICE_KEY, spec) }
        };
        let latest = ms(0) + CHALLENGED_WITHIN_MS;
        Market::run_to(latest);
        assert_noop!(challenge(&CLEO, with(latest + 1)), Error::<Test>::DeadlineTooLate);
        assert_noop!(challenge(&CLEO, with(latest)), Error::<Test>::TooEarlyToAsk);
        assert_ok!(challenge(&CLEO, with(latest - 1)));
    });
}

#[test]
fn challenge_fails_if_nobody_used_the_key() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(challenge(&CLEO, opening(99, task(), 0)), Error::<Test>::UnknownOperator);
    });
}

#[test]
fn challenge_fails_for_who_was_no_miner() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(challenge(&CLEO, opening(BOB_KEY, task(), 0)), Error::<Test>::NotAMiner);
    });
}

#[test]
fn a_miner_that_left_or_changed_its_key_is_asked_all_the_same() {
    ExtBuilder::default().build_and_execute(|| {
        Market::run_to_era(1);
        Market::rotate(&ALICE, 50, Role::Miner);
        assert_ok!(challenge(&CLEO, opening(ALICE_KEY, task(), 0)));
        Market::leave(&ALICE);
        assert_ok!(challenge(&CLEO, opening(ALICE_KEY, task(), 1)));
        let asked = Slashing::challenges_against(ALICE, None, 10);
        assert!(asked.iter().all(|(_, it)| it.operator == operator(ALICE_KEY)) && asked.len() == 2);
    });
}

#[test]
fn challenge_fails_if_the_receipt_has_no_such_token() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(challenge(&CLEO, opening(ALICE_KEY, task(), LEAVES)), Error::<Test>::NoSuchToken);
        let mut receipt = receipt(ALICE_KEY, task());
        receipt.commitment = None;
        let uncommitted = Demand::Opening { receipt: signed(ALICE_KEY, receipt), index: 0 };
        assert_noop!(challenge(&CLEO, uncommitted), Error::<Test>::NoSuchToken);
        assert_ok!(challenge(&CLEO, opening(ALICE_KEY, task(), LEAVES - 1)));
    });
}

#[test]
fn challenge_fails_if_the_miner_did_not_sign() {
    ExtBuilder::default().build_and_execute(|| {
        Market::run_to_era(1);
        let Demand::Opening { mut receipt, index } = opening(ALICE_KEY, task(), 0) else { panic!() };
        receipt.signature = sign(BOB_KEY, &receipt.receipt);
        assert_noop!(challenge(&CLEO, Demand::Opening { receipt, index }), Error::<Test>::BadSignature);
        let Demand::Result { mut accepted } = result(ALICE_KEY, task()) else { panic!() };
        accepted.spec.request_hash = Hash::zero();
        assert_noop!(challenge(&CLEO, Demand::Result { accepted }), Error::<Test>::BadSignature);
    });
}

#[test]
fn challenge_fails_if_it_was_asked_before() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(challenge(&CLEO, opening(ALICE_KEY, task(), 0)));
        assert_noop!(challenge(&CLEO, opening(ALICE_KEY, task(), 0)), Error::<Test>::AlreadyAsked);
        // Nor by others, nor once it was answered, nor in a later era.
        assert_noop!(challenge(&REPORTER, opening(ALICE_KEY, task(), 0)), Error::<Test>::AlreadyAsked);
        assert_ok!(answer(&ALICE, 0, shown(0)));
        assert_noop!(challenge(&CLEO, opening(ALICE_KEY, task(), 0)), Error::<Test>::AlreadyAsked);
        run_to_era(1);
        assert_noop!(challenge(&CLEO, opening(ALICE_KEY, task(), 0)), Error::<Test>::AlreadyAsked);
        // Other questions about the attempt are others.
        assert_ok!(challenge(&CLEO, opening(ALICE_KEY, task(), 1)));
        assert_ok!(challenge(&CLEO, result(ALICE_KEY, task())));
        assert_ok!(challenge(&CLEO, opening(ALICE_KEY, task_id(ms(0), 1), 0)));
        assert_eq!(Deposits::<Test>::held(&CLEO), 3 * DEPOSIT);
    });
}

#[test]
fn each_demand_has_its_weight() {
    ExtBuilder::default().build_and_execute(|| {
        let weight = |demand| {
            let call: RuntimeCall = Call::challenge { demand: Box::new(demand) }.into();
            call.get_dispatch_info().call_weight
        };
        assert_eq!(weight(opening(ALICE_KEY, task(), 0)), <Test as Config>::WeightInfo::challenge_opening());
        assert_eq!(weight(result(ALICE_KEY, task())), <Test as Config>::WeightInfo::challenge_result());
    });
}
