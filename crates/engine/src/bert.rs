//! Embedding models of the BERT family: mean of the last layer over a text's tokens, of length one.

use candle_core::{quantized::GgmlDType, DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use tokenizers::{Tokenizer, TruncationParams};

use crate::{
    api::EngineError, device::numeric_class, embedder::EmbeddingModel, error::LoadError, manifest::ModelFile,
    model_dir::ModelDir,
};

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

    /// Means over each text's tokens, the padding left out.
    fn means(&self, texts: &[&[u32]]) -> candle_core::Result<Vec<Vec<f32>>> {
        let width = texts.iter().map(|tokens| tokens.len()).max().unwrap_or(0);
        let mut ids = Vec::with_capacity(texts.len() * width);
        let mut mask = Vec::with_capacity(texts.len() * width);
        for tokens in texts {
            ids.extend_from_slice(tokens);
            ids.resize(ids.len() + width - tokens.len(), 0);
            mask.resize(mask.len() + tokens.len(), 1f32);
            mask.resize(mask.len() + width - tokens.len(), 0f32);
        }
        let shape = (texts.len(), width);
        let ids = Tensor::from_vec(ids, shape, &self.device)?;
        let mask = Tensor::from_vec(mask, shape, &self.device)?;
        let hidden = self.model.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
        let sums = hidden.broadcast_mul(&mask.unsqueeze(2)?)?.sum(1)?;
        sums.broadcast_div(&mask.sum_keepdim(1)?)?.to_vec2()
    }
}

impl EmbeddingModel for BertEmbedder {
    fn tokenise(&self, text: &str) -> Result<Vec<u32>, EngineError> {
        let encoding = self
            .tokenizer
            .encode_fast(text, true)
            .map_err(|error| EngineError::InvalidRequest(format!("an input cannot be tokenised: {error}")))?;
        Ok(encoding.get_ids().to_vec())
    }

    fn forward(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, EngineError> {
        let means =
            self.means(texts).map_err(|error| EngineError::Internal(format!("the embedding model failed: {error}")))?;
        means.into_iter().map(of_length_one).collect()
    }
}

fn of_length_one(mut vector: Vec<f32>) -> Result<Vec<f32>, EngineError> {
    let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if !length.is_finite() || length == 0.0 {
        return Err(EngineError::Internal("the embedding model computed something that is no direction".into()));
    }
    vector.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
    Ok(vector)
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

    #[test]
    fn vectors_are_scaled_to_length_one() {
        assert_eq!(of_length_one(vec![3.0, 4.0]).unwrap(), [0.6, 0.8]);
        assert!(of_length_one(vec![0.0, 0.0]).is_err());
        assert!(of_length_one(vec![f32::NAN]).is_err());
    }
}
