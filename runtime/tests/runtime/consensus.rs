use cuckoo_runtime::{Babe, Header, Historical, Runtime, RuntimeEvent, Session, SessionKeys};
use frame_support::{assert_ok, traits::KeyOwnerProofSystem};
use sp_consensus_babe::{
    digests::{CompatibleDigestItem, PreDigest, SecondaryPlainPreDigest},
    AuthorityId, EquivocationProof, Slot, KEY_TYPE,
};
use sp_core::{ed25519, sr25519, Pair, H256};
use sp_runtime::{
    generic::{Digest, DigestItem},
    traits::Header as _,
};

use crate::chain::{Account, Chain};

/// A block of that slot, sealed by `author`; `salt` makes it another one.
fn sealed(author: &Account, slot: u64, salt: u8) -> Header {
    let claim = PreDigest::SecondaryPlain(SecondaryPlainPreDigest { authority_index: 0, slot: Slot::from(slot) });
    let digest = Digest { logs: vec![<DigestItem as CompatibleDigestItem>::babe_pre_digest(claim)] };
    let mut header = Header::new(7, H256::repeat_byte(salt), H256::zero(), H256::zero(), digest);
    let seal = author.pair().sign(header.hash().as_bytes());
    header.digest.push(<DigestItem as CompatibleDigestItem>::babe_seal(seal.into()));
    header
}

fn equivocation(author: &Account, slot: u64) -> EquivocationProof<Header> {
    EquivocationProof {
        offender: AuthorityId::from(author.pair().public()),
        slot: Slot::from(slot),
        first_header: sealed(author, slot, 1),
        second_header: sealed(author, slot, 2),
    }
}

fn offences(chain: &mut Chain) -> usize {
    chain.events().iter().filter(|event| matches!(event, RuntimeEvent::Offences(_))).count()
}

#[test]
fn an_equivocation_is_on_record_once_even_in_a_later_session() {
    let mut chain = Chain::dev();
    for _ in 0..3 {
        chain.next_session();
    }
    let alice = Account::new("//Alice");
    let slot = chain.slot();
    let owner = chain.read(|| Historical::prove((KEY_TYPE, AuthorityId::from(alice.pair().public()))).unwrap());
    chain.next_session();
    chain.next_session();

    let report = pallet_babe::Call::<Runtime>::report_equivocation {
        equivocation_proof: Box::new(equivocation(&alice, slot)),
        key_owner_proof: owner,
    };
    assert_ok!(chain.submit(&Account::new("//Dave"), report.clone()));
    assert_eq!(offences(&mut chain), 1);
    let again = chain.submit(&Account::new("//Dave"), report);
    assert_eq!(again, Err(pallet_babe::Error::<Runtime>::DuplicateOffenceReport.into()));
}

#[test]
fn records_of_validators_are_kept_for_the_unbonding_time() {
    use pallet_session::historical::{HistoricalSessions, StoredRange};
    let mut chain = Chain::dev();
    // Unbonding takes four eras of three sessions.
    for _ in 0..20 {
        chain.next_session();
    }
    chain.read(|| {
        assert_eq!(Session::current_index(), 20);
        assert_eq!(StoredRange::<Runtime>::get(), Some((8, 22)));
        assert!(!HistoricalSessions::<Runtime>::contains_key(7));
        assert!((8..22).all(HistoricalSessions::<Runtime>::contains_key));
    });
}

#[test]
fn new_session_keys_come_into_force_and_onto_record() {
    let mut chain = Chain::dev();
    let stash = Account::new("//Alice//stash");
    let (babe, grandpa) = ("//Alice//new", "//Alice//new");
    let babe = sr25519::Pair::from_string(babe, None).unwrap();
    let grandpa = ed25519::Pair::from_string(grandpa, None).unwrap();
    let keys = SessionKeys { babe: babe.public().into(), grandpa: grandpa.public().into() };
    let proof = codec::Encode::encode(&(prove(&babe, &stash), prove(&grandpa, &stash)));
    assert_ok!(chain.submit(&stash, pallet_session::Call::<Runtime>::set_keys { keys: keys.clone(), proof }));

    for _ in 0..3 {
        chain.next_session();
    }
    chain.read(|| {
        assert_eq!(Babe::authorities()[0].0, keys.babe);
        let owner = Historical::prove((KEY_TYPE, keys.babe.clone())).unwrap();
        assert_eq!(Historical::check_proof((KEY_TYPE, keys.babe.clone()), owner).unwrap().0, stash.id());
    });
    let owner = chain.read(|| Historical::prove((KEY_TYPE, keys.babe.clone())).unwrap());
    chain.next_session();
    assert!(chain.read(|| Historical::check_proof((KEY_TYPE, keys.babe), owner)).is_some());
}

/// The signature with which a session key belongs to `stash`.
fn prove<P: Pair>(key: &P, stash: &Account) -> P::Signature {
    let owner = stash.id();
    key.sign(&sp_core::proof_of_possession::statement_of_ownership(owner.as_ref()))
}
