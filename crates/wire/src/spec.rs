//! What exactly a miner takes on with a task: one function for both sides, so that they cannot disagree.

use cuckoo_primitives::{
    signing::blake2_256,
    task::{
        seed::{self, Seed, Share},
        Drawing, TaskSpec,
    },
    AccountId, Hash,
};

use crate::{
    handshake::{fixed, WrongLength},
    link::{task, Sampling, Task},
    request::request_hash,
    sampling::parameters,
};

/// Beginning of the names of classes whose draws cannot be checked.
pub const UNVERIFIED: &str = "unverified/";

/// The link over which a task comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Between {
    /// Genesis hash of the chain that both sides are on.
    pub genesis: Hash,
    /// The signing hash that opened the link.
    pub link: Hash,
    /// The coordinator's operator.
    pub coordinator: AccountId,
    /// The miner's operator.
    pub miner: AccountId,
}

/// The model that works on a task, as the miner offers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServingModel<'a> {
    /// sha256 over its files.
    pub model_root: Hash,
    /// Tokens that prompt and completion may have together.
    pub context_tokens: u32,
    /// Names build, kernels, instruction set, quantisation and device.
    pub numeric_class: &'a str,
}

impl ServingModel<'_> {
    /// Whether its draws can be checked.
    pub fn is_verified(&self) -> bool {
        !self.numeric_class.starts_with(UNVERIFIED)
    }
}

/// Why a task cannot be taken on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTask {
    /// A field has the wrong size.
    #[error(transparent)]
    Field(#[from] WrongLength),
    /// A text is to be drawn, and nothing says from which seed; or it has a nonce, and no share makes a seed of it.
    #[error("it has no seed")]
    NoSeed,
    /// It says nothing of sampling.
    #[error("it has no sampling")]
    NoSampling,
}

/// Whether the miner's next share is needed for the task's seed.
pub fn takes_share(task: &Task) -> bool {
    matches!(task.seed, Some(task::Seed::Nonce(_)))
}

/// The seed of the task's draws; `None` if it has none. `share` is the miner's, of tasks that take one.
pub fn seed_of(task: &Task, genesis: &Hash, share: Option<&Share>) -> Result<Option<Seed>, BadTask> {
    match &task.seed {
        None => Ok(None),
        Some(task::Seed::Fixed(seed)) => Ok(Some(fixed("task.fixed", seed)?)),
        Some(task::Seed::Nonce(nonce)) => {
            let (task_id, nonce) = (fixed("task.task_id", &task.task_id)?, fixed("task.nonce", nonce)?);
            let share = share.ok_or(BadTask::NoSeed)?;
            Ok(Some(seed::shared(genesis, &task_id, &nonce, share)))
        }
    }
}

/// What `model`'s miner takes on with `task`, drawn from `seed`, see [`seed_of`].
pub fn spec(task: &Task, between: &Between, model: &ServingModel<'_>, seed: Option<Seed>) -> Result<TaskSpec, BadTask> {
    let drawing = match &task.work {
        Some(task::Work::Chat(chat)) => Some(drawing(task, chat.sampling.as_ref(), model, seed)?),
        Some(task::Work::Completion(completion)) => Some(drawing(task, completion.sampling.as_ref(), model, seed)?),
        Some(task::Work::Embedding(_)) | None => None,
    };
    Ok(TaskSpec {
        task_id: fixed("task.task_id", &task.task_id)?,
        attempt: task.attempt,
        link: between.link,
        coordinator: between.coordinator.clone(),
        miner: between.miner.clone(),
        model_root: model.model_root,
        numeric_class: class_hash(model.numeric_class),
        request_hash: request_hash(task),
        deadline_ms: task.deadline_ms,
        drawing: drawing.filter(|_| model.is_verified()),
    })
}

/// What stands for the name of a numeric class in what is signed.
pub fn class_hash(numeric_class: &str) -> Hash {
    blake2_256(&[numeric_class.as_bytes()])
}

fn drawing(
    task: &Task,
    sampling: Option<&Sampling>,
    model: &ServingModel<'_>,
    seed: Option<Seed>,
) -> Result<Drawing, BadTask> {
    let sampling = sampling.ok_or(BadTask::NoSampling)?;
    let most = match sampling.max_tokens {
        0 => model.context_tokens,
        some => some.min(model.context_tokens),
    };
    Ok(Drawing {
        parameters: parameters(sampling),
        seed: seed.ok_or(BadTask::NoSeed)?,
        is_shaped: sampling.format.is_some(),
        first_position: u32::try_from(task.resumed.len()).unwrap_or(u32::MAX),
        max_tokens: most,
    })
}

