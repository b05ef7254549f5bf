use cuckoo_primitives::{
    docket::Conviction,
    docket::Fault,
    registry::{AppliedSlashes, OpenCases, MAX_SETTLED},
    AccountId, Role,
};
use frame_support::{assert_ok, traits::Hooks};
use sp_runtime::Perbill;

use crate::{mock::*, DueFrom, Event, WeightInfo};

type Weights = crate::weights::SubstrateWeight<Test>;

#[test]
fn a_case_is_applied_when_it_is_due() {
    ExtBuilder::default().build_and_execute(|| {
        run_to_era(1);
        let proof = evidence(ALICE_KEY, 0, 0);
        let evidence_hash = Some(proof.hash());
        assert_ok!(report(proof));
        run_to_era(DEFER_ERAS);
        assert_eq!(Market::slashes(), vec![]);
        Market::validate(&ALICE);

        run_to_era(1 + DEFER_ERAS);
        assert_eq!(Market::slashes(), vec![(ALICE, 0, Perbill::one(), Some(REPORTER))]);
        System::assert_last_event(
            Event::Slashed {
                case: 0,
                offender: ALICE,
                offence_era: 0,
                fraction: Perbill::one(),
                loss: STAKE,
                reporter: Some(REPORTER),
            }
            .into(),
        );
        assert!(Market::is_chilled(&ALICE));
        assert!(!Slashing::has_open_case(&ALICE));
        assert_eq!(Slashing::case(0), None);
        let conviction = Conviction {
            case: 0,
            fault: Fault::ReceiptEquivocation,
            offence_era: 0,
            fraction: Perbill::one(),
            loss: STAKE,
            evidence_hash,
            applied_in: 1 + DEFER_ERAS,
        };
        assert_eq!(Slashing::convictions(ALICE), vec![conviction]);
        // Once and for all.
        run_to_era(20);
        assert_eq!(Market::slashes().len(), 1);
    });
}

#[test]
fn an_idle_block_costs_little() {
    ExtBuilder::default().build_and_execute(|| {
        let looks = Weights::look_for_unanswered() + Weights::look_for_due();
        let idle = looks + Weights::forget_fault() + Weights::forget_question();
        assert_eq!(next_block(), idle);
        assert_ok!(report(evidence(ALICE_KEY, 0, 0)));
        assert_eq!(next_block(), idle);
    });
}

#[test]
fn many_due_cases_are_spread_over_blocks() {
    ExtBuilder::default().build_and_execute(|| {
        const CASES: u8 = 30;
        let offender = |n: u8| AccountId::new([100 + n; 32]);
        for n in 0..CASES {
            Market::enter(&offender(n), 100 + n, Role::Miner);
            assert_ok!(report(evidence(100 + n, 0, 0)));
        }
        Market::run_to_era(DEFER_ERAS);
        let mut blocks = 0;
        while Market::slashes().len() < CASES as usize {
            let before = Market::slashes().len();
            next_block();
            Slashing::do_try_state().unwrap();
            blocks += 1;
            let applied = Market::slashes().len() - before;
            // Stake must not leave while a slash is late.
            let all = Market::slashes().len() == CASES as usize;
            assert_eq!(Slashing::applied_through(), if all { DEFER_ERAS } else { DEFER_ERAS - 1 });
            assert!((1..=6).contains(&applied), "{applied} in one block");
        }
        assert!(blocks >= 5, "{blocks} blocks");
        // In the order in which they were filed, each once.
        let order: Vec<AccountId> = Market::slashes().into_iter().map(|(offender, ..)| offender).collect();
        assert_eq!(order, (0..CASES).map(offender).collect::<Vec<_>>());
        assert!(Slashing::docket(None, 100).is_empty());
    });
}

