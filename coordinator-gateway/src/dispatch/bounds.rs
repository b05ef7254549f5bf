//! What an honest answer to a task can be at most.
//!
//! How many tokens the bytes of an answer can have taken is no matter of these bounds: models read instructions and write
//! thoughts that nobody sees, so that honest counts have no other end than the context and the client's wish. What of them
//! is paid is bounded by the bytes that both sides have seen, see [`cuckoo_wire::charge`].

use cuckoo_wire::link::task::Work;
use tokio::time::Instant;

use super::task::ClientTask;
use crate::link::OfferedModel;

/// Bytes of text that a token makes at most, on the average; single tokens may make more.
const BYTES_PER_TOKEN: usize = 128;
/// What a token's number takes, and its part of the signatures over them.
const BYTES_PER_NUMBER: usize = 8;
/// Bytes above what the tokens allow, so that short answers are never the exception.
const SPARE_BYTES: usize = 64 * 1024;
/// What the report of a token, and of each alternative to it, weighs at most, on the average; see
/// [`weight_of`](super::weight_of).
const BYTES_PER_REPORT: usize = 128;
/// Most bytes that one attempt may answer, whatever the task.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;
/// Most bytes of one vector.
pub(super) const MAX_VECTOR_BYTES: usize = 64 * 1024;

/// What an attempt may answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Most tokens of the answer.
    pub(super) max_tokens: u32,
    /// How many vectors there must be; `None` if the answer is text.
    pub(super) vectors: Option<usize>,
    /// Alternatives whose log-probabilities are reported for each token at most; `None` if there are no reports.
    pub(super) top_logprobs: Option<u32>,
    /// Most bytes of the whole answer.
    pub(super) max_bytes: usize,
    /// When all must be done.
    pub(super) deadline: Instant,
}

impl Bounds {
    /// The bounds of `spec` on a miner that offers `model`.
    pub(super) fn new(spec: &ClientTask, model: &OfferedModel) -> Self {
        let context = model.context_tokens;
        let inputs = spec.embedding_inputs();
        let echo_bytes = match &spec.task.work {
            Some(Work::Completion(completion)) if completion.echo => completion.prompt.len(),
            _ => 0,
        };
        let top_logprobs = spec.top_logprobs();
        let max_tokens = match inputs {
            Some(_) => 0,
            None => spec.max_tokens().unwrap_or(context).min(context),
        };
        let bytes = match inputs {
            Some(inputs) => inputs.saturating_mul(MAX_VECTOR_BYTES),
            None => {
                // One for the token itself, and one for what is around them.
                let reports = top_logprobs.map_or(0, |top| top as usize + 2);
                let per_token =
                    (BYTES_PER_TOKEN + BYTES_PER_NUMBER).saturating_add(BYTES_PER_REPORT.saturating_mul(reports));
                (max_tokens as usize).saturating_mul(per_token).saturating_add(echo_bytes + SPARE_BYTES)
            }
        };
        Self {
            max_tokens,
            vectors: inputs,
            top_logprobs,
            max_bytes: bytes.min(MAX_ANSWER_BYTES),
            deadline: spec.deadline,
        }
    }
}

#[cfg(test)]
impl Bounds {
    /// Of an answer of text.
    pub(super) fn of_text(max_tokens: u32, deadline: Instant) -> Self {
        let max_bytes = MAX_ANSWER_BYTES;
        Self { max_tokens, vectors: None, top_logprobs: None, max_bytes, deadline }
    }

    /// Of the vectors of so many inputs.
    pub(super) fn of_vectors(inputs: usize, deadline: Instant) -> Self {
        Self { vectors: Some(inputs), ..Self::of_text(0, deadline) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::task::task_of;
    use cuckoo_primitives::{settlement::Price, Hash};
    use cuckoo_wire::link::{self, ModelKind};

    fn bounds(work: Work) -> Bounds {
        let spec = ClientTask {
            id: [0; 16],
            kind: ModelKind::Chat,
            price: Price::default(),
            task: task_of(&[0; 16], "m".into(), work, None, &Price::default()),
            api_key_id: None,
            arrived: Instant::now(),
            deadline: Instant::now(),
            _memory: Default::default(),
        };
        let model = OfferedModel {
            id: "m".into(),
            kind: ModelKind::Chat,
            model_root: Hash::zero(),
            context_tokens: 8_192,
            numeric_class: String::new(),
            ask: Price::default(),
        };
        Bounds::new(&spec, &model)
    }

    fn completion(prompt: &str, echo: bool, max_tokens: u32) -> Work {
        let sampling = Some(link::Sampling { max_tokens, ..Default::default() });
        Work::Completion(link::Completion { prompt: prompt.into(), sampling, echo })
    }

    #[test]
    fn an_echoed_prompt_needs_room_too() {
        let bytes = |echo| bounds(completion(&"x".repeat(5_000), echo, 5)).max_bytes;
        assert_eq!(bytes(true), bytes(false) + 5_000);
    }

    #[test]
    fn each_input_has_a_vector() {
        let inputs = vec!["x".repeat(100_000); 3];
        let embedding = bounds(Work::Embedding(link::Embedding { inputs }));
        assert_eq!((embedding.max_tokens, embedding.max_bytes), (0, 3 * MAX_VECTOR_BYTES));
    }

    #[test]
    fn the_clients_wish_and_the_context_bound_the_answer() {
        assert_eq!(bounds(completion("hi", false, 5)).max_tokens, 5);
        let all = bounds(completion("hi", false, u32::MAX));
        assert_eq!(all.max_tokens, 8_192);
        assert!(all.max_bytes < 2 * 1024 * 1024);
    }
}
