//! What a miner has taken on, as both sides understand it.

use cuckoo_primitives::{
    evidence::SignedSpec,
    task::{seed::Share, TaskSpec},
    Signature,
};
use cuckoo_wire::{
    handshake::fixed,
    link,
    spec::{seed_of, spec, takes_share, Between, ServingModel},
};

use super::failure::Failure;
use crate::link::OfferedModel;

/// What a miner has taken on.
#[derive(Clone, Debug)]
pub(super) struct Agreement {
    /// As it is in its receipt.
    pub(super) spec: TaskSpec,
    signature: Signature,
}

impl Agreement {
    /// From the task as it was sent and what the miner said to it. That the share is the next of its chain was seen when it
    /// came. The signature is not checked: it costs as much as the receipt's, and shows something only if that never comes
    /// or says something else.
    pub(super) fn new(
        task: &link::Task,
        accept: &link::Accept,
        between: &Between,
        model: &OfferedModel,
    ) -> Result<Self, Failure> {
        let share: Option<Share> = match (takes_share(task), accept.share.is_empty()) {
            (true, false) => {
                Some(fixed("share", &accept.share).map_err(|_| Failure::Violation("half a share of the seed"))?)
            }
            (false, true) => None,
            (true, true) => return Err(Failure::Violation("no share of the seed")),
            (false, false) => return Err(Failure::Violation("a share of a seed that was fixed")),
        };
        let ours = |_| Failure::Violation("a task that cannot be taken on");
        let seed = seed_of(task, &between.genesis, share.as_ref()).map_err(ours)?;
        let serving = ServingModel {
            model_root: model.model_root,
            context_tokens: model.context_tokens,
            numeric_class: &model.numeric_class,
        };
        let signature = fixed("signature", &accept.signature).map_err(|_| Failure::Violation("half a signature"))?;
        Ok(Self { spec: spec(task, between, &serving, seed).map_err(ours)?, signature })
    }

    /// What the miner has signed, if that is what it has.
    pub(super) fn signed(&self) -> SignedSpec {
        SignedSpec { spec: self.spec.clone(), signature: self.signature }
    }
}

#[cfg(test)]
impl Agreement {
    /// With what may be the miner's signature.
    pub(super) fn with_signature(spec: TaskSpec, signature: Signature) -> Self {
        Self { spec, signature }
    }
}

#[cfg(test)]
mod tests {
    use cuckoo_chain_client::account_of;
    use cuckoo_primitives::{settlement::Price, signing::Statement, task::seed, AccountId, Hash};
    use cuckoo_wire::link::{task, Completion, ModelKind, Sampling};
    use subxt_signer::sr25519::dev;

    use super::*;

    fn between() -> Between {
        Between {
            genesis: Hash::repeat_byte(1),
            link: Hash::repeat_byte(9),
            coordinator: AccountId::from([3; 32]),
            miner: account_of(&dev::bob()),
        }
    }

    fn model() -> OfferedModel {
        OfferedModel {
            id: "m".into(),
            kind: ModelKind::Chat,
            model_root: Hash::repeat_byte(5),
            context_tokens: 64,
            numeric_class: "cpu".into(),
            ask: Price::default(),
        }
    }

    fn task(seed: task::Seed) -> link::Task {
        let sampling = Some(Sampling { top_p: 1.0, temperature: 1.0, ..Default::default() });
        let work = Completion { prompt: "Once".into(), sampling, echo: false };
        link::Task {
            task_id: vec![7; 16].into(),
            work: Some(task::Work::Completion(work)),
            seed: Some(seed),
            ..Default::default()
        }
    }

    fn accept(share: &[u8]) -> link::Accept {
        link::Accept { share: share.to_vec().into(), signature: vec![0; 64].into(), ..Default::default() }
    }

    fn agreed(seed: task::Seed, accept: &link::Accept) -> Result<Agreement, Failure> {
        Agreement::new(&task(seed), accept, &between(), &model())
    }

    fn nonce() -> task::Seed {
        task::Seed::Nonce(vec![8; 32].into())
    }

    #[test]
    fn both_shares_make_the_seed() {
        let agreed = agreed(nonce(), &accept(&[4; 32])).unwrap();
        let expected = seed::shared(&Hash::repeat_byte(1), &[7; 16], &[8; 32], &[4; 32]);
        assert_eq!(agreed.spec.drawing.unwrap().seed, expected);
        assert_eq!((agreed.spec.miner, agreed.spec.link), (account_of(&dev::bob()), Hash::repeat_byte(9)));
    }

    #[test]
    fn what_the_miner_signed_can_be_shown() {
        let mut accept = accept(&[4; 32]);
        let spec = agreed(nonce(), &accept).unwrap().spec;
        let genesis = between().genesis;
        assert!(!agreed(nonce(), &accept).unwrap().signed().is_signed(&genesis));
        accept.signature = dev::bob().sign(spec.signing_hash(&genesis).as_bytes()).0.to_vec().into();
        assert!(agreed(nonce(), &accept).unwrap().signed().is_signed(&genesis));
    }

    #[test]
    fn a_share_comes_where_one_is_wanted() {
        let fixed = || task::Seed::Fixed(vec![6; 32].into());
        assert_eq!(agreed(fixed(), &accept(&[])).unwrap().spec.drawing.unwrap().seed, [6; 32]);
        let short = link::Accept { signature: vec![0; 63].into(), ..accept(&[4; 32]) };
        for (seed, accept) in
            [(fixed(), accept(&[4; 32])), (nonce(), accept(&[])), (nonce(), accept(&[4; 31])), (nonce(), short)]
        {
            assert!(matches!(agreed(seed, &accept), Err(Failure::Violation(_))), "{accept:?}");
        }
    }
}
