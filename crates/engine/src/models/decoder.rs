//! A decoder-only transformer: normalisation before each part, attention whose query heads share key heads, and a
//! feed-forward part with a gate.

use std::sync::Arc;

use crate::{
    api::EngineError,
    compute::{Compute, ComputeError, KvShape, Prepare, Rope, BLOCK_TOKENS},
    error::LoadError,
    models::{
        family::{Family, Part},
        hyperparameters::Hyperparameters,
        step::Step,
        tensors::{TensorLoader, Tensors},
        CausalModel, Output, Piece,
    },
    weights::StoredType,
};

/// More tokens than any vocabulary has.
const MAX_VOCABULARY: usize = 1 << 22;

/// The weights.
pub(crate) struct DecoderWeights<C: Prepare> {
    compute: Arc<C>,
    sizes: Hyperparameters,
    vocabulary: usize,
    embedding: C::Matrix,
    /// None: the embedding serves.
    output: Option<C::Matrix>,
    layers: Vec<Layer<C>>,
    last_norm: C::Vector,
    rope: Rope,
    main_type: StoredType,
}

struct Layer<C: Prepare> {
    attention_norm: C::Vector,
    query: Linear<C>,
    key: Linear<C>,
    value: Linear<C>,
    query_norm: Option<C::Vector>,
    key_norm: Option<C::Vector>,
    attention_output: C::Matrix,
    feed_forward_norm: C::Vector,
    gate: C::Matrix,
    up: C::Matrix,
    down: C::Matrix,
}

struct Linear<C: Prepare> {
    weight: C::Matrix,
    bias: Option<C::Vector>,
}

/// The weights with memory for keys and values.
pub(crate) struct Decoder<C: Compute> {
    weights: DecoderWeights<C>,
    kv: C::Kv,
    blocks: usize,
}

impl<C: Prepare> DecoderWeights<C> {
    /// Loads the tensors of a model of `family`.
    pub(crate) fn load(
        compute: Arc<C>,
        tensors: &impl Tensors,
        family: &Family,
        sizes: Hyperparameters,
    ) -> Result<Self, LoadError> {
        let mut loader = TensorLoader::new(compute.as_ref(), tensors);
        let (embedding, vocabulary) = loader.table("token_embd.weight", MAX_VOCABULARY, sizes.width)?;
        let output = loader.optional_matrix("output.weight", vocabulary, sizes.width)?;
        let last_norm = loader.vector("output_norm.weight", sizes.width)?;
        let factors = match family.rope_factors {
            Part::Never => None,
            _ => loader.optional_numbers("rope_freqs.weight", sizes.head_len / 2)?,
        };
        if factors.as_ref().is_some_and(|factors| factors.iter().any(|factor| !(factor.is_finite() && *factor > 0.0))) {
            return Err(tensors.refused("rope_freqs.weight holds numbers that are not positive".into()));
        }
        let rope = Rope { pairs: family.pairs, frequencies: sizes.frequencies(factors.as_deref()) };
        let layers =
            (0..sizes.layers).map(|layer| Layer::load(&mut loader, layer, family, &sizes)).collect::<Result<_, _>>()?;
        let main_type = loader.finish()?.main();
        Ok(Self { compute, sizes, vocabulary, embedding, output, layers, last_norm, rope, main_type })
    }

    /// Tokens of the vocabulary.
    pub(crate) fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// The type that most weights are stored in.
    pub(crate) fn main_type(&self) -> StoredType {
        self.main_type
    }
}

impl<C: Compute> DecoderWeights<C> {
    pub(crate) fn kv_shape(&self) -> KvShape {
        KvShape { layers: self.sizes.layers, kv_heads: self.sizes.kv_heads, head_len: self.sizes.head_len }
    }

    fn forward(&self, kv: &mut C::Kv, step: &Step<'_>) -> Result<Vec<Output>, ComputeError> {
        let mut x = self.compute.lookup(&self.embedding, &step.tokens)?;
        for (index, layer) in self.layers.iter().enumerate() {
            let attended = self.attend(layer, index, kv, &x, step)?;
            if index + 1 < self.layers.len() {
                self.finish_layer(layer, &mut x, attended)?;
                continue;
            }
            // Only rows that somebody wants go on after keys and values of all are kept.
            if step.wanted.is_empty() {
                return Ok(Vec::new());
            }
            x = self.compute.select(&x, &step.wanted)?;
            let attended = self.compute.select(&attended, &step.wanted)?;
            self.finish_layer(layer, &mut x, attended)?;
        }
        let hidden = self.compute.rms_norm(&x, &self.last_norm, self.sizes.epsilon)?;
        let output = self.output.as_ref().unwrap_or(&self.embedding);
        let [logits] = self.compute.matmul(&hidden, [(output, None)])?;
        let (logits, hidden) = (self.compute.to_vec(&logits)?, self.compute.to_vec(&hidden)?);
        let outputs = logits.chunks(self.vocabulary).zip(hidden.chunks(self.sizes.width));
        Ok(outputs.map(|(logits, hidden)| Output { logits: logits.to_vec(), hidden: hidden.to_vec() }).collect())
    }

