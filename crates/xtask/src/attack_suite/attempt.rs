//! An attempt as a miner claims it, honest or not.

use cuckoo_chain_client::{account_of, Keypair};
use cuckoo_engine::{FinishReason, GenerateRequest};
use cuckoo_primitives::{
    commitment::{Leaf, Tree},
    evidence::{Evidence, SignedReceipt, SignedSpec},
    signing::{blake2_256, Statement},
    task::{Commitment, Drawing, Finish, Receipt, TaskSpec},
    AccountId, Hash,
};

use super::{
    player::{leaf, Answer},
    stage::Stage,
};

/// The chain that all of it is on.
pub(super) const GENESIS: Hash = Hash::repeat_byte(1);
/// 2026-01-01 in milliseconds after 1970.
const BEGAN_MS: u64 = 1_767_225_600_000;

/// An attempt as a miner claims it.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    /// What was asked.
    pub(super) request: GenerateRequest,
    /// What the miner has accepted.
    pub(super) accepted: TaskSpec,
    /// What its receipt is for.
    pub(super) spec: TaskSpec,
    /// What was sent, the token that ends the text included.
    pub(super) tokens: Vec<u32>,
    pub(super) text: String,
    /// What the miner commits to.
    pub(super) leaves: Vec<Leaf>,
    /// What it opens, if that is something else.
    pub(super) opened: Option<Vec<Leaf>>,
    pub(super) prompt_tokens: u32,
    pub(super) completion_tokens: u32,
    pub(super) finish: Finish,
    pub(super) was_cancelled: bool,
    /// The chain that the miner signs for.
    pub(super) genesis: Hash,
    /// What else it has signed.
    pub(super) besides: Vec<Evidence>,
}

/// The miner's key.
pub(super) fn miner() -> anyhow::Result<Keypair> {
    Ok(Keypair::from_secret_key([7; 32])?)
}

/// The spec of what `request` asks, in the task of this number.
fn spec(stage: &Stage, request: &GenerateRequest, number: u64) -> anyhow::Result<TaskSpec> {
    let mut task_id = [0; 16];
    task_id[..8].copy_from_slice(&((BEGAN_MS << 16) | 0x7000).to_be_bytes());
    task_id[8..].copy_from_slice(&(number & (u64::MAX >> 2) | 1 << 63).to_be_bytes());
    Ok(TaskSpec {
        task_id,
        attempt: 0,
        link: Hash::repeat_byte(9),
        coordinator: AccountId::from([3; 32]),
        miner: account_of(&miner()?),
        model_root: stage.model_root,
        numeric_class: blake2_256(&[stage.class.as_bytes()]),
        request_hash: blake2_256(&[&number.to_le_bytes()]),
        deadline_ms: BEGAN_MS + 60_000,
        drawing: Some(drawing(request, stage.tokens)),
    })
}

/// How the tokens of a completion are drawn.
pub(super) fn drawing(request: &GenerateRequest, most_tokens: u32) -> Drawing {
    Drawing {
        parameters: request.sampling.draw,
        seed: request.sampling.seed,
        is_shaped: false,
        first_position: 0,
        max_tokens: request.sampling.max_tokens.unwrap_or(most_tokens),
    }
}

impl Attempt {
    /// `answer` as the answer to what `request` asks.
    pub(super) fn new(stage: &Stage, number: u64, request: &GenerateRequest, answer: &Answer) -> anyhow::Result<Self> {
        let spec = spec(stage, request, number)?;
        Ok(Self {
            request: request.clone(),
            accepted: spec.clone(),
            spec,
            tokens: answer.tokens(),
            text: answer.text.clone(),
            leaves: answer.drawn.iter().map(leaf).collect::<Result<_, _>>()?,
            opened: None,
            prompt_tokens: answer.prompt_tokens,
            completion_tokens: answer.completion_tokens,
            finish: match answer.finish {
                FinishReason::Stop => Finish::Stop,
                FinishReason::Length => Finish::Length,
            },
            was_cancelled: false,
            genesis: GENESIS,
            besides: Vec::new(),
        })
    }

    pub(super) fn drawing(&self) -> Drawing {
        drawing(&self.request, self.completion_tokens)
    }

    /// What it opens.
    pub(super) fn opened(&self) -> &[Leaf] {
        self.opened.as_deref().unwrap_or(&self.leaves)
    }

    /// Keeps the first `count` tokens.
    pub(super) fn cut(&mut self, count: usize) {
        self.tokens.truncate(count);
        self.leaves.truncate(count);
        self.completion_tokens = self.completion_tokens.min(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// The receipt that the miner signs.
    pub(super) fn receipt(&self) -> Receipt {
        let (tokens, leaves): (Tree, Tree) = (self.tokens.iter().collect(), self.leaves.iter().collect());
        Receipt {
            spec: self.spec.clone(),
            output_hash: blake2_256(&[self.text.as_bytes()]),
            prompt_tokens: self.prompt_tokens,
            completion_tokens: self.completion_tokens,
            finish: self.finish,
            commitment: Some(Commitment {
                tokens: tokens.len(),
                tokens_root: tokens.root(),
                leaves_root: leaves.root(),
            }),
        }
    }

    /// What the miner has signed when it accepted the attempt.
    pub(super) fn accept(&self) -> anyhow::Result<SignedSpec> {
        let signature = miner()?.sign(self.accepted.signing_hash(&self.genesis).as_bytes()).0;
        Ok(SignedSpec { spec: self.accepted.clone(), signature })
    }

    /// The receipt, signed.
    pub(super) fn sign(&self) -> anyhow::Result<SignedReceipt> {
        let receipt = self.receipt();
        let signature = miner()?.sign(receipt.signing_hash(&self.genesis).as_bytes()).0;
        Ok(SignedReceipt { receipt, signature })
    }
}
