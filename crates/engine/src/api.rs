//! The trait behind which inference happens, and what crosses it.

use std::sync::Arc;

use cuckoo_sampler::{Candidate, Parameters, MAX_CANDIDATES, ONE};
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

/// What the tokens of a completion are drawn with.
pub type Seed = [u8; 32];

/// How tokens are chosen and when to stop. The default is greedy and unbounded.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// Most tokens to produce; `None`: as many as the context holds.
    pub max_tokens: Option<u32>,
    /// Temperature, and how many of the likeliest tokens are drawn from.
    pub draw: Parameters,
    /// Taken off a token's logit for each time that it was produced, in [-2, 2].
    pub frequency_penalty: f32,
    /// Taken off a token's logit once it was produced, in [-2, 2].
    pub presence_penalty: f32,
    /// Divides positive logits, and multiplies negative ones, of tokens that were produced, in (0, 2]; 1: none.
    pub repetition_penalty: f32,
    /// Same seed, prompt and parameters, same tokens.
    pub seed: Seed,
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
            draw: Parameters { temperature: 0, top_k: MAX_CANDIDATES as u8, top_p: ONE },
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            repetition_penalty: 1.0,
            seed: Seed::default(),
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
    /// Tokens that another run of the same request has produced. They are read behind the prompt and count as produced; the
    /// text begins where it was certain after them, and `max_tokens` is for what follows.
    pub resumed: Vec<u32>,
    /// Whether each token comes with how it was drawn.
    pub records: bool,
}

impl GenerateRequest {
    /// From the beginning and without records.
    pub fn new(model: impl Into<String>, prompt: Prompt, sampling: Sampling) -> Self {
        Self { model: model.into(), prompt, sampling, resumed: Vec::new(), records: false }
    }
}

/// Sixteen numbers that tell one hidden state from another: its products with public random signs, divided by the root of
/// its length, in 2^-8.
pub type Projection = [i16; 16];

/// How one token was drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// Its number in the vocabulary.
    pub token: u32,
    /// What was considered: the 64 likeliest tokens, 8 if the draw is greedy, fewer if no more are possible; penalties
    /// applied, in the sampler's order.
    pub candidates: Vec<Candidate>,
    /// Of the hidden state that it was drawn from, at every eighth position of the completion, the first one's among them.
    pub projection: Option<Projection>,
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
        /// One for each of these tokens if records were asked for, else none.
        tokens_drawn: Vec<Drawn>,
    },
    /// The last event.
    Done {
        /// Tokens read, template and resumed tokens included.
        prompt_tokens: u32,
        /// Tokens produced, the end-of-text token not counted.
        completion_tokens: u32,
        /// Why.
        finish: FinishReason,
        /// The end-of-text token, if one ended it and records were asked for.
        end: Option<Drawn>,
    },
    /// The last event: it broke.
    Failed(EngineError),
}

/// A running generation. Dropping it cancels: its slot and memory are free within one step.
#[derive(Debug)]
pub struct Generation {
    /// Tokens of the prompt, template and resumed tokens included.
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

/// A completion to go through token by token: what this engine would have drawn in each place. What an audit needs.
#[derive(Clone, Debug, PartialEq)]
pub struct FollowRequest {
    /// What was asked for. Records, stop strings and `max_tokens` make no difference here.
    pub generate: GenerateRequest,
    /// What is said to have been produced, after what was resumed; the last may be a token that ends the text.
    pub tokens: Vec<u32>,
    /// For each of these, tokens whose logits are wanted, at most 64; or nothing at all.
    pub candidates: Vec<Vec<u32>>,
}

/// The margin of a token that is impossible, and more than any other's.
pub const IMPOSSIBLE: i64 = 1 << 41;

/// One token of a completion, seen with this engine's eyes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// What this engine would have drawn after the tokens before it.
    pub own: Drawn,
    /// The logit of the token that was claimed, in 2^-16, penalties applied; `None` if it is impossible.
    pub claimed_logit: Option<i32>,
    /// By how much the token that was claimed misses being drawn, in 2^-16 ([`cuckoo_sampler::margin`]); [`IMPOSSIBLE`] if
    /// it is.
    pub margin: i64,
    /// Logits of the tokens that they were wanted of, in the same way.
    pub logits: Vec<Option<i32>>,
}

