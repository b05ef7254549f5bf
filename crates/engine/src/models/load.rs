//! Loads models from their folders onto a device.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc, thread};

use crate::{
    api::EngineError,
    compute::{candle::CandleCompute, cpu::CpuCompute, Compute, Prepare},
    device::{self, numeric_class, DeviceChoice},
    embedder::EmbeddingModel,
    error::LoadError,
    gguf::GgufFile,
    manifest::ModelFile,
    model_dir::ModelDir,
    models::{
        bert::{Bert, BertConfig, BertEmbedder},
        decoder::{Decoder, DecoderWeights},
        family::Family,
        hyperparameters::Hyperparameters,
        safetensors::MappedFile,
        tensors::Tensors,
        CausalModel,
    },
    template::ChatTemplate,
    tokenizer::ChatTokenizer,
    weights::Stored,
};

/// The arithmetic that all models of an engine share.
pub(crate) enum Backend {
    /// Kernels of our own, on the processor.
    Cpu(Arc<CpuCompute>),
    /// candle, on a GPU.
    Candle(Arc<CandleCompute>),
}

/// A chat model, ready.
pub(crate) struct LoadedChat {
    pub(crate) model: Box<dyn CausalModel>,
    pub(crate) tokenizer: ChatTokenizer,
    /// `None`: a base model, which has no notion of a chat.
    pub(crate) template: Option<ChatTemplate>,
    /// Tokens that the model can handle and its manifest allows.
    pub(crate) context_tokens: u32,
    pub(crate) numeric_class: String,
}

/// An embedding model, ready.
pub(crate) struct LoadedEmbedding {
    pub(crate) model: Box<dyn EmbeddingModel>,
    /// Tokens of a text that count; what follows them is ignored.
    pub(crate) context_tokens: u32,
    pub(crate) numeric_class: String,
}

impl Backend {
    /// Opens the device. An engine has one; a machine with many GPUs runs an engine for each. `threads` compute on a
    /// processor, `None`: one for each core; each stays on a core of its own if `pin`, and uses AVX-512 where it is if `avx512`.
    pub(crate) fn open(
        choice: DeviceChoice,
        threads: Option<NonZeroUsize>,
        pin: bool,
        avx512: bool,
    ) -> Result<Self, LoadError> {
        if choice != DeviceChoice::Cpu {
            return Ok(Self::Candle(Arc::new(CandleCompute::new(device::open(choice)?))));
        }
        let threads = threads.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
        Ok(Self::Cpu(Arc::new(CpuCompute::new(threads, pin, avx512)?)))
    }
}

/// Memory for keys and values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KvBudget {
    /// At most.
    pub(crate) bytes: u64,
    /// Texts that are read at once: it is never more than these need with full contexts.
    pub(crate) texts: NonZeroUsize,
}

/// All that a chat model's file holds.
pub(crate) struct ChatParts<C: Prepare> {
    pub(crate) family: &'static Family,
    pub(crate) sizes: Hyperparameters,
    pub(crate) tokenizer: ChatTokenizer,
    pub(crate) template: Option<ChatTemplate>,
    pub(crate) weights: DecoderWeights<C>,
}

impl<C: Prepare> ChatParts<C> {
    /// Reads header and weights. Refuses whatever is not supported in them.
    pub(crate) fn read(prepare: &Arc<C>, file: &GgufFile) -> Result<Self, LoadError> {
        let refused = |reason: String| file.refused(reason);
        let metadata = file.metadata();
        if let Some(parts) = metadata.number("split.count").map_err(refused)?.filter(|parts| *parts > 1) {
            return Err(refused(format!(
                "it is one of {parts} parts of a model; make one file of them: `llama-gguf-split --merge FIRST.gguf WHOLE.gguf`"
            )));
        }
        let (family, sizes) = Family::of(&metadata).map_err(refused)?;
        let tokenizer = ChatTokenizer::from_gguf(file).map_err(refused)?;
        let template = match metadata.text("tokenizer.chat_template").map_err(refused)? {
            Some(source) => {
                Some(ChatTemplate::new(source, tokenizer.bos_text(), tokenizer.eos_text()).map_err(refused)?)
            }
            None => None,
        };
        let weights = DecoderWeights::load(prepare.clone(), file, family, sizes.clone())?;
        // Reads no more of them than there are weights for.
        metadata.texts("tokenizer.ggml.tokens", weights.vocabulary()).map_err(refused)?;
        Ok(Self { family, sizes, tokenizer, template, weights })
    }
}

