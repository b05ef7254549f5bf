//! What an honest answer to a task can be at most.
//!
//! Miners count the tokens. The gateway has no tokenizer, but it knows that a token stands for at least one byte of text:
//! nobody can have read more tokens than the prompt has bytes, nor written more than the answer has. What a model adds on
//! its own is covered by generous constants. What is beyond them is a lie; what is paid is counted more strictly, see
//! [`cuckoo_wire::charge`].

use cuckoo_wire::link::task::Work;
use tokio::time::Instant;

use super::task::TaskSpec;
use crate::link::OfferedModel;

/// Tokens that a chat template adds at most, once: a standing instruction, the beginning of the answer.
const TEMPLATE_TOKENS: u64 = 256;
/// Tokens that a template or tokenizer adds at most around each message or input.
const TOKENS_AROUND_EACH: u64 = 64;
/// Tokens that never become text at most: those that end an answer, and those of a stop string.
const HIDDEN_TOKENS: u64 = 512;
/// Bytes of text that a token makes at most, on the average; single tokens may make more.
const BYTES_PER_TOKEN: usize = 128;
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
    /// Most tokens of the prompt.
    pub(super) max_prompt_tokens: u64,
    /// How many vectors there must be; `None` if the answer is text.
    pub(super) vectors: Option<usize>,
    /// Alternatives whose log-probabilities are reported for each token at most; `None` if there are no reports.
    pub(super) top_logprobs: Option<u32>,
    /// Most bytes of the whole answer.
    pub(super) max_bytes: usize,
    /// Bytes at the beginning of the answer that repeat the prompt.
    echo_bytes: usize,
    /// When all must be done.
    pub(super) deadline: Instant,
}

impl Bounds {
    /// The bounds of `spec` on a miner that offers `model`.
    pub(super) fn new(spec: &TaskSpec, model: &OfferedModel) -> Self {
        let context = model.context_tokens;
        let inputs = spec.embedding_inputs();
        let (prompt_bytes, parts) = spec.task.work.as_ref().map(prompt_of).unwrap_or_default();
        let plausible = (prompt_bytes as u64)
            .saturating_add(TOKENS_AROUND_EACH.saturating_mul(parts as u64))
            .saturating_add(TEMPLATE_TOKENS);
        let most = u64::from(context).saturating_mul(inputs.unwrap_or(1) as u64);
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
                let per_token = BYTES_PER_TOKEN.saturating_add(BYTES_PER_REPORT.saturating_mul(reports));
                (max_tokens as usize).saturating_mul(per_token).saturating_add(echo_bytes + SPARE_BYTES)
            }
        };
        Self {
            max_tokens,
            max_prompt_tokens: plausible.min(most),
            vectors: inputs,
            top_logprobs,
            max_bytes: bytes.min(MAX_ANSWER_BYTES),
            echo_bytes,
            deadline: spec.deadline,
        }
    }

    /// Whether an answer of so many bytes of text can have taken so many tokens.
    pub(super) fn can_have_taken(&self, tokens: u32, text_bytes: usize) -> bool {
        let written = text_bytes.saturating_sub(self.echo_bytes) as u64;
        self.vectors.is_some() || u64::from(tokens) <= written.saturating_add(HIDDEN_TOKENS)
    }
}

#[cfg(test)]
impl Bounds {
    /// Of an answer of text.
    pub(super) fn of_text(max_tokens: u32, deadline: Instant) -> Self {
        let max_bytes = MAX_ANSWER_BYTES;
        Self {
            max_tokens,
            max_prompt_tokens: 100,
            vectors: None,
            top_logprobs: None,
            max_bytes,
            echo_bytes: 0,
            deadline,
        }
    }

    /// Of the vectors of so many inputs.
    pub(super) fn of_vectors(inputs: usize, deadline: Instant) -> Self {
        Self { vectors: Some(inputs), ..Self::of_text(0, deadline) }
    }
}

/// Bytes of the prompt, and how many messages or inputs it has.
fn prompt_of(work: &Work) -> (usize, usize) {
    match work {
        Work::Chat(chat) => {
            let bytes = chat.messages.iter().map(|m| m.role.len() + m.name.len() + m.content.len());
            (bytes.sum(), chat.messages.len())
        }
        Work::Completion(completion) => (completion.prompt.len(), 1),
        Work::Embedding(embedding) => (embedding.inputs.iter().map(String::len).sum(), embedding.inputs.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::task::task_of;
    use crate::request_memory::TakenMemory;
    use cuckoo_primitives::{settlement::Price, Hash};
    use cuckoo_wire::link::{self, ModelKind};

    fn bounds(work: Work) -> Bounds {
        let spec = TaskSpec {
            id: [0; 16],
            kind: ModelKind::Chat,
            price: Price::default(),
            task: task_of(&[0; 16], "m".into(), work, &Price::default()),
            api_key_id: None,
            arrived: Instant::now(),
            deadline: Instant::now(),
            _memory: TakenMemory::default(),
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
    fn tokens_need_bytes() {
        let bounds = bounds(completion("hi", false, 0));
        assert_eq!(bounds.max_prompt_tokens, 2 + 64 + 256);
        assert!(bounds.can_have_taken(600, 100));
        assert!(!bounds.can_have_taken(8_000, 100));
    }

    #[test]
    fn an_echoed_prompt_is_not_written() {
        let prompt = "x".repeat(5_000);
        let echoed = bounds(completion(&prompt, true, 0));
        assert!(!echoed.can_have_taken(2_000, 5_000));
        assert!(echoed.can_have_taken(2_000, 7_000));
        assert!(echoed.max_bytes > 5_000);
    }

    #[test]
    fn a_prompt_never_has_more_tokens_than_fit() {
        assert_eq!(bounds(completion(&"x".repeat(100_000), false, 0)).max_prompt_tokens, 8_192);
        let inputs = vec!["x".repeat(100_000); 3];
        let embedding = bounds(Work::Embedding(link::Embedding { inputs }));
        assert_eq!(embedding.max_prompt_tokens, 3 * 8_192);
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