    fn attend(
        &self,
        layer: &Layer<C>,
        index: usize,
        kv: &mut C::Kv,
        x: &C::Rows,
        step: &Step<'_>,
    ) -> Result<C::Rows, ComputeError> {
        let (compute, epsilon) = (self.compute.as_ref(), self.sizes.epsilon);
        let normed = compute.rms_norm(x, &layer.attention_norm, epsilon)?;
        let weights = [&layer.query, &layer.key, &layer.value].map(|linear| (&linear.weight, linear.bias.as_ref()));
        let [mut queries, mut keys, values] = compute.matmul(&normed, weights)?;
        if let Some(norm) = &layer.query_norm {
            queries = compute.rms_norm(&queries, norm, epsilon)?;
        }
        if let Some(norm) = &layer.key_norm {
            keys = compute.rms_norm(&keys, norm, epsilon)?;
        }
        compute.rotate(&mut queries, &self.rope, &step.positions)?;
        compute.rotate(&mut keys, &self.rope, &step.positions)?;
        compute.attend(kv, index, &queries, &keys, &values, &step.spans)
    }

    fn finish_layer(&self, layer: &Layer<C>, x: &mut C::Rows, attended: C::Rows) -> Result<(), ComputeError> {
        let compute = self.compute.as_ref();
        let [attended] = compute.matmul(&attended, [(&layer.attention_output, None)])?;
        compute.add(x, &attended)?;
        let normed = compute.rms_norm(x, &layer.feed_forward_norm, self.sizes.epsilon)?;
        let [gate, up] = compute.matmul(&normed, [(&layer.gate, None), (&layer.up, None)])?;
        let gated = compute.silu_mul(gate, &up)?;
        let [fed] = compute.matmul(&gated, [(&layer.down, None)])?;
        compute.add(x, &fed)
    }
}

impl<C: Prepare> Layer<C> {
    fn load(
        loader: &mut TensorLoader<'_, C, impl Tensors>,
        layer: usize,
        family: &Family,
        sizes: &Hyperparameters,
    ) -> Result<Self, LoadError> {
        let name = |part: &str| format!("blk.{layer}.{part}");
        let Hyperparameters { width, heads, kv_heads, head_len, feed_forward, .. } = *sizes;
        let mut linear = |part: &str, rows: usize| -> Result<Linear<C>, LoadError> {
            let weight = loader.matrix(&name(&format!("{part}.weight")), rows, width)?;
            let bias = name(&format!("{part}.bias"));
            let bias = match family.biases {
                Part::Never => None,
                Part::Maybe => loader.optional_vector(&bias, rows)?,
                Part::Always => Some(loader.vector(&bias, rows)?),
            };
            Ok(Linear { weight, bias })
        };
        let query = linear("attn_q", heads * head_len)?;
        let key = linear("attn_k", kv_heads * head_len)?;
        let value = linear("attn_v", kv_heads * head_len)?;
        let mut head_norm = |part: &str| match family.head_norms {
            Part::Never => Ok(None),
            Part::Maybe => loader.optional_vector(&name(part), head_len),
            Part::Always => loader.vector(&name(part), head_len).map(Some),
        };
        let (query_norm, key_norm) = (head_norm("attn_q_norm.weight")?, head_norm("attn_k_norm.weight")?);
        Ok(Self {
            attention_norm: loader.vector(&name("attn_norm.weight"), width)?,
            query,
            key,
            value,
            query_norm,
            key_norm,
            attention_output: loader.matrix(&name("attn_output.weight"), width, heads * head_len)?,
            feed_forward_norm: loader.vector(&name("ffn_norm.weight"), width)?,
            gate: loader.matrix(&name("ffn_gate.weight"), feed_forward, width)?,
            up: loader.matrix(&name("ffn_up.weight"), feed_forward, width)?,
            down: loader.matrix(&name("ffn_down.weight"), width, feed_forward)?,
        })
    }
}

impl<C: Compute> DecoderWeights<C> {
    /// Bytes of the keys and values of a text of `tokens` tokens.
    pub(crate) fn kv_bytes(&self, tokens: usize) -> u64 {
        let blocks = tokens.div_ceil(BLOCK_TOKENS) as u64;
        blocks.saturating_mul(self.compute.kv_block_bytes(self.kv_shape()))
    }
}

impl<C: Compute> Decoder<C> {
    /// Takes memory for keys and values: as many blocks as `kv_bytes` hold and the device has room for.
    pub(crate) fn new(weights: DecoderWeights<C>, kv_bytes: u64) -> Result<Self, LoadError> {
        let compute = &weights.compute;
        let shape = weights.kv_shape();
        let block_bytes = compute.kv_block_bytes(shape).max(1);
        let bytes = kv_bytes.min(compute.memory_left()?.unwrap_or(u64::MAX));
        // A block's number has 32 bits.
        let blocks = u32::try_from(bytes / block_bytes).unwrap_or(u32::MAX) as usize;
        if blocks == 0 {
            return Err(LoadError::KvMemory { bytes, block_bytes });
        }
        let kv = compute.kv(shape, blocks)?;
        Ok(Self { weights, kv, blocks })
    }
}

impl<C: Compute> CausalModel for Decoder<C> {
    fn blocks(&self) -> usize {
        self.blocks
    }

    fn forward(&mut self, pieces: &[Piece<'_>]) -> Result<Vec<Vec<Output>>, EngineError> {
        let step = Step::new(pieces, self.weights.vocabulary, self.blocks).map_err(|reason| {
            EngineError::Internal(format!("the model was asked for something senseless: {reason}"))
        })?;
        if step.tokens.is_empty() {
            return Ok(Vec::new());
        }
        let outputs = self
            .weights
            .forward(&mut self.kv, &step)
            .map_err(|error| EngineError::Internal(format!("the model failed: {error}")))?;
        step.distribute(outputs)
            .ok_or_else(|| EngineError::Internal("the model did not make one output for each wanted token".into()))
    }
}
