//! What evidence proves.

use super::{Evidence, SignedDelivered, SignedReceipt};
use crate::{
    commitment::{Leaf, Path},
    docket::Fault,
    task::{began_ms, Commitment, Drawing, Receipt, TaskSpec},
    AccountId, Hash,
};

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
    /// Both statements say the same; a second signature is no fault.
    NoDifference,
    /// The statements are of different tasks, attempts, links or miners.
    OtherAttempt,
    /// The receipt commits to no tokens, or to fewer or more than the rest of the evidence is about.
    NotCommitted,
    /// A way does not lead to the receipt's root.
    WrongPath,
    /// The token was drawn as it had to be.
    WellDrawn,
    /// The receipt is for no more tokens than were asked for.
    NoExcess,
    /// The task's id is no UUIDv7, so that nothing says when it was.
    Undated,
    /// A signature is not the miner's on this chain.
    BadSignature,
}

impl Evidence {
    /// Checks all that can be checked without the chain's state, on the chain with this genesis hash.
    pub fn check(&self, genesis: &Hash) -> Result<Accusation, Unproven> {
        let fault = self.contradiction()?;
        let spec = self.spec();
        let at_ms = began_ms(&spec.task_id).ok_or(Unproven::Undated)?;
        // Last, since it costs most.
        match self.is_signed(genesis) {
            true => Ok(Accusation { operator: spec.miner.clone(), fault, at_ms }),
            false => Err(Unproven::BadSignature),
        }
    }

    /// What contradicts what, if all of it was signed.
    fn contradiction(&self) -> Result<Fault, Unproven> {
        match self {
            Self::Receipts { first, second } => {
                differ(&first.receipt.spec, &second.receipt.spec, first.receipt != second.receipt)?;
                Ok(Fault::ReceiptEquivocation)
            }
            Self::Acceptance { accepted, receipt } => {
                differ(&accepted.spec, &receipt.receipt.spec, accepted.spec != receipt.receipt.spec)?;
                Ok(Fault::ReceiptEquivocation)
            }
            Self::Delivery { delivered, receipt } => misdelivered(delivered, receipt).map(|()| Fault::Misdelivery),
            Self::Leaf { receipt, index, token, token_path, leaf, leaf_path } => {
                let (commitment, _) = committed(&receipt.receipt)?;
                leads(token_path, token, *index, commitment.tokens, &commitment.tokens_root)?;
                leads(leaf_path, leaf, *index, commitment.tokens, &commitment.leaves_root)?;
                match leaf.token == *token {
                    true => Err(Unproven::NoDifference),
                    false => Ok(Fault::LeafMismatch),
                }
            }
            Self::Sampling { receipt, index, leaf, leaf_path } => {
                ill_drawn(receipt, *index, leaf, leaf_path).map(|()| Fault::FalseDraw)
            }
            Self::Excess { receipt } => match is_excessive(&receipt.receipt) {
                true => Ok(Fault::Excess),
                false => Err(Unproven::NoExcess),
            },
        }
    }

    /// What the miner took on that it is about.
    pub fn spec(&self) -> &TaskSpec {
        match self {
            Self::Receipts { first: receipt, .. }
            | Self::Acceptance { receipt, .. }
            | Self::Delivery { receipt, .. }
            | Self::Leaf { receipt, .. }
            | Self::Sampling { receipt, .. }
            | Self::Excess { receipt } => &receipt.receipt.spec,
        }
    }

    fn is_signed(&self, genesis: &Hash) -> bool {
        match self {
            Self::Receipts { first, second } => first.is_signed(genesis) && second.is_signed(genesis),
            Self::Acceptance { accepted, receipt } => accepted.is_signed(genesis) && receipt.is_signed(genesis),
            Self::Delivery { delivered, receipt } => delivered.is_signed(genesis) && receipt.is_signed(genesis),
            Self::Leaf { receipt, .. } | Self::Sampling { receipt, .. } | Self::Excess { receipt } => {
                receipt.is_signed(genesis)
            }
        }
    }
}

/// Whether what was said of one attempt differs.
fn differ(first: &TaskSpec, second: &TaskSpec, is_different: bool) -> Result<(), Unproven> {
    if !is_different {
        Err(Unproven::NoDifference)
    } else if !first.is_same_attempt(second) {
        Err(Unproven::OtherAttempt)
    } else {
        Ok(())
    }
}

fn misdelivered(delivered: &SignedDelivered, receipt: &SignedReceipt) -> Result<(), Unproven> {
    let (delivered, spec) = (&delivered.delivered, &receipt.receipt.spec);
    let is_same_attempt = delivered.miner == spec.miner
        && delivered.link == spec.link
        && delivered.task_id == spec.task_id
        && delivered.attempt == spec.attempt;
    if !is_same_attempt {
        return Err(Unproven::OtherAttempt);
    }
    let (commitment, _) = committed(&receipt.receipt)?;
    // Of fewer tokens than the receipt's the root says nothing; of more it is a contradiction of its own.
    match delivered.tokens.cmp(&commitment.tokens) {
        core::cmp::Ordering::Less => Err(Unproven::NotCommitted),
        core::cmp::Ordering::Equal if delivered.tokens_root == commitment.tokens_root => Err(Unproven::NoDifference),
        core::cmp::Ordering::Equal | core::cmp::Ordering::Greater => Ok(()),
    }
}

fn ill_drawn(receipt: &SignedReceipt, index: u32, leaf: &Leaf, path: &Path) -> Result<(), Unproven> {
    let (commitment, drawing) = committed(&receipt.receipt)?;
    leads(path, leaf, index, commitment.tokens, &commitment.leaves_root)?;
    // A position that is none has no honest draw.
    match drawing.first_position.checked_add(index).is_some_and(|position| leaf.is_drawn(drawing, position)) {
        true => Err(Unproven::WellDrawn),
        false => Ok(()),
    }
}

/// Whether a receipt is for more tokens than the spec allows, or commits to another number than it counts: the token that
/// ends a text is committed to and not counted.
fn is_excessive(receipt: &Receipt) -> bool {
    let Some(drawing) = &receipt.spec.drawing else { return false };
    let committed = receipt.commitment.map_or(0, |commitment| commitment.tokens);
    let is_counted = committed == receipt.completion_tokens || committed == receipt.completion_tokens.saturating_add(1);
    receipt.completion_tokens > drawing.max_tokens || !is_counted
}

fn committed(receipt: &Receipt) -> Result<(&Commitment, &Drawing), Unproven> {
    receipt.commitment.as_ref().zip(receipt.spec.drawing.as_ref()).ok_or(Unproven::NotCommitted)
}

fn leads<Item: codec::Encode>(path: &Path, item: &Item, index: u32, count: u32, root: &Hash) -> Result<(), Unproven> {
    match path.leads(item, index, count, root) {
        true => Ok(()),
        false => Err(Unproven::WrongPath),
    }
}

#[cfg(test)]
mod tests;
