//! The tokens that a miner has sent and signs for.

use cuckoo_primitives::{
    commitment::Tree,
    evidence::SignedDelivered,
    task::{Delivered, TaskSpec, SIGNED_EVERY},
    Hash, Signature,
};
use cuckoo_wire::link;

use super::failure::Failure;

/// The tokens of an attempt whose draws are committed to.
#[derive(Clone, Debug, Default)]
pub(super) struct SentTokens {
    numbers: Vec<u32>,
    tree: Tree,
    /// How many there are since the last signature.
    unsigned: u32,
    /// What was signed last: how many, their root, and the signature, which nobody has checked.
    signed: Option<(u32, Hash, Signature)>,
    /// Whether a token has ended the text.
    has_ended: bool,
}

impl SentTokens {
    /// Takes note of a piece. An error is a violation: no honest miner sends such a piece.
    pub(super) fn note(&mut self, output: &link::Output) -> Result<(), Failure> {
        if self.has_ended && (output.tokens > 0 || !output.token_ids.is_empty()) {
            return Err(Failure::Violation("tokens behind the one that ends the text"));
        }
        let counted = output.tokens as usize;
        self.has_ended |= match output.token_ids.len().checked_sub(counted) {
            Some(0) => false,
            Some(1) => true,
            _ => return Err(Failure::Violation("not one number for each token")),
        };
        for number in &output.token_ids {
            self.tree.push(number);
        }
        self.numbers.extend_from_slice(&output.token_ids);
        self.unsigned = self.unsigned.saturating_add(u32::try_from(output.token_ids.len()).unwrap_or(u32::MAX));
        if output.token_ids.is_empty() && !output.signature.is_empty() && self.unsigned == 0 {
            return Err(Failure::Violation("a second signature for the same"));
        }
        if !output.signature.is_empty() {
            let signature = output.signature[..].try_into().map_err(|_| Failure::Violation("half a signature"))?;
            self.signed = Some((self.tree.len(), self.tree.root(), signature));
            self.unsigned = 0;
        }
        match self.unsigned < SIGNED_EVERY {
            true => Ok(()),
            false => Err(Failure::Violation("tokens that it does not sign for")),
        }
    }

    /// Whether an answer can end by itself here.
    pub(super) fn is_signed(&self) -> bool {
        self.unsigned == 0
    }

    /// How many, the one that ends the text included.
    pub(super) fn len(&self) -> u32 {
        self.tree.len()
    }

    /// Over all of them.
    pub(super) fn root(&self) -> Hash {
        self.tree.root()
    }

    /// Their numbers in the vocabulary.
    pub(super) fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// What the miner has signed last for an attempt that it took on with `spec`, if that is what it has.
    pub(super) fn signed(&self, spec: &TaskSpec) -> Option<SignedDelivered> {
        let (tokens, tokens_root, signature) = self.signed?;
        let TaskSpec { task_id, attempt, link, miner, .. } = spec.clone();
        Some(SignedDelivered { delivered: Delivered { task_id, attempt, link, miner, tokens, tokens_root }, signature })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cuckoo_primitives::fixture;

    fn piece(numbers: &[u32], tokens: u32, is_signed: bool) -> link::Output {
        let signature = if is_signed { vec![7; 64] } else { Vec::new() };
        link::Output { token_ids: numbers.to_vec(), tokens, signature: signature.into(), ..Default::default() }
    }

    fn is_violation(noted: Result<(), Failure>) -> bool {
        matches!(noted, Err(Failure::Violation(_)))
    }

    #[test]
    fn tokens_are_counted_and_hashed_with_the_one_that_ends_the_text() {
        let mut sent = SentTokens::default();
        sent.note(&piece(&[5, 6], 2, false)).unwrap();
        sent.note(&piece(&[], 0, false)).unwrap();
        sent.note(&piece(&[7, 2], 1, true)).unwrap();
        assert_eq!((sent.len(), sent.numbers(), sent.is_signed()), (4, &[5, 6, 7, 2][..], true));
        assert_eq!(sent.root(), [5u32, 6, 7, 2].into_iter().collect::<Tree>().root());
        assert!(is_violation(sent.note(&piece(&[8], 1, true))), "behind its end");
    }

    #[test]
    fn there_is_a_number_for_each_token() {
        for wrong in [piece(&[1], 2, false), piece(&[1, 2, 3], 1, false), piece(&[], 1, false)] {
            assert!(is_violation(SentTokens::default().note(&wrong)));
        }
    }

    #[test]
    fn thirty_two_tokens_are_not_sent_without_a_signature() {
        let few: Vec<u32> = (0..31).collect();
        let mut sent = SentTokens::default();
        sent.note(&piece(&few, 31, false)).unwrap();
        assert!(!sent.is_signed());
        let mut signed = sent.clone();
        signed.note(&piece(&[99], 1, true)).unwrap();
        signed.note(&piece(&few, 31, false)).unwrap();
        assert!(is_violation(sent.note(&piece(&[99], 1, false))));
        assert!(is_violation(
            SentTokens::default().note(&link::Output { signature: vec![7; 63].into(), ..piece(&[1], 1, false) })
        ));
    }

    #[test]
    fn a_signature_may_come_alone_and_once() {
        let mut sent = SentTokens::default();
        sent.note(&piece(&[5, 2], 1, false)).unwrap();
        assert!(!sent.is_signed());
        sent.note(&piece(&[], 0, true)).unwrap();
        assert!(sent.is_signed() && sent.signed(&fixture::spec()).is_some());
        assert!(is_violation(sent.note(&piece(&[], 0, true))));
        assert!(is_violation(SentTokens::default().note(&piece(&[], 0, true))));
    }

    #[test]
    fn what_was_signed_last_can_be_shown() {
        let mut sent = SentTokens::default();
        assert!(sent.signed(&fixture::spec()).is_none());
        sent.note(&piece(&[5, 6], 2, true)).unwrap();
        let root = sent.root();
        sent.note(&piece(&[7], 1, false)).unwrap();
        let signed = sent.signed(&fixture::spec()).unwrap();
        assert_eq!((signed.delivered.tokens, signed.delivered.tokens_root), (2, root));
        assert_eq!((signed.delivered.link, signed.signature), (fixture::spec().link, [7; 64]));
    }
}
