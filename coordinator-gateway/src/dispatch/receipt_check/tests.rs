use codec::Encode;
use cuckoo_chain_client::account_of;
use cuckoo_primitives::{
    docket::Fault,
    fixture,
    signing::Statement,
    task::{Commitment, Drawing, Finish},
    AccountId,
};
use subxt_signer::sr25519::dev;

use super::*;

const GENESIS: Hash = Hash::repeat_byte(1);
const NUMBERS: [u32; 3] = [5, 6, 7];

fn spec() -> TaskSpec {
    TaskSpec { miner: account_of(&dev::bob()), ..fixture::spec() }
}

fn sign(statement: &impl Statement) -> [u8; 64] {
    dev::bob().sign(statement.signing_hash(&GENESIS).as_bytes()).0
}

/// What the gateway knows of an attempt that the miner has accepted, and whose three tokens it has signed for.
struct Seen {
    agreement: Agreement,
    sent: SentTokens,
}

fn seen() -> Seen {
    let agreement = Agreement::with_signature(spec(), sign(&spec()));
    let mut sent = SentTokens::default();
    let piece = |signature: Vec<u8>| link::Output {
        token_ids: NUMBERS.to_vec(),
        tokens: 3,
        signature: signature.into(),
        ..Default::default()
    };
    sent.note(&piece(vec![0; 64])).unwrap();
    let signature = sign(&sent.signed(&spec()).unwrap().delivered).to_vec();
    let mut sent = SentTokens::default();
    sent.note(&piece(signature)).unwrap();
    Seen { agreement, sent }
}

impl Seen {
    fn witnessed(&self) -> Witnessed<'_> {
        Witnessed {
            genesis: GENESIS,
            agreement: &self.agreement,
            sent: Some(&self.sent),
            output_hash: Hash::repeat_byte(5),
            completion_tokens: 3,
        }
    }

    fn honest(&self) -> Receipt {
        Receipt {
            spec: spec(),
            output_hash: Hash::repeat_byte(5),
            prompt_tokens: 100,
            completion_tokens: 3,
            finish: Finish::Stop,
            commitment: Some(Commitment {
                tokens: 3,
                tokens_root: self.sent.root(),
                leaves_root: Hash::repeat_byte(8),
            }),
        }
    }

    /// What is made of the honest receipt after `tamper`.
    fn tampered(&self, tamper: impl FnOnce(&mut Receipt)) -> Result<SignedReceipt, BadReceipt> {
        let mut receipt = self.honest();
        tamper(&mut receipt);
        check(&result(&receipt), &self.witnessed())
    }
}

fn result(receipt: &Receipt) -> link::Result {
    link::Result { receipt: receipt.encode().into(), signature: sign(receipt).to_vec().into(), ..Default::default() }
}

fn proven(bad: BadReceipt) -> Option<Fault> {
    bad.evidence().map(|evidence| evidence.check(&GENESIS).unwrap().fault)
}

#[test]
fn an_honest_receipt_passes() {
    let seen = seen();
    assert_eq!(check(&result(&seen.honest()), &seen.witnessed()).unwrap().receipt, seen.honest());
}

#[test]
fn any_number_of_prompt_tokens_passes() {
    // A template may have a long standing instruction; what is paid is bounded.
    seen().tampered(|receipt| receipt.prompt_tokens = u32::MAX).unwrap();
}

#[test]
fn what_commits_to_nothing_has_no_commitment() {
    let seen = seen();
    let agreement = Agreement::with_signature(TaskSpec { drawing: None, ..spec() }, [0; 64]);
    let witnessed = Witnessed { agreement: &agreement, sent: None, ..seen.witnessed() };
    let plain = Receipt { spec: agreement.spec.clone(), commitment: None, ..seen.honest() };
    check(&result(&plain), &witnessed).unwrap();
    let committed = Receipt { spec: agreement.spec.clone(), ..seen.honest() };
    let bad = check(&result(&committed), &witnessed).unwrap_err();
    assert_eq!((bad.to_string().as_str(), proven(bad)), ("wrong commitment", None));
}

