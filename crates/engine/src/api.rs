//! The trait behind which inference happens, and what crosses it.

use std::sync::Arc;

use tokio::sync::mpsc;

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ModelKind {
    /// Chat and plain completions.
    Chat,
    /// Embeddings.
    Embedding,
}

/// A model that an engine has loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    /// What clients ask for.
    pub id: String,
    /// What it is for.
    pub kind: ModelKind,
    /// sha256 of the model's manifest: names the exact files.
    pub model_root: [u8; 32],
    /// Tokens that prompt and completion may have together.
    pub context_tokens: u32,
    /// Names build, kernels, instruction set, quantisation and device.
    pub numeric_class: String,
}

/// One message of a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatMessage {
    /// "system", "user", "assistant" or "tool".
    pub role: String,
    /// Text.
    pub content: String,
}

/// What to continue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// Messages, to be rendered by the model's own chat template.
    Chat(Vec<ChatMessage>),
    /// Text, taken as it is.
    Text(String),
}

/// What shape a completion must have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ResponseFormat {
    /// Any text.
    #[default]
    Text,
    /// One JSON object.
    JsonObject,
    /// JSON that this JSON schema, itself JSON, describes.
    JsonSchema(String),
}

/// How tokens are chosen and when to stop. The default is greedy and unbounded.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// Most tokens to produce; `None`: as many as the context holds.
    pub max_tokens: Option<u32>,
    /// 0 is greedy.
    pub temperature: f32,
    /// Smallest set of most likely tokens whose probability reaches this, in (0, 1].
    pub top_p: f32,
    /// Only this many most likely tokens; 0: all.
    pub top_k: u32,
    /// Taken off a token's logit for each time that it was produced, in [-2, 2].
    pub frequency_penalty: f32,
    /// Taken off a token's logit once it was produced, in [-2, 2].
    pub presence_penalty: f32,
    /// Divides positive logits, and multiplies negative ones, of tokens that were produced, in (0, 2]; 1: none.
    pub repetition_penalty: f32,
    /// Same seed, prompt and parameters, same tokens.
    pub seed: u64,
    /// Generation ends before the first of these; they are not part of the output.
    pub stop: Vec<String>,
    /// Log-probabilities are reported, with this many most likely alternatives for each token, at most 20.
    pub logprobs: Option<u32>,
    /// Shape of the completion.
    pub format: ResponseFormat,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            max_tokens: None,
            temperature: 0.0,
            top_p: 1.0,
            top_k: 0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            repetition_penalty: 1.0,
            seed: 0,
            stop: Vec::new(),
            logprobs: None,
            format: ResponseFormat::Text,
        }
    }
}

/// A generation to run.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateRequest {
    /// Id of a model of kind `Chat`.
    pub model: String,
    /// What to continue.
    pub prompt: Prompt,
    /// How.
    pub sampling: Sampling,
}

impl GenerateRequest {
    /// The same request `n` times, each with a seed of its own; the first keeps its seed. An engine reads the prompt
    /// that they share once.
    pub fn choices(self, n: u32) -> impl Iterator<Item = Self> {
        (0..n).map(move |choice| {
            let mut request = self.clone();
            request.sampling.seed = seed_of_choice(self.sampling.seed, choice);
            request
        })
    }
}

/// Seeds of different choices differ: each step of the mixing (SplitMix64's) can be undone.
fn seed_of_choice(seed: u64, choice: u32) -> u64 {
    if choice == 0 {
        return seed;
    }
    let mut mixed = seed.wrapping_add(u64::from(choice).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A token and how likely it was.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenLogprob {
    /// Its number in the vocabulary.
    pub token: u32,
    /// What it stands for; not always whole characters.
    pub bytes: Vec<u8>,
    /// Natural logarithm of its probability, before penalties, temperature and the like; from -9,999 to 0.
    pub logprob: f32,
}

/// What was chosen, and what else might have been.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenLogprobs {
    /// The token that was chosen.
    pub chosen: TokenLogprob,
    /// The most likely tokens, the most likely first, as many as were asked for.
    pub top: Vec<TokenLogprob>,
}

/// Why generation ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// End-of-text token or stop string.
    Stop,
    /// `max_tokens`, the context's end, or a [`ResponseFormat::JsonSchema`] that could not be followed any further.
    Length,
}

