//! What becomes of challenges that nobody answered.

use cuckoo_primitives::{
    challenge::Answer,
    docket::{Case, Fault},
    registry::{AppliedSlashes, OpenCases},
    Role,
};
use frame_support::assert_ok;
use sp_runtime::Perbill;

use crate::{mock::*, AnswersDueFrom, Config, Deposits, Event, OpenChallenges, WeightInfo};

fn task(n: u8) -> [u8; 16] {
    task_id(ms(0), n)
}

#[test]
fn silence_is_a_fault_that_the_challenger_reported() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(challenge(&CLEO, opening(ALICE_KEY, task(0), 0)));
        let evidence_hash = Some(Slashing::open_challenge(0).unwrap().hash());
        run_to_era(1);
        assert_eq!(Slashing::docket(None, 10), vec![]);
        run_to_era(2);
        let fraction = Perbill::from_percent(20);
        let case = Case {
            offender: ALICE,
            role: Role::Miner,
            fault: Fault::WithheldOpening,
            offence_era: 0,
            fraction,
            reporter: Some(CLEO),
            evidence_hash,
            reported_in: 2,
            apply_in: 2 + DEFER_ERAS,
        };
        assert_eq!(Slashing::case(0), Some(case));
        assert!(Market::is_chilled(&ALICE) && Slashing::has_open_case(&ALICE));
        System::assert_last_event(
            Event::Unanswered { challenge: 0, miner: ALICE, challenger: CLEO, is_charged: true }.into(),
        );
        // The deposit is back, whole.
        assert_eq!((Balances::free_balance(CLEO), Deposits::<Test>::held(&CLEO)), (FUNDS, 0));
        assert_eq!(Slashing::open_challenges(None, 10), vec![]);
        run_to_era(2 + DEFER_ERAS);
        assert_eq!(Market::slashes(), vec![(ALICE, 0, fraction, Some(CLEO))]);
        assert_eq!(Market::stake(&ALICE), STAKE * 4 / 5);
    });
}

#[test]
fn a_result_that_nobody_showed_costs_little_and_more_each_time() {
    ExtBuilder::default().build_and_execute(|| {
        // Silence about an era is charged two eras later.
        let convicted_after = 2 + DEFER_ERAS;
        for era in 0..=3 * convicted_after + 2 {
            run_to_era(era);
            Market::run_to(ms(era) + 100_000);
            if era % (convicted_after + 1) == 0 {
                assert_ok!(challenge(&CLEO, result(ALICE_KEY, task_id(ms(era), 0))));
            }
        }
        assert_eq!(fractions(), [thousandths(5), thousandths(10), thousandths(20)]);
        assert!(Slashing::convictions(ALICE).iter().all(|it| it.fault == Fault::MissedDeadline));
    });
}

#[test]
fn one_failure_is_no_repetition_in_whatever_order_it_is_asked_about() {
    ExtBuilder::default().build_and_execute(|| {
        // The miner's machine breaks in era 0, and is silent about all that was asked of it in that era and the next.
        for era in 0..=3 + DEFER_ERAS {
            run_to_era(era);
            Market::run_to(ms(era) + 100_000);
            if era < 2 {
                assert_ok!(challenge(&CLEO, result(ALICE_KEY, task_id(ms(era), 0))));
                assert_ok!(challenge(&CLEO, opening(ALICE_KEY, task_id(ms(era), 1), 0)));
            }
        }
        assert_eq!(fractions(), [thousandths(5), thousandths(200), thousandths(5), thousandths(200)]);
    });
}

fn thousandths(n: u32) -> Perbill {
    Perbill::from_rational(n, 1_000u32)
}

fn fractions() -> Vec<Perbill> {
    Market::slashes().into_iter().map(|(_, _, fraction, _)| fraction).collect()
}

