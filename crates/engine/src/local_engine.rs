//! The engine that computes here.

use std::{collections::HashMap, num::NonZeroUsize, sync::Arc};

use async_trait::async_trait;

use crate::{
    api::{
        ChatMessage, Embedding, Engine, EngineError, GenerateRequest, Generation, ModelInfo, ModelKind, ModelStats,
        Prefill, PrefillRequest, Prompt, Sampling,
    },
    compute::BLOCK_TOKENS,
    device::DeviceChoice,
    embedder::Embedder,
    error::LoadError,
    events::EventSender,
    model_dir::ModelDir,
    models::{
        chat_path, load_chat, load_embedding, Backend, CausalModel, ChatFile, KvBudget, LoadedChat, LoadedEmbedding,
    },
    request::{check_embed, check_generate, check_prefill, check_prompt, MAX_PROMPT_BYTES},
    sampling::{Chooser, Grammars, StopMatcher},
    scheduler::{Limits, Place, Scheduler},
    sequence::{Observer, ObserverSpec, Purpose, SequenceSpec, Writer, WriterSpec},
    template::ChatTemplate,
    tokenizer::ChatTokenizer,
};

/// Events that may wait for a reader before its generation pauses.
const EVENT_CAPACITY: usize = 64;
/// The same for a prefill, whose events are large.
const PREFILL_EVENT_CAPACITY: usize = 2;

/// How an engine works.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Threads that compute; `None`: one for each core.
    pub threads: Option<NonZeroUsize>,
    /// Whether each of these threads stays on a core of its own.
    pub pin_threads: bool,
    /// Texts per chat model that take part in steps.
    pub max_running: NonZeroUsize,
    /// Most memory per chat model for the keys and values of texts, in MiB; never more is taken than `max_running` full
    /// contexts need. A request waits until its prompt and all that it
    /// may produce fit beside the others. What a model's context holds is cut to what fits here.
    pub kv_memory_mib: u64,
    /// Whether texts that begin alike share what was computed. Answers are the same without it.
    pub prefix_cache: bool,
    /// Requests per model that wait for a turn; more are refused as [`EngineError::Overloaded`].
    pub max_waiting: usize,
    /// Where to compute.
    pub device: DeviceChoice,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            threads: None,
            pin_threads: false,
            max_running: const { NonZeroUsize::new(16).unwrap() },
            kv_memory_mib: 1024,
            prefix_cache: true,
            max_waiting: 16,
            device: DeviceChoice::Cpu,
        }
    }
}

/// Runs models in this process.
pub struct LocalEngine {
    models: Vec<ModelInfo>,
    chat: HashMap<String, ChatModel>,
    embedding: HashMap<String, Embedder>,
}

struct ChatModel {
    prompts: Arc<PromptReader>,
    scheduler: Scheduler,
    grammars: Grammars,
    /// The tokens that end a text.
    ends: Arc<[u32]>,
}

/// Turns prompts into tokens.
struct PromptReader {
    tokenizer: ChatTokenizer,
    template: Option<ChatTemplate>,
    context_tokens: u32,
}

impl LocalEngine {
    /// Checks the files of `models` against their manifests and loads them. Takes seconds; do not call it on a thread
    /// that has to answer others.
    pub fn load(models: &[ModelDir], options: &EngineOptions) -> Result<Self, LoadError> {
        let backend = Backend::open(options.device, options.threads, options.pin_threads)?;
        let mut engine = Self { models: Vec::new(), chat: HashMap::new(), embedding: HashMap::new() };
        for dir in models {
            let id = dir.manifest().id();
            if engine.models.iter().any(|model| model.id == id) {
                return Err(LoadError::Duplicate(id.to_owned()));
            }
            dir.verify()?;
            match supported_kind(dir)? {
                ModelKind::Chat => engine.load_chat(dir, &backend, options)?,
                ModelKind::Embedding => engine.load_embedding(dir, &backend, options)?,
            }
        }
        Ok(engine)
    }

    /// Looks whether the model could be loaded, without loading it: of a chat model all but the weights themselves, of an
    /// embedding model the manifest alone. Takes a moment.
    ///
    /// # Errors
    /// The first thing in it that is not supported.
    pub fn check(dir: &ModelDir) -> Result<(), LoadError> {
        match supported_kind(dir)? {
            ModelKind::Chat => ChatFile::read(&chat_path(dir)?).map(drop),
            ModelKind::Embedding => Ok(()),
        }
    }

