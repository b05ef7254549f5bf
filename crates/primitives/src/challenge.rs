//! What anyone may demand of a miner on the chain, and what it answers.
//!
//! A miner that shows nothing off the chain is asked on it, where all see that it was asked and in time. So nobody can be
//! slashed for an answer that somebody kept back.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{
    commitment::{hash_of, Leaf, Path},
    evidence::{SignedReceipt, SignedSpec},
    signing::{blake2_256, Statement},
    task::{Receipt, TaskSpec},
    AccountId, Balance, EraIndex, Hash,
};

/// Number of a challenge; they are counted from 0 in the order in which they were made.
pub type ChallengeId = u64;

/// For so long after a task has begun may its miner be challenged: one hour, in milliseconds.
pub const CHALLENGED_WITHIN_MS: u64 = 60 * 60 * 1000;
/// For so long after a task has begun does its miner keep what it would be asked for, in milliseconds; and longer, while a
/// challenge that it could answer is open. The second hour is for the time that it takes to hear of one.
pub const KEPT_MS: u64 = 2 * CHALLENGED_WITHIN_MS;
/// Most challenges that one page of the open ones has; a larger limit is cut to it.
pub const MAX_CHALLENGES_PER_PAGE: u32 = 64;

/// What is demanded of a miner.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Demand {
    /// To show how it drew one token.
    Opening {
        /// What it has signed.
        receipt: SignedReceipt,
        /// Which token, counted from the attempt's first.
        index: u32,
    },
    /// To show what came of what it has accepted.
    Result {
        /// What it accepted.
        accepted: SignedSpec,
    },
}

/// What is left of a demand once it has been checked: what an answer is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Question {
    /// Which leaf is at this place?
    Leaf {
        /// The attempt.
        attempt: AttemptOf,
        /// Which of them.
        index: u32,
        /// How many leaves there are.
        count: u32,
        /// Their root.
        root: Hash,
    },
    /// What came of this?
    Result {
        /// The attempt.
        attempt: AttemptOf,
        /// The signing hash of what was accepted: the receipt's spec must have the same.
        accepted: Hash,
    },
}

/// Names one attempt on one link, of the miner that is asked.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct AttemptOf {
    /// The task.
    pub task_id: crate::task::TaskId,
    /// Which try of it.
    pub attempt: u32,
    /// The link over which it came.
    pub link: Hash,
}

/// What a miner says to a question.
// Calls and transactions carry it boxed.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Answer {
    /// The leaf.
    Leaf {
        /// How the token was drawn.
        leaf: Leaf,
        /// The leaf's way to the root.
        path: Path,
    },
    /// What came of it.
    Receipt(SignedReceipt),
    /// Nothing came of it: it was cancelled, or failed. Only the miner itself can say so.
    Nothing,
}

/// A challenge that waits for its answer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Challenge {
    /// Who asks, and has put up the deposit.
    pub challenger: AccountId,
    /// What is held of the challenger until it ends, in planck.
    pub deposit: Balance,
    /// The stash of the miner that is asked.
    pub miner: AccountId,
    /// The operator that signed.
    pub operator: AccountId,
    /// What is asked.
    pub question: Question,
    /// The era in which the task began, of which the stake is liable.
    pub offence_era: EraIndex,
    /// The last era in which an answer is sure to count.
    pub due_in: EraIndex,
}

impl Challenge {
    /// Names it where evidence would be named: blake2_256 of its encoding.
    pub fn hash(&self) -> Hash {
        self.using_encoded(|bytes| blake2_256(&[bytes]))
    }
}

impl Demand {
    /// The attempt that it is about.
    pub fn spec(&self) -> &TaskSpec {
        match self {
            Self::Opening { receipt, .. } => &receipt.receipt.spec,
            Self::Result { accepted } => &accepted.spec,
        }
    }

    /// Whether the miner that it names has signed what it shows, on the chain with this genesis hash.
    pub fn is_signed(&self, genesis: &Hash) -> bool {
        match self {
            Self::Opening { receipt, .. } => receipt.is_signed(genesis),
            Self::Result { accepted } => accepted.is_signed(genesis),
        }
    }

