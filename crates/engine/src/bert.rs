//! Embedding models of the BERT family: mean of the last layer over a text's tokens, of length one.

use std::sync::{
    atomic::{AtomicBool, Ordering},
    Arc,
};

use candle_core::{quantized::GgmlDType, DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use tokenizers::{Tokenizer, TruncationParams};
use tokio::sync::Semaphore;

use crate::{
    api::{Embeddings, EngineError},
    device::numeric_class,
    error::LoadError,
    manifest::ModelFile,
    model_dir::ModelDir,
};

/// Tokens, padding included, that are computed at once; bounds memory and the time until a cancellation is noticed.
const BATCH_TOKENS: usize = 512;

/// An embedding model. Computes one request at a time; a bounded number of others wait.
pub(crate) struct Embedder {
    model: Arc<BertEmbedder>,
    /// One for each request that computes or waits.
    places: Arc<Semaphore>,
    /// Whose turn it is.
    turn: Arc<Semaphore>,
}

/// Tells the computing thread that nobody waits for the result any more.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Embedder {
    pub(crate) fn new(model: BertEmbedder, max_waiting: usize) -> Self {
        let places = Arc::new(Semaphore::new(max_waiting.saturating_add(1).min(Semaphore::MAX_PERMITS)));
        Self { model: Arc::new(model), places, turn: Arc::new(Semaphore::new(1)) }
    }

    pub(crate) async fn embed(&self, inputs: Vec<String>) -> Result<Embeddings, EngineError> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| EngineError::Overloaded)?;
        let closed = |_| EngineError::Internal("the engine is shutting down".into());
        let turn = self.turn.clone().acquire_owned().await.map_err(closed)?;
        let cancelled = CancelOnDrop(Arc::default());
        let is_cancelled = cancelled.0.clone();
        let model = self.model.clone();
        let work = move || {
            // Both are held until the computation ends, even if the caller went away before.
            let (_place, _turn) = (place, turn);
            model.embed(&inputs, &is_cancelled)
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| EngineError::Internal("computing embeddings panicked".into()))?
    }
}

/// The weights and the tokenizer.
pub(crate) struct BertEmbedder {
    model: BertModel,
    tokenizer: Tokenizer,
    device: Device,
    context_tokens: u32,
    numeric_class: String,
}

impl BertEmbedder {
    pub(crate) fn load(dir: &ModelDir, device: &Device) -> Result<Self, LoadError> {
        let (config_file, config) = read(dir, "config.json")?;
        let config: Config =
            serde_json::from_slice(&config).map_err(|error| refused(dir, config_file, error.to_string()))?;
        let context_tokens = dir.manifest().context_tokens().min(config.max_position_embeddings as u32);

        let (tokenizer_file, tokenizer) = read(dir, "tokenizer.json")?;
        let broken = |error: tokenizers::Error| refused(dir, tokenizer_file, error.to_string());
        let mut tokenizer = Tokenizer::from_bytes(tokenizer).map_err(broken)?;
        // The file may pad every text to, and cut it at, a length far below the model's.
        let truncation = TruncationParams { max_length: context_tokens as usize, ..Default::default() };
        tokenizer.with_padding(None).with_truncation(Some(truncation)).map_err(broken)?;

        let (weights_file, weights) = read(dir, "model.safetensors")?;
        let broken = |error: candle_core::Error| refused(dir, weights_file, error.to_string());
        let weights = VarBuilder::from_buffered_safetensors(weights, DType::F32, device).map_err(broken)?;
        let model = BertModel::load(weights, &config).map_err(broken)?;
        let matrices = [(GgmlDType::F32, config.hidden_size, config.hidden_size)];
        let numeric_class = numeric_class(device, matrices.into_iter(), false)?;
        Ok(Self { model, tokenizer, device: device.clone(), context_tokens, numeric_class })
    }

    /// Tokens of a text that count; what follows them is ignored.
    pub(crate) fn context_tokens(&self) -> u32 {
        self.context_tokens
    }

    pub(crate) fn numeric_class(&self) -> &str {
        &self.numeric_class
    }