    fn load_chat(&mut self, dir: &ModelDir, backend: &Backend, options: &EngineOptions) -> Result<(), LoadError> {
        let manifest = dir.manifest();
        let budget = KvBudget { bytes: options.kv_memory_mib.saturating_mul(1 << 20), texts: options.max_running };
        let LoadedChat { model, tokenizer, template, context_tokens, numeric_class } = load_chat(dir, backend, budget)?;
        let limits = Limits {
            max_running: options.max_running.get(),
            max_waiting: options.max_waiting,
            prefix_cache: options.prefix_cache,
        };
        let context_tokens = context_that_fits(dir, context_tokens, model.as_ref());
        let scheduler = Scheduler::start(manifest.id(), model, limits).map_err(LoadError::Thread)?;
        let ends: Arc<[u32]> = tokenizer.ends().into();
        let grammars = Grammars::new(tokenizer.token_bytes(), &ends);
        let prompts = Arc::new(PromptReader { tokenizer, template, context_tokens });
        self.chat.insert(manifest.id().to_owned(), ChatModel { prompts, scheduler, grammars, ends });
        self.add_info(dir, context_tokens, numeric_class);
        Ok(())
    }

    fn chat_model(&self, id: &str) -> Result<&ChatModel, EngineError> {
        self.chat.get(id).ok_or_else(|| EngineError::UnknownModel(id.to_owned()))
    }

    fn load_embedding(&mut self, dir: &ModelDir, backend: &Backend, options: &EngineOptions) -> Result<(), LoadError> {
        let LoadedEmbedding { model, context_tokens, numeric_class } = load_embedding(dir, backend)?;
        self.add_info(dir, context_tokens, numeric_class);
        self.embedding.insert(dir.manifest().id().to_owned(), Embedder::new(model, options.max_waiting));
        Ok(())
    }

    fn add_info(&mut self, dir: &ModelDir, context_tokens: u32, numeric_class: String) {
        let manifest = dir.manifest();
        tracing::info!(target: "engine", context_tokens, numeric_class, model.id = manifest.id(), "model loaded");
        self.models.push(ModelInfo {
            id: manifest.id().to_owned(),
            kind: manifest.kind(),
            model_root: manifest.model_root(),
            context_tokens,
            numeric_class,
        });
    }
}

#[async_trait]
impl Engine for LocalEngine {
    fn models(&self) -> Vec<ModelInfo> {
        self.models.clone()
    }

    async fn generate(&self, request: GenerateRequest) -> Result<Generation, EngineError> {
        let model = self.chat_model(&request.model)?;
        check_generate(&request)?;
        let GenerateRequest { prompt, sampling, .. } = request;
        let (place, prompt) = model.read(prompt).await?;
        let prompt_tokens = u32::try_from(prompt.len()).unwrap_or(u32::MAX);
        let max_tokens = model.prompts.room_after(&prompt)?.min(sampling.max_tokens.unwrap_or(u32::MAX));
        let constraint = model.grammars.constraint(&sampling.format).await?;
        let chooser = Chooser::new(&sampling, constraint, model.prompts.tokenizer.token_bytes());
        let Sampling { stop, .. } = sampling;
        let (events, receiver) = EventSender::channel(EVENT_CAPACITY)?;
        let writer = Writer::new(WriterSpec {
            max_tokens,
            chooser,
            stop: StopMatcher::new(stop),
            detokenizer: model.prompts.tokenizer.detokenizer(),
            ends: model.ends.clone(),
            events,
        });
        place.submit(SequenceSpec { prompt, purpose: Purpose::Write(Box::new(writer)) })?;
        Ok(Generation { prompt_tokens, events: receiver })
    }

    async fn embed(&self, model: &str, inputs: Vec<String>) -> Result<Embedding, EngineError> {
        let embedder = self.embedding.get(model).ok_or_else(|| EngineError::UnknownModel(model.to_owned()))?;
        check_embed(&inputs)?;
        embedder.embed(inputs)
    }

    async fn prefill(&self, request: PrefillRequest) -> Result<Prefill, EngineError> {
        let model = self.chat_model(&request.model)?;
        check_prefill(&request)?;
        let PrefillRequest { tokens, from, logits, hidden, .. } = request;
        model.prompts.check_tokens(&tokens)?;
        let place = model.scheduler.reserve()?;
        let (events, receiver) = EventSender::channel(PREFILL_EVENT_CAPACITY)?;
        let observer = Observer::new(ObserverSpec { from: from as usize, logits, hidden, events });
        place.submit(SequenceSpec { prompt: tokens, purpose: Purpose::Observe(Box::new(observer)) })?;
        Ok(Prefill { events: receiver })
    }

