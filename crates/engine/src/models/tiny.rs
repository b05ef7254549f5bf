//! Small random models for tests.

use std::{collections::BTreeMap, sync::Arc};

use candle_core::{
    quantized::{GgmlDType, QTensor},
    Device, Tensor,
};
use rand_chacha::{
    rand_core::{RngCore, SeedableRng},
    ChaCha8Rng,
};

use crate::{
    compute::Compute,
    error::LoadError,
    models::{
        decoder::{Decoder, DecoderWeights},
        family::{Family, Part},
        hyperparameters::Hyperparameters,
        llama, qwen2, qwen3,
        tensors::Tensors,
    },
    weights::{Stored, StoredType},
};

/// Tokens of a tiny model's vocabulary.
pub(crate) const VOCABULARY: usize = 128;

/// A model of 2 layers, width 64, 4 heads of queries and 2 of keys and values, whose weights follow from a seed.
pub(crate) struct TinyModel {
    pub(crate) family: &'static Family,
    pub(crate) sizes: Hyperparameters,
    tensors: BTreeMap<String, TinyTensor>,
}

pub(crate) struct TinyTensor {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// What is stored, exactly.
    pub(crate) values: Vec<f32>,
    dtype: StoredType,
    bytes: Vec<u8>,
}

impl TinyModel {
    /// Matrices are stored as `f32`.
    pub(crate) fn llama(seed: u64) -> Self {
        Self::new(&llama::FAMILY, StoredType::F32, seed)
    }

    pub(crate) fn qwen2(seed: u64) -> Self {
        Self::new(&qwen2::FAMILY, StoredType::F32, seed)
    }

    pub(crate) fn qwen3(seed: u64) -> Self {
        Self::new(&qwen3::FAMILY, StoredType::F32, seed)
    }

    /// As `llama`, with matrices in blocks of eight-bit numbers.
    pub(crate) fn quantised_llama(seed: u64) -> Self {
        Self::new(&llama::FAMILY, StoredType::Q8_0, seed)
    }

    fn new(family: &'static Family, dtype: StoredType, seed: u64) -> Self {
        let sizes = Hyperparameters {
            width: 64,
            layers: 2,
            heads: 4,
            kv_heads: 2,
            // Other than width / heads, as Qwen 3 has it.
            head_len: if family.head_norms == Part::Always { 32 } else { 16 },
            feed_forward: 96,
            context_tokens: 4_096,
            epsilon: 1e-5,
            rope_base: 10_000.0,
            rope_divisor: 1.0,
        };
        let mut model = Self { family, sizes, tensors: BTreeMap::new() };
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        model.fill(&mut random, dtype);
        model
    }

    fn fill(&mut self, random: &mut ChaCha8Rng, dtype: StoredType) {
        let Hyperparameters { width, layers, heads, kv_heads, head_len, feed_forward, .. } = self.sizes;
        let (all_heads, all_kv_heads) = (heads * head_len, kv_heads * head_len);
        let mut matrix = |name: String, rows: usize, columns: usize| {
            let scale = 1.5 / (columns as f32).sqrt();
            let values = (0..rows * columns).map(|_| uniform(random) * scale).collect();
            self.tensors.insert(name, TinyTensor::new(rows, columns, values, dtype));
        };
        matrix("token_embd.weight".into(), VOCABULARY, width);
        // The output matrix of the others is the embedding.
        if self.family.biases == Part::Always {
            matrix("output.weight".into(), VOCABULARY, width);
        }
        for layer in 0..layers {
            for (part, rows, columns) in [
                ("attn_q", all_heads, width),
                ("attn_k", all_kv_heads, width),
                ("attn_v", all_kv_heads, width),
                ("attn_output", width, all_heads),
                ("ffn_gate", feed_forward, width),
                ("ffn_up", feed_forward, width),
                ("ffn_down", width, feed_forward),
            ] {
                matrix(format!("blk.{layer}.{part}.weight"), rows, columns);
            }
        }
        let mut vector = |name: String, length: usize, middle: f32| {
            let values = (0..length).map(|_| middle + 0.3 * uniform(random)).collect();
            self.tensors.insert(name, TinyTensor::new(1, length, values, StoredType::F32));
        };
        vector("output_norm.weight".into(), width, 1.0);
        if self.family.rope_factors == Part::Maybe {
            vector("rope_freqs.weight".into(), head_len / 2, 2.0);
        }
        for layer in 0..layers {
            vector(format!("blk.{layer}.attn_norm.weight"), width, 1.0);
            vector(format!("blk.{layer}.ffn_norm.weight"), width, 1.0);
            if self.family.biases == Part::Always {
                vector(format!("blk.{layer}.attn_q.bias"), all_heads, 0.0);
                vector(format!("blk.{layer}.attn_k.bias"), all_kv_heads, 0.0);
                vector(format!("blk.{layer}.attn_v.bias"), all_kv_heads, 0.0);
            }
            if self.family.head_norms == Part::Always {
                vector(format!("blk.{layer}.attn_q_norm.weight"), head_len, 1.0);
                vector(format!("blk.{layer}.attn_k_norm.weight"), head_len, 1.0);
            }
        }
    }

    /// The model on a device, with memory for this many blocks.
    pub(crate) fn decoder<C: Compute>(&self, compute: Arc<C>, blocks: u64) -> Decoder<C> {
        let weights = self.weights(compute.clone()).unwrap();
        let bytes = blocks * compute.kv_block_bytes(weights.kv_shape());
        Decoder::new(weights, bytes).unwrap()
    }

    pub(crate) fn weights<C: Compute>(&self, compute: Arc<C>) -> Result<DecoderWeights<C>, LoadError> {
        DecoderWeights::load(compute, self, self.family, self.sizes.clone())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&TinyTensor> {
        self.tensors.get(name)
    }

    /// The same model with other tensors.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut BTreeMap<String, TinyTensor>)) -> Self {
        change(&mut self.tensors);
        self
    }
}

impl TinyTensor {
    pub(crate) fn new(rows: usize, columns: usize, values: Vec<f32>, dtype: StoredType) -> Self {
        if dtype == StoredType::F32 {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            return Self { rows, columns, values, dtype, bytes };
        }
        assert_eq!(dtype, StoredType::Q8_0, "others are not needed");
        let tensor = Tensor::from_vec(values, (rows, columns), &Device::Cpu).unwrap();
        let quantised = QTensor::quantize(&tensor, GgmlDType::Q8_0).unwrap();
        let values = quantised.dequantize(&Device::Cpu).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        let bytes = quantised.data().unwrap().into_owned();
        Self { rows, columns, values, dtype, bytes }
    }
}

impl Tensors for TinyModel {
    fn tensor(&self, name: &str) -> Result<Option<Stored<'_>>, LoadError> {
        Ok(self.tensors.get_key_value(name).map(|(name, tensor)| Stored {
            name,
            dtype: tensor.dtype,
            rows: tensor.rows,
            columns: tensor.columns,
            bytes: &tensor.bytes,
        }))
    }

    fn names(&self) -> Vec<&str> {
        self.tensors.keys().map(String::as_str).collect()
    }

    fn refused(&self, reason: String) -> LoadError {
        LoadError::File { path: "tiny.gguf".into(), reason }
    }
}

/// Between -1 and 1.
fn uniform(random: &mut ChaCha8Rng) -> f32 {
    (f64::from(random.next_u32()) / f64::from(u32::MAX) * 2.0 - 1.0) as f32
}