    /// What is left of it, on the chain with this genesis hash; `None` if the receipt has no such leaf.
    pub fn question(&self, genesis: &Hash) -> Option<Question> {
        match self {
            Self::Opening { receipt, index } => Question::of_leaf(&receipt.receipt, *index),
            Self::Result { accepted } => Some(Question::of_result(&accepted.spec, genesis)),
        }
    }
}

impl Answer {
    /// Names what it shows: a leaf as its tree does, a receipt by what the miner has signed on the chain with this genesis
    /// hash.
    pub fn hash(&self, genesis: &Hash) -> Option<Hash> {
        match self {
            Self::Leaf { leaf, .. } => Some(hash_of(leaf)),
            Self::Receipt(signed) => Some(signed.receipt.signing_hash(genesis)),
            Self::Nothing => None,
        }
    }
}

impl AttemptOf {
    /// The attempt that a spec is of.
    pub fn of(spec: &TaskSpec) -> Self {
        Self { task_id: spec.task_id, attempt: spec.attempt, link: spec.link }
    }
}

impl Question {
    /// The attempt that is asked about.
    pub fn attempt(&self) -> &AttemptOf {
        match self {
            Self::Leaf { attempt, .. } | Self::Result { attempt, .. } => attempt,
        }
    }

    /// The question after a leaf; `None` if the receipt has no such leaf.
    pub fn of_leaf(receipt: &Receipt, index: u32) -> Option<Self> {
        let commitment = receipt.commitment.filter(|commitment| index < commitment.tokens)?;
        let attempt = AttemptOf::of(&receipt.spec);
        Some(Self::Leaf { attempt, index, count: commitment.tokens, root: commitment.leaves_root })
    }

    /// The question what came of `spec`, on the chain with this genesis hash.
    pub fn of_result(spec: &TaskSpec, genesis: &Hash) -> Self {
        Self::Result { attempt: AttemptOf::of(spec), accepted: spec.signing_hash(genesis) }
    }

    /// Names the question as it is put to `operator`.
    pub fn hash_for(&self, operator: &AccountId) -> Hash {
        (operator, self).using_encoded(|bytes| blake2_256(&[bytes]))
    }

