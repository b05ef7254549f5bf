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

/// How tokens are chosen and when to stop.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// Most tokens to produce; `None`: as many as the context holds.
    pub max_tokens: Option<u32>,
    /// 0 is greedy.
    pub temperature: f32,
    /// Smallest set of most likely tokens whose probability reaches this, in (0, 1].
    pub top_p: f32,
    /// Same seed, prompt and parameters, same tokens.
    pub seed: u64,
    /// Generation ends before the first of these; they are not part of the output.
    pub stop: Vec<String>,
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

/// Why generation ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// End-of-text token or stop string.
    Stop,
    /// `max_tokens` or the context's end.
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
}

/// A shared engine.
pub type SharedEngine = Arc<dyn Engine>;
