use cuckoo_primitives::{
    challenge::Answer,
    commitment::hash_of,
    evidence::SignedReceipt,
    signing::Statement,
    task::{Receipt, TaskSpec},
    AccountId, Balance, Hash, Role,
};
use frame_support::{
    assert_noop, assert_ok,
    dispatch::{GetDispatchInfo, Pays},
};
use sp_runtime::DispatchError;

use crate::{mock::*, Call, Config, Deposits, Error, Event, OpenChallenges, WeightInfo};

fn task() -> [u8; 16] {
    task_id(ms(0), 0)
}

/// Cleo asks Alice for a leaf.
fn ask_for_leaf(index: u32) {
    assert_ok!(challenge(&CLEO, opening(ALICE_KEY, task(), index)));
}

/// Cleo asks Alice what came of her task.
fn ask_for_result() {
    Market::run_to(ms(0) + 100_000);
    assert_ok!(challenge(&CLEO, result(ALICE_KEY, task())));
}

fn receipt_answer(change: impl FnOnce(&mut Receipt)) -> Answer {
    let mut receipt = receipt(ALICE_KEY, task());
    change(&mut receipt);
    Answer::Receipt(signed(ALICE_KEY, receipt))
}

fn free(who: &AccountId) -> Balance {
    Balances::free_balance(who)
}

/// Nothing is left of challenge 0, and silence will not be charged.
fn assert_over() {
    assert_eq!(Slashing::open_challenge(0), None);
    assert_eq!(Slashing::challenges_against(ALICE, None, 10), vec![]);
    run_to_era(5);
    assert_eq!((Slashing::docket(None, 10), Market::slashes()), (vec![], vec![]));
    assert!(!Market::is_chilled(&ALICE));
}

#[test]
fn a_leaf_ends_the_challenge_and_shares_the_deposit() {
    ExtBuilder::default().build_and_execute(|| {
        ask_for_leaf(3);
        let issued = Balances::total_issuance();
        assert_eq!(answer(&ALICE, 0, shown(3)).unwrap().pays_fee, Pays::No);
        let shown = Some(hash_of(&leaves()[3]));
        System::assert_last_event(Event::Answered { challenge: 0, miner: ALICE, by: ALICE, shown }.into());
        // Of 1,050 one percent is 10.5: rounded down for who answers, up for what is burned.
        assert_eq!((free(&ALICE), free(&CLEO)), (10, FUNDS - 21));
        assert_eq!((Balances::total_issuance(), Deposits::<Test>::held(&CLEO)), (issued - 11, 0));
        assert_over();
    });
}

#[test]
fn the_operator_that_is_asked_shows_a_leaf_or_a_receipt() {
    ExtBuilder::default().build_and_execute(|| {
        let by = operator(ALICE_KEY);
        ask_for_leaf(0);
        assert_ok!(answer(&by, 0, shown(0)));
        ask_for_result();
        assert_ok!(answer(&by, 1, receipt_answer(|_| ())));
        let shown = Some(receipt(ALICE_KEY, task()).signing_hash(&System::block_hash(0)));
        assert_eq!(free(&by), 20);
        System::assert_last_event(Event::Answered { challenge: 1, miner: ALICE, by, shown }.into());
        assert_over();
    });
}

#[test]
fn the_miner_may_say_that_nothing_came_of_it() {
    for who in [ALICE, operator(ALICE_KEY)] {
        ExtBuilder::default().build_and_execute(|| {
            ask_for_result();
            // It may have another key by now, or none.
            Market::rotate(&ALICE, 50, Role::Miner);
            assert_ok!(answer(&who, 0, Answer::Nothing));
            System::assert_last_event(Event::Answered { challenge: 0, miner: ALICE, by: who, shown: None }.into());
            assert_over();
        });
    }
}

// Else a miner would pay fees for answers that find their challenges closed.
#[test]
fn answer_fails_if_it_is_not_the_miners() {
    ExtBuilder::default().build_and_execute(|| {
        ask_for_result();
        ask_for_leaf(0);
        for other in [CLEO, REPORTER, BOB, operator(BOB_KEY)] {
            for said in [Answer::Nothing, receipt_answer(|_| ())] {
                assert_noop!(answer(&other, 0, said), Error::<Test>::NotTheMiner);
            }
            assert_noop!(answer(&other, 1, shown(0)), Error::<Test>::NotTheMiner);
        }
    });
}

