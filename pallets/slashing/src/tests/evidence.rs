//! `report` with each kind of evidence, each beside something honest that comes close to it.

use cuckoo_primitives::{
    commitment::{hash_of, path, Leaf},
    docket::Fault,
    evidence::{Evidence, SignedDelivered},
    fixture,
    task::{Commitment, Delivered, Receipt, TaskId},
    EraIndex, Hash,
};
use frame_support::{assert_noop, assert_ok, dispatch::GetDispatchInfo};
use sp_runtime::Perbill;

use crate::{mock::*, Call, Config, Error, WeightInfo};

type Weights = <Test as Config>::WeightInfo;

fn task(era: EraIndex) -> TaskId {
    task_id(ms(era), 0)
}

fn acceptance(era: EraIndex, deadline_ms: u64) -> Evidence {
    let receipt = receipt(ALICE_KEY, task(era));
    let mut spec = receipt.spec.clone();
    spec.deadline_ms += deadline_ms;
    Evidence::Acceptance { accepted: accepted(ALICE_KEY, spec), receipt: signed(ALICE_KEY, receipt) }
}

fn delivery(era: EraIndex, change: impl FnOnce(&mut Delivered)) -> Evidence {
    let receipt = receipt(ALICE_KEY, task(era));
    let Commitment { tokens, tokens_root, .. } = receipt.commitment.unwrap();
    let (link, miner) = (receipt.spec.link, operator(ALICE_KEY));
    let mut delivered = Delivered { task_id: task(era), attempt: 0, link, miner, tokens, tokens_root };
    change(&mut delivered);
    let delivered = SignedDelivered { signature: sign(ALICE_KEY, &delivered), delivered };
    Evidence::Delivery { delivered, receipt: signed(ALICE_KEY, receipt) }
}

/// What Alice sent and what she drew, at the third place.
fn leaf(era: EraIndex, sent: u32) -> Evidence {
    let drawn = leaves();
    let mut tokens: Vec<u32> = drawn.iter().map(|leaf| leaf.token).collect();
    tokens[2] += sent;
    let hashes: Vec<Hash> = tokens.iter().map(hash_of).collect();
    let mut receipt = receipt(ALICE_KEY, task(era));
    let commitment =
        Commitment { tokens_root: cuckoo_primitives::commitment::root(&hashes), ..fixture::commitment(&drawn) };
    receipt.commitment = Some(commitment);
    let leaves: Vec<Hash> = drawn.iter().map(hash_of).collect();
    Evidence::Leaf {
        receipt: signed(ALICE_KEY, receipt),
        index: 2,
        token: tokens[2],
        token_path: path(&hashes, 2).unwrap(),
        leaf: drawn[2].clone(),
        leaf_path: path(&leaves, 2).unwrap(),
    }
}

fn sampling(era: EraIndex, change: impl FnOnce(&mut Leaf)) -> Evidence {
    let mut leaves = leaves();
    change(&mut leaves[3]);
    let hashes: Vec<Hash> = leaves.iter().map(hash_of).collect();
    Evidence::Sampling {
        receipt: signed(ALICE_KEY, receipt_of(ALICE_KEY, task(era), &leaves)),
        index: 3,
        leaf: leaves[3].clone(),
        leaf_path: path(&hashes, 3).unwrap(),
    }
}

/// Another of the candidates.
fn another_token(leaf: &mut Leaf) {
    leaf.token = leaf.candidates.iter().find(|it| it.token != leaf.token).unwrap().token;
}

fn excess(era: EraIndex, change: impl FnOnce(&mut Receipt)) -> Evidence {
    let mut receipt = receipt(ALICE_KEY, task(era));
    change(&mut receipt);
    Evidence::Excess { receipt: signed(ALICE_KEY, receipt) }
}

fn max_tokens(receipt: &mut Receipt, most: u32) {
    receipt.spec.drawing.as_mut().unwrap().max_tokens = most;
}

fn case() -> (Fault, Perbill) {
    let case = Slashing::case(0).unwrap();
    (case.fault, case.fraction)
}

#[test]
fn each_kind_is_a_fault_that_costs_what_it_should() {
    let all = Perbill::one();
    type Kind = (fn() -> Evidence, Fault, Perbill);
    let kinds: [Kind; 6] = [
        (|| evidence(ALICE_KEY, 0, 0), Fault::ReceiptEquivocation, all),
        (|| acceptance(0, 1), Fault::ReceiptEquivocation, all),
        (|| delivery(0, |it| it.tokens_root = Hash::zero()), Fault::Misdelivery, all),
        (|| leaf(0, 1), Fault::LeafMismatch, all),
        (|| sampling(0, another_token), Fault::FalseDraw, all),
        (|| excess(0, |it| max_tokens(it, LEAVES - 1)), Fault::Excess, Perbill::from_percent(20)),
    ];
    for (evidence, fault, fraction) in kinds {
        ExtBuilder::default().build_and_execute(|| {
            assert_ok!(report(evidence()));
            assert_eq!(case(), (fault, fraction));
            assert!(Market::is_chilled(&ALICE));
            run_to_era(DEFER_ERAS);
            assert_eq!(Market::stake(&ALICE), STAKE - fraction.mul_ceil(STAKE));
        });
    }
}

