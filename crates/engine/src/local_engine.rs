//! The engine that computes here.

use std::{collections::HashMap, num::NonZeroUsize, sync::Arc};

use async_trait::async_trait;

use crate::{
    api::{
        Embedding, Engine, EngineError, Follow, FollowRequest, GenerateRequest, Generation, ModelInfo, ModelKind,
        ModelStats, Prefill, PrefillRequest, Prompt, Said, Sampling, SayRequest,
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
    prompt_reader::{count, PromptReader},
    request::{check_embed, check_follow, check_generate, check_prefill, check_prompt, check_stop},
    said::said,
    sampling::{Chooser, Grammars, StopMatcher},
    scheduler::{Limits, Place, Scheduler},
    sequence::{Follower, FollowerSpec, Observer, ObserverSpec, Purpose, SequenceSpec, Writer, WriterSpec},
};

/// Events that may wait for a reader before its generation pauses.
const EVENT_CAPACITY: usize = 64;
/// The same for a prefill, whose events are large.
const PREFILL_EVENT_CAPACITY: usize = 2;
/// The same for a follow, whose events are some kilobytes.
const FOLLOW_EVENT_CAPACITY: usize = 16;

/// How an engine works.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Threads that compute; `None`: one for each core.
    pub threads: Option<NonZeroUsize>,
    /// Whether each of these threads stays on a core of its own.
    pub pin_threads: bool,
    /// Whether AVX-512 is used where the processor has it. Answers are the same without it, to the last bit.
    pub avx512: bool,
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
            avx512: true,
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

impl LocalEngine {
    /// Checks the files of `models` against their manifests and loads them. Takes seconds; do not call it on a thread
    /// that has to answer others.
    pub fn load(models: &[ModelDir], options: &EngineOptions) -> Result<Self, LoadError> {
        let backend = Backend::open(options.device, options.threads, options.pin_threads, options.avx512)?;
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
        // Who has a place may have a shape, also one that waits for its turn.
        let most = limits.max_running.saturating_add(limits.max_waiting);
        let grammars = Grammars::new(tokenizer.token_bytes(), &ends, most);
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
        let GenerateRequest { prompt, sampling, resumed, records, .. } = request;
        let (place, text) = model.read_resumed(prompt, &resumed).await?;
        let max_tokens = model.prompts.room_after(&text)?.min(sampling.max_tokens.unwrap_or(u32::MAX));
        let chooser = model.chooser(&sampling).await?;
        let Sampling { stop, .. } = sampling;
        let (events, receiver) = EventSender::channel(EVENT_CAPACITY)?;
        let writer = Writer::new(WriterSpec {
            max_tokens,
            chooser,
            stop: StopMatcher::new(stop),
            detokenizer: model.prompts.tokenizer.detokenizer(),
            ends: model.ends.clone(),
            records,
            events,
        });
        let (place, writer) = replayed(place, writer, resumed, Writer::resume).await?;
        let prompt_tokens = count(&text);
        place.submit(SequenceSpec { prompt: text, purpose: Purpose::Write(Box::new(writer)) })?;
        Ok(Generation { prompt_tokens, events: receiver })
    }

    async fn embed(&self, model: &str, inputs: Vec<String>) -> Result<Embedding, EngineError> {
        let embedder = self.embedding.get(model).ok_or_else(|| EngineError::UnknownModel(model.to_owned()))?;
        check_embed(&inputs)?;
        embedder.embed(inputs)
    }

    async fn embedding_tokens(&self, model: &str, inputs: Vec<String>) -> Result<Vec<u32>, EngineError> {
        let embedder = self.embedding.get(model).ok_or_else(|| EngineError::UnknownModel(model.to_owned()))?;
        check_embed(&inputs)?;
        embedder.tokens(inputs).await
    }

    async fn prefill(&self, request: PrefillRequest) -> Result<Prefill, EngineError> {
        let model = self.chat_model(&request.model)?;
        check_prefill(&request)?;
        let PrefillRequest { tokens, from, logits, hidden, .. } = request;
        model.prompts.check_vocabulary(&tokens)?;
        model.prompts.check_length(&tokens)?;
        let place = model.scheduler.reserve()?;
        let (events, receiver) = EventSender::channel(PREFILL_EVENT_CAPACITY)?;
        let observer = Observer::new(ObserverSpec { from: from as usize, logits, hidden, events });
        place.submit(SequenceSpec { prompt: tokens, purpose: Purpose::Observe(Box::new(observer)) })?;
        Ok(Prefill { events: receiver })
    }

    async fn follow(&self, request: FollowRequest) -> Result<Follow, EngineError> {
        let model = self.chat_model(&request.generate.model)?;
        check_follow(&request)?;
        let FollowRequest { generate, tokens, candidates } = request;
        let GenerateRequest { prompt, sampling, resumed, .. } = generate;
        model.check_completion(&tokens)?;
        let (place, mut text) = model.read_resumed(prompt, &resumed).await?;
        let (prompt_tokens, from) = (count(&text), text.len().saturating_sub(1));
        text.extend_from_slice(&tokens);
        model.prompts.check_length(&text)?;
        // What would follow behind the last is nobody's question.
        text.pop();
        // Nobody is told of them here.
        let chooser = model.chooser(&Sampling { logprobs: None, ..sampling }).await?;
        let replay = |chooser: &mut Chooser, tokens: &[u32]| tokens.iter().try_for_each(|token| chooser.replay(*token));
        let (place, chooser) = replayed(place, chooser, resumed, replay).await?;
        let (events, receiver) = EventSender::channel(FOLLOW_EVENT_CAPACITY)?;
        let follower = Follower::new(FollowerSpec { from, tokens, candidates, chooser, events });
        place.submit(SequenceSpec { prompt: text, purpose: Purpose::Follow(Box::new(follower)) })?;
        Ok(Follow { prompt_tokens, events: receiver })
    }

    async fn tokenise(&self, model: &str, prompt: Prompt) -> Result<Vec<u32>, EngineError> {
        let model = self.chat_model(model)?;
        check_prompt(&prompt)?;
        let (_place, tokens) = model.read(prompt).await?;
        Ok(tokens)
    }

    async fn say(&self, request: SayRequest) -> Result<Said, EngineError> {
        let SayRequest { model, resumed, tokens, stop } = request;
        let model = self.chat_model(&model)?;
        check_stop(&stop)?;
        model.prompts.check_vocabulary(&resumed)?;
        model.prompts.check_vocabulary(&tokens)?;
        let detokenizer = model.prompts.tokenizer.detokenizer();
        let ends = model.ends.clone();
        let reading =
            tokio::task::spawn_blocking(move || said(detokenizer, StopMatcher::new(stop), &ends, &resumed, &tokens));
        reading.await.map_err(|_| EngineError::Internal("reading a completion panicked".into()))
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

    /// Takes a place and turns the prompt into tokens, behind which `resumed` were produced.
    async fn read_resumed(&self, prompt: Prompt, resumed: &[u32]) -> Result<(Place, Vec<u32>), EngineError> {
        self.check_completion(resumed)?;
        if resumed.last().is_some_and(|last| self.ends.contains(last)) {
            return Err(EngineError::InvalidRequest("the text to be resumed has ended already".into()));
        }
        let (place, mut text) = self.read(prompt).await?;
        if text.is_empty() {
            return Err(EngineError::InvalidRequest("the prompt is empty".into()));
        }
        text.extend_from_slice(resumed);
        Ok((place, text))
    }

    /// Refuses tokens that no completion of this model can have: unknown ones, and more behind one that ends a text.
    fn check_completion(&self, tokens: &[u32]) -> Result<(), EngineError> {
        self.prompts.check_vocabulary(tokens)?;
        match tokens.split_last() {
            Some((_, before)) if before.iter().any(|token| self.ends.contains(token)) => {
                Err(EngineError::InvalidRequest("the completion goes on behind a token that ends it".into()))
            }
            _ => Ok(()),
        }
    }

    async fn chooser(&self, sampling: &Sampling) -> Result<Chooser, EngineError> {
        let constraint = self.grammars.constraint(&sampling.format).await?;
        Ok(Chooser::new(sampling, constraint, self.prompts.tokenizer.token_bytes()))
    }
}

/// Has `to` take `tokens` up with `replay`. Keeps the place until that is done, even if the caller goes away before.
async fn replayed<T: Send + 'static>(
    place: Place,
    mut to: T,
    tokens: Vec<u32>,
    replay: impl FnOnce(&mut T, &[u32]) -> Result<(), EngineError> + Send + 'static,
) -> Result<(Place, T), EngineError> {
    if tokens.is_empty() {
        return Ok((place, to));
    }
    // Following a shape takes up to milliseconds for a token.
    let replaying = tokio::task::spawn_blocking(move || replay(&mut to, &tokens).map(|()| (place, to)));
    replaying.await.map_err(|_| EngineError::Internal("taking up a text panicked".into()))?
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
