//! What a client asked for, as it is handed to miners.

use std::sync::Arc;

use bytes::Bytes;
use cuckoo_primitives::{
    settlement::Price,
    task::{
        seed::{given, Seed},
        TaskId,
    },
};
use cuckoo_wire::{link, money::price_to_wire};
use rand::RngCore;
use tokio::time::Instant;

use crate::{request_memory::TakenMemory, store::now_ms};

/// One try of one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AttemptId {
    /// The task.
    pub(crate) task: TaskId,
    /// Which try, counted from 0.
    pub(crate) attempt: u32,
}

/// A task.
#[derive(Debug)]
pub(crate) struct ClientTask {
    /// Chosen at random for this task.
    pub(crate) id: TaskId,
    /// What the model must be for.
    pub(crate) kind: link::ModelKind,
    /// What is paid for it.
    pub(crate) price: Price,
    /// What all its attempts share: attempt and times are zero, and it has a seed only if the client named one. Whoever waits for a slot refers to it weakly, so that it
    /// takes no memory once the client has gone.
    pub(crate) task: Arc<link::Task>,
    /// The client's key.
    pub(crate) api_key_id: Option<Arc<str>>,
    /// When it arrived.
    pub(crate) arrived: Instant,
    /// When it must be done.
    pub(crate) deadline: Instant,
    /// Held until the task ends: what the client sent lives in `task`.
    pub(crate) _memory: Arc<TakenMemory>,
}

/// What all attempts of a task share; `seed` is the number that the client named.
pub(crate) fn task_of(
    id: &TaskId,
    model: String,
    work: link::task::Work,
    seed: Option<u64>,
    price: &Price,
) -> Arc<link::Task> {
    Arc::new(link::Task {
        task_id: Bytes::copy_from_slice(id),
        attempt: 0,
        model,
        timeout_ms: 0,
        work: Some(work),
        price: Some(price_to_wire(price)),
        seed: seed.map(|number| link::task::Seed::Fixed(Bytes::copy_from_slice(&given(number)))),
        ..Default::default()
    })
}

impl ClientTask {
    /// The task's id as clients see it.
    pub(crate) fn id_hex(&self) -> String {
        hex::encode(self.id)
    }

    /// The message for one attempt.
    pub(crate) fn message(&self, attempt: u32) -> link::Task {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let timeout_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let now_ms = u64::try_from(now_ms()).unwrap_or(0);
        let deadline_ms = now_ms.saturating_add(timeout_ms);
        link::Task { attempt, timeout_ms, deadline_ms, seed: self.seed(), ..(*self.task).clone() }
    }

    /// What the client named, else half of a secret: the miner has the other half.
    fn seed(&self) -> Option<link::task::Seed> {
        let is_drawn = self.embedding_inputs().is_none();
        let nonce = || {
            let mut nonce = [0; 32];
            rand::rng().fill_bytes(&mut nonce);
            link::task::Seed::Nonce(Bytes::copy_from_slice(&nonce))
        };
        self.task.seed.clone().or_else(|| is_drawn.then(nonce))
    }

    /// What the client asked for.
    pub(crate) fn model(&self) -> &str {
        &self.task.model
    }

    /// Tokens that the client wants at most; `None` if only the context bounds them.
    pub(crate) fn max_tokens(&self) -> Option<u32> {
        self.sampling().map(|sampling| sampling.max_tokens).filter(|max| *max > 0)
    }

    /// Alternatives whose log-probabilities the client wants for each token; `None` if it wants none at all.
    pub(crate) fn top_logprobs(&self) -> Option<u32> {
        self.sampling()?.logprobs
    }

    /// How its tokens are drawn; `None` for tasks whose answer is no text.
    pub(super) fn sampling(&self) -> Option<&link::Sampling> {
        match self.task.work.as_ref()? {
            link::task::Work::Chat(chat) => chat.sampling.as_ref(),
            link::task::Work::Completion(completion) => completion.sampling.as_ref(),
            link::task::Work::Embedding(_) => None,
        }
    }

    /// The same task for whoever goes on behind `tokens`, which others have drawn from `seed`.
    pub(super) fn behind(&self, tokens: Vec<u32>, seed: &Seed) -> Self {
        let mut task = (*self.task).clone();
        let sampling = match &mut task.work {
            Some(link::task::Work::Chat(chat)) => chat.sampling.as_mut(),
            Some(link::task::Work::Completion(completion)) => completion.sampling.as_mut(),
            Some(link::task::Work::Embedding(_)) | None => None,
        };
        if let Some(sampling) = sampling.filter(|sampling| sampling.max_tokens > 0) {
            // 0 would be no limit. Tokens are gone on from only if others may follow.
            let before = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
            sampling.max_tokens = sampling.max_tokens.saturating_sub(before).max(1);
        }
        task.seed = Some(link::task::Seed::Fixed(Bytes::copy_from_slice(seed)));
        task.resumed = tokens;
        let Self { id, kind, price, arrived, deadline, .. } = *self;
        let (api_key_id, memory) = (self.api_key_id.clone(), self._memory.clone());
        Self { id, kind, price, task: Arc::new(task), api_key_id, arrived, deadline, _memory: memory }
    }

    /// What of the prompt the answer begins with.
    pub(crate) fn repeated(&self) -> &str {
        match &self.task.work {
            Some(link::task::Work::Completion(completion)) if completion.echo => &completion.prompt,
            _ => "",
        }
    }

    /// Inputs to be embedded; `None` for tasks whose answer is text.
    pub(crate) fn embedding_inputs(&self) -> Option<usize> {
        match self.task.work.as_ref()? {
            link::task::Work::Embedding(embedding) => Some(embedding.inputs.len()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(max_tokens: u32) -> ClientTask {
        let sampling = Some(link::Sampling { max_tokens, temperature: 1.0, ..Default::default() });
        let work = link::task::Work::Completion(link::Completion { prompt: "Once".into(), sampling, echo: true });
        ClientTask {
            id: [1; 16],
            kind: link::ModelKind::Chat,
            price: Price::default(),
            task: task_of(&[1; 16], "m".into(), work, None, &Price::default()),
            api_key_id: Some("key".into()),
            arrived: Instant::now(),
            deadline: Instant::now(),
            _memory: Arc::default(),
        }
    }

    #[test]
    fn whoever_goes_on_has_the_tokens_their_seed_and_the_rest_of_the_limit() {
        let whole = task(10);
        let rest = whole.behind(vec![5, 6, 7], &[9; 32]);
        let message = rest.message(2);
        assert_eq!((message.attempt, message.resumed, rest.max_tokens()), (2, vec![5, 6, 7], Some(7)));
        assert_eq!(message.seed, Some(link::task::Seed::Fixed(vec![9; 32].into())));
        assert_eq!((rest.api_key_id, rest.deadline), (whole.api_key_id.clone(), whole.deadline));
        assert_eq!(task(0).behind(vec![5], &[9; 32]).max_tokens(), None);
        assert_eq!(task(1).behind(vec![5], &[9; 32]).max_tokens(), Some(1), "0 would be no limit");
    }

    #[test]
    fn every_attempt_that_begins_has_a_nonce_of_its_own() {
        let seed = |attempt| task(0).message(attempt).seed;
        assert!(matches!(seed(0), Some(link::task::Seed::Nonce(nonce)) if nonce.len() == 32));
        assert_ne!(seed(0), seed(0));
    }
}
