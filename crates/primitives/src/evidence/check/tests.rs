use codec::MaxEncodedLen;
use sp_core::{sr25519, Pair};

use super::*;
use crate::{
    commitment::{hash_of, path},
    evidence::{SignedDelivered, SignedSpec},
    fixture::{self, commitment, drawing, leaves, TASK_BEGAN_MS},
    signing::Statement,
    task::{Delivered, Finish},
    Signature,
};

const GENESIS: Hash = Hash::repeat_byte(1);

fn miner() -> sr25519::Pair {
    sr25519::Pair::from_seed(&[7; 32])
}

fn sign(statement: &impl Statement) -> Signature {
    miner().sign(statement.signing_hash(&GENESIS).as_bytes()).0
}

fn receipt_of(leaves: &[Leaf]) -> Receipt {
    let mut receipt = fixture::receipt_of(leaves);
    receipt.spec.miner = miner().public().into();
    receipt
}

fn receipt() -> Receipt {
    receipt_of(&leaves(&drawing(), 10))
}

fn signed(receipt: Receipt) -> SignedReceipt {
    SignedReceipt { signature: sign(&receipt), receipt }
}

fn accused_of(fault: Fault) -> Result<Accusation, Unproven> {
    Ok(Accusation { operator: miner().public().into(), fault, at_ms: TASK_BEGAN_MS })
}

/// The receipt, and one that `change` made of it.
fn against(change: impl FnOnce(&mut Receipt)) -> Evidence {
    let mut other = receipt();
    change(&mut other);
    Evidence::Receipts { first: signed(receipt()), second: signed(other) }
}

mod receipts {
    use super::*;

    #[test]
    fn any_two_versions_of_one_attempt_are_a_fault() {
        for change in [
            (|it| it.output_hash = Hash::zero()) as fn(&mut Receipt),
            |it| it.spec.model_root = Hash::zero(),
            |it| it.spec.request_hash = Hash::zero(),
            |it| it.prompt_tokens += 1,
            |it| it.completion_tokens -= 1,
            |it| it.finish = Finish::Stop,
            |it| it.commitment = None,
        ] {
            assert_eq!(against(change).check(&GENESIS), accused_of(Fault::ReceiptEquivocation));
        }
    }

    #[test]
    fn receipts_of_different_attempts_are_none() {
        for change in [
            (|it| it.spec.task_id[15] = 0) as fn(&mut Receipt),
            |it| it.spec.attempt = 1,
            |it| it.spec.link = Hash::zero(),
            |it| it.spec.miner = AccountId::from([9; 32]),
        ] {
            assert_eq!(against(change).check(&GENESIS), Err(Unproven::OtherAttempt));
        }
    }

    #[test]
    fn one_receipt_signed_twice_is_none() {
        // sr25519 signatures of one message differ.
        let twice = against(|_| ());
        let Evidence::Receipts { first, second } = &twice else { panic!() };
        assert_ne!(first.signature, second.signature);
        assert_eq!(twice.check(&GENESIS), Err(Unproven::NoDifference));
    }

    #[test]
    fn both_signatures_must_be_the_miners_on_this_chain() {
        let proven = against(|it| it.finish = Finish::Stop);
        assert_eq!(proven.check(&Hash::repeat_byte(2)), Err(Unproven::BadSignature));
        let Evidence::Receipts { first, mut second } = proven else { panic!() };
        let stranger = sr25519::Pair::from_seed(&[8; 32]);
        second.signature = stranger.sign(second.receipt.signing_hash(&GENESIS).as_bytes()).0;
        assert_eq!(Evidence::Receipts { first, second }.check(&GENESIS), Err(Unproven::BadSignature));
    }

    #[test]
    fn a_task_without_a_time_is_not_judged() {
        let mut one = receipt();
        one.spec.task_id = [0; 16];
        let other = Receipt { finish: Finish::Stop, ..one.clone() };
        let evidence = Evidence::Receipts { first: signed(one), second: signed(other) };
        assert_eq!(evidence.check(&GENESIS), Err(Unproven::Undated));
    }

    #[test]
    fn the_encoding_is_bounded_and_what_the_hash_names() {
        use codec::Encode;
        let evidence = against(|it| it.finish = Finish::Stop);
        assert!(evidence.encode().len() <= Evidence::max_encoded_len());
        assert_eq!(evidence.hash(), crate::signing::blake2_256(&[&evidence.encode()]));
        assert_ne!(evidence.hash(), against(|it| it.spec.attempt = 1).hash());
    }
}

mod acceptance {
    use super::*;

