//! An attempt that was answered and paid for, as long as it may be audited.

use std::sync::Arc;

use bytes::Bytes;
use cuckoo_audit::economics::Stakes;
use cuckoo_primitives::{
    challenge::AttemptOf,
    evidence::SignedReceipt,
    signing::blake2_256,
    task::{began_ms, Finish, TaskSpec},
    AccountId, Balance, Hash,
};
use cuckoo_wire::link;

/// An attempt that was answered and paid for.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    /// The miner's stash, of which something is thought whatever operator it has.
    pub(crate) stash: AccountId,
    /// What the miner has bonded behind itself, in planck.
    pub(crate) own_stake: Balance,
    /// What it is paid, in planck.
    pub(crate) price: Balance,
    /// The task, as it crossed the link.
    pub(crate) task: Arc<link::Task>,
    /// What the miner has signed.
    pub(crate) receipt: SignedReceipt,
    /// What it has sent, the token that ends the text included.
    pub(crate) tokens: Vec<u32>,
    /// The vectors that it has sent, in the order of the inputs; none of text.
    pub(crate) vectors: Vec<Bytes>,
    /// The numeric class that it offers the model in.
    pub(crate) class: String,
    /// Tokens that prompt and completion may have together, as it offers the model.
    pub(crate) context_tokens: u32,
}

/// Bytes that one takes besides the task and its tokens.
const OVERHEAD_BYTES: usize = 2048;
/// Bytes that something takes besides its own that is allocated by itself.
const ALLOCATED_BYTES: usize = 64;

impl Finished {
    /// What the miner took on.
    pub(crate) fn spec(&self) -> &TaskSpec {
        &self.receipt.receipt.spec
    }

    /// The miner's operator, which opens what it has signed.
    pub(crate) fn miner(&self) -> &AccountId {
        &self.spec().miner
    }

    /// Names it when it is asked about.
    pub(crate) fn attempt(&self) -> AttemptOf {
        AttemptOf::of(self.spec())
    }

    /// When its task began, in milliseconds since 1970; 0 if its id does not say.
    pub(crate) fn began_ms(&self) -> u64 {
        began_ms(&self.spec().task_id).unwrap_or_default()
    }

    /// The share of attempts like this of which more must be audited, for cheating to lose: as if it saved all that it is paid,
    /// and each audit found it out.
    pub(crate) fn bound(&self) -> f64 {
        if self.price == 0 {
            return 0.0;
        }
        let (price, stake) = (self.price as f64, self.own_stake as f64);
        Stakes { saving: price, price, stake, detection: 1.0, colluding: 0.0 }.least_rate()
    }

    /// Whether vectors were asked for.
    pub(crate) fn is_embedding(&self) -> bool {
        matches!(self.task.work, Some(link::task::Work::Embedding(_)))
    }

    /// Whether there is something that tells it from what another model would have made.
    pub(crate) fn can_be_audited(&self) -> bool {
        let is_open = self.receipt.receipt.commitment.is_some_and(|commitment| commitment.tokens > 0);
        is_open || !self.vectors.is_empty()
    }

    /// Whether it was cut off. No receipt is taken that says so of an answer that was not.
    pub(crate) fn was_cancelled(&self) -> bool {
        self.receipt.receipt.finish == Finish::Cancelled
    }

    /// Whether the application had fixed what its tokens are drawn from: a miner can have seen the same before.
    pub(crate) fn has_fixed_seed(&self) -> bool {
        matches!(self.task.seed, Some(link::task::Seed::Fixed(_)))
    }

    /// Names what was asked: equal for equal models, prompts and sampling, whoever asks when.
    pub(crate) fn request(&self) -> Hash {
        use prost::Message;
        let link::Task { model, work, .. } = &*self.task;
        let asked = link::Task { model: model.clone(), work: work.clone(), ..Default::default() };
        blake2_256(&[b"cuckoo/audited-request/v1", self.spec().model_root.as_bytes(), &asked.encode_to_vec()])
    }

    /// What it takes of memory, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        use prost::Message;
        let vectors: usize =
            self.vectors.iter().map(|vector| vector.len() + size_of::<Bytes>() + ALLOCATED_BYTES).sum();
        let inputs = match &self.task.work {
            Some(link::task::Work::Embedding(embedding)) => embedding.inputs.len() * ALLOCATED_BYTES,
            _ => 0,
        };
        OVERHEAD_BYTES + self.task.encoded_len() + self.tokens.len() * size_of::<u32>() + vectors + inputs
    }
}
