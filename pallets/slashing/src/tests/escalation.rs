use cuckoo_primitives::EraIndex;
use sp_runtime::Perbill;

use super::offences::offence;
use crate::{mock::*, MAX_CONVICTIONS};

/// Bob equivocates in `era`, for `percent` of its stake.
fn equivocate(era: EraIndex, percent: u32) {
    Market::run_to_era(era);
    offence(&[BOB], percent, era);
}

fn fractions() -> Vec<Perbill> {
    Market::slashes().into_iter().map(|(_, _, fraction, _)| fraction).collect()
}

fn percents(percents: &[u32]) -> Vec<Perbill> {
    percents.iter().map(|percent| Perbill::from_percent(*percent)).collect()
}

#[test]
fn each_conviction_doubles_the_next() {
    ExtBuilder::default().build_and_execute(|| {
        for again in 0..4 {
            let era = again * (DEFER_ERAS + 1);
            equivocate(era, 15);
            run_to_era(era + DEFER_ERAS);
        }
        assert_eq!(fractions(), percents(&[15, 30, 60, 100]));
        // The docket said what the fault itself costs.
        assert!(events().iter().all(|event| match event {
            crate::Event::Charged { fraction, .. } => *fraction == Perbill::from_percent(15),
            _ => true,
        }));
    });
}

#[test]
fn what_was_done_before_a_conviction_is_not_doubled_by_it() {
    ExtBuilder::default().build_and_execute(|| {
        for era in 0..=DEFER_ERAS {
            equivocate(era, 15);
        }
        run_to_era(2 * DEFER_ERAS);
        next_block();
        let single = vec![Perbill::from_percent(15); DEFER_ERAS as usize + 1];
        assert_eq!(fractions(), single);
    });
}

#[test]
fn convictions_count_for_the_memory_only() {
    ExtBuilder::default().build_and_execute(|| {
        equivocate(0, 10);
        run_to_era(DEFER_ERAS);
        let last = DEFER_ERAS + MEMORY_ERAS;
        equivocate(last - DEFER_ERAS, 10);
        run_to_era(last);
        assert_eq!(fractions(), percents(&[10, 20]));
        // Of the two, one counts no more.
        equivocate(last + 1, 10);
        run_to_era(last + 1 + DEFER_ERAS);
        assert_eq!(fractions(), percents(&[10, 20, 20]));
    });
}

#[test]
fn others_convictions_do_not_count() {
    ExtBuilder::default().build_and_execute(|| {
        equivocate(0, 10);
        offence(&[ALICE], 10, 0);
        run_to_era(DEFER_ERAS);
        assert_eq!(fractions(), percents(&[10, 10]));
    });
}

#[test]
fn the_record_is_bounded() {
    ExtBuilder::default().build_and_execute(|| {
        let faults = MAX_CONVICTIONS + 3;
        for era in 0..faults {
            equivocate(era, 1);
            run_to_era(era);
        }
        run_to_era(faults + DEFER_ERAS);
        let record = Slashing::convictions(BOB);
        assert_eq!(record.len() as u32, MAX_CONVICTIONS);
        assert_eq!((record[0].case, record[15].case), (3, 18));
        assert_eq!(Market::slashes().len() as u32, faults);
    });
}
