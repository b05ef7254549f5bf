//! What a coordinator sees of a miner's promises: checked with every message of every test.

use std::{collections::HashMap, sync::Mutex};

use codec::DecodeAll;
use cuckoo_primitives::{
    commitment::{hash_of, root},
    evidence::{SignedDelivered, SignedReceipt, SignedSpec},
    task::{seed::Share, Delivered, Finish, Receipt, TaskSpec, SIGNED_EVERY},
    Hash,
};
use cuckoo_wire::{
    handshake::Handshake,
    link::{miner_message::Message, Accept, Model, Output, Result as TaskResult, Task},
    shares::SeenShares,
    spec::{seed_of, spec, takes_share, Between, ServingModel},
};

/// Names an attempt on one link.
type Id = (Vec<u8>, u32);

/// One link as its coordinator sees it.
pub(crate) struct Watched {
    between: Between,
    shares: SeenShares,
    models: Vec<Model>,
    given: Mutex<HashMap<Id, Task>>,
    attempts: HashMap<Id, Attempt>,
    /// Attempts in the order in which they were accepted.
    order: Vec<Id>,
}

/// An attempt that was accepted.
pub(crate) struct Attempt {
    pub(crate) spec: TaskSpec,
    /// Numbers of the tokens that came, the one that ends the text included.
    pub(crate) tokens: Vec<u32>,
    counted: u32,
    signed: u32,
    has_ended: bool,
}

impl Attempt {
    /// Whether anything of it was signed for.
    pub(crate) fn is_signed(&self) -> bool {
        self.signed > 0
    }
}

impl Watched {
    /// Nothing yet, of a link on which the miner has announced its shares.
    pub(crate) fn new(handshake: &Handshake, end: Share) -> Self {
        let between = Between {
            genesis: handshake.genesis,
            link: handshake.link_hash(),
            coordinator: handshake.coordinator.clone(),
            miner: handshake.miner.clone(),
        };
        Self {
            between,
            shares: SeenShares::new(end),
            models: Vec::new(),
            given: Mutex::default(),
            attempts: HashMap::new(),
            order: Vec::new(),
        }
    }

    /// The hash that names the link.
    pub(crate) fn link(&self) -> Hash {
        self.between.link
    }

    /// This attempt, which was accepted.
    pub(crate) fn attempt(&self, task: &Task) -> &Attempt {
        &self.attempts[&(task.task_id.to_vec(), task.attempt)]
    }

    /// Whether this attempt was accepted.
    pub(crate) fn is_accepted(&self, task: &Task) -> bool {
        self.attempts.contains_key(&(task.task_id.to_vec(), task.attempt))
    }

    /// Last bytes of the tasks' ids, in the order in which they were accepted.
    pub(crate) fn order(&self) -> Vec<u8> {
        self.order.iter().map(|(task_id, _)| task_id[15]).collect()
    }

    pub(crate) fn given(&self, task: &Task) {
        self.given.lock().unwrap().insert((task.task_id.to_vec(), task.attempt), task.clone());
    }

    /// Checks a message against all before it.
    pub(crate) fn came(&mut self, message: &Message) {
        match message {
            Message::Offer(offer) => self.models = offer.models.clone(),
            Message::Accept(accept) => self.accepted(accept),
            Message::Output(output) => self.output(output),
            Message::Result(result) => self.result(result),
            Message::Failure(failure) => {
                // Of an attempt that has ended it is the refusal to begin it once more.
                if let Some(attempt) = self.attempts.get_mut(&(failure.task_id.to_vec(), failure.attempt)) {
                    attempt.has_ended = true;
                }
            }
            _ => {}
        }
    }