    fn with(change: impl FnOnce(&mut TaskSpec)) -> Evidence {
        let mut spec = receipt().spec;
        change(&mut spec);
        Evidence::Acceptance { accepted: SignedSpec { signature: sign(&spec), spec }, receipt: signed(receipt()) }
    }

    #[test]
    fn a_receipt_for_something_else_is_a_fault() {
        let other_seed = with(|spec| spec.drawing = spec.drawing.map(|drawing| Drawing { seed: [0; 32], ..drawing }));
        assert_eq!(other_seed.check(&GENESIS), accused_of(Fault::ReceiptEquivocation));
    }

    #[test]
    fn a_receipt_for_what_was_accepted_or_for_another_attempt_is_none() {
        assert_eq!(with(|_| ()).check(&GENESIS), Err(Unproven::NoDifference));
        assert_eq!(with(|spec| spec.attempt = 1).check(&GENESIS), Err(Unproven::OtherAttempt));
        let Evidence::Acceptance { mut accepted, receipt } = with(|spec| spec.deadline_ms = 0) else { panic!() };
        accepted.signature[0] ^= 1;
        assert_eq!(Evidence::Acceptance { accepted, receipt }.check(&GENESIS), Err(Unproven::BadSignature));
    }
}

mod delivery {
    use super::*;

    fn delivered(change: impl FnOnce(&mut Delivered)) -> Evidence {
        let TaskSpec { task_id, attempt, link, miner, .. } = receipt().spec;
        let Commitment { tokens, tokens_root, .. } = receipt().commitment.unwrap();
        let mut delivered = Delivered { task_id, attempt, link, miner, tokens, tokens_root };
        change(&mut delivered);
        let delivered = SignedDelivered { signature: sign(&delivered), delivered };
        Evidence::Delivery { delivered, receipt: signed(receipt()) }
    }

    #[test]
    fn other_or_more_tokens_than_committed_are_a_fault() {
        for change in [(|it| it.tokens_root = Hash::zero()) as fn(&mut Delivered), |it| it.tokens += 1] {
            assert_eq!(delivered(change).check(&GENESIS), accused_of(Fault::Misdelivery));
        }
    }

    #[test]
    fn the_same_or_the_first_of_them_are_none() {
        assert_eq!(delivered(|_| ()).check(&GENESIS), Err(Unproven::NoDifference));
        let fewer = delivered(|it| (it.tokens, it.tokens_root) = (9, Hash::zero()));
        assert_eq!(fewer.check(&GENESIS), Err(Unproven::NotCommitted));
        assert_eq!(delivered(|it| it.link = Hash::zero()).check(&GENESIS), Err(Unproven::OtherAttempt));
    }
}

mod drawn {
    use super::*;

    /// Evidence about the leaf at `index` of a receipt over these leaves.
    fn about(leaves: &[Leaf], index: u32) -> Evidence {
        let hashes: Vec<Hash> = leaves.iter().map(hash_of).collect();
        let (leaf, leaf_path) = (leaves[index as usize].clone(), path(&hashes, index as usize).unwrap());
        Evidence::Sampling { receipt: signed(receipt_of(leaves)), index, leaf, leaf_path }
    }

    fn with(index: usize, change: impl FnOnce(&mut Leaf)) -> Vec<Leaf> {
        let mut leaves = leaves(&drawing(), 10);
        change(&mut leaves[index]);
        leaves
    }

    #[test]
    fn a_token_that_was_not_drawn_is_a_fault() {
        let other =
            |leaf: &mut Leaf| leaf.token = leaf.candidates.iter().find(|it| it.token != leaf.token).unwrap().token;
        assert_eq!(about(&with(4, other), 4).check(&GENESIS), accused_of(Fault::FalseDraw));
        let cut = |leaf: &mut Leaf| leaf.candidates.truncate(63);
        assert_eq!(about(&with(9, cut), 9).check(&GENESIS), accused_of(Fault::FalseDraw));
    }

    #[test]
    fn honest_leaves_are_none_in_any_place() {
        for index in 0..10 {
            assert_eq!(about(&leaves(&drawing(), 10), index).check(&GENESIS), Err(Unproven::WellDrawn));
        }
    }

    #[test]
    fn an_honest_leaf_of_another_place_is_none() {
        let Evidence::Sampling { receipt, leaf, leaf_path, .. } = about(&leaves(&drawing(), 10), 4) else { panic!() };
        let moved = Evidence::Sampling { receipt, index: 5, leaf, leaf_path };
        assert_eq!(moved.check(&GENESIS), Err(Unproven::WrongPath));
    }