/// What a running follow reports.
#[derive(Clone, Debug, PartialEq)]
pub enum FollowEvent {
    /// The next tokens, without gaps.
    Positions(Vec<Followed>),
    /// The last event. Where the shape of the completion could not be followed any further, there were fewer positions
    /// than tokens: an honest completion ends there.
    Done,
    /// The last event: it broke.
    Failed(EngineError),
}

/// A running follow. Dropping it cancels: its slot and memory are free within one step.
#[derive(Debug)]
pub struct Follow {
    /// Tokens before those that are followed: of the prompt, template included, and resumed ones.
    pub prompt_tokens: u32,
    /// Bounded; a reader that does not read pauses its own follow only.
    pub events: mpsc::Receiver<FollowEvent>,
}

/// A completion whose text is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SayRequest {
    /// Id of a model of kind `Chat`.
    pub model: String,
    /// Tokens that were produced before; of their text only what they left unfinished is said.
    pub resumed: Vec<u32>,
    /// What was produced, the token that ends the text included.
    pub tokens: Vec<u32>,
    /// The stop strings.
    pub stop: Vec<String>,
}

/// What the tokens of a completion say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Text that is certain, whatever might follow.
    pub certain: String,
    /// Text that is output only if nothing follows: what may begin a stop string, or a character that is not finished.
    pub held: String,
    /// Whether they end it.
    pub end: SaidEnd,
}

/// Whether the tokens of a completion end it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaidEnd {
    /// They do not.
    Open,
    /// The last one does, itself or by a stop string.
    Last,
    /// One before the last does.
    Early,
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
    /// Tokens that it read of prompts, and of completions that were resumed or followed.
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
        /// Tokens of the prompt; of one that is far too long, as many as it has at least.
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

    /// How many tokens embedding reads of each of `inputs`, special tokens included. Engines that cannot see inside their
    /// models refuse.
    async fn embedding_tokens(&self, _model: &str, _inputs: Vec<String>) -> Result<Vec<u32>, EngineError> {
        Err(EngineError::InvalidRequest("this engine does not show the tokens of its models".into()))
    }

    /// Starts to read a text and to show what the model computes at its positions. What is wrong with the request itself
    /// is returned here, before anything runs. Engines that cannot see inside their models refuse.
    async fn prefill(&self, _request: PrefillRequest) -> Result<Prefill, EngineError> {
        Err(EngineError::InvalidRequest("this engine does not show what its models compute".into()))
    }

    /// Starts to go through a completion. What is wrong with the request itself is returned here, before anything runs.
    /// Engines that cannot see inside their models refuse.
    async fn follow(&self, _request: FollowRequest) -> Result<Follow, EngineError> {
        Err(EngineError::InvalidRequest("this engine does not show how its models choose".into()))
    }

    /// What a completion says. Engines that cannot see inside their models refuse.
    async fn say(&self, _request: SayRequest) -> Result<Said, EngineError> {
        Err(EngineError::InvalidRequest("this engine does not show the tokens of its models".into()))
    }

    /// The tokens that the model `model` would read for `prompt`. Engines that cannot see inside their models refuse.
    async fn tokenise(&self, _model: &str, _prompt: Prompt) -> Result<Vec<u32>, EngineError> {
        Err(EngineError::InvalidRequest("this engine does not show the tokens of its models".into()))
    }

    /// Ids of models that cannot be used at present, and why. Takes as long as it takes to find out.
    async fn unavailable(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// What the chat model `model` is doing; `None` where that is not known.
    fn stats(&self, _model: &str) -> Option<ModelStats> {
        None
    }
}

/// A shared engine.
pub type SharedEngine = Arc<dyn Engine>;

#[cfg(test)]
impl Sampling {
    /// Drawn by the model's own probabilities, with a seed of this number.
    pub(crate) fn drawn(number: u64) -> Self {
        let mut sampling = Self { draw: Parameters { temperature: ONE, ..Self::default().draw }, ..Self::default() };
        if let Some(beginning) = sampling.seed.first_chunk_mut() {
            *beginning = number.to_le_bytes();
        }
        sampling
    }
}