#[test]
fn silence_of_one_kind_and_era_is_one_case() {
    ExtBuilder::default().build_and_execute(|| {
        Market::run_to(ms(0) + 100_000);
        for n in 0..3 {
            assert_ok!(challenge(&CLEO, opening(ALICE_KEY, task(n), 0)));
        }
        assert_ok!(challenge(&REPORTER, result(ALICE_KEY, task(0))));
        run_to_era(2);
        let faults: Vec<Fault> = (0..2).map(|id| Slashing::case(id).unwrap().fault).collect();
        assert_eq!(faults, [Fault::WithheldOpening, Fault::MissedDeadline]);
        assert_eq!(Slashing::docket(None, 10).len(), 2);
        let charged: Vec<bool> = events()
            .into_iter()
            .filter_map(|event| match event {
                Event::Unanswered { is_charged, .. } => Some(is_charged),
                _ => None,
            })
            .collect();
        assert_eq!(charged, [true, false, false, true]);
        assert_eq!((Balances::free_balance(CLEO), Balances::free_balance(REPORTER)), (FUNDS, FUNDS));
    });
}

#[test]
fn many_silences_are_spread_over_blocks() {
    ExtBuilder::default().build_and_execute(|| {
        type Weights = <Test as Config>::WeightInfo;
        let one = Weights::look_for_unanswered() + Weights::charge_unanswered();
        let fit = Slashing::hook_limit().checked_div_per_component(&one).unwrap();
        let miners = u8::try_from(fit).unwrap() + 5;
        for n in 0..miners {
            let stash = cuckoo_primitives::AccountId::new([100 + n; 32]);
            Market::enter(&stash, 100 + n, Role::Miner);
            assert_ok!(challenge(&CLEO, opening(100 + n, task(n), 0)));
        }
        Market::run_to_era(2);
        let open = || OpenChallenges::<Test>::iter().count();
        let mut blocks = 0;
        while open() > 0 {
            let before = open();
            next_block();
            Slashing::do_try_state().unwrap();
            assert!(open() < before);
            blocks += 1;
        }
        assert_eq!(blocks, 2);
        // In the order in which they were asked.
        assert!((0..miners).all(|n| Slashing::case(n.into()).unwrap().offender.as_ref() == [100 + n; 32]));
    });
}

#[test]
fn nobody_is_charged_with_silence_while_the_chain_stood_still() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(challenge(&CLEO, opening(ALICE_KEY, task(0), 0)));
        Market::run_to_era(EVIDENCE_ERAS + 1);
        next_block();
        assert_eq!(Slashing::docket(None, 10), vec![]);
        System::assert_last_event(
            Event::Unanswered { challenge: 0, miner: ALICE, challenger: CLEO, is_charged: false }.into(),
        );
        assert_eq!((Balances::free_balance(CLEO), Deposits::<Test>::held(&CLEO)), (FUNDS, 0));
        assert!(!Market::is_chilled(&ALICE));
    });
}

#[test]
fn the_slash_of_the_latest_challenge_comes_before_stake_can_leave() {
    ExtBuilder::default().build_and_execute(|| {
        // The last era in which Alice can be asked about era 0; her stake unbonds in era 0 as well.
        let last = EVIDENCE_ERAS - 2;
        Market::run_to_era(last);
        assert_ok!(challenge(&CLEO, opening(ALICE_KEY, task(0), 0)));
        for era in last..=BONDING_ERAS {
            run_to_era(era);
            let is_slashed = !Market::slashes().is_empty();
            assert_eq!(is_slashed, era >= EVIDENCE_ERAS + DEFER_ERAS, "in era {era}");
            assert!(is_slashed || Slashing::applied_through() < BONDING_ERAS);
        }
    });
}

#[test]
fn an_answer_to_one_challenge_is_none_to_another() {
    ExtBuilder::default().build_and_execute(|| {
        Market::run_to(ms(0) + 100_000);
        assert_ok!(challenge(&CLEO, opening(ALICE_KEY, task(0), 0)));
        assert_ok!(challenge(&CLEO, opening(ALICE_KEY, task(0), 1)));
        assert_ok!(challenge(&CLEO, result(ALICE_KEY, task(0))));
        assert_ok!(answer(&ALICE, 0, shown(0)));
        assert_ok!(answer(&ALICE, 2, Answer::Nothing));
        run_to_era(2);
        assert_eq!(AnswersDueFrom::<Test>::get(), 2);
        assert_eq!(Slashing::docket(None, 10).len(), 1);
        assert_eq!(Slashing::case(0).unwrap().fault, Fault::WithheldOpening);
    });
}
