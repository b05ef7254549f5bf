//! Proof of a fault that anyone can check alone, and that the chain checks when it is reported.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{
    docket::Fault,
    signing::{blake2_256, Statement},
    task::{began_ms, Receipt},
    AccountId, Hash, Signature,
};

/// A receipt, and the miner's signature over it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct SignedReceipt {
    /// What the miner claims.
    pub receipt: Receipt,
    /// Made with the key of the operator that the receipt names as its miner.
    pub signature: Signature,
}

impl SignedReceipt {
    fn is_signed(&self, genesis: &Hash) -> bool {
        self.receipt.is_signed_by(genesis, &self.receipt.miner, &self.signature)
    }
}

/// Proof of a fault. Its size is bounded, and nobody's judgement is needed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Evidence {
    /// Two receipts of one miner that contradict each other, see [`Receipt::contradicts`].
    Receipts {
        /// One receipt.
        first: SignedReceipt,
        /// Another.
        second: SignedReceipt,
    },
}

/// What valid evidence says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accusation {
    /// Whose key signed.
    pub operator: AccountId,
    /// What the operator did.
    pub fault: Fault,
    /// When, in milliseconds after 1970.
    pub at_ms: u64,
}

/// Why evidence proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// Both receipts say the same; a second signature over it is no fault.
    SameReceipt,
    /// The receipts are of different tasks, attempts, links or miners.
    OtherAttempt,
    /// The task's id is no UUIDv7, so that nothing says when it was.
    Undated,
    /// A signature is not the miner's on this chain.
    BadSignature,
}

impl Evidence {
    /// Checks all that can be checked without the chain's state, on the chain with this genesis hash.
    pub fn check(&self, genesis: &Hash) -> Result<Accusation, Unproven> {
        let Self::Receipts { first, second } = self;
        contradiction(&first.receipt, &second.receipt)?;
        let at_ms = began_ms(&first.receipt.task_id).ok_or(Unproven::Undated)?;
        // Last, since it costs most.
        if !(first.is_signed(genesis) && second.is_signed(genesis)) {
            return Err(Unproven::BadSignature);
        }
        Ok(Accusation { operator: first.receipt.miner.clone(), fault: Fault::ReceiptEquivocation, at_ms })
    }

    /// Names this evidence: blake2_256 of its encoding.
    pub fn hash(&self) -> Hash {
        blake2_256(&[&self.encode()])
    }
}

fn contradiction(first: &Receipt, second: &Receipt) -> Result<(), Unproven> {
    if first == second {
        Err(Unproven::SameReceipt)
    } else if !first.contradicts(second) {
        Err(Unproven::OtherAttempt)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Finish;
    use sp_core::{sr25519, Pair};

    const GENESIS: Hash = Hash::repeat_byte(1);

    fn miner() -> sr25519::Pair {
        sr25519::Pair::from_seed(&[7; 32])
    }

    fn receipt() -> Receipt {
        Receipt {
            task_id: hex::decode("017f22e279b07cc398c4dc0c0c07398f").unwrap().try_into().unwrap(),
            attempt: 0,
            coordinator: AccountId::from([3; 32]),
            miner: miner().public().into(),
            link: Hash::repeat_byte(9),
            model_root: Hash::repeat_byte(4),
            request_hash: Hash::repeat_byte(5),
            output_hash: Hash::repeat_byte(6),
            prompt_tokens: 7,
            completion_tokens: 8,
            finish: Finish::Stop,
        }
    }

    fn signed_by(pair: &sr25519::Pair, receipt: Receipt) -> SignedReceipt {
        let signature = pair.sign(receipt.signing_hash(&GENESIS).as_bytes()).0;
        SignedReceipt { receipt, signature }
    }

    /// The receipt, and one that `change` made of it.
    fn against(change: impl FnOnce(&mut Receipt)) -> Evidence {
        let mut other = receipt();
        change(&mut other);
        Evidence::Receipts { first: signed_by(&miner(), receipt()), second: signed_by(&miner(), other) }
    }

    #[test]
    fn any_two_versions_of_one_attempt_are_a_fault() {
        let accusation = Accusation {
            operator: miner().public().into(),
            fault: Fault::ReceiptEquivocation,
            at_ms: 1_645_557_742_000,
        };
        for change in [
            (|it| it.output_hash = Hash::zero()) as fn(&mut Receipt),
            |it| it.model_root = Hash::zero(),
            |it| it.request_hash = Hash::zero(),
            |it| it.prompt_tokens += 1,
            |it| it.completion_tokens -= 1,
            |it| it.finish = Finish::Length,
        ] {
            assert_eq!(against(change).check(&GENESIS), Ok(accusation.clone()));
        }
    }

    #[test]
    fn receipts_of_different_attempts_are_none() {
        for change in [
            (|it| it.task_id[15] = 0) as fn(&mut Receipt),
            |it| it.attempt = 1,
            |it| it.link = Hash::zero(),
            |it| it.miner = AccountId::from([9; 32]),
        ] {
            assert_eq!(against(change).check(&GENESIS), Err(Unproven::OtherAttempt));
        }
    }

    #[test]
    fn one_receipt_signed_twice_is_none() {
        // sr25519 signatures of one message differ.
        let twice = against(|_| ());
        let Evidence::Receipts { first, second } = &twice;
        assert_ne!(first.signature, second.signature);
        assert_eq!(twice.check(&GENESIS), Err(Unproven::SameReceipt));
    }

    #[test]
    fn both_signatures_must_be_the_miners_on_this_chain() {
        let proven = against(|it| it.finish = Finish::Length);
        assert_eq!(proven.check(&Hash::repeat_byte(2)), Err(Unproven::BadSignature));
        let Evidence::Receipts { first, second } = proven;
        let stranger = sr25519::Pair::from_seed(&[8; 32]);
        let forged = Evidence::Receipts { first, second: signed_by(&stranger, second.receipt) };
        assert_eq!(forged.check(&GENESIS), Err(Unproven::BadSignature));
    }

    #[test]
    fn a_task_without_a_time_is_not_judged() {
        let undated = |mut it: Receipt| {
            it.task_id = [0; 16];
            signed_by(&miner(), it)
        };
        let other = Receipt { finish: Finish::Length, ..receipt() };
        let evidence = Evidence::Receipts { first: undated(receipt()), second: undated(other) };
        assert_eq!(evidence.check(&GENESIS), Err(Unproven::Undated));
    }

    #[test]
    fn the_encoding_is_bounded_and_what_the_hash_names() {
        let evidence = against(|it| it.finish = Finish::Length);
        assert!(evidence.encode().len() <= Evidence::max_encoded_len());
        assert_eq!(evidence.hash(), blake2_256(&[&evidence.encode()]));
        assert_ne!(evidence.hash(), against(|it| it.attempt = 1).hash());
    }
}