#[test]
fn faults_of_different_kinds_are_different_cases() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(report(sampling(0, another_token)));
        assert_ok!(report(leaf(0, 1)));
        // An acceptance and a receipt that differ are of one kind with two receipts.
        assert_ok!(report(acceptance(0, 1)));
        assert_noop!(report(evidence(ALICE_KEY, 0, 7)), Error::<Test>::AlreadyReported);
        assert_noop!(report(sampling(0, |leaf| leaf.candidates.truncate(63))), Error::<Test>::AlreadyReported);
        assert_eq!(Slashing::docket(None, 10).len(), 3);
    });
}

#[test]
fn report_fails_if_the_receipt_is_for_what_was_accepted() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(report(acceptance(0, 0)), Error::<Test>::NoDifference);
    });
}

#[test]
fn report_fails_if_the_tokens_were_delivered_as_committed() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(report(delivery(0, |_| ())), Error::<Test>::NoDifference);
        let elsewhere = |it: &mut Delivered| (it.tokens_root, it.attempt) = (Hash::zero(), 1);
        assert_noop!(report(delivery(0, elsewhere)), Error::<Test>::OtherAttempt);
    });
}

#[test]
fn report_fails_if_the_receipt_does_not_commit_to_what_was_delivered() {
    ExtBuilder::default().build_and_execute(|| {
        // Signed while it was on its way: the root over fewer tokens is another.
        let fewer = |it: &mut Delivered| (it.tokens, it.tokens_root) = (LEAVES - 1, Hash::zero());
        assert_noop!(report(delivery(0, fewer)), Error::<Test>::NotCommitted);
        let Evidence::Sampling { mut receipt, index, leaf, leaf_path } = sampling(0, another_token) else { panic!() };
        receipt.receipt.commitment = None;
        let receipt = signed(ALICE_KEY, receipt.receipt);
        let uncommitted = Evidence::Sampling { receipt, index, leaf, leaf_path };
        assert_noop!(report(uncommitted), Error::<Test>::NotCommitted);
    });
}

#[test]
fn report_fails_if_the_token_that_was_sent_is_the_one_that_was_drawn() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(report(leaf(0, 0)), Error::<Test>::NoDifference);
    });
}

#[test]
fn report_fails_if_a_way_does_not_lead_to_the_receipt() {
    ExtBuilder::default().build_and_execute(|| {
        let Evidence::Leaf { receipt, index, token, token_path, leaf, leaf_path } = leaf(0, 1) else { panic!() };
        let made_up = Evidence::Leaf { receipt, index, token: token + 1, token_path, leaf, leaf_path };
        assert_noop!(report(made_up), Error::<Test>::WrongPath);
        // A leaf of Alice's that somebody changed afterwards.
        let Evidence::Sampling { receipt, index, mut leaf, leaf_path } = sampling(0, |_| ()) else { panic!() };
        another_token(&mut leaf);
        assert_noop!(report(Evidence::Sampling { receipt, index, leaf, leaf_path }), Error::<Test>::WrongPath);
    });
}

#[test]
fn report_fails_if_the_token_was_drawn_as_it_had_to_be() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(report(sampling(0, |_| ())), Error::<Test>::WellDrawn);
    });
}

#[test]
fn report_fails_if_the_receipt_is_for_no_more_than_was_asked_for() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(report(excess(0, |it| max_tokens(it, LEAVES))), Error::<Test>::NoExcess);
        // The token that ends the text is committed to and not counted.
        let ended = |it: &mut Receipt| {
            max_tokens(it, LEAVES - 1);
            it.completion_tokens = LEAVES - 1;
        };
        assert_noop!(report(excess(0, ended)), Error::<Test>::NoExcess);
        assert_ok!(report(excess(0, |it| it.completion_tokens = LEAVES + 1)));
    });
}

#[test]
fn report_of_every_kind_fails_if_somebody_else_signed() {
    ExtBuilder::default().build_and_execute(|| {
        let forge = |mut evidence: Evidence| {
            match &mut evidence {
                Evidence::Acceptance { accepted, .. } => accepted.signature[0] ^= 1,
                Evidence::Delivery { delivered, .. } => delivered.signature[0] ^= 1,
                Evidence::Receipts { first: receipt, .. }
                | Evidence::Leaf { receipt, .. }
                | Evidence::Sampling { receipt, .. }
                | Evidence::Excess { receipt } => receipt.signature = sign(BOB_KEY, &receipt.receipt),
            }
            evidence
        };
        let kinds = [
            evidence(ALICE_KEY, 0, 0),
            acceptance(0, 1),
            delivery(0, |it| it.tokens_root = Hash::zero()),
            leaf(0, 1),
            sampling(0, another_token),
            excess(0, |it| it.completion_tokens = LEAVES + 1),
        ];
        for evidence in kinds {
            assert_noop!(report(forge(evidence)), Error::<Test>::BadSignature);
        }
    });
}

#[test]
fn each_kind_has_its_weight() {
    ExtBuilder::default().build_and_execute(|| {
        let weight = |evidence| {
            let call: RuntimeCall = Call::report { evidence: Box::new(evidence) }.into();
            call.get_dispatch_info().call_weight
        };
        assert_eq!(weight(evidence(ALICE_KEY, 0, 0)), Weights::report_receipts());
        assert_eq!(weight(acceptance(0, 1)), Weights::report_acceptance());
        assert_eq!(weight(delivery(0, |_| ())), Weights::report_delivery());
        assert_eq!(weight(leaf(0, 1)), Weights::report_leaf());
        assert_eq!(weight(sampling(0, |_| ())), Weights::report_sampling());
        assert_eq!(weight(excess(0, |_| ())), Weights::report_excess());
    });
}
