//! Choosing the next token.

use std::sync::Arc;

use rand_chacha::{
    rand_core::{RngCore, SeedableRng},
    ChaCha8Rng,
};

use super::{
    candidates::Candidates, constraint::Constraint, likeliest::likeliest, logprobs::logprobs, penalties::Penalties,
};
use crate::{
    api::{EngineError, Sampling, TokenLogprobs},
    detokenizer::TokenBytes,
};

/// Separates this use of the seed from any other.
const NOISE_DOMAIN: &[u8; 24] = b"cuckoo/sample/noise/v1\0\0";

/// Chooses the tokens of one generation. A choice depends on the logits, the parameters, the seed, the position and the
/// tokens that were chosen before, and on nothing else; so scheduling does not change it.
///
/// What the constraint forbids is left out first; then come penalties, temperature, `top_k` and `top_p` of what `top_k`
/// leaves.
pub(crate) struct Chooser {
    temperature: f32,
    top_p: f64,
    top_k: usize,
    noise: ChaCha8Rng,
    penalties: Option<Penalties>,
    constraint: Option<Constraint>,
    /// Alternatives to report.
    logprobs: Option<u32>,
    bytes: Arc<TokenBytes>,
    /// Logits with forbidden tokens and penalties; empty until they are needed.
    changed: Vec<f32>,
    candidates: Candidates,
}

/// A token that was chosen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chosen {
    pub(crate) token: u32,
    /// If they were asked for.
    pub(crate) logprobs: Option<TokenLogprobs>,
}

impl Chooser {
    /// `bytes` is what the model's tokens stand for.
    pub(crate) fn new(sampling: &Sampling, constraint: Option<Constraint>, bytes: Arc<TokenBytes>) -> Self {
        let mut seed = [0; 32];
        let (key, domain) = seed.split_at_mut(8);
        key.copy_from_slice(&sampling.seed.to_le_bytes());
        domain.copy_from_slice(NOISE_DOMAIN);
        Self {
            temperature: sampling.temperature,
            top_p: f64::from(sampling.top_p),
            top_k: match sampling.top_k {
                0 => usize::MAX,
                some => some as usize,
            },
            noise: ChaCha8Rng::from_seed(seed),
            penalties: Penalties::new(sampling),
            constraint,
            logprobs: sampling.logprobs,
            bytes,
            changed: Vec::new(),
            candidates: Candidates::default(),
        }
    }

    /// The token for `position`, counted from the beginning of the prompt. It counts as produced.
    ///
    /// Fails with [`EngineError::InvalidRequest`] where the caller's shape cannot be followed any further; never for the
    /// first token.
    pub(crate) fn choose(&mut self, logits: &[f32], position: u64) -> Result<Chosen, EngineError> {
        let (index, top) = likeliest(logits)?;
        let index = if self.penalties.is_none() && self.constraint.is_none() {
            self.pick(logits, index, top, position)
        } else {
            self.choose_changed(logits, position)?
        };
        let token = u32::try_from(index).map_err(|_| EngineError::Internal("the vocabulary is too large".into()))?;
        if let Some(penalties) = &mut self.penalties {
            penalties.count(token);
        }
        if let Some(constraint) = &mut self.constraint {
            constraint.accept(token);
        }
        let logprobs = self.logprobs.map(|count| logprobs(logits, top, token, count, &self.bytes));
        Ok(Chosen { token, logprobs })
    }

    /// Chooses among the tokens that the constraint allows, with penalties.
    fn choose_changed(&mut self, logits: &[f32], position: u64) -> Result<usize, EngineError> {
        let mut changed = std::mem::take(&mut self.changed);
        changed.clear();
        changed.extend_from_slice(logits);
        if let Some(constraint) = &mut self.constraint {
            constraint.forbid(&mut changed)?;
        }
        if let Some(penalties) = &self.penalties {
            penalties.apply(&mut changed);
        }
        let (index, top) = likeliest(&changed)?;
        let index = self.pick(&changed, index, top, position);
        self.changed = changed;
        Ok(index)
    }

    /// `likeliest` or, with a temperature, a draw.
    fn pick(&mut self, logits: &[f32], likeliest: usize, top: f32, position: u64) -> usize {
        if self.temperature == 0.0 {
            return likeliest;
        }
        self.candidates.fill(logits, top, self.temperature);
        self.candidates.keep_count(self.top_k);
        self.candidates.keep_part(self.top_p);
        self.candidates.draw(self.uniform(position)).unwrap_or(likeliest)
    }

    /// A number in [0, 1) of its own for every seed and position.
    fn uniform(&self, position: u64) -> f64 {
        let mut noise = self.noise.clone();
        noise.set_stream(position);
        // 53 bits are what an f64 holds exactly.
        (noise.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests;