#[cfg(test)]
mod tests {
    use cuckoo_sampler::{Parameters, ONE};

    use super::*;
    use crate::link::{Completion, Embedding};

    const GENESIS: Hash = Hash::repeat_byte(1);

    fn between() -> Between {
        let (coordinator, miner) = (AccountId::from([2; 32]), AccountId::from([3; 32]));
        Between { genesis: GENESIS, link: Hash::repeat_byte(4), coordinator, miner }
    }

    fn model(numeric_class: &str) -> ServingModel<'_> {
        ServingModel { model_root: Hash::repeat_byte(5), context_tokens: 100, numeric_class }
    }

    fn completion(max_tokens: u32) -> Task {
        let sampling = Sampling { max_tokens, temperature: 0.5, top_p: 1.0, ..Default::default() };
        let completion = Completion { prompt: "Once".into(), sampling: Some(sampling), echo: false };
        Task {
            task_id: vec![6; 16].into(),
            attempt: 1,
            deadline_ms: 7,
            work: Some(task::Work::Completion(completion)),
            seed: Some(task::Seed::Nonce(vec![8; 32].into())),
            resumed: vec![1, 2, 3],
            ..Default::default()
        }
    }

    #[test]
    fn both_sides_make_the_same_of_a_task() {
        let task = completion(40);
        assert!(takes_share(&task));
        let seed = seed_of(&task, &GENESIS, Some(&[9; 32])).unwrap().unwrap();
        assert_eq!(seed, seed::shared(&GENESIS, &[6; 16], &[8; 32], &[9; 32]));
        let spec = spec(&task, &between(), &model("cpu"), Some(seed)).unwrap();
        let parameters = Parameters { temperature: ONE / 2, top_k: 64, top_p: ONE };
        let drawing = Drawing { parameters, seed, is_shaped: false, first_position: 3, max_tokens: 40 };
        let expected = TaskSpec {
            task_id: [6; 16],
            attempt: 1,
            link: Hash::repeat_byte(4),
            coordinator: AccountId::from([2; 32]),
            miner: AccountId::from([3; 32]),
            model_root: Hash::repeat_byte(5),
            numeric_class: class_hash("cpu"),
            request_hash: request_hash(&task),
            deadline_ms: 7,
            drawing: Some(drawing),
        };
        assert_eq!(spec, expected);
    }

    #[test]
    fn the_context_bounds_what_may_be_produced() {
        let most = |max_tokens| {
            let spec = spec(&completion(max_tokens), &between(), &model("cpu"), Some([0; 32])).unwrap();
            spec.drawing.unwrap().max_tokens
        };
        assert_eq!([most(0), most(99), most(101)], [100, 99, 100]);
    }

    #[test]
    fn what_nobody_can_check_is_not_drawn() {
        let drawing = |task: &Task, class| spec(task, &between(), &model(class), Some([0; 32])).unwrap().drawing;
        assert_eq!(drawing(&completion(1), "unverified/llama.cpp"), None);
        let work = Some(task::Work::Embedding(Embedding { inputs: vec!["a".into()] }));
        assert_eq!(drawing(&Task { work, ..completion(1) }, "cpu"), None);
    }

    #[test]
    fn a_seed_is_whole_or_refused() {
        let with = |seed, share: Option<&Share>| seed_of(&Task { seed, ..completion(1) }, &GENESIS, share);
        assert_eq!(with(None, None), Ok(None));
        assert_eq!(with(Some(task::Seed::Fixed(vec![5; 32].into())), None), Ok(Some([5; 32])));
        assert_eq!(with(Some(task::Seed::Nonce(vec![5; 32].into())), None), Err(BadTask::NoSeed));
        for short in [task::Seed::Fixed(vec![5; 31].into()), task::Seed::Nonce(vec![5; 31].into())] {
            assert!(matches!(with(Some(short), Some(&[0; 32])), Err(BadTask::Field(_))));
        }
        assert_eq!(spec(&completion(1), &between(), &model("cpu"), None), Err(BadTask::NoSeed));
    }
}