    fn embed(&self, inputs: &[String], cancelled: &AtomicBool) -> Result<Embeddings, EngineError> {
        let mut texts = Vec::with_capacity(inputs.len());
        for (index, input) in inputs.iter().enumerate() {
            check(cancelled)?;
            let encoding = self
                .tokenizer
                .encode_fast(input.as_str(), true)
                .map_err(|error| EngineError::InvalidRequest(format!("an input cannot be tokenised: {error}")))?;
            texts.push((index, encoding.get_ids().to_vec()));
        }
        let prompt_tokens: usize = texts.iter().map(|(_, tokens)| tokens.len()).sum();
        // Texts of similar length share a batch, so that little is spent on padding.
        texts.sort_by_key(|(index, tokens)| (tokens.len(), *index));
        let mut vectors = vec![Vec::new(); inputs.len()];
        let mut rest = texts.as_slice();
        while !rest.is_empty() {
            check(cancelled)?;
            let (batch, after) = rest.split_at(batch_size(rest));
            rest = after;
            let computed = self
                .forward(batch)
                .map_err(|error| EngineError::Internal(format!("the embedding model failed: {error}")))?;
            for ((index, _), vector) in batch.iter().zip(computed) {
                if let Some(place) = vectors.get_mut(*index) {
                    *place = of_length_one(vector)?;
                }
            }
        }
        Ok(Embeddings { vectors, prompt_tokens: u32::try_from(prompt_tokens).unwrap_or(u32::MAX) })
    }

    /// Means over each text's tokens, the padding left out.
    fn forward(&self, batch: &[(usize, Vec<u32>)]) -> candle_core::Result<Vec<Vec<f32>>> {
        let width = batch.iter().map(|(_, tokens)| tokens.len()).max().unwrap_or(0);
        let mut ids = Vec::with_capacity(batch.len() * width);
        let mut mask = Vec::with_capacity(batch.len() * width);
        for (_, tokens) in batch {
            ids.extend_from_slice(tokens);
            ids.resize(ids.len() + width - tokens.len(), 0);
            mask.resize(mask.len() + tokens.len(), 1f32);
            mask.resize(mask.len() + width - tokens.len(), 0f32);
        }
        let shape = (batch.len(), width);
        let ids = Tensor::from_vec(ids, shape, &self.device)?;
        let mask = Tensor::from_vec(mask, shape, &self.device)?;
        let hidden = self.model.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
        let sums = hidden.broadcast_mul(&mask.unsqueeze(2)?)?.sum(1)?;
        sums.broadcast_div(&mask.sum_keepdim(1)?)?.to_vec2()
    }
}

/// How many of `texts`, which are ordered by length, go into the next batch; at least one.
fn batch_size(texts: &[(usize, Vec<u32>)]) -> usize {
    let fits =
        |(rows_before, (_, tokens)): &(usize, &(usize, Vec<u32>))| (rows_before + 1) * tokens.len() <= BATCH_TOKENS;
    texts.iter().enumerate().take_while(fits).count().max(1)
}

fn of_length_one(mut vector: Vec<f32>) -> Result<Vec<f32>, EngineError> {
    let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if !length.is_finite() || length == 0.0 {
        return Err(EngineError::Internal("the embedding model computed something that is no direction".into()));
    }
    vector.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
    Ok(vector)
}

fn check(cancelled: &AtomicBool) -> Result<(), EngineError> {
    match cancelled.load(Ordering::Relaxed) {
        true => Err(EngineError::Internal("nobody waits for these embeddings any more".into())),
        false => Ok(()),
    }
}

fn read<'a>(dir: &'a ModelDir, name: &'static str) -> Result<(&'a ModelFile, Vec<u8>), LoadError> {
    let missing = || LoadError::MissingFile { model: dir.manifest().id().to_owned(), wanted: name };
    let file = dir.manifest().files().iter().find(|file| file.name == name).ok_or_else(missing)?;
    Ok((file, dir.read_file(file, file.bytes)?))
}

fn refused(dir: &ModelDir, file: &ModelFile, reason: String) -> LoadError {
    LoadError::File { path: dir.file_path(file), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lengths: &[usize]) -> Vec<(usize, Vec<u32>)> {
        lengths.iter().map(|length| (0, vec![0; *length])).collect()
    }

    #[test]
    fn batches_are_bounded_and_never_empty() {
        assert_eq!(batch_size(&texts(&[BATCH_TOKENS * 2, BATCH_TOKENS * 2])), 1);
        assert_eq!(batch_size(&texts(&[BATCH_TOKENS / 2, BATCH_TOKENS / 2, BATCH_TOKENS / 2])), 2);
        assert_eq!(batch_size(&texts(&[1, 1, BATCH_TOKENS])), 2);
        assert_eq!(batch_size(&texts(&[5, 5])), 2);
    }

    #[test]
    fn vectors_are_scaled_to_length_one() {
        assert_eq!(of_length_one(vec![3.0, 4.0]).unwrap(), [0.6, 0.8]);
        assert!(of_length_one(vec![0.0, 0.0]).is_err());
        assert!(of_length_one(vec![f32::NAN]).is_err());
    }
}
