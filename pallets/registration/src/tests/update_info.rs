use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Call, Error, Event};

#[test]
fn update_info_replaces_the_presentation() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        let info = info_of("Other name", "", "");
        assert_ok!(submit(&ALICE, Call::update_info { info: info.clone() }));
        assert_eq!(Registration::candidate(ALICE).unwrap().info, info);
        System::assert_last_event(Event::InfoUpdated { candidate: ALICE }.into());
    });
}

#[test]
fn update_info_fails_with_bad_info() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register_miner(&ALICE, 1));
        let info = info_of("Miner", "", "http://127.0.0.1:7701");
        assert_noop!(submit(&ALICE, Call::update_info { info }), Error::<Test>::EndpointNotAllowed);
    });
}

#[test]
fn update_info_fails_if_not_registered() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(submit(&ALICE, Call::update_info { info: miner_info() }), Error::<Test>::NotRegistered);
    });
}
