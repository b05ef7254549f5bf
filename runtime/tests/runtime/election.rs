use cuckoo_primitives::{AccountId, Role, CAI};
use cuckoo_runtime::{configs::BlockWeights, Babe, Election, Grandpa, Historical, Runtime, RuntimeEvent, Session};
use frame_support::{
    assert_ok,
    traits::{Get, KeyOwnerProofSystem},
};
use pallet_cuckoo_election::WeightInfo as _;
use pallet_cuckoo_slashing::WeightInfo as _;
use serde_json::json;
use sp_consensus_babe::KEY_TYPE;

use crate::chain::{info, session_keys, Account, Chain};

type SessionCall = pallet_session::Call<Runtime>;
type RegistrationCall = pallet_cuckoo_registration::Call<Runtime>;

fn stash(name: &str) -> Account {
    Account::new(&format!("//{name}//stash"))
}

/// Who validates, sorted.
fn validators(chain: &mut Chain) -> Vec<AccountId> {
    let mut validators = chain.read(Session::validators);
    validators.sort();
    validators
}

fn ids(names: &[&str]) -> Vec<AccountId> {
    let mut ids: Vec<_> = names.iter().map(|name| stash(name).id()).collect();
    ids.sort();
    ids
}

fn set_keys(chain: &mut Chain, name: &str) {
    let (keys, proof) = session_keys(&format!("//{name}"), &stash(name));
    assert_ok!(chain.submit(&stash(name), SessionCall::set_keys { keys, proof }));
}

/// Bonds and stakes `stake` CAI as a validator.
fn register(chain: &mut Chain, name: &str, stake: u128) {
    let (stash, operator) = (stash(name), Account::new(&format!("//{name}")));
    assert_ok!(chain.submit(&stash, pallet_cuckoo_staking::Call::<Runtime>::bond { value: stake * CAI }));
    let (consent_expires, proof) = operator.consent(chain, &stash, Role::Validator);
    let call = RegistrationCall::register {
        role: Role::Validator,
        operator: operator.id(),
        consent_expires,
        proof,
        self_stake: stake * CAI,
        info: info(name, ""),
    };
    assert_ok!(chain.submit(&stash, call));
}

fn chill(chain: &mut Chain, name: &str) {
    assert_ok!(chain.submit(&stash(name), RegistrationCall::chill {}));
}

/// A chain with three validators of whom `changes` says how many validate.
fn local(changes: serde_json::Value) -> Chain {
    let mut chain = Chain::with("local", json!({ "election": changes }));
    chain.block(Vec::new);
    chain
}

#[test]
fn one_with_stake_and_keys_validates_from_the_next_era() {
    let mut chain = local(json!({}));
    register(&mut chain, "Dave", 150_000);
    set_keys(&mut chain, "Dave");
    chain.until_era(1);
    assert_eq!(validators(&mut chain), ids(&["Alice", "Bob", "Charlie"]), "planned with the era's first session");
    chain.next_session();
    assert_eq!(validators(&mut chain), ids(&["Alice", "Bob", "Charlie", "Dave"]));
    let keys = session_keys("//Dave", &stash("Dave")).0;
    chain.read(|| {
        assert!(Babe::authorities().iter().any(|(key, _)| *key == keys.babe));
        assert!(Grandpa::grandpa_authorities().iter().any(|(key, _)| *key == keys.grandpa));
        let owner = Historical::prove((KEY_TYPE, keys.babe.clone())).unwrap();
        assert_eq!(Historical::check_proof((KEY_TYPE, keys.babe), owner).unwrap().0, stash("Dave").id());
    });
}

/// Consensus names the author by its place in the session to which the block belongs.
#[test]
fn the_first_block_of_a_session_is_that_of_one_of_its_validators() {
    let mut chain = local(json!({ "validatorCount": 1 }));
    register(&mut chain, "Dave", 250_000);
    set_keys(&mut chain, "Dave");
    chain.until_era(1);
    let dave = stash("Dave").id();
    assert!(!chain.read(Session::validators).contains(&dave), "planned with the era's first session");
    let author = chain.next_session_author();
    assert_eq!(chain.read(Session::validators), std::slice::from_ref(&dave));
    assert_eq!(author.as_ref(), Some(&dave));
    // That block is one of its session and its era: it counts as presence, and earns.
    assert!(chain.read(|| pallet_cuckoo_slashing::Authors::<Runtime>::contains_key(&dave)));
    assert_eq!(chain.read(pallet_cuckoo_slashing::Produced::<Runtime>::get), 1);
}

#[test]
fn one_without_keys_does_not_validate() {
    let mut chain = local(json!({}));
    register(&mut chain, "Dave", 150_000);
    chain.until_era(2);
    chain.next_session();
    assert_eq!(validators(&mut chain), ids(&["Alice", "Bob", "Charlie"]));
}

