//! The numbers that describe a decoder, from a GGUF header. Each is bounded before anything is sized by it.

use std::ops::RangeInclusive;

use crate::gguf::Metadata;

const WIDTHS: RangeInclusive<usize> = 1..=1 << 16;
const FEED_FORWARD_WIDTHS: RangeInclusive<usize> = 1..=1 << 20;
const LAYERS: RangeInclusive<usize> = 1..=1_024;
const HEADS: RangeInclusive<usize> = 1..=1_024;
const HEAD_LENGTHS: RangeInclusive<usize> = 2..=1_024;
const CONTEXTS: RangeInclusive<usize> = 1..=1 << 24;
/// What files that do not name a base mean.
const DEFAULT_ROPE_BASE: f32 = 10_000.0;

/// Keys of numbers that change the arithmetic in ways that are not supported, unless they are absent or this.
const NEUTRAL: [(&str, f32); 10] = [
    ("expert_count", 0.0),
    ("expert_used_count", 0.0),
    ("attention.scale", 0.0),
    ("attention.clamp_kqv", 0.0),
    ("attn_logit_softcapping", 0.0),
    ("final_logit_softcapping", 0.0),
    ("rope.scaling.attn_factor", 1.0),
    ("logit_scale", 1.0),
    ("residual_scale", 1.0),
    ("embedding_scale", 1.0),
];

/// A decoder's sizes and constants.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hyperparameters {
    /// Numbers that stand for a token between layers.
    pub(crate) width: usize,
    pub(crate) layers: usize,
    /// Heads of queries.
    pub(crate) heads: usize,
    /// Heads of keys and values; divides `heads`.
    pub(crate) kv_heads: usize,
    /// Numbers in a head; even.
    pub(crate) head_len: usize,
    pub(crate) feed_forward: usize,
    /// Tokens that the model was trained for, or attends to where that is fewer.
    pub(crate) context_tokens: u32,
    /// Of the root mean square normalisations.
    pub(crate) epsilon: f32,
    pub(crate) rope_base: f32,
    /// Positions are divided by this; 1: as they are.
    pub(crate) rope_divisor: f32,
}

impl Hyperparameters {
    /// Reads what `architecture` has under keys of its own. Refuses what would be computed wrongly.
    pub(crate) fn read(metadata: &Metadata<'_>, architecture: &str) -> Result<Self, String> {
        let keys = Keys { metadata, architecture };
        keys.check_supported()?;
        let width = keys.size("embedding_length", WIDTHS)?;
        let heads = keys.size("attention.head_count", HEADS)?;
        let kv_heads = keys.size_or("attention.head_count_kv", HEADS, heads)?;
        if !heads.is_multiple_of(kv_heads) {
            return Err(format!("{heads} heads cannot share {kv_heads} heads of keys and values"));
        }
        let head_len = keys.size_or("attention.key_length", HEAD_LENGTHS, width / heads)?;
        if !HEAD_LENGTHS.contains(&head_len) || !head_len.is_multiple_of(2) {
            return Err(format!("heads of {head_len} numbers are not supported"));
        }
        for key in ["attention.value_length", "rope.dimension_count"] {
            let found = keys.size_or(key, HEAD_LENGTHS, head_len)?;
            if found != head_len {
                return Err(format!(
                    "{architecture}.{key} {found} is not supported where heads have {head_len} numbers"
                ));
            }
        }
        let context = keys.size("context_length", CONTEXTS)?;
        // Within the window, attention to a window is attention to everything.
        let window = keys.number("attention.sliding_window")?.filter(|window| *window > 0).unwrap_or(u32::MAX);
        Ok(Self {
            width,
            layers: keys.size("block_count", LAYERS)?,
            heads,
            kv_heads,
            head_len,
            feed_forward: keys.size("feed_forward_length", FEED_FORWARD_WIDTHS)?,
            context_tokens: u32::try_from(context).unwrap_or(u32::MAX).min(window),
            epsilon: keys
                .positive("attention.layer_norm_rms_epsilon")?
                .ok_or_else(|| format!("{architecture}.attention.layer_norm_rms_epsilon is missing"))?,
            rope_base: keys.positive("rope.freq_base")?.unwrap_or(DEFAULT_ROPE_BASE),
            rope_divisor: keys.rope_divisor()?,
        })
    }

    /// Radians that each pair of a head turns by per position; `factors`, one for each pair, slow the pairs down.
    pub(crate) fn frequencies(&self, factors: Option<&[f32]>) -> Vec<f32> {
        let (base, divisor) = (f64::from(self.rope_base), f64::from(self.rope_divisor));
        (0..self.head_len / 2)
            .map(|pair| {
                let slowed = factors.and_then(|factors| factors.get(pair)).map_or(1.0, |factor| f64::from(*factor));
                let exponent = -(2.0 * pair as f64) / self.head_len as f64;
                (base.powf(exponent) / divisor / slowed) as f32
            })
            .collect()
    }
}

/// The keys of one architecture.
struct Keys<'a> {
    metadata: &'a Metadata<'a>,
    architecture: &'a str,
}

impl Keys<'_> {
    fn name(&self, key: &str) -> String {
        format!("{}.{key}", self.architecture)
    }

    fn number(&self, key: &str) -> Result<Option<u32>, String> {
        self.metadata.number(&self.name(key))
    }

    fn size(&self, key: &str, range: RangeInclusive<usize>) -> Result<usize, String> {
        self.optional_size(key, range)?.ok_or_else(|| format!("{} is missing", self.name(key)))
    }

    fn size_or(&self, key: &str, range: RangeInclusive<usize>, otherwise: usize) -> Result<usize, String> {
        Ok(self.optional_size(key, range)?.unwrap_or(otherwise))
    }

    fn optional_size(&self, key: &str, range: RangeInclusive<usize>) -> Result<Option<usize>, String> {
        let Some(number) = self.number(key)? else { return Ok(None) };
        match usize::try_from(number) {
            Ok(size) if range.contains(&size) => Ok(Some(size)),
            _ => Err(format!("{} is {number}; {} to {} are supported", self.name(key), range.start(), range.end())),
        }
    }

    fn positive(&self, key: &str) -> Result<Option<f32>, String> {
        match self.metadata.float(&self.name(key))? {
            Some(number) if !(number.is_finite() && number > 0.0) => {
                Err(format!("{} is {number}, which is no positive number", self.name(key)))
            }
            number => Ok(number),
        }
    }

    fn check_supported(&self) -> Result<(), String> {
        for (key, neutral) in NEUTRAL {
            let name = self.name(key);
            // Counts are stored as integers, factors as floats.
            let found = match self.metadata.float(&name) {
                Ok(found) => found,
                Err(_) => self.metadata.number(&name)?.map(|number| number as f32),
            };
            if let Some(found) = found.filter(|found| *found != neutral) {
                return Err(format!("{name} {found} is not supported"));
            }
        }
        if self.metadata.flag(&self.name("attention.causal"))? == Some(false) {
            return Err("attention to later tokens is not supported".into());
        }
        Ok(())
    }

    /// A factor without a type means linear scaling.
    fn rope_divisor(&self) -> Result<f32, String> {
        let key = "rope.scaling.type";
        match self.metadata.text(&self.name(key))?.unwrap_or("linear") {
            "none" => Ok(1.0),
            "linear" => {
                let factor = match self.positive("rope.scaling.factor")? {
                    Some(factor) => Some(factor),
                    None => self.positive("rope.scale_linear")?,
                };
                Ok(factor.unwrap_or(1.0))
            }
            other => Err(format!("{} {other:?} is not supported, only none and linear are", self.name(key))),
        }
    }
}