    async fn tokenise(&self, model: &str, prompt: Prompt) -> Result<Vec<u32>, EngineError> {
        let model = self.chat_model(model)?;
        check_prompt(&prompt)?;
        let (_place, tokens) = model.read(prompt).await?;
        Ok(tokens)
    }

    fn stats(&self, model: &str) -> Option<ModelStats> {
        self.chat.get(model).map(|chat| chat.scheduler.stats())
    }
}

impl ChatModel {
    /// Takes a place and turns the prompt into tokens.
    async fn read(&self, prompt: Prompt) -> Result<(Place, Vec<u32>), EngineError> {
        let place = self.scheduler.reserve()?;
        let prompts = self.prompts.clone();
        // A long prompt takes milliseconds to split into tokens.
        let reading = tokio::task::spawn_blocking(move || {
            let prompt = prompts.read(&prompt);
            // The place stays taken until this thread is done, even if the caller went away before: else requests that
            // are given up at once would pile up here.
            (place, prompt)
        });
        let (place, prompt) = reading.await.map_err(|_| EngineError::Internal("reading the prompt panicked".into()))?;
        Ok((place, prompt?))
    }
}

/// The kind of a model whose architecture is supported.
fn supported_kind(dir: &ModelDir) -> Result<ModelKind, LoadError> {
    let manifest = dir.manifest();
    match (manifest.kind(), manifest.architecture()) {
        (kind @ ModelKind::Chat, "llama" | "qwen2" | "qwen3") | (kind @ ModelKind::Embedding, "bert") => Ok(kind),
        (_, architecture) => {
            Err(LoadError::Architecture { model: manifest.id().to_owned(), architecture: architecture.to_owned() })
        }
    }
}

/// What of a model's context fits the memory for keys and values.
fn context_that_fits(dir: &ModelDir, context_tokens: u32, model: &dyn CausalModel) -> u32 {
    let fitting = u32::try_from(model.blocks().saturating_mul(BLOCK_TOKENS)).unwrap_or(u32::MAX);
    if fitting < context_tokens {
        tracing::warn!(
            target: "engine",
            context_tokens,
            fitting_tokens = fitting,
            model.id = dir.manifest().id(),
            "the memory for contexts does not hold a full one; longer requests are refused"
        );
    }
    context_tokens.min(fitting)
}

impl PromptReader {
    fn read(&self, prompt: &Prompt) -> Result<Vec<u32>, EngineError> {
        let rendered;
        let text = match prompt {
            Prompt::Text(text) => text,
            Prompt::Chat(messages) => {
                let template = self.template.as_ref().ok_or_else(|| {
                    EngineError::InvalidRequest(
                        "this model cannot chat, it has no chat template; send a text to complete".into(),
                    )
                })?;
                let names = self.tokenizer.control_names();
                let quoted: Vec<ChatMessage> = messages
                    .iter()
                    .map(|message| ChatMessage { role: message.role.clone(), content: names.quote(&message.content) })
                    .collect();
                rendered = template.render(&quoted, MAX_PROMPT_BYTES)?;
                &rendered
            }
        };
        self.tokenizer
            .encode(text)
            .map_err(|error| EngineError::Internal(format!("the prompt cannot be tokenised: {error}")))
    }

    /// Refuses a text that the context cannot hold, and tokens that the model does not have.
    fn check_tokens(&self, tokens: &[u32]) -> Result<(), EngineError> {
        let prompt_tokens = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
        if prompt_tokens > self.context_tokens {
            return Err(EngineError::ContextLength { prompt_tokens, context_tokens: self.context_tokens });
        }
        let vocabulary = self.tokenizer.tokens();
        match tokens.iter().find(|token| **token as usize >= vocabulary) {
            None => Ok(()),
            Some(token) => Err(EngineError::InvalidRequest(format!(
                "the text has a token {token}, the model's vocabulary has {vocabulary}"
            ))),
        }
    }

    /// Tokens that the context can hold after `prompt`; an error if there are none.
    fn room_after(&self, prompt: &[u32]) -> Result<u32, EngineError> {
        let prompt_tokens = u32::try_from(prompt.len()).unwrap_or(u32::MAX);
        match self.context_tokens.checked_sub(prompt_tokens) {
            _ if prompt.is_empty() => Err(EngineError::InvalidRequest("the prompt is empty".into())),
            Some(room) if room > 0 => Ok(room),
            _ => Err(EngineError::ContextLength { prompt_tokens, context_tokens: self.context_tokens }),
        }
    }
}