    /// Whether `answer` answers it, on the chain with this genesis hash. That the miner itself says [`Answer::Nothing`] is
    /// for the caller to see to.
    pub fn is_answered_by(&self, answer: &Answer, genesis: &Hash) -> bool {
        match (self, answer) {
            (Self::Leaf { index, count, root, .. }, Answer::Leaf { leaf, path }) => {
                path.leads(leaf, *index, *count, root)
            }
            (Self::Result { accepted, .. }, Answer::Receipt(signed)) => {
                signed.receipt.spec.signing_hash(genesis) == *accepted && signed.is_signed(genesis)
            }
            (Self::Result { .. }, Answer::Nothing) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use sp_core::{sr25519, Pair};

    use super::*;
    use crate::{
        commitment::path,
        fixture::{drawing, leaves, receipt_of, spec},
    };

    const GENESIS: Hash = Hash::repeat_byte(1);

    fn miner() -> sr25519::Pair {
        sr25519::Pair::from_seed(&[7; 32])
    }

    fn signed(receipt: Receipt) -> SignedReceipt {
        let signature = miner().sign(receipt.signing_hash(&GENESIS).as_bytes()).0;
        SignedReceipt { receipt, signature }
    }

    fn receipt() -> Receipt {
        let mut receipt = receipt_of(&leaves(&drawing(), 10));
        receipt.spec.miner = miner().public().into();
        receipt
    }

    #[test]
    fn a_leaf_is_answered_with_that_leaf_and_its_way() {
        let leaves = leaves(&drawing(), 10);
        let hashes: Vec<Hash> = leaves.iter().map(hash_of).collect();
        let question = Question::of_leaf(&receipt(), 6).unwrap();
        let with =
            |leaf: usize, way: usize| Answer::Leaf { leaf: leaves[leaf].clone(), path: path(&hashes, way).unwrap() };
        assert!(question.is_answered_by(&with(6, 6), &GENESIS));
        for wrong in [with(7, 7), with(7, 6), with(6, 7), Answer::Nothing, Answer::Receipt(signed(receipt()))] {
            assert!(!question.is_answered_by(&wrong, &GENESIS));
        }
        assert_eq!(Question::of_leaf(&receipt(), 10), None);
        assert_eq!(Question::of_leaf(&Receipt { commitment: None, ..receipt() }, 0), None);
    }

    #[test]
    fn a_result_is_answered_with_a_signed_receipt_for_it_or_by_nothing() {
        let question = Question::of_result(&receipt().spec, &GENESIS);
        assert!(question.is_answered_by(&Answer::Receipt(signed(receipt())), &GENESIS));
        assert!(question.is_answered_by(&Answer::Nothing, &GENESIS));
        let other = Receipt { spec: TaskSpec { attempt: 1, ..receipt().spec }, ..receipt() };
        let forged = SignedReceipt {
            signature: signed(receipt()).signature,
            receipt: Receipt { prompt_tokens: 0, ..receipt() },
        };
        for wrong in [Answer::Receipt(signed(other)), Answer::Receipt(forged)] {
            assert!(!question.is_answered_by(&wrong, &GENESIS));
        }
        assert_eq!(*question.attempt(), AttemptOf::of(&receipt().spec));
        assert_ne!(*question.attempt(), AttemptOf::of(&TaskSpec { link: Hash::zero(), ..spec() }));
    }

    #[test]
    fn what_is_demanded_becomes_a_question() {
        let opening = |index| Demand::Opening { receipt: signed(receipt()), index };
        assert_eq!(opening(3).spec(), &receipt().spec);
        assert_eq!(opening(3).question(&GENESIS), Question::of_leaf(&receipt(), 3));
        assert_eq!(opening(10).question(&GENESIS), None);
        assert!(opening(3).is_signed(&GENESIS) && !opening(3).is_signed(&Hash::zero()));
        let spec = receipt().spec;
        let signature = miner().sign(spec.signing_hash(&GENESIS).as_bytes()).0;
        let result = Demand::Result { accepted: SignedSpec { spec: spec.clone(), signature } };
        assert_eq!((result.spec(), result.is_signed(&GENESIS)), (&spec, true));
        assert_eq!(result.question(&GENESIS), Some(Question::of_result(&spec, &GENESIS)));
    }

    #[test]
    fn questions_and_answers_have_names() {
        let question = |index| Question::of_leaf(&receipt(), index).unwrap();
        let operator = receipt().spec.miner;
        assert_eq!(question(3).hash_for(&operator), question(3).hash_for(&operator));
        assert_ne!(question(3).hash_for(&operator), question(4).hash_for(&operator));
        assert_ne!(question(3).hash_for(&operator), question(3).hash_for(&spec().miner));

        let leaf = leaves(&drawing(), 1).remove(0);
        let shown = Answer::Leaf { leaf: leaf.clone(), path: Path::default() };
        assert_eq!(shown.hash(&GENESIS), Some(hash_of(&leaf)));
        let signed_hash = receipt().signing_hash(&GENESIS);
        assert_eq!(Answer::Receipt(signed(receipt())).hash(&GENESIS), Some(signed_hash));
        assert_eq!(Answer::Nothing.hash(&GENESIS), None);

        let challenge = Challenge {
            challenger: spec().coordinator,
            deposit: 1,
            miner: spec().miner,
            operator,
            question: question(3),
            offence_era: 1,
            due_in: 2,
        };
        assert_eq!(challenge.hash(), blake2_256(&[&challenge.encode()]));
        assert_ne!(challenge.hash(), Challenge { due_in: 3, ..challenge.clone() }.hash());
    }
}
