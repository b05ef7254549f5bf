//! What a candidate may say of itself.

use cuckoo_primitives::{CandidateInfo, Role};
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Call, Error};

fn register(role: Role, info: CandidateInfo) -> frame_support::dispatch::DispatchResult {
    let proof = proof(1, &ALICE, role);
    submit(&ALICE, Call::register { role, operator: operator(1), proof, self_stake: BOND, info })
}

fn named(name: &[u8]) -> CandidateInfo {
    CandidateInfo { name: name.to_vec().try_into().unwrap(), ..Default::default() }
}

#[test]
fn a_name_is_needed() {
    ExtBuilder::default().build_and_execute(|| {
        for blank in ["", " ", "\t\n", "\u{3000}"] {
            assert_noop!(register(Role::Miner, named(blank.as_bytes())), Error::<Test>::NameMissing);
        }
        assert_ok!(register(Role::Miner, named("Κούκος 🐦".as_bytes())));
    });
}

#[test]
fn texts_are_utf8_and_names_have_no_control_characters() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(register(Role::Miner, named(&[0xff])), Error::<Test>::TextInvalid);
        assert_noop!(register(Role::Miner, named(b"a\nb")), Error::<Test>::TextInvalid);
        let mut info = named(b"Miner");
        info.introduction = vec![0xc3].try_into().unwrap();
        assert_noop!(register(Role::Miner, info), Error::<Test>::TextInvalid);
        assert_ok!(register(Role::Miner, info_of("Miner", "One line.\nAnother.", "")));
    });
}

#[test]
fn a_coordinator_needs_an_endpoint_that_miners_can_dial() {
    ExtBuilder::default().build_and_execute(|| {
        for endpoint in [
            "",
            "example.org",
            "ftp://example.org",
            "http:/example.org",
            "http://",
            "https://",
            "https:///path",
            "http://:7701",
            "http://exa mple.org",
            "http://example.org\n",
            "http://exämple.org",
            "HTTP://example.org",
        ] {
            assert_noop!(
                register(Role::Coordinator, info_of("Coordinator", "", endpoint)),
                Error::<Test>::EndpointInvalid
            );
        }
    });
    for endpoint in ["http://127.0.0.1:7701", "https://example.org", "https://[::1]:7701/link"] {
        ExtBuilder::default().build_and_execute(|| {
            assert_ok!(register(Role::Coordinator, info_of("Coordinator", "", endpoint)));
        });
    }
}

#[test]
fn others_have_no_endpoint() {
    ExtBuilder::default().build_and_execute(|| {
        for role in [Role::Miner, Role::Validator] {
            let info = info_of("Somebody", "", "http://127.0.0.1:7701");
            assert_noop!(register(role, info), Error::<Test>::EndpointNotAllowed);
        }
    });
}
