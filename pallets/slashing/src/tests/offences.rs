use cuckoo_primitives::{docket::Fault, AccountId, EraIndex, Role};
use frame_support::weights::Weight;
use sp_runtime::Perbill;
use sp_staking::offence::{OffenceDetails, OnOffenceHandler};

use crate::{mock::*, Event};

type Details = OffenceDetails<AccountId, (AccountId, ())>;

fn details(offenders: &[AccountId]) -> Vec<Details> {
    let details = |offender: &AccountId| Details { offender: (offender.clone(), ()), reporters: vec![REPORTER] };
    offenders.iter().map(details).collect()
}

/// Consensus finds that `offenders` equivocated in the last session of `era`.
pub(super) fn offence(offenders: &[AccountId], percent: u32, era: EraIndex) -> Weight {
    let fractions = vec![Perbill::from_percent(percent); offenders.len()];
    let session = era * SESSIONS_PER_ERA + SESSIONS_PER_ERA - 1;
    <Slashing as OnOffenceHandler<_, _, _>>::on_offence(&details(offenders), &fractions, session)
}

#[test]
fn an_offence_puts_a_case_on_the_docket() {
    ExtBuilder::default().build_and_execute(|| {
        run_to_era(2);
        assert!(offence(&[BOB], 7, 1).ref_time() > 0);
        let case = Slashing::case(0).unwrap();
        assert_eq!((case.offender, case.role, case.fault), (BOB, Role::Validator, Fault::ConsensusEquivocation));
        assert_eq!((case.offence_era, case.reported_in, case.apply_in), (1, 2, 2 + DEFER_ERAS));
        assert_eq!((case.reporter, case.evidence_hash), (Some(REPORTER), None));
        assert!(Market::is_chilled(&BOB));
        run_to_era(2 + DEFER_ERAS);
        assert_eq!(Market::slashes(), vec![(BOB, 1, Perbill::from_percent(7), Some(REPORTER))]);
        assert_eq!(Market::stake(&BOB), STAKE * 93 / 100);
    });
}

#[test]
fn a_graver_offence_raises_the_case() {
    ExtBuilder::default().build_and_execute(|| {
        offence(&[BOB], 5, 0);
        // Another validator did the same, so the fault of both weighs more.
        offence(&[BOB, ALICE], 20, 0);
        assert_eq!(Slashing::docket(None, 10).len(), 2);
        assert_eq!(Slashing::case(0).unwrap().fraction, Perbill::from_percent(20));
        assert!(events().contains(&Event::Raised { case: 0, fraction: Perbill::from_percent(20) }));
        // A lesser one does not lower it.
        offence(&[BOB], 1, 0);
        assert_eq!(Slashing::case(0).unwrap().fraction, Perbill::from_percent(20));
        run_to_era(DEFER_ERAS);
        offence(&[BOB], 50, 0);
        assert_eq!(Slashing::docket(None, 10), vec![]);
    });
}

#[test]
fn receipts_and_blocks_are_different_faults() {
    ExtBuilder::default().build_and_execute(|| {
        offence(&[BOB], 5, 0);
        report(evidence(BOB_KEY, 0, 0)).unwrap();
        assert_eq!(Slashing::docket(None, 10).len(), 2);
    });
}

#[test]
fn an_offence_that_costs_nothing_only_chills() {
    ExtBuilder::default().build_and_execute(|| {
        offence(&[BOB], 0, 0);
        assert!(Market::is_chilled(&BOB));
        assert_eq!(Slashing::docket(None, 10), vec![]);
        assert_eq!(events(), vec![]);
    });
}

#[test]
fn an_offence_too_old_or_yet_to_come_only_chills() {
    ExtBuilder::default().build_and_execute(|| {
        run_to_era(EVIDENCE_ERAS + 1);
        offence(&[BOB], 10, 0);
        offence(&[BOB], 10, EVIDENCE_ERAS + 2);
        assert!(Market::is_chilled(&BOB));
        assert_eq!(Slashing::docket(None, 10), vec![]);
        offence(&[BOB], 10, 1);
        assert_eq!(Slashing::docket(None, 10).len(), 1);
    });
}

#[test]
fn an_offender_that_left_is_charged_as_validator() {
    ExtBuilder::default().build_and_execute(|| {
        Market::leave(&BOB);
        offence(&[BOB], 10, 0);
        assert_eq!(Slashing::case(0).unwrap().role, Role::Validator);
    });
}

#[test]
fn what_makes_no_sense_is_survived() {
    ExtBuilder::default().build_and_execute(|| {
        let on_offence = <Slashing as OnOffenceHandler<_, _, _>>::on_offence;
        let all = [Perbill::one()];
        assert_eq!(on_offence(&[], &all, 0), Weight::zero());
        assert_eq!(on_offence(&details(&[BOB]), &[], 0), Weight::zero());
        on_offence(&details(&[BOB]), &all, u32::MAX);
        // Nobody reported it.
        on_offence(&[Details { offender: (BOB, ()), reporters: vec![] }], &all, 0);
        assert_eq!(Slashing::case(0).unwrap().reporter, None);
        // More than can have validated.
        let crowd: Vec<AccountId> = (100..100 + 2 * MAX_VALIDATORS as u8).map(|n| AccountId::new([n; 32])).collect();
        offence(&crowd, 10, 0);
        assert_eq!(Slashing::docket(None, 100).len() as u32, 1 + MAX_VALIDATORS);
    });
}