#[test]
fn a_case_waits_for_what_others_slashes_cost_its_offender() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(report(evidence(ALICE_KEY, 0, 0)));
        assert_ok!(report(evidence(BOB_KEY, 0, 0)));
        let a_step = Weights::look_for_due() + Weights::apply_case(MAX_SETTLED);
        let in_block = (1..).take_while(|steps| (a_step * *steps).all_lte(Slashing::hook_limit())).count() as u32;
        assert!(in_block > 0);
        // Twice as many steps as fit into a block, and the last of them applies it.
        Market::is_behind(&ALICE, 2 * in_block * MAX_SETTLED);
        Market::run_to_era(DEFER_ERAS);
        next_block();
        assert_eq!(Market::slashes(), vec![], "the case waits, and none overtakes it");
        assert_eq!((Slashing::case(0).is_some(), Slashing::has_open_case(&ALICE)), (true, true));
        assert_eq!(Slashing::convictions(ALICE), vec![]);
        assert_eq!(Slashing::applied_through(), DEFER_ERAS - 1, "stake does not leave before");
        Slashing::do_try_state().unwrap();

        next_block();
        assert_eq!(Market::slashes(), vec![(ALICE, 0, Perbill::one(), Some(REPORTER))]);
        next_block();
        let order: Vec<AccountId> = Market::slashes().into_iter().map(|(offender, ..)| offender).collect();
        assert_eq!(order, [ALICE, BOB]);
        assert_eq!(Slashing::applied_through(), DEFER_ERAS);
    });
}

#[test]
fn eras_without_blocks_lose_no_case() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(report(evidence(ALICE_KEY, 0, 0)));
        run_to_era(1);
        assert_ok!(report(evidence(BOB_KEY, 1, 0)));
        run_to_era(50);
        assert_eq!(Market::slashes().len(), 2);
        assert_eq!(DueFrom::<Test>::get(), 50);
    });
}

#[test]
fn without_deferral_a_case_is_applied_in_the_next_block() {
    let mut builder = ExtBuilder::default();
    builder.slashing.defer_eras = 0;
    builder.build_and_execute(|| {
        next_block();
        assert_ok!(report(evidence(ALICE_KEY, 0, 0)));
        assert_eq!(Market::slashes(), vec![]);
        next_block();
        assert_eq!(Market::slashes().len(), 1);
        assert_ok!(report(evidence(BOB_KEY, 0, 0)));
        next_block();
        assert_eq!(Market::slashes().len(), 2);
    });
}

#[test]
fn one_case_fits_into_the_hook() {
    ExtBuilder::default().build_and_execute(<Slashing as Hooks<u64>>::integrity_test);
}

#[test]
fn slashes_are_applied_through_the_era_before_the_first_that_is_late() {
    ExtBuilder::default().build_and_execute(|| {
        assert_eq!(Slashing::applied_through(), 0);
        // Nothing waits, though no block has looked yet.
        Market::run_to_era(3);
        assert_eq!(Slashing::applied_through(), 3);
        next_block();
        assert_ok!(report(evidence(ALICE_KEY, 3, 0)));
        assert_eq!(Slashing::applied_through(), 3);
        // It is due in era 5, whatever comes before and after.
        Market::run_to_era(4);
        assert_eq!(Slashing::applied_through(), 4);
        for era in [5, 6, 9] {
            Market::run_to_era(era);
            assert_eq!(Slashing::applied_through(), 4);
        }
        next_block();
        assert_eq!(Slashing::applied_through(), 9);
        // Cancelled is as good as applied.
        assert_ok!(report(evidence(BOB_KEY, 9, 0)));
        Market::run_to_era(9 + DEFER_ERAS);
        assert_eq!(Slashing::applied_through(), 8 + DEFER_ERAS);
        assert_ok!(cancel(1));
        assert_eq!(Slashing::applied_through(), 9 + DEFER_ERAS);
    });
}

#[test]
fn asked_after_a_long_gap_the_answer_is_cautious() {
    ExtBuilder::default().build_and_execute(|| {
        Market::run_to_era(1_000);
        assert_eq!(Slashing::applied_through(), 8);
        // The hook catches up in a few blocks.
        (0..5).for_each(|_| {
            next_block();
        });
        assert_eq!(Slashing::applied_through(), 1_000);
    });
}
