//! Chat models of the llama family, quantised, from GGUF files.

use std::{fs::File, io::BufReader, path::Path};

use candle_core::{
    quantized::{gguf_file::Content, GgmlDType},
    DType, Device, Tensor,
};
use candle_transformers::models::quantized_llama::{ModelWeights, MAX_SEQ_LEN};

use crate::{
    api::EngineError,
    error::LoadError,
    gguf::{GgufFile, Metadata},
    session::{CausalModel, Session},
    template::ChatTemplate,
    tokenizer::ChatTokenizer,
    unpack::{unpacked_bytes, UnpackingReader},
};

const CANDLE: &str = "candle-0.11.1";
const ARCHITECTURE: &str = "llama";

/// A GGUF file, loaded.
pub(crate) struct LoadedLlama {
    pub(crate) model: LlamaModel,
    pub(crate) tokenizer: ChatTokenizer,
    /// `None`: a base model, which has no notion of a chat.
    pub(crate) template: Option<ChatTemplate>,
    /// Tokens that model and code can handle.
    pub(crate) context_tokens: u32,
    /// Memory that a session takes for each token that it has read.
    pub(crate) bytes_per_token: u64,
    pub(crate) numeric_class: String,
}

/// The weights.
pub(crate) struct LlamaModel {
    /// Its own memory of a text stays empty: it is only ever cloned.
    weights: ModelWeights,
    device: Device,
}

struct LlamaSession {
    /// Shares the weights; the keys and values of the text are its own.
    weights: ModelWeights,
    device: Device,
}

impl LoadedLlama {
    /// Loads `path`. On the processor, weights that take no more than `unpack_limit_bytes` as `f32` are unpacked.
    pub(crate) fn load(path: &Path, device: &Device, unpack_limit_bytes: u64) -> Result<Self, LoadError> {
        let refused = |reason: String| LoadError::File { path: path.to_owned(), reason };
        let mut reader = BufReader::new(File::open(path).map_err(|error| refused(error.to_string()))?);
        let content = Content::read(&mut reader).map_err(|error| refused(error.to_string()))?;
        let file = GgufFile::open(path)?;
        let metadata = file.metadata();
        check_supported(&metadata, &content).map_err(refused)?;
        let tokenizer = ChatTokenizer::from_gguf(&file).map_err(refused)?;
        let template = match metadata.text("tokenizer.chat_template").map_err(refused)? {
            Some(source) => {
                Some(ChatTemplate::new(source, tokenizer.bos_text(), tokenizer.eos_text()).map_err(refused)?)
            }
            None => None,
        };
        let trained = metadata.required_number("llama.context_length").map_err(refused)?;
        // candle computes rotations for this many positions and no more.
        let context_tokens = trained.min(MAX_SEQ_LEN as u32);
        let bytes_per_token = bytes_per_token(&metadata).map_err(refused)?;
        let unpacks = device.is_cpu() && unpacked_bytes(&content) <= unpack_limit_bytes;
        let numeric_class = numeric_class(device, matrices(&content), unpacks)?;
        let weights = if unpacks {
            let (content, mut reader) = UnpackingReader::new(content, reader);
            ModelWeights::from_gguf(content, &mut reader, device)
        } else {
            ModelWeights::from_gguf(content, &mut reader, device)
        };
        let weights = weights.map_err(|error| refused(error.to_string()))?;
        let model = LlamaModel { weights, device: device.clone() };
        Ok(Self { model, tokenizer, template, context_tokens, bytes_per_token, numeric_class })
    }
}

/// Types and (rows, columns) of all matrices.
fn matrices(content: &Content) -> impl Iterator<Item = (GgmlDType, usize, usize)> + '_ {
    content.tensor_infos.values().filter_map(|info| match info.shape.dims() {
        [rows, columns] => Some((info.ggml_dtype, *rows, *columns)),
        _ => None,
    })
}

/// candle keeps a key and a value as `f32` for each token, layer and head that has one of its own.
fn bytes_per_token(metadata: &Metadata) -> Result<u64, String> {
    let heads = metadata.required_number("llama.attention.head_count")?;
    let kept_heads = metadata.number("llama.attention.head_count_kv")?.unwrap_or(heads);
    let head_width = metadata.required_number("llama.embedding_length")?.checked_div(heads).unwrap_or(0);
    let layers = metadata.required_number("llama.block_count")?;
    let values = [2, layers, kept_heads, head_width].into_iter().map(u64::from).fold(1, u64::saturating_mul);
    Ok(values.saturating_mul(size_of::<f32>() as u64))
}

