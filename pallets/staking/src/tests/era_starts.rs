//! Which era ran when.

use cuckoo_primitives::registry::CurrentEra;

use crate::{mock::*, EraStarts};

const ERA_MS: u64 = SESSIONS_PER_ERA as u64 * SESSION_MS;

/// When era `era` starts, if none is skipped.
fn start(era: u64) -> u64 {
    GENESIS_MS + era * ERA_MS
}

#[test]
fn a_time_lies_in_the_era_that_had_started_last() {
    ExtBuilder::default().build_and_execute(|| {
        run_to_era(3);
        Register::set_time(start(3) + 5);
        for era in 1..3 {
            assert_eq!(Stake::era_at(start(era) - 1), Some(era as u32 - 1));
            assert_eq!(Stake::era_at(start(era)), Some(era as u32));
        }
        assert_eq!(Stake::era_at(start(3) + 5), Some(3));
    });
}

#[test]
fn the_future_has_no_era() {
    ExtBuilder::default().build_and_execute(|| {
        assert_eq!(Stake::era_at(GENESIS_MS), Some(0));
        assert_eq!(Stake::era_at(GENESIS_MS + 1), None);
        run_to_era(2);
        assert_eq!(Stake::era_at(start(2)), Some(2));
        assert_eq!(Stake::era_at(start(2) + 1), None);
        assert_eq!(Stake::era_at(u64::MAX), None);
    });
}

#[test]
fn eras_before_the_window_are_forgotten() {
    ExtBuilder::default().build_and_execute(|| {
        run_to_era(BONDING_ERAS);
        // Era 0 began before all times.
        assert_eq!(Stake::era_at(0), Some(0));
        run_to_era(BONDING_ERAS + 1);
        assert_eq!(Stake::era_at(0), None);
        assert_eq!(Stake::era_at(start(1) - 1), None);
        assert_eq!(Stake::era_at(start(1)), Some(1));
        run_to_era(3 * BONDING_ERAS);
        assert_eq!(EraStarts::<Test>::iter().count() as u32, BONDING_ERAS + 1);
    });
}

#[test]
fn a_skipped_era_has_no_time() {
    ExtBuilder::default().build_and_execute(|| {
        run_to_era(2);
        start_session(5 * SESSIONS_PER_ERA);
        assert_eq!(Stake::era_at(start(4)), Some(2));
        assert_eq!(Stake::era_at(start(5)), Some(5));
        Stake::do_try_state().unwrap();
        // Era 2 is too far back now, and era 3 never ran.
        start_session(7 * SESSIONS_PER_ERA);
        assert_eq!(Stake::era_at(start(4)), None);
        assert_eq!(Stake::era_at(start(6)), Some(5));
        Stake::do_try_state().unwrap();
        start_session(100 * SESSIONS_PER_ERA);
        assert_eq!(Stake::era_at(start(7)), None);
        assert_eq!(EraStarts::<Test>::iter().collect::<Vec<_>>(), [(100, start(100))]);
    });
}

#[test]
fn a_session_belongs_to_an_era() {
    ExtBuilder::default().build_and_execute(|| {
        let eras: Vec<_> = [0, 2, 3, 5, 6, u32::MAX].into_iter().map(Stake::era_of_session).collect();
        assert_eq!(eras, [0, 0, 1, 1, 2, u32::MAX / SESSIONS_PER_ERA]);
        run_to_era(2);
        let progress = Stake::era_progress();
        assert_eq!(Stake::era_of_session(2 * SESSIONS_PER_ERA + progress.sessions_done), progress.era);
    });
}