#[test]
fn votes_alone_bring_a_validator_in_and_another_one_out() {
    let mut chain = local(json!({ "validatorCount": 3 }));
    register(&mut chain, "Dave", 150_000);
    set_keys(&mut chain, "Dave");
    chain.until_era(1);
    chain.next_session();
    assert_eq!(validators(&mut chain), ids(&["Alice", "Bob", "Charlie"]), "they have more backing");

    let voter = stash("Eve");
    assert_ok!(chain.submit(&voter, pallet_cuckoo_staking::Call::<Runtime>::bond { value: 100_000 * CAI }));
    let vote = pallet_cuckoo_voting::Call::<Runtime>::vote { candidate: stash("Dave").id(), amount: 100_000 * CAI };
    assert_ok!(chain.submit(&voter, vote));
    chain.until_era(2);
    chain.next_session();
    // Of three with equal backing the one with the greatest account goes.
    assert_eq!(validators(&mut chain), ids(&["Alice", "Charlie", "Dave"]));
}

#[test]
fn a_set_that_stays_is_no_change_of_authorities() {
    let mut chain = local(json!({}));
    chain.until_era(1);
    let set = chain.read(Grandpa::current_set_id);
    chain.until_era(3);
    assert_eq!(chain.read(Grandpa::current_set_id), set);
}

#[test]
fn a_chilled_validator_leaves_and_one_that_is_back_joins_with_the_next_era() {
    let mut chain = local(json!({}));
    chill(&mut chain, "Bob");
    chain.next_session();
    assert_eq!(validators(&mut chain), ids(&["Alice", "Bob", "Charlie"]), "this session was planned before");
    chain.next_session();
    assert_eq!(validators(&mut chain), ids(&["Alice", "Charlie"]));

    assert_ok!(chain.submit(&stash("Bob"), RegistrationCall::validate {}));
    chain.until_era(1);
    chain.next_session();
    assert_eq!(validators(&mut chain), ids(&["Alice", "Bob", "Charlie"]));
}

#[test]
fn purged_keys_can_be_set_again() {
    let mut chain = local(json!({}));
    assert_ok!(chain.submit(&stash("Bob"), SessionCall::purge_keys {}));
    chain.next_session();
    chain.next_session();
    assert_eq!(validators(&mut chain), ids(&["Alice", "Charlie"]));

    set_keys(&mut chain, "Bob");
    chain.until_era(1);
    chain.next_session();
    assert_eq!(validators(&mut chain), ids(&["Alice", "Bob", "Charlie"]));
}

#[test]
fn the_last_validators_cannot_purge_their_keys() {
    let refused = Err(frame_system::Error::<Runtime>::CallFiltered.into());
    let mut chain = Chain::dev();
    assert_eq!(chain.submit(&stash("Alice"), SessionCall::purge_keys {}), refused);

    let mut chain = local(json!({ "minValidators": 2 }));
    assert_ok!(chain.submit(&stash("Bob"), SessionCall::purge_keys {}));
    assert_eq!(chain.submit(&stash("Alice"), SessionCall::purge_keys {}), refused);
    chain.next_session();
    assert_eq!(chain.submit(&stash("Charlie"), SessionCall::purge_keys {}), refused);
    chain.until_era(2);
    assert_eq!(validators(&mut chain), ids(&["Alice", "Charlie"]));
}

#[test]
fn too_few_candidates_keep_the_old_set() {
    let mut chain = local(json!({ "minValidators": 3 }));
    chill(&mut chain, "Bob");
    chill(&mut chain, "Charlie");
    chain.until_era(1);
    let void = RuntimeEvent::Election(pallet_cuckoo_election::Event::TooFewCandidates { found: 1 });
    assert!(chain.events().contains(&void));
    chain.next_session();
    assert_eq!(validators(&mut chain), ids(&["Alice", "Bob", "Charlie"]));
}

#[test]
fn the_last_validator_stays_though_it_is_chilled() {
    let mut chain = Chain::dev();
    chill(&mut chain, "Alice");
    chain.until_era(2);
    chain.next_session();
    assert_eq!(validators(&mut chain), ids(&["Alice"]));
}

#[test]
fn only_governance_says_how_many_validate() {
    let mut chain = Chain::dev();
    let call = pallet_cuckoo_election::Call::<Runtime>::set_limits { count: 5, minimum: 1 };
    let refused = chain.submit(&Account::new("//Dave"), call.clone());
    assert_eq!(refused, Err(sp_runtime::DispatchError::BadOrigin));
    let sudo = pallet_sudo::Call::<Runtime>::sudo { call: Box::new(call.into()) };
    assert_ok!(chain.submit(&Account::new("//Alice"), sudo));
    let set = RuntimeEvent::Election(pallet_cuckoo_election::Event::LimitsSet { count: 5, minimum: 1 });
    assert!(chain.events().contains(&set));
    chain.read(|| assert!(Election::do_try_state().is_ok()));
}

/// The session pallet counts a block that starts a session as full whatever it does, so that nothing else would show if it
/// had too much to do.
#[test]
fn an_election_among_all_that_may_register_fits_into_a_block() {
    type Elections = <Runtime as pallet_cuckoo_election::Config>::WeightInfo;
    type Slashes = <Runtime as pallet_cuckoo_slashing::Config>::WeightInfo;
    let candidates = <<Runtime as pallet_cuckoo_registration::Config>::MaxValidators as Get<u32>>::get();
    let validators = <<Runtime as pallet_cuckoo_election::Config>::MaxValidators as Get<u32>>::get();
    let needed = Elections::next_validators(candidates).saturating_add(Slashes::session_ended(0, validators));
    let block = BlockWeights::get().max_block;
    assert!(needed.all_lte(block), "{needed:?} of {block:?}");
}