#[test]
fn answer_fails_without_a_signature() {
    ExtBuilder::default().build_and_execute(|| {
        ask_for_leaf(0);
        let call = Call::answer { id: 0, answer: Box::new(shown(0)) };
        assert_noop!(submit(RuntimeOrigin::none(), call), DispatchError::BadOrigin);
    });
}

#[test]
fn answer_fails_if_no_such_challenge_is_open() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(answer(&ALICE, 0, shown(0)), Error::<Test>::NoSuchChallenge);
        ask_for_leaf(0);
        assert_ok!(answer(&ALICE, 0, shown(0)));
        assert_noop!(answer(&ALICE, 0, shown(0)), Error::<Test>::NoSuchChallenge);
        ask_for_leaf(1);
        run_to_era(2);
        assert_noop!(answer(&ALICE, 1, shown(1)), Error::<Test>::NoSuchChallenge);
    });
}

#[test]
fn answer_fails_with_another_leaf() {
    ExtBuilder::default().build_and_execute(|| {
        ask_for_leaf(3);
        assert_noop!(answer(&ALICE, 0, shown(2)), Error::<Test>::WrongAnswer);
        let Answer::Leaf { mut leaf, path } = shown(3) else { panic!() };
        leaf.token += 1;
        assert_noop!(answer(&ALICE, 0, Answer::Leaf { leaf, path }), Error::<Test>::WrongAnswer);
        for other in [Answer::Nothing, receipt_answer(|_| ())] {
            assert_noop!(answer(&ALICE, 0, other), Error::<Test>::WrongAnswer);
        }
        let refused = answer(&ALICE, 0, shown(2)).unwrap_err();
        assert_eq!(refused.post_info.pays_fee, Pays::Yes);
        assert_ok!(answer(&ALICE, 0, shown(3)));
    });
}

#[test]
fn answer_fails_with_a_receipt_for_something_else() {
    ExtBuilder::default().build_and_execute(|| {
        ask_for_result();
        let other_attempt = receipt_answer(|it| it.spec.attempt = 1);
        let other_spec = receipt_answer(|it| it.spec = TaskSpec { request_hash: Hash::zero(), ..it.spec.clone() });
        let unsigned = Answer::Receipt(SignedReceipt { signature: [0; 64], receipt: receipt(ALICE_KEY, task()) });
        for wrong in [other_attempt, other_spec, unsigned, shown(0)] {
            assert_noop!(answer(&ALICE, 0, wrong), Error::<Test>::WrongAnswer);
        }
        assert_ok!(answer(&ALICE, 0, receipt_answer(|it| it.output_hash = Hash::zero())));
    });
}

#[test]
fn an_answer_counts_to_the_end_of_the_next_era() {
    ExtBuilder::default().build_and_execute(|| {
        ask_for_leaf(0);
        run_to_era(1);
        (0..10).for_each(|_| {
            next_block();
        });
        Market::run_to(ms(2) - 1);
        next_block();
        assert_ok!(answer(&ALICE, 0, shown(0)));
        assert_over();
    });
}

#[test]
fn who_cannot_hold_its_share_answers_all_the_same() {
    ExtBuilder::default().build_and_execute(|| {
        ask_for_leaf(0);
        let issued = Balances::total_issuance();
        // So small a deposit that its share makes no account.
        let small = 100;
        OpenChallenges::<Test>::mutate(0, |challenge| challenge.as_mut().unwrap().deposit = small);
        let by = operator(ALICE_KEY);
        assert_ok!(answer(&by, 0, shown(0)));
        assert_eq!((free(&by), Balances::total_issuance()), (0, issued - 2));
        // The rest of what is held in this test was never of a challenge of that size.
        assert_eq!(Deposits::<Test>::held(&CLEO), DEPOSIT - small);
    });
}

#[test]
fn each_answer_has_its_weight() {
    ExtBuilder::default().build_and_execute(|| {
        type Weights = <Test as Config>::WeightInfo;
        let weight = |answer| {
            let call: RuntimeCall = Call::answer { id: 0, answer: Box::new(answer) }.into();
            call.get_dispatch_info().call_weight
        };
        assert_eq!(weight(shown(0)), Weights::answer_leaf());
        assert_eq!(weight(receipt_answer(|_| ())), Weights::answer_receipt());
        assert_eq!(weight(Answer::Nothing), Weights::answer_nothing());
    });
}
