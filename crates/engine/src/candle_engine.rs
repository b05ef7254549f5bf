//! The engine that computes here, with candle.

use std::{collections::HashMap, num::NonZeroUsize, sync::Arc};

use async_trait::async_trait;

use crate::{
    api::{
        ChatMessage, Embedding, Engine, EngineError, GenerateRequest, Generation, ModelInfo, ModelKind, Prompt,
        Sampling,
    },
    bert::BertEmbedder,
    device::{self, DeviceChoice},
    embedder::Embedder,
    error::LoadError,
    llama::LoadedLlama,
    model_dir::ModelDir,
    request::{check_embed, check_generate, MAX_PROMPT_BYTES},
    sampling::{Chooser, Grammars, StopMatcher},
    scheduler::{Limits, Scheduler},
    sequence::{EventSender, SequenceSpec},
    template::ChatTemplate,
    tokenizer::ChatTokenizer,
};

/// Events that may wait for a reader before its generation pauses.
const EVENT_CAPACITY: usize = 64;

/// How an engine works.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Threads that compute; `None`: one for each core. candle has one number for the whole process, taken when it
    /// first computes, so the first engine of a process decides. Set it before other threads run.
    pub threads: Option<NonZeroUsize>,
    /// Generations per model that take turns.
    pub max_running: NonZeroUsize,
    /// Memory per chat model for what running generations remember of their texts. A generation waits until its prompt
    /// and all that it may produce fit beside the others; one alone always runs.
    pub context_memory_bytes: u64,
    /// Requests per model that wait for a turn; more are refused as [`EngineError::Overloaded`].
    pub max_waiting: usize,
    /// Where to compute.
    pub device: DeviceChoice,
    /// On the processor, chat models whose weights take no more than this as `f32` compute with unpacked weights:
    /// answers are better and prompts are read faster than with candle's kernels for packed ones. 0: never.
    pub unpack_limit_bytes: u64,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            threads: None,
            max_running: const { NonZeroUsize::new(4).unwrap() },
            context_memory_bytes: u64::MAX,
            max_waiting: 16,
            device: DeviceChoice::Cpu,
            unpack_limit_bytes: 1 << 30,
        }
    }
}

/// Runs models in this process.
pub struct CandleEngine {
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

impl CandleEngine {
    /// Checks the files of `models` against their manifests and loads them. Takes seconds; do not call it on a thread
    /// that has to answer others.
    pub fn load(models: &[ModelDir], options: &EngineOptions) -> Result<Self, LoadError> {
        if let Some(threads) = options.threads {
            device::use_threads(threads);
        }
        let device = device::open(options.device)?;
        let mut engine = Self { models: Vec::new(), chat: HashMap::new(), embedding: HashMap::new() };
        for dir in models {
            let id = dir.manifest().id();
            if engine.models.iter().any(|model| model.id == id) {
                return Err(LoadError::Duplicate(id.to_owned()));
            }
            dir.verify()?;
            match (dir.manifest().kind(), dir.manifest().architecture()) {
                (ModelKind::Chat, "llama") => engine.load_chat(dir, &device, options)?,
                (ModelKind::Embedding, "bert") => engine.load_embedding(dir, &device, options)?,
                (_, architecture) => {
                    let architecture = architecture.to_owned();
                    return Err(LoadError::Architecture { model: id.to_owned(), architecture });
                }
            }
        }
        Ok(engine)
    }

    /// Generations of `model` that take turns now; 0 for a model that is not loaded.
    pub fn running(&self, model: &str) -> usize {
        self.chat.get(model).map_or(0, |chat| chat.scheduler.running())
    }

    /// Requests for `model` that wait for a turn.
    pub fn waiting(&self, model: &str) -> usize {
        self.chat.get(model).map_or(0, |chat| chat.scheduler.waiting())
    }

