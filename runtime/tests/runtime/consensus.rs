use codec::{Decode, Encode};
use cuckoo_runtime::{Babe, Grandpa, Header, Historical, Runtime, RuntimeEvent, Session, UncheckedExtrinsic};
use frame_support::{assert_ok, traits::KeyOwnerProofSystem};
use sp_consensus_babe::{
    digests::{CompatibleDigestItem, PreDigest, SecondaryPlainPreDigest},
    AuthorityId, EquivocationProof, Slot, KEY_TYPE,
};
use sp_core::{ed25519, Pair, H256};
use sp_runtime::{
    generic::{Digest, DigestItem},
    traits::Header as _,
};

use crate::chain::{session_keys, Account, Chain};

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
fn an_equivocating_author_is_reported_without_a_signature() {
    let mut chain = Chain::dev();
    chain.next_session();
    chain.next_session();
    let alice = Account::new("//Alice");
    let owner = chain.read(|| Historical::prove((KEY_TYPE, AuthorityId::from(alice.pair().public()))).unwrap());
    let report = pallet_babe::Call::<Runtime>::report_equivocation_unsigned {
        equivocation_proof: Box::new(equivocation(&alice, chain.slot())),
        key_owner_proof: owner,
    };
    assert_ok!(chain.block(|| vec![UncheckedExtrinsic::new_bare(report.into())]).remove(0));
    assert_eq!(offences(&mut chain), 1);
}

#[test]
fn an_equivocating_voter_is_reported_without_a_signature() {
    use sp_consensus_grandpa::{AuthorityId, EquivocationProof, KEY_TYPE};
    let mut chain = Chain::dev();
    chain.next_session();
    chain.next_session();
    let pair = ed25519::Pair::from_string("//Alice", None).unwrap();
    let voter = AuthorityId::from(pair.public());
    let owner = chain.read(|| Historical::prove((KEY_TYPE, voter.clone())).unwrap());

    // Two prevotes of one round, as the finality protocol encodes and signs them.
    const PREVOTE: u8 = 0;
    let (set_id, round) = (chain.read(Grandpa::current_set_id), 5_u64);
    let vote = |salt: u8| {
        let target = (H256::repeat_byte(salt), 3_u32);
        (target, pair.sign(&(PREVOTE, target, round, set_id).encode()))
    };
    let proof = (set_id, PREVOTE, round, voter, vote(1), vote(2)).encode();
    let proof = EquivocationProof::<H256, u32>::decode(&mut &proof[..]).unwrap();

    let report = pallet_grandpa::Call::<Runtime>::report_equivocation_unsigned {
        equivocation_proof: Box::new(proof),
        key_owner_proof: owner,
    };
    assert_ok!(chain.block(|| vec![UncheckedExtrinsic::new_bare(report.into())]).remove(0));
    assert_eq!(offences(&mut chain), 1);
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
    let (keys, proof) = session_keys("//Alice//new", &stash);
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