/// Loads the GGUF file of `dir`. Keys and values get no more memory than a GPU has left once the weights are on it.
pub(crate) fn load_chat(dir: &ModelDir, backend: &Backend, budget: KvBudget) -> Result<LoadedChat, LoadError> {
    let file = GgufFile::open(&chat_path(dir)?)?;
    let most_tokens = dir.manifest().context_tokens();
    match backend {
        Backend::Cpu(compute) => chat(compute, &file, most_tokens, budget),
        Backend::Candle(compute) => chat(compute, &file, most_tokens, budget),
    }
}

/// Where the GGUF file of `dir` is.
pub(crate) fn chat_path(dir: &ModelDir) -> Result<PathBuf, LoadError> {
    let manifest = dir.manifest();
    let missing = || LoadError::MissingFile { model: manifest.id().to_owned(), wanted: "*.gguf" };
    Ok(dir.file_path(manifest.file_ending_in(".gguf").ok_or_else(missing)?))
}

/// Loads the safetensors file of `dir`.
pub(crate) fn load_embedding(dir: &ModelDir, backend: &Backend) -> Result<LoadedEmbedding, LoadError> {
    match backend {
        Backend::Cpu(compute) => embedding(compute, dir),
        Backend::Candle(compute) => embedding(compute, dir),
    }
}

fn chat<C: Compute>(
    compute: &Arc<C>,
    file: &GgufFile,
    most_tokens: u32,
    budget: KvBudget,
) -> Result<LoadedChat, LoadError> {
    let ChatParts { tokenizer, template, sizes, weights, .. } = ChatParts::read(compute, file)?;
    let context_tokens = sizes.context_tokens.min(most_tokens);
    let numeric_class = numeric_class(&compute.class(), weights.main_type());
    let text_bytes = weights.kv_bytes(context_tokens as usize);
    let kv_bytes = text_bytes.saturating_mul(budget.texts.get() as u64).min(budget.bytes);
    let model = Box::new(Decoder::new(weights, kv_bytes)?);
    Ok(LoadedChat { model, tokenizer, template, context_tokens, numeric_class })
}

fn embedding<C: Compute>(compute: &Arc<C>, dir: &ModelDir) -> Result<LoadedEmbedding, LoadError> {
    let refused = |file: &ModelFile, reason: String| LoadError::File { path: dir.file_path(file), reason };
    let (config_file, config) = read(dir, "config.json")?;
    let config = BertConfig::read(&config).map_err(|reason| refused(config_file, reason))?;
    let context_tokens = dir.manifest().context_tokens().min(config.max_tokens());
    let file = MappedFile::open(&dir.file_path(named(dir, "model.safetensors")?))?;
    let model = Bert::load(compute.clone(), &file.safetensors(&Bert::<C>::PREFIXES, Bert::<C>::PROBE)?, config)?;
    let numeric_class = numeric_class(&compute.class(), model.main_type());
    let (tokenizer_file, tokenizer) = read(dir, "tokenizer.json")?;
    let model =
        BertEmbedder::new(model, &tokenizer, context_tokens).map_err(|reason| refused(tokenizer_file, reason))?;
    Ok(LoadedEmbedding { model: Box::new(model), context_tokens, numeric_class })
}

fn named<'a>(dir: &'a ModelDir, name: &'static str) -> Result<&'a ModelFile, LoadError> {
    let missing = || LoadError::MissingFile { model: dir.manifest().id().to_owned(), wanted: name };
    dir.manifest().files().iter().find(|file| file.name == name).ok_or_else(missing)
}

fn read<'a>(dir: &'a ModelDir, name: &'static str) -> Result<(&'a ModelFile, Vec<u8>), LoadError> {
    let file = named(dir, name)?;
    Ok((file, dir.read_file(file, file.bytes)?))
}

impl Tensors for GgufFile {
    fn tensor(&self, name: &str) -> Result<Option<Stored<'_>>, LoadError> {
        self.tensor(name)
    }

    fn names(&self) -> Vec<&str> {
        self.tensors().collect()
    }

    fn refused(&self, reason: String) -> LoadError {
        LoadError::File { path: self.path().to_owned(), reason }
    }
}

impl EmbeddingModel for Box<dyn EmbeddingModel> {
    fn tokenise(&self, text: &str) -> Result<Vec<u32>, EngineError> {
        self.as_ref().tokenise(text)
    }

    fn forward(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, EngineError> {
        self.as_ref().forward(texts)
    }
}
