use cuckoo_primitives::{AccountId, Role};
use frame_support::dispatch::DispatchClass;
use proptest::prelude::*;

use crate::{mock::*, Absences, Authors, Event, Produced};

fn validator(n: u8) -> AccountId {
    AccountId::new([200 + n; 32])
}

/// The first `count` validators, registered.
fn set(count: u8) -> Vec<AccountId> {
    let validators: Vec<AccountId> = (0..count).map(validator).collect();
    validators.iter().filter(|it| !Market::is_chilled(it)).for_each(|it| Market::enter(it, 200, Role::Validator));
    validators
}

/// A session of `validators` in which these, by number, authored.
fn session(validators: &[AccountId], authors: impl IntoIterator<Item = u8>) {
    authors.into_iter().for_each(|n| Slashing::note_author(&validator(n)));
    Slashing::session_ended(validators);
    Slashing::do_try_state().unwrap();
}

/// The blocks of one session of ten, shared by all validators of four but the last.
fn without_the_last() -> impl Iterator<Item = u8> {
    (0..10).map(|block| block % 3)
}

#[test]
fn a_validator_that_never_shows_up_is_chilled() {
    ExtBuilder::default().build_and_execute(|| {
        let four = set(4);
        // Due for 2.5 blocks in each.
        for _ in 0..7 {
            session(&four, without_the_last());
            assert!(!Market::is_chilled(&validator(3)));
        }
        session(&four, without_the_last());
        assert!(Market::is_chilled(&validator(3)));
        System::assert_last_event(Event::ValidatorAbsent { validator: validator(3), missed_blocks: 20 }.into());
        assert!((0..3).all(|n| !Market::is_chilled(&validator(n))));
        // While it is still in the set it is not chilled again.
        session(&four, without_the_last());
        assert_eq!(events().len(), 1);
    });
}

#[test]
fn one_session_is_enough_if_it_is_long() {
    ExtBuilder::default().build_and_execute(|| {
        session(&set(4), (0..100).map(|block| block % 3));
        assert!(Market::is_chilled(&validator(3)));
    });
}

#[test]
fn one_block_ends_an_absence() {
    ExtBuilder::default().build_and_execute(|| {
        let four = set(4);
        for round in 0..40 {
            session(&four, without_the_last().chain((round % 7 == 6).then_some(3)));
        }
        assert_eq!(events(), vec![]);
        // A session in which it authored does not count, however many of its blocks came after.
        session(&four, [3].into_iter().chain((0..250).map(|block| block % 3)));
        assert_eq!(events(), vec![]);
        assert_eq!(Absences::<Test>::get().len(), 0);
    });
}

#[test]
fn those_who_left_are_forgotten() {
    ExtBuilder::default().build_and_execute(|| {
        let four = set(4);
        for _ in 0..7 {
            session(&four, without_the_last());
        }
        assert_eq!(Absences::<Test>::get().len(), 1);
        session(&four[..3], without_the_last());
        assert_eq!(Absences::<Test>::get().len(), 0);
        // Back in the set, it starts anew.
        session(&four, without_the_last());
        assert_eq!(events(), vec![]);
        assert_eq!((Produced::<Test>::get(), Authors::<Test>::iter().count()), (0, 0));
    });
}

#[test]
fn what_was_missed_in_a_larger_set_counts_as_it_did_there() {
    ExtBuilder::default().build_and_execute(|| {
        let eight = set(8);
        for _ in 0..10 {
            session(&eight, (0..14).map(|block| block % 7));
        }
        // Due for 17.5 of 140 blocks; among four it would have been 35.
        session(&eight[4..], [4, 5, 6, 4]);
        assert!(!Market::is_chilled(&validator(7)));
        session(&eight[4..], [4, 5, 6, 4, 5, 6]);
        assert!(Market::is_chilled(&validator(7)));
    });
}

#[test]
fn some_are_always_left() {
    ExtBuilder::default().build_and_execute(|| {
        let five = set(5);
        // Number 4 has been away longest.
        session(&five, (0..20).map(|block| block % 4));
        session(&five, std::iter::repeat_n(0, 200));
        let chilled: Vec<bool> = five.iter().map(Market::is_chilled).collect();
        assert_eq!(chilled, [false, true, true, false, true]);
        // Also in the next session, until those that were chilled have left the set.
        session(&five, std::iter::repeat_n(0, 200));
        assert_eq!(events().len(), 3);
    });
}

#[test]
fn nothing_happens_without_validators_or_blocks() {
    ExtBuilder::default().build_and_execute(|| {
        session(&[], []);
        let four = set(4);
        for _ in 0..100 {
            session(&four, []);
        }
        session(&[], [0, 1]);
        assert_eq!(events(), vec![]);
        assert_eq!(Absences::<Test>::get().len(), 0);
    });
}

#[test]
fn the_work_is_accounted_for() {
    ExtBuilder::default().build_and_execute(|| {
        let spent = || System::block_weight().get(DispatchClass::Mandatory).ref_time();
        let before = spent();
        Slashing::note_author(&BOB);
        let noted = spent();
        assert!(noted > before);
        Slashing::session_ended(&set(4));
        assert!(spent() > noted);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Sets and sessions change at random; whoever produces a block whenever it is due for one stays, and at least
    /// `MIN_STANDING` stay whatever happens.
    #[test]
    fn who_does_its_share_is_never_chilled(
        sessions in proptest::collection::vec((2..=MAX_VALIDATORS as u8, 0..60u32, any::<u64>()), 1..60)
    ) {
        ExtBuilder::default().build_and_execute(|| {
            set(MAX_VALIDATORS as u8);
            // Validator 0 is the diligent one; due in millionths of a block.
            let mut due = 0u64;
            for (count, blocks, luck) in sessions {
                let standing = (0..MAX_VALIDATORS as u8).map(validator).filter(|it| !Market::is_chilled(it));
                let validators: Vec<AccountId> = standing.take(count as usize).collect();
                due += u64::from(blocks) * 1_000_000 / validators.len() as u64;
                let own = u32::from(due >= 1_000_000);
                if own > 0 {
                    due = 0;
                    Slashing::note_author(&validator(0));
                }
                let others = &validators[1..];
                for block in own..blocks {
                    // Of some sessions one validator produces nearly all blocks.
                    let other = (luck >> (block % 60)) as usize % 3;
                    Slashing::note_author(&others[other % others.len()]);
                }
                Slashing::session_ended(&validators);
                Slashing::do_try_state().unwrap();
                assert!(!Market::is_chilled(&validator(0)));
                assert!(validators.iter().filter(|it| !Market::is_chilled(it)).count() >= MIN_STANDING as usize);
            }
        });
    }
}
