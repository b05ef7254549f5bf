use cuckoo_primitives::registry::{Bonds, CurrentEra};
use frame_support::traits::Get;

use crate::{mock::*, BondingBlocks, BondingSessions, Event, HalfSlotMs, SessionLength, SlotLengthMs};

fn eras_started() -> Vec<u32> {
    System::events()
        .into_iter()
        .filter_map(|record| match record.event {
            RuntimeEvent::Stake(Event::EraStarted { era }) => Some(era),
            _ => None,
        })
        .collect()
}

#[test]
fn an_era_is_a_whole_number_of_sessions() {
    ExtBuilder::default().build_and_execute(|| {
        let mut seen = Vec::new();
        for session in 0..8 {
            Stake::note_session_started(session);
            let progress = Stake::era_progress();
            seen.push((progress.era, progress.sessions_done));
        }
        assert_eq!(seen, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]);
        assert_eq!(eras_started(), [1, 2]);
        assert_eq!(Stake::current_era(), 2);
    });
}

#[test]
fn a_session_told_twice_or_late_changes_nothing() {
    ExtBuilder::default().build_and_execute(|| {
        for session in [1, 2, 3, 3, 2, 0, 3] {
            Stake::note_session_started(session);
        }
        let progress = Stake::era_progress();
        assert_eq!((progress.era, progress.sessions_done), (1, 0));
        assert_eq!(eras_started(), [1]);
    });
}

#[test]
fn skipped_sessions_count() {
    ExtBuilder::default().build_and_execute(|| {
        Stake::note_session_started(2);
        Stake::note_session_started(10);
        let progress = Stake::era_progress();
        assert_eq!((progress.era, progress.sessions_done), (3, 1));
        assert_eq!(eras_started(), [3]);
    });
}

#[test]
fn the_last_session_does_not_overflow() {
    ExtBuilder::default().build_and_execute(|| {
        Stake::note_session_started(u32::MAX);
        Stake::note_session_started(u32::MAX);
        assert_eq!(Stake::current_era(), u32::MAX / SESSIONS_PER_ERA);
    });
}

#[test]
fn lengths_come_from_genesis() {
    ExtBuilder::default().build_and_execute(|| {
        assert_eq!(SlotLengthMs::<Test>::get(), 1_000);
        assert_eq!(HalfSlotMs::<Test>::get(), 500);
        assert_eq!(SessionLength::<Test>::get(), 10);
        assert_eq!(<BondingSessions<Test> as Get<u32>>::get(), SESSIONS_PER_ERA * BONDING_ERAS);
        assert_eq!(BondingBlocks::<Test>::get(), u64::from(SESSIONS_PER_ERA * BONDING_ERAS * 10));
        assert_eq!(Stake::bonding_eras(), BONDING_ERAS);
        let progress = Stake::era_progress();
        assert_eq!((progress.slot_ms, progress.session_blocks), (1_000, 10));
        assert_eq!((progress.sessions_per_era, progress.bonding_eras), (SESSIONS_PER_ERA, BONDING_ERAS));
    });
}

#[test]
fn lengths_are_sane_without_genesis() {
    sp_io::TestExternalities::default().execute_with(|| {
        assert_eq!(SlotLengthMs::<Test>::get(), 6_000);
        assert_eq!(HalfSlotMs::<Test>::get(), 3_000);
        assert_eq!(SessionLength::<Test>::get(), 600);
        assert_eq!(Stake::active(&ALICE), 0);
    });
}