    fn load_chat(
        &mut self,
        dir: &ModelDir,
        device: &candle_core::Device,
        options: &EngineOptions,
    ) -> Result<(), LoadError> {
        let manifest = dir.manifest();
        let missing = || LoadError::MissingFile { model: manifest.id().to_owned(), wanted: "*.gguf" };
        let file = manifest.file_ending_in(".gguf").ok_or_else(missing)?;
        let LoadedLlama { model, tokenizer, template, context_tokens, bytes_per_token, numeric_class } =
            LoadedLlama::load(&dir.file_path(file), device, options.unpack_limit_bytes)?;
        let context_tokens = context_tokens.min(manifest.context_tokens());
        let limits = Limits {
            max_running: options.max_running.get(),
            max_waiting: options.max_waiting,
            max_tokens: options.context_memory_bytes / bytes_per_token.max(1),
        };
        warn_of_short_memory(manifest.id(), limits, context_tokens, bytes_per_token);
        let scheduler = Scheduler::start(manifest.id(), Box::new(model), limits).map_err(LoadError::Thread)?;
        let ends: Arc<[u32]> = tokenizer.ends().into();
        let grammars = Grammars::new(tokenizer.token_bytes(), &ends);
        let prompts = Arc::new(PromptReader { tokenizer, template, context_tokens });
        self.chat.insert(manifest.id().to_owned(), ChatModel { prompts, scheduler, grammars, ends });
        self.add_info(dir, context_tokens, numeric_class);
        Ok(())
    }

    fn load_embedding(
        &mut self,
        dir: &ModelDir,
        device: &candle_core::Device,
        options: &EngineOptions,
    ) -> Result<(), LoadError> {
        let model = BertEmbedder::load(dir, device)?;
        self.add_info(dir, model.context_tokens(), model.numeric_class().to_owned());
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
impl Engine for CandleEngine {
    fn models(&self) -> Vec<ModelInfo> {
        self.models.clone()
    }

    async fn generate(&self, request: GenerateRequest) -> Result<Generation, EngineError> {
        let GenerateRequest { model: id, .. } = &request;
        let model = self.chat.get(id).ok_or_else(|| EngineError::UnknownModel(id.clone()))?;
        check_generate(&request)?;
        let place = model.scheduler.reserve()?;
        let GenerateRequest { prompt, sampling, .. } = request;
        let prompts = model.prompts.clone();
        // A long prompt takes milliseconds to split into tokens.
        let reading = tokio::task::spawn_blocking(move || {
            let prompt = prompts.read(&prompt);
            // The place stays taken until this thread is done, even if the caller went away before: else requests that
            // are given up at once would pile up here.
            (place, prompt)
        });
        let (place, prompt) = reading.await.map_err(|_| EngineError::Internal("reading the prompt panicked".into()))?;
        let prompt = prompt?;
        let prompt_tokens = u32::try_from(prompt.len()).unwrap_or(u32::MAX);
        let max_tokens = model.prompts.room_after(&prompt)?.min(sampling.max_tokens.unwrap_or(u32::MAX));
        let constraint = model.grammars.constraint(&sampling.format).await?;
        let chooser = Chooser::new(&sampling, constraint, model.prompts.tokenizer.token_bytes());
        let Sampling { stop, .. } = sampling;
        let (events, receiver) = EventSender::channel(EVENT_CAPACITY)?;
        place.submit(SequenceSpec {
            prompt,
            max_tokens,
            chooser,
            stop: StopMatcher::new(stop),
            detokenizer: model.prompts.tokenizer.detokenizer(),
            ends: model.ends.clone(),
            events,
        });
        Ok(Generation { prompt_tokens, events: receiver })
    }

    async fn embed(&self, model: &str, inputs: Vec<String>) -> Result<Embedding, EngineError> {
        let embedder = self.embedding.get(model).ok_or_else(|| EngineError::UnknownModel(model.to_owned()))?;
        check_embed(&inputs)?;
        embedder.embed(inputs)
    }
}

/// Says so when the generations that may take turns would not all find room with full contexts.
fn warn_of_short_memory(model: &str, limits: Limits, context_tokens: u32, bytes_per_token: u64) {
    let full_contexts = limits.max_tokens / u64::from(context_tokens).max(1);
    if full_contexts < limits.max_running as u64 {
        tracing::warn!(
            target: "engine",
            max_running = limits.max_running,
            full_contexts,
            context_mib = u64::from(context_tokens).saturating_mul(bytes_per_token) >> 20,
            model.id = model,
            "the memory for contexts holds fewer full ones than generations may run; long ones wait for each other"
        );
    }
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