#[test]
fn every_field_that_the_gateway_knows_is_compared() {
    type Tamper = (&'static str, fn(&mut Receipt));
    let tampers: [Tamper; 13] = [
        ("task_id", |r| r.spec.task_id = [0; 16]),
        ("attempt", |r| r.spec.attempt = 9),
        ("coordinator", |r| r.spec.coordinator = AccountId::from([0; 32])),
        ("miner", |r| r.spec.miner = AccountId::from([0; 32])),
        ("link", |r| r.spec.link = Hash::zero()),
        ("model_root", |r| r.spec.model_root = Hash::zero()),
        ("numeric_class", |r| r.spec.numeric_class = Hash::zero()),
        ("request_hash", |r| r.spec.request_hash = Hash::zero()),
        ("deadline", |r| r.spec.deadline_ms += 1),
        ("drawing", |r| r.spec.drawing = None),
        ("output_hash", |r| r.output_hash = Hash::zero()),
        ("completion_tokens", |r| r.completion_tokens += 1),
        ("commitment", |r| r.commitment = None),
    ];
    for (field, tamper) in tampers {
        let bad = seen().tampered(tamper).unwrap_err();
        assert_eq!(bad.to_string(), format!("wrong {field}"));
    }
}

#[test]
fn who_signs_for_something_else_than_it_accepted_has_proven_it() {
    let other_seed = |receipt: &mut Receipt| {
        receipt.spec.drawing = receipt.spec.drawing.map(|drawing| Drawing { seed: [0; 32], ..drawing });
    };
    assert_eq!(proven(seen().tampered(other_seed).unwrap_err()), Some(Fault::ReceiptEquivocation));
    // Of another attempt it may have signed whatever it likes.
    assert_eq!(proven(seen().tampered(|receipt| receipt.spec.attempt = 9).unwrap_err()), None);
}

#[test]
fn who_commits_to_other_tokens_than_it_sent_has_proven_it() {
    let other = |receipt: &mut Receipt| {
        receipt.commitment = receipt.commitment.map(|it| Commitment { tokens_root: Hash::zero(), ..it });
    };
    assert_eq!(proven(seen().tampered(other).unwrap_err()), Some(Fault::Misdelivery));
    let more = |receipt: &mut Receipt| {
        receipt.commitment = receipt.commitment.map(|it| Commitment { tokens: 9, ..it });
    };
    assert_eq!(proven(seen().tampered(more).unwrap_err()), Some(Fault::Excess));
}

#[test]
fn nothing_is_proven_by_what_the_miner_has_not_signed() {
    let mut seen = seen();
    seen.agreement = Agreement::with_signature(spec(), [0; 64]);
    assert_eq!(proven(seen.tampered(|receipt| receipt.spec.deadline_ms += 1).unwrap_err()), None);
    let mut other = result(&Receipt { completion_tokens: 9, ..seen.honest() });
    other.signature = vec![0; 64].into();
    assert_eq!(proven(check(&other, &seen.witnessed()).unwrap_err()), None);
}

#[test]
fn signatures_and_bytes_are_checked() {
    let seen = seen();
    let honest = result(&seen.honest());
    let check = |result: link::Result| check(&result, &seen.witnessed()).unwrap_err();
    assert_eq!(check(link::Result { signature: vec![0; 64].into(), ..honest.clone() }), BadReceipt::Signature);
    assert_eq!(
        check(link::Result { signature: honest.signature.slice(..63), ..honest.clone() }),
        BadReceipt::Malformed
    );
    let longer = [&honest.receipt[..], &[0]].concat().into();
    assert_eq!(check(link::Result { receipt: longer, ..honest.clone() }), BadReceipt::Malformed);
    let huge = vec![0; 10_000].into();
    assert_eq!(check(link::Result { receipt: huge, ..honest }), BadReceipt::Malformed);
}