    fn accepted(&mut self, accept: &Accept) {
        let id = (accept.task_id.to_vec(), accept.attempt);
        let task = self.given.lock().unwrap().get(&id).cloned().expect("nobody gave this task");
        let share = takes_share(&task).then(|| {
            let share: Share = accept.share[..].try_into().expect("a share has 32 bytes");
            assert!(self.shares.take(&share), "shares come in their order");
            share
        });
        assert_eq!(share.is_none(), accept.share.is_empty());
        let model = self.models.iter().find(|model| model.id == task.model).expect("a model of the offer");
        let serving = ServingModel {
            model_root: Hash::from_slice(&model.model_root),
            context_tokens: model.context_tokens,
            numeric_class: &model.numeric_class,
        };
        let seed = seed_of(&task, &self.between.genesis, share.as_ref()).unwrap();
        let spec = spec(&task, &self.between, &serving, seed).unwrap();
        let signed = SignedSpec { spec: spec.clone(), signature: accept.signature[..].try_into().unwrap() };
        assert!(signed.is_signed(&self.between.genesis), "what was accepted is what was asked");
        let attempt = Attempt { spec, tokens: Vec::new(), counted: 0, signed: 0, has_ended: false };
        assert!(self.attempts.insert(id.clone(), attempt).is_none(), "an attempt is accepted once");
        self.order.push(id);
    }

    fn output(&mut self, output: &Output) {
        let id = (output.task_id.to_vec(), output.attempt);
        let attempt = self.attempts.get_mut(&id).expect("the attempt is accepted before anything else of it");
        assert!(!attempt.has_ended, "nothing follows the end");
        attempt.counted += output.tokens;
        if attempt.spec.drawing.is_none() {
            assert!(output.token_ids.is_empty() && output.signature.is_empty());
            return;
        }
        assert_eq!(attempt.tokens.len(), (attempt.counted - output.tokens) as usize, "nothing follows the last token");
        attempt.tokens.extend(&output.token_ids);
        let ends = output.token_ids.len() as i64 - i64::from(output.tokens);
        assert!((0..=1).contains(&ends), "each token has its number");
        let tokens = attempt.tokens.len() as u32;
        if !output.signature.is_empty() {
            let TaskSpec { task_id, attempt: number, link, miner, .. } = attempt.spec.clone();
            let tokens_root = tokens_root(&attempt.tokens);
            let delivered = Delivered { task_id, attempt: number, link, miner, tokens, tokens_root };
            let signature = output.signature[..].try_into().unwrap();
            assert!(SignedDelivered { delivered, signature }.is_signed(&self.between.genesis));
            attempt.signed = tokens;
        }
        assert!(tokens - attempt.signed < SIGNED_EVERY, "{} tokens are not signed for", tokens - attempt.signed);
    }

    fn result(&mut self, result: &TaskResult) {
        let id = (result.task_id.to_vec(), result.attempt);
        let attempt = self.attempts.get_mut(&id).expect("the attempt is accepted before it ends");
        assert!(!std::mem::replace(&mut attempt.has_ended, true), "an attempt ends once");
        let receipt = Receipt::decode_all(&mut &result.receipt[..]).unwrap();
        assert_eq!(receipt.spec, attempt.spec, "what was done is what was accepted");
        assert_eq!(receipt.completion_tokens, attempt.counted);
        assert_eq!(receipt.commitment.is_some(), attempt.spec.drawing.is_some());
        if let Some(commitment) = receipt.commitment {
            assert_eq!(commitment.tokens as usize, attempt.tokens.len());
            assert_eq!(commitment.tokens_root, tokens_root(&attempt.tokens));
            if receipt.finish != Finish::Cancelled {
                assert_eq!(attempt.signed, commitment.tokens, "the last piece is signed");
            }
        }
        let signed = SignedReceipt { receipt, signature: result.signature[..].try_into().unwrap() };
        assert!(signed.is_signed(&self.between.genesis));
    }
}

/// The root over these tokens' numbers.
fn tokens_root(tokens: &[u32]) -> Hash {
    root(&tokens.iter().map(hash_of).collect::<Vec<_>>())
}