/// Refuses variants that candle would load and compute wrongly.
fn check_supported(metadata: &Metadata, content: &Content) -> Result<(), String> {
    let architecture = metadata.required_text("general.architecture")?;
    if architecture != ARCHITECTURE {
        return Err(format!("architecture {architecture:?} is not supported, only {ARCHITECTURE:?} is"));
    }
    let scaling = metadata.text("llama.rope.scaling.type")?.unwrap_or("none");
    if scaling != "none" || content.tensor_infos.contains_key("rope_freqs.weight") {
        return Err(format!("scaled rotary positions ({scaling}) are not supported"));
    }
    if content.tensor_infos.contains_key("blk.0.attn_q.bias") {
        return Err("attention with biases is not supported".into());
    }
    let heads = metadata.required_number("llama.attention.head_count")?;
    let width = metadata.required_number("llama.embedding_length")?;
    let head_width = width.checked_div(heads).unwrap_or(0);
    if head_width == 0 || metadata.number("llama.attention.key_length")?.is_some_and(|length| length != head_width) {
        return Err(format!("{heads} heads over a width of {width} are not supported"));
    }
    Ok(())
}

impl CausalModel for LlamaModel {
    fn session(&self) -> Box<dyn Session> {
        Box::new(LlamaSession { weights: self.weights.clone(), device: self.device.clone() })
    }
}

impl Session for LlamaSession {
    fn forward(&mut self, tokens: &[u32], position: usize) -> Result<Vec<f32>, EngineError> {
        let mut compute = || -> candle_core::Result<Vec<f32>> {
            let input = Tensor::new(tokens, &self.device)?.unsqueeze(0)?;
            let logits = self.weights.forward(&input, position)?;
            logits.squeeze(0)?.to_dtype(DType::F32)?.to_vec1()
        };
        compute().map_err(|error| EngineError::Internal(format!("the model failed: {error}")))
    }
}

/// Names the arithmetic: results can be compared bit by bit only within one class. `matrices` are the types, rows and
/// columns of the model's weights as they are stored; `unpacked` tells whether `f32` is what they are computed in.
fn numeric_class(
    device: &Device,
    matrices: impl Iterator<Item = (GgmlDType, usize, usize)>,
    unpacked: bool,
) -> Result<String, LoadError> {
    let matrices: Vec<_> = matrices.collect();
    let unit = match device {
        Device::Cpu if unpacked => format!("cpu/{}", instruction_set(&[])),
        Device::Cpu => format!("cpu/{}", instruction_set(&matrices)),
        _ => gpu_class(device)?,
    };
    let computed_in = if unpacked { "-f32" } else { "" };
    Ok(format!("{CANDLE}/{unit}/{}{computed_in}", main_type(&matrices)))
}

/// The type of most weights, counted by elements.
fn main_type(matrices: &[(GgmlDType, usize, usize)]) -> String {
    let mut totals: Vec<(String, usize)> = Vec::new();
    for (dtype, rows, columns) in matrices {
        let name = format!("{dtype:?}").to_lowercase();
        let elements = rows * columns;
        match totals.iter_mut().find(|(known, _)| *known == type_name(&name)) {
            Some((_, total)) => *total += elements,
            None => totals.push((type_name(&name), elements)),
        }
    }
    totals.into_iter().max_by_key(|(_, total)| *total).map_or_else(|| "f32".to_owned(), |(name, _)| name)
}

/// GGUF's spelling: `q41` becomes `q4_1`, `q4k` becomes `q4_k`.
fn type_name(name: &str) -> String {
    match name.strip_prefix('q').and_then(|rest| rest.split_at_checked(1)) {
        Some((bits, kind)) if !kind.is_empty() && !kind.starts_with('_') => format!("q{bits}_{kind}"),
        _ => name.to_owned(),
    }
}

/// What candle's kernels are compiled for and, where it chooses when it runs, what it chooses.
fn instruction_set(matrices: &[(GgmlDType, usize, usize)]) -> String {
    #[cfg(target_arch = "x86_64")]
    {
        let compiled = if cfg!(target_feature = "avx2") { "avx2" } else { "sse2" };
        // candle repacks such matrices for the widest dot product that the processor has.
        let repacked = matrices.iter().any(|(dtype, rows, columns)| {
            matches!(dtype, GgmlDType::Q4K | GgmlDType::Q6K | GgmlDType::Q8_0)
                && rows.is_multiple_of(16)
                && columns.is_multiple_of(256)
        });
        let chosen = match repacked {
            true if std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("avx512vnni") => {
                "+avx512vnni"
            }
            true if std::is_x86_feature_detected!("avxvnni") => "+avxvnni",
            _ => "",
        };
        format!("{compiled}{chosen}")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = matrices;
        std::env::consts::ARCH.to_owned()
    }
}

#[cfg(feature = "cuda")]
fn gpu_class(device: &Device) -> Result<String, LoadError> {
    let failed = |error: String| LoadError::Device(format!("the GPU does not say what it is: {error}"));
    let cuda = device.as_cuda_device().map_err(|error| failed(error.to_string()))?;
    let stream = cuda.cuda_stream();
    let (major, minor) = stream.context().compute_capability().map_err(|error| failed(format!("{error:?}")))?;
    Ok(format!("cuda/sm_{major}{minor}"))
}

#[cfg(not(feature = "cuda"))]
fn gpu_class(_: &Device) -> Result<String, LoadError> {
    Err(LoadError::WithoutCuda)
}
