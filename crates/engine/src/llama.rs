//! Chat models of the llama family, quantised, from GGUF files.

use std::{collections::HashMap, fs::File, io::BufReader, path::Path};

use candle_core::{quantized::gguf_file::Content, DType, Device, Tensor};
use candle_transformers::models::quantized_llama::{ModelWeights, MAX_SEQ_LEN};

use crate::{
    api::EngineError,
    compute::{BlockId, BLOCK_TOKENS},
    device::numeric_class,
    error::LoadError,
    gguf::Metadata,
    models::{CausalModel, Output, Piece, Wanted},
    template::ChatTemplate,
    tokenizer::ChatTokenizer,
    unpack::{unpacked_bytes, UnpackingReader},
};

const ARCHITECTURE: &str = "llama";

/// A GGUF file, loaded.
pub(crate) struct LoadedLlama {
    pub(crate) model: LlamaModel,
    pub(crate) tokenizer: ChatTokenizer,
    /// `None`: a base model, which has no notion of a chat.
    pub(crate) template: Option<ChatTemplate>,
    /// Tokens that model and code can handle.
    pub(crate) context_tokens: u32,
    pub(crate) numeric_class: String,
}

/// The weights, and what they made of the texts that are being read.
pub(crate) struct LlamaModel {
    /// Its own memory of a text stays empty: it is only ever cloned.
    weights: ModelWeights,
    device: Device,
    blocks: usize,
    /// Texts by their first blocks, which they do not share.
    texts: HashMap<BlockId, ModelWeights>,
}

/// Weights that take no more than this as `f32` are unpacked on the processor.
const UNPACK_LIMIT_BYTES: u64 = 1 << 30;

impl LoadedLlama {
    /// Loads `path`, with `kv_bytes` of memory for keys and values.
    pub(crate) fn load(path: &Path, device: &Device, kv_bytes: u64) -> Result<Self, LoadError> {
        let refused = |reason: String| LoadError::File { path: path.to_owned(), reason };
        let mut reader = BufReader::new(File::open(path).map_err(|error| refused(error.to_string()))?);
        let content = Content::read(&mut reader).map_err(|error| refused(error.to_string()))?;
        let metadata = Metadata::new(&content);
        check_supported(&metadata).map_err(refused)?;
        let tokenizer = ChatTokenizer::from_gguf(&content).map_err(refused)?;
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
        let unpacks = device.is_cpu() && unpacked_bytes(&content) <= UNPACK_LIMIT_BYTES;
        let numeric_class = numeric_class(device, metadata.matrices(), unpacks)?;
        let weights = if unpacks {
            let (content, mut reader) = UnpackingReader::new(content, reader);
            ModelWeights::from_gguf(content, &mut reader, device)
        } else {
            ModelWeights::from_gguf(content, &mut reader, device)
        };
        let weights = weights.map_err(|error| refused(error.to_string()))?;
        let blocks = usize::try_from(kv_bytes / bytes_per_token.max(1)).unwrap_or(usize::MAX) / BLOCK_TOKENS;
        let model = LlamaModel { weights, device: device.clone(), blocks, texts: HashMap::new() };
        Ok(Self { model, tokenizer, template, context_tokens, numeric_class })
    }
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
fn check_supported(metadata: &Metadata) -> Result<(), String> {
    let architecture = metadata.required_text("general.architecture")?;
    if architecture != ARCHITECTURE {
        return Err(format!("architecture {architecture:?} is not supported, only {ARCHITECTURE:?} is"));
    }
    let scaling = metadata.text("llama.rope.scaling.type")?.unwrap_or("none");
    if scaling != "none" || metadata.has_tensor("rope_freqs.weight") {
        return Err(format!("scaled rotary positions ({scaling}) are not supported"));
    }
    if metadata.has_tensor("blk.0.attn_q.bias") {
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
    fn blocks(&self) -> usize {
        self.blocks
    }

    fn forward(&mut self, pieces: &[Piece<'_>]) -> Result<Vec<Vec<Output>>, EngineError> {
        pieces.iter().map(|piece| self.read(piece)).collect()
    }
}

impl LlamaModel {
    /// What a text holds lies with the text, not in the blocks.
    pub(crate) const SHARES_BLOCKS: bool = false;

    fn read(&mut self, piece: &Piece<'_>) -> Result<Vec<Output>, EngineError> {
        let nowhere = || EngineError::Internal("a piece without memory".into());
        let first = *piece.blocks.first().ok_or_else(nowhere)?;
        if piece.position == 0 {
            self.texts.insert(first, self.weights.clone());
        }
        let text = self.texts.get_mut(&first).ok_or_else(nowhere)?;
        let mut compute = || -> candle_core::Result<Vec<f32>> {
            let input = Tensor::new(piece.tokens, &self.device)?.unsqueeze(0)?;
            let logits = text.forward(&input, piece.position)?;
            logits.squeeze(0)?.to_dtype(DType::F32)?.to_vec1()
        };
        let logits = compute().map_err(|error| EngineError::Internal(format!("the model failed: {error}")))?;
        match piece.wanted {
            Wanted::Nothing => Ok(Vec::new()),
            Wanted::Last => Ok(vec![Output { logits, hidden: Vec::new() }]),
            Wanted::Each => Err(EngineError::Internal("this model shows results of the last token only".into())),
        }
    }
}
