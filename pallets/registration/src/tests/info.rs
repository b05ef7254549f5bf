//! What a candidate may say of itself.

use cuckoo_primitives::{CandidateInfo, Role};
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Call, Error};

fn register(role: Role, info: CandidateInfo) -> frame_support::dispatch::DispatchResult {
    let proof = proof(1, &ALICE, role);
    let (operator, consent_expires) = (operator(1), latest());
    submit(&ALICE, Call::register { role, operator, consent_expires, proof, self_stake: BOND, info })
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
fn texts_steer_neither_terminals_nor_the_direction_of_writing() {
    ExtBuilder::default().build_and_execute(|| {
        for bad in ["\u{1b}[31m", "\r", "\u{7f}", "\u{85}", "\u{61c}", "\u{200e}", "\u{200f}", "\u{2028}", "\u{2029}"]
            .into_iter()
            .chain(["\u{202a}", "\u{202e}", "\u{2066}", "\u{2069}", "\t"])
        {
            let name = info_of(&format!("Mi{bad}ner"), "", "");
            assert_noop!(register(Role::Miner, name), Error::<Test>::TextInvalid);
            let introduction = info_of("Miner", &format!("Runs{bad} on wind."), "");
            assert_noop!(register(Role::Miner, introduction), Error::<Test>::TextInvalid);
        }
        // Writing from right to left needs none of them, and families are joined by others.
        assert_ok!(register(Role::Miner, info_of("קוקיה", "وقواق\n👩\u{200d}👧", "")));
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
