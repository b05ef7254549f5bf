//! What this miner takes on with the tasks of one link.

use std::iter::Peekable;

use cuckoo_chain_client::Keypair;
use cuckoo_engine::ModelInfo;
use cuckoo_primitives::{
    signing::Statement,
    task::{
        seed::{Seed, Share},
        TaskSpec,
    },
    Hash,
};
use cuckoo_wire::{
    link::{self, FailureCode},
    shares::Shares,
    spec::{seed_of, spec, takes_share, BadTask, Between, ServingModel},
};

use super::work::Failed;

/// What this miner takes on with the tasks of one link: makes their seeds and signs for them.
pub(super) struct Terms {
    between: Between,
    /// Of seeds. Only what was sent is used up, so that the coordinator sees them without a gap.
    shares: Peekable<Shares>,
}

/// What is taken on with one task. Nobody has heard of it yet.
pub(super) struct Agreed {
    pub(super) spec: TaskSpec,
    /// What its tokens are drawn from, whether that can be checked or not.
    pub(super) seed: Option<Seed>,
    share: Option<Share>,
}

impl Terms {
    /// Those of a link on which the shares have just been announced.
    pub(super) fn new(between: Between, shares: Shares) -> Self {
        Self { between, shares: shares.peekable() }
    }

    /// What is taken on if `model` works on `task`, or why it cannot be.
    pub(super) fn of(&mut self, task: &link::Task, model: &ModelInfo) -> Result<Agreed, Failed> {
        let share = match takes_share(task) {
            true => Some(*self.shares.peek().ok_or_else(|| Failed::new(FailureCode::Draining, SPENT))?),
            false => None,
        };
        let bad = |error: BadTask| Failed::new(FailureCode::InvalidRequest, error.to_string());
        let seed = seed_of(task, &self.between.genesis, share.as_ref()).map_err(bad)?;
        let serving = ServingModel {
            model_root: Hash::from(model.model_root),
            context_tokens: model.context_tokens,
            numeric_class: &model.numeric_class,
        };
        let spec = spec(task, &self.between, &serving, seed).map_err(bad)?;
        Ok(Agreed { spec, seed, share })
    }

    /// The message by which this miner takes it on, to be sent whatever happens: it uses up the share.
    pub(super) fn accept(&mut self, agreed: &Agreed, key: &Keypair) -> link::Accept {
        let share = agreed.share.map(|share| {
            self.shares.next();
            share.to_vec()
        });
        let signature = key.sign(agreed.spec.signing_hash(&self.between.genesis).as_bytes()).0;
        link::Accept {
            task_id: agreed.spec.task_id.to_vec().into(),
            attempt: agreed.spec.attempt,
            share: share.unwrap_or_default().into(),
            signature: signature.to_vec().into(),
        }
    }
}

/// Said when the link can take on no more.
pub(super) const SPENT: &str = "this link has carried all that it may";

#[cfg(test)]
mod tests {
    use super::*;
    use cuckoo_chain_client::account_of;
    use cuckoo_engine::ModelKind;
    use cuckoo_primitives::{evidence::SignedSpec, fixture, AccountId};
    use cuckoo_wire::{
        link::{task, Completion, Embedding, Sampling, Task},
        shares::SeenShares,
    };
    use subxt_signer::sr25519::dev;

    fn between() -> Between {
        Between {
            genesis: Hash::repeat_byte(1),
            link: Hash::repeat_byte(9),
            coordinator: AccountId::from([3; 32]),
            miner: account_of(&dev::bob()),
        }
    }

    fn terms(shares: usize) -> (Terms, SeenShares) {
        let shares = Shares::new([7; 32], shares);
        let seen = SeenShares::new(*shares.end());
        (Terms::new(between(), shares), seen)
    }

    fn model() -> ModelInfo {
        ModelInfo {
            id: "m".into(),
            kind: ModelKind::Chat,
            model_root: [5; 32],
            context_tokens: 64,
            numeric_class: "cpu".into(),
        }
    }

    fn task(seed: Option<task::Seed>) -> Task {
        let sampling = Some(Sampling { top_p: 1.0, temperature: 1.0, ..Default::default() });
        let work = Completion { prompt: "Once".into(), sampling, echo: false };
        Task {
            task_id: fixture::TASK.to_vec().into(),
            deadline_ms: fixture::TASK_BEGAN_MS + 1,
            work: Some(task::Work::Completion(work)),
            seed,
            ..Default::default()
        }
    }

    fn nonce(byte: u8) -> Option<task::Seed> {
        Some(task::Seed::Nonce(vec![byte; 32].into()))
    }

    #[test]
    fn what_is_accepted_is_what_the_coordinator_makes_of_the_task() {
        let (mut terms, mut seen) = terms(3);
        for byte in 0..3 {
            let task = task(nonce(byte));
            let agreed = terms.of(&task, &model()).unwrap();
            let accept = terms.accept(&agreed, &dev::bob());
            let share: Share = accept.share[..].try_into().unwrap();
            assert!(seen.take(&share));
            let seed = seed_of(&task, &between().genesis, Some(&share)).unwrap();
            let serving = ServingModel { model_root: Hash::repeat_byte(5), context_tokens: 64, numeric_class: "cpu" };
            let expected = spec(&task, &between(), &serving, seed).unwrap();
            assert_eq!((&agreed.spec, agreed.seed), (&expected, seed));
            let signed = SignedSpec { spec: expected, signature: accept.signature[..].try_into().unwrap() };
            assert!(signed.is_signed(&between().genesis));
        }
        let Err(failed) = terms.of(&task(nonce(9)), &model()) else { panic!("there is no share left") };
        assert_eq!(failed.code, FailureCode::Draining);
    }

    #[test]
    fn a_share_is_used_up_by_accepting_alone() {
        let (mut terms, mut seen) = terms(2);
        terms.of(&task(nonce(1)), &model()).unwrap();
        let fixed = terms.of(&task(Some(task::Seed::Fixed(vec![4; 32].into()))), &model()).unwrap();
        assert_eq!((fixed.seed, terms.accept(&fixed, &dev::bob()).share.is_empty()), (Some([4; 32]), true));
        let agreed = terms.of(&task(nonce(2)), &model()).unwrap();
        assert!(seen.take(&terms.accept(&agreed, &dev::bob()).share[..].try_into().unwrap()));
    }

    #[test]
    fn tasks_without_a_whole_seed_are_refused() {
        let (mut terms, _) = terms(2);
        let short = [task::Seed::Nonce(vec![1; 31].into()), task::Seed::Fixed(vec![1; 33].into())];
        for seed in [None].into_iter().chain(short.map(Some)) {
            let Err(failed) = terms.of(&task(seed), &model()) else { panic!("it is taken") };
            assert_eq!(failed.code, FailureCode::InvalidRequest, "{}", failed.reason);
        }
    }

    #[test]
    fn what_nobody_can_check_has_a_seed_and_no_drawing() {
        let (mut terms, _) = terms(2);
        let fronted = ModelInfo { numeric_class: "unverified/vllm".into(), ..model() };
        let agreed = terms.of(&task(Some(task::Seed::Fixed(vec![4; 32].into()))), &fronted).unwrap();
        assert_eq!((agreed.seed, agreed.spec.drawing), (Some([4; 32]), None));
        let work = Some(task::Work::Embedding(Embedding { inputs: vec!["a".into()] }));
        let agreed = terms.of(&Task { work, ..task(None) }, &model()).unwrap();
        assert_eq!((agreed.seed, agreed.spec.drawing), (None, None));
    }
}