/// What a running generation reports.
#[derive(Clone, Debug, PartialEq)]
pub enum GenerationEvent {
    /// Whole UTF-8 characters, and the number of tokens they stand for (0 or more).
    Piece {
        /// Text; concatenated, the pieces are the completion.
        text: String,
        /// Tokens since the last piece.
        tokens: u32,
        /// One for each of these tokens if they were asked for, else none.
        logprobs: Vec<TokenLogprobs>,
    },
    /// The last event.
    Done {
        /// Tokens read, template included.
        prompt_tokens: u32,
        /// Tokens produced, the end-of-text token not counted.
        completion_tokens: u32,
        /// Why.
        finish: FinishReason,
    },
    /// The last event: it broke.
    Failed(EngineError),
}

/// A running generation. Dropping it cancels: its slot and memory are free within one step.
#[derive(Debug)]
pub struct Generation {
    /// Tokens of the prompt, template included.
    pub prompt_tokens: u32,
    /// Bounded; a reader that does not read pauses its own generation only.
    pub events: mpsc::Receiver<GenerationEvent>,
}

/// A text to read as it is, without choosing anything: what an audit compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefillRequest {
    /// Id of a model of kind `Chat`.
    pub model: String,
    /// The text.
    pub tokens: Vec<u32>,
    /// First position whose outputs are wanted; all after it are too.
    pub from: u32,
    /// Whether logits are wanted.
    pub logits: bool,
    /// Whether last hidden states are wanted.
    pub hidden: bool,
}

/// What the model computed at one position, from the tokens up to and with it.
#[derive(Clone, Debug, PartialEq)]
pub struct PositionOutput {
    /// Counted from the text's beginning.
    pub position: u32,
    /// How likely each token of the vocabulary follows; empty if they are not wanted.
    pub logits: Vec<f32>,
    /// The last hidden state, after the last normalisation; empty if it is not wanted.
    pub hidden: Vec<f32>,
}

/// What a running prefill reports.
#[derive(Clone, Debug, PartialEq)]
pub enum PrefillEvent {
    /// The next positions, without gaps.
    Positions(Vec<PositionOutput>),
    /// The last event.
    Done,
    /// The last event: it broke.
    Failed(EngineError),
}

/// A running prefill. Dropping it cancels: its slot and memory are free within one step.
#[derive(Debug)]
pub struct Prefill {
    /// Bounded; a reader that does not read pauses its own prefill only.
    pub events: mpsc::Receiver<PrefillEvent>,
}

/// What a chat model is doing, and what it has done since it was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelStats {
    /// Texts that have their turns now.
    pub running: usize,
    /// Requests that wait for a turn.
    pub waiting: usize,
    /// Blocks of keys and values that there are; a block holds 16 tokens.
    pub kv_blocks: usize,
    /// Blocks in use by texts that run.
    pub kv_blocks_used: usize,
    /// Blocks in use by nobody that are kept in case a text begins with them.
    pub kv_blocks_cached: usize,
    /// Tokens of prompts that needed no reading, because another text began with them.
    pub prefix_hit_tokens: u64,
    /// Times that the model computed.
    pub steps: u64,
    /// Tokens of prompts that it read.
    pub tokens_read: u64,
    /// Tokens that it produced.
    pub tokens_produced: u64,
}

/// What a running embedding reports.
#[derive(Clone, Debug, PartialEq)]
pub enum EmbeddingEvent {
    /// The next inputs are done.
    Vectors {
        /// One for each, in the inputs' order, of length one (L2).
        vectors: Vec<Vec<f32>>,
        /// Tokens read for all inputs so far, special tokens included.
        prompt_tokens: u32,
    },
    /// The last event.
    Done {
        /// Tokens read, special tokens included.
        prompt_tokens: u32,
    },
    /// The last event: it broke.
    Failed(EngineError),
}