    #[test]
    fn resumed_attempts_are_drawn_at_their_positions() {
        let resumed = Drawing { first_position: 20, ..drawing() };
        let leaves = leaves(&resumed, 5);
        let hashes: Vec<Hash> = leaves.iter().map(hash_of).collect();
        let mut receipt = receipt_of(&leaves);
        receipt.spec.drawing = Some(resumed);
        let about = |receipt: &Receipt| Evidence::Sampling {
            receipt: signed(receipt.clone()),
            index: 2,
            leaf: leaves[2].clone(),
            leaf_path: path(&hashes, 2).unwrap(),
        };
        assert_eq!(about(&receipt).check(&GENESIS), Err(Unproven::WellDrawn));
        receipt.spec.drawing = Some(Drawing { first_position: u32::MAX, ..resumed });
        assert_eq!(about(&receipt).check(&GENESIS), accused_of(Fault::FalseDraw));
    }
}

mod leaf {
    use super::*;

    /// A receipt whose tokens' root is over `sent`, and whose leaves' root is over `drawn`.
    fn between(sent: &[Leaf], drawn: &[Leaf], index: u32) -> Evidence {
        let commitment = Commitment { leaves_root: commitment(drawn).leaves_root, ..commitment(sent) };
        let tokens: Vec<Hash> = sent.iter().map(|leaf| hash_of(&leaf.token)).collect();
        let leaves: Vec<Hash> = drawn.iter().map(hash_of).collect();
        Evidence::Leaf {
            receipt: signed(Receipt { commitment: Some(commitment), ..receipt_of(sent) }),
            index,
            token: sent[index as usize].token,
            token_path: path(&tokens, index as usize).unwrap(),
            leaf: drawn[index as usize].clone(),
            leaf_path: path(&leaves, index as usize).unwrap(),
        }
    }

    #[test]
    fn a_token_that_was_sent_and_not_drawn_is_a_fault() {
        let drawn = leaves(&drawing(), 10);
        let mut sent = drawn.clone();
        sent[3].token += 1;
        assert_eq!(between(&sent, &drawn, 3).check(&GENESIS), accused_of(Fault::LeafMismatch));
        assert_eq!(between(&sent, &drawn, 4).check(&GENESIS), Err(Unproven::NoDifference));
    }

    #[test]
    fn ways_must_lead_to_the_receipts_roots() {
        let drawn = leaves(&drawing(), 10);
        let mut sent = drawn.clone();
        sent[3].token += 1;
        let Evidence::Leaf { receipt, index, token, token_path, leaf, leaf_path } = between(&sent, &drawn, 3) else {
            panic!()
        };
        let other_token = Evidence::Leaf {
            receipt: receipt.clone(),
            index,
            token: token + 1,
            token_path: token_path.clone(),
            leaf: leaf.clone(),
            leaf_path: leaf_path.clone(),
        };
        assert_eq!(other_token.check(&GENESIS), Err(Unproven::WrongPath));
        let exchanged = Evidence::Leaf { receipt, index, token, token_path: leaf_path, leaf, leaf_path: token_path };
        assert_eq!(exchanged.check(&GENESIS), Err(Unproven::WrongPath));
    }
}

mod excess {
    use super::*;

    fn of(change: impl FnOnce(&mut Receipt)) -> Result<Accusation, Unproven> {
        let mut receipt = receipt();
        change(&mut receipt);
        Evidence::Excess { receipt: signed(receipt) }.check(&GENESIS)
    }

    #[test]
    fn more_tokens_than_asked_for_are_a_fault() {
        let limit = |receipt: &mut Receipt, most| {
            receipt.spec.drawing = receipt.spec.drawing.map(|drawing| Drawing { max_tokens: most, ..drawing });
        };
        assert_eq!(of(|it| limit(it, 9)), accused_of(Fault::Excess));
        assert_eq!(of(|it| limit(it, 10)), Err(Unproven::NoExcess));
        // The one that ends the text is committed to and not counted.
        assert_eq!(of(|it| (limit(it, 9), it.completion_tokens = 9).1), Err(Unproven::NoExcess));
    }

    #[test]
    fn a_commitment_to_another_number_is_a_fault() {
        assert_eq!(of(|it| it.completion_tokens = 8), accused_of(Fault::Excess));
        assert_eq!(of(|it| it.completion_tokens = 11), accused_of(Fault::Excess));
        assert_eq!(of(|it| it.commitment = None), accused_of(Fault::Excess));
    }

    #[test]
    fn nobody_is_held_to_a_number_without_a_limit() {
        let unchecked =
            |it: &mut Receipt| (it.spec.drawing, it.commitment, it.completion_tokens) = (None, None, u32::MAX);
        assert_eq!(of(unchecked), Err(Unproven::NoExcess));
    }
}
