//! What a miner has opened, compared with what it has signed and sent: all that the chain would find too.

use cuckoo_primitives::{
    commitment::{hash_of, path, root, Leaf},
    evidence::{Evidence, SignedReceipt},
    Hash,
};

/// What is wrong with what was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A fault that the chain can check alone.
    Fault(Box<Evidence>),
    /// It is not what the receipt commits to: as if nothing had been opened.
    Unopened(String),
}

/// Checks all `leaves` of an attempt in which `tokens` were sent, the one that ends the text included. That the receipt
/// commits to these tokens was seen when it came.
pub(crate) fn check(receipt: &SignedReceipt, tokens: &[u32], leaves: &[Leaf]) -> Result<(), Found> {
    let signed = &receipt.receipt;
    let (Some(commitment), Some(drawing)) = (signed.commitment, signed.spec.drawing) else {
        return Err(Found::Unopened("the receipt commits to nothing".into()));
    };
    if leaves.len() != tokens.len() || leaves.len() != commitment.tokens as usize {
        return Err(Found::Unopened("another number of tokens than was sent".into()));
    }
    let hashes: Vec<Hash> = leaves.iter().map(hash_of).collect();
    if root(&hashes) != commitment.leaves_root {
        return Err(Found::Unopened("not what the receipt commits to".into()));
    }
    let way = |index: usize| path(&hashes, index).unwrap_or_default();
    for (index, (leaf, token)) in leaves.iter().zip(tokens).enumerate() {
        let place = u32::try_from(index).unwrap_or(u32::MAX);
        if leaf.token != *token {
            let sent: Vec<Hash> = tokens.iter().map(hash_of).collect();
            return Err(Found::Fault(Box::new(Evidence::Leaf {
                receipt: receipt.clone(),
                index: place,
                token: *token,
                token_path: path(&sent, index).unwrap_or_default(),
                leaf: leaf.clone(),
                leaf_path: way(index),
            })));
        }
        let is_drawn = drawing.first_position.checked_add(place).is_some_and(|at| leaf.is_drawn(&drawing, at));
        if !is_drawn {
            let (receipt, leaf) = (receipt.clone(), leaf.clone());
            let evidence = Evidence::Sampling { receipt, index: place, leaf, leaf_path: way(index) };
            return Err(Found::Fault(Box::new(evidence)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use cuckoo_chain_client::account_of;
    use cuckoo_primitives::{
        docket::Fault,
        fixture::{commitment, drawing, leaves, receipt_of},
        signing::Statement,
        task::{Commitment, Receipt},
    };
    use subxt_signer::sr25519::dev;

    use super::*;

    const GENESIS: Hash = Hash::repeat_byte(1);

    fn signed(mut receipt: Receipt) -> SignedReceipt {
        receipt.spec.miner = account_of(&dev::bob());
        let signature = dev::bob().sign(receipt.signing_hash(&GENESIS).as_bytes()).0;
        SignedReceipt { receipt, signature }
    }

    fn tokens(leaves: &[Leaf]) -> Vec<u32> {
        leaves.iter().map(|leaf| leaf.token).collect()
    }

    fn fault(found: Result<(), Found>) -> Fault {
        match found.unwrap_err() {
            Found::Fault(evidence) => evidence.check(&GENESIS).expect("the chain finds it too").fault,
            Found::Unopened(why) => panic!("{why}"),
        }
    }

    #[test]
    fn honest_leaves_pass() {
        for count in [1, 2, 37] {
            let leaves = leaves(&drawing(), count);
            assert_eq!(check(&signed(receipt_of(&leaves)), &tokens(&leaves), &leaves), Ok(()));
        }
    }

    #[test]
    fn a_token_that_was_not_drawn_is_evidence() {
        let mut leaves = leaves(&drawing(), 37);
        leaves[20].token = leaves[20].candidates.iter().find(|it| it.token != leaves[20].token).unwrap().token;
        let receipt = signed(receipt_of(&leaves));
        assert_eq!(fault(check(&receipt, &tokens(&leaves), &leaves)), Fault::FalseDraw);
    }

    #[test]
    fn a_token_that_was_sent_and_not_drawn_is_evidence() {
        let drawn = leaves(&drawing(), 37);
        let mut sent = drawn.clone();
        sent[36].token += 1;
        let commitment = Commitment { leaves_root: commitment(&drawn).leaves_root, ..commitment(&sent) };
        let receipt = signed(Receipt { commitment: Some(commitment), ..receipt_of(&sent) });
        assert_eq!(fault(check(&receipt, &tokens(&sent), &drawn)), Fault::LeafMismatch);
    }

    #[test]
    fn what_the_receipt_does_not_commit_to_was_not_opened() {
        let leaves = leaves(&drawing(), 10);
        let (receipt, tokens) = (signed(receipt_of(&leaves)), tokens(&leaves));
        let mut exchanged = leaves.clone();
        exchanged.swap(2, 3);
        for wrong in [&exchanged[..], &leaves[..9], &[]] {
            assert!(matches!(check(&receipt, &tokens, wrong), Err(Found::Unopened(_))));
        }
        let uncommitted = signed(Receipt { commitment: None, ..receipt_of(&leaves) });
        assert!(matches!(check(&uncommitted, &tokens, &leaves), Err(Found::Unopened(_))));
    }
}