/// A running embedding. Dropping it cancels: nothing more is computed for it after the batch under way.
#[derive(Debug)]
pub struct Embedding {
    /// Bounded; a reader that does not read pauses its own embedding only.
    pub events: mpsc::Receiver<EmbeddingEvent>,
}

/// Vectors for a batch of texts.
#[derive(Clone, Debug, PartialEq)]
pub struct Embeddings {
    /// One per input, in order, of length one (L2).
    pub vectors: Vec<Vec<f32>>,
    /// Tokens read, special tokens included.
    pub prompt_tokens: u32,
}

impl Embedding {
    /// Waits for all vectors.
    pub async fn all(mut self) -> Result<Embeddings, EngineError> {
        let mut vectors = Vec::new();
        while let Some(event) = self.events.recv().await {
            match event {
                EmbeddingEvent::Vectors { vectors: next, .. } => vectors.extend(next),
                EmbeddingEvent::Done { prompt_tokens } => return Ok(Embeddings { vectors, prompt_tokens }),
                EmbeddingEvent::Failed(error) => return Err(error),
            }
        }
        Err(EngineError::Internal("an embedding ended without a last event".into()))
    }
}

/// Why an engine did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The caller asked for a model that is not loaded, or of another kind.
    #[error("model {0:?} is not loaded here for this kind of request")]
    UnknownModel(String),
    /// The caller's parameters make no sense.
    #[error("invalid request: {0}")]
    InvalidRequest(String),
    /// The prompt alone, or with `max_tokens`, does not fit.
    #[error("the prompt has {prompt_tokens} tokens, the model's context holds {context_tokens}")]
    ContextLength {
        /// Tokens of the prompt.
        prompt_tokens: u32,
        /// Tokens of the context.
        context_tokens: u32,
    },
    /// The engine is at its limit of waiting requests.
    #[error("too many requests are waiting")]
    Overloaded,
    /// The engine's own failure.
    #[error("engine failure: {0}")]
    Internal(String),
}

/// Runs models. Implementations are cheap to share and serve many requests at once, fairly.
#[async_trait::async_trait]
pub trait Engine: Send + Sync + 'static {
    /// The loaded models.
    fn models(&self) -> Vec<ModelInfo>;

    /// Starts a generation. What is wrong with the request itself is returned here, before anything runs.
    async fn generate(&self, request: GenerateRequest) -> Result<Generation, EngineError>;

    /// Starts to embed `inputs` with the embedding model `model`. What is wrong with the request itself is returned here,
    /// before anything runs.
    async fn embed(&self, model: &str, inputs: Vec<String>) -> Result<Embedding, EngineError>;

    /// Starts to read a text and to show what the model computes at its positions. What is wrong with the request itself
    /// is returned here, before anything runs. Engines that cannot see inside their models refuse.
    async fn prefill(&self, _request: PrefillRequest) -> Result<Prefill, EngineError> {
        Err(EngineError::InvalidRequest("this engine does not show what its models compute".into()))
    }

    /// The tokens that the model `model` would read for `prompt`. Engines that cannot see inside their models refuse.
    async fn tokenise(&self, _model: &str, _prompt: Prompt) -> Result<Vec<u32>, EngineError> {
        Err(EngineError::InvalidRequest("this engine does not show the tokens of its models".into()))
    }

    /// What the chat model `model` is doing; `None` where that is not known.
    fn stats(&self, _model: &str) -> Option<ModelStats> {
        None
    }
}

/// A shared engine.
pub type SharedEngine = Arc<dyn Engine>;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn choices_have_seeds_of_their_own_and_the_first_keeps_its_seed() {
        let sampling = Sampling { seed: 7, temperature: 0.5, ..Sampling::default() };
        let request = GenerateRequest { model: "m".into(), prompt: Prompt::Text("hi".into()), sampling };
        let choices: Vec<_> = request.clone().choices(128).collect();
        assert_eq!(choices[0], request);
        assert_eq!(choices.iter().map(|choice| choice.sampling.seed).collect::<HashSet<_>>().len(), 128);
        let unseeded = |mut choice: GenerateRequest| {
            choice.sampling.seed = 7;
            choice
        };
        assert!(choices.into_iter().all(|choice| unseeded(choice) == request));
    }
}
