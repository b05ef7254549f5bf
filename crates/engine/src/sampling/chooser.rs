//! Choosing the next token.

use std::sync::Arc;

use cuckoo_sampler::{draw, margin, Candidate, Noise, Parameters, MAX_CANDIDATES};

use super::{
    constraint::Constraint,
    likeliest::{check_numbers, likeliest, quantise},
    logprobs::logprobs,
    penalties::Penalties,
};
use crate::{
    api::{EngineError, Sampling, Seed, TokenLogprobs, IMPOSSIBLE},
    detokenizer::TokenBytes,
};

/// Tokens that are looked at where the likeliest is taken, for whoever checks the choice.
const GREEDY_CANDIDATES: usize = 8;

/// Chooses the tokens of one generation. A choice depends on the logits, the parameters, the seed, the position and the
/// tokens that were taken before, and on nothing else; so scheduling does not change it.
///
/// What the constraint forbids is left out first; then come penalties. Of what is left the likeliest are rounded to
/// integers, and the sampler that miners, auditors and the chain share draws from them.
pub(crate) struct Chooser {
    draw: Parameters,
    seed: Seed,
    /// Of the next token in the completion, counted from 0.
    position: u32,
    penalties: Option<Penalties>,
    constraint: Option<Constraint>,
    /// Alternatives to report.
    logprobs: Option<u32>,
    bytes: Arc<TokenBytes>,
    /// Logits with forbidden tokens and penalties; empty until they are needed.
    changed: Vec<f32>,
}

/// A token that was chosen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chosen {
    pub(crate) token: u32,
    /// What it was drawn from, in the sampler's order.
    pub(crate) candidates: Vec<Candidate>,
    /// If they were asked for.
    pub(crate) logprobs: Option<TokenLogprobs>,
}

impl Chooser {
    /// `bytes` is what the model's tokens stand for.
    pub(crate) fn new(sampling: &Sampling, constraint: Option<Constraint>, bytes: Arc<TokenBytes>) -> Self {
        Self {
            draw: sampling.draw,
            seed: sampling.seed,
            position: 0,
            penalties: Penalties::new(sampling),
            constraint,
            logprobs: sampling.logprobs,
            bytes,
            changed: Vec::new(),
        }
    }

    /// Tokens that were taken.
    pub(crate) fn position(&self) -> u32 {
        self.position
    }

    /// Whether [`Self::choose`] can choose at once. It waits for the shape otherwise, which may take milliseconds and, with
    /// what strangers think of, more.
    pub(crate) fn is_ready(&mut self) -> bool {
        self.constraint.as_mut().is_none_or(Constraint::is_ready)
    }

    /// Says that `tokens` are those that will be taken next, so that the shape is followed ahead of them.
    pub(crate) fn foresee(&mut self, tokens: &[u32]) {
        if let Some(constraint) = &mut self.constraint {
            constraint.foresee(tokens);
        }
    }

    /// The token that comes next, by the model's `logits`. It counts when it is taken.
    ///
    /// Fails with [`EngineError::InvalidRequest`] where the caller's shape cannot be followed any further; never for the
    /// first token.
    pub(crate) fn choose(&mut self, logits: &[f32]) -> Result<Chosen, EngineError> {
        check_numbers(logits)?;
        self.change(logits)?;
        let count = if self.draw.temperature == 0 { GREEDY_CANDIDATES } else { MAX_CANDIDATES };
        let candidates = likeliest(self.changed(logits), count);
        let token = draw(&self.draw, &self.noise(), &candidates)
            .ok_or_else(|| EngineError::Internal("no token is possible".into()))?;
        let logprobs = self.logprobs.map(|count| logprobs(logits, token, count, &self.bytes));
        Ok(Chosen { token, candidates, logprobs })
    }

    /// Goes on behind `token`, which counts as produced.
    pub(crate) fn take(&mut self, token: u32) {
        if let Some(penalties) = &mut self.penalties {
            penalties.count(token);
        }
        if let Some(constraint) = &mut self.constraint {
            constraint.accept(token);
        }
        self.position = self.position.saturating_add(1);
    }

    /// Goes on behind `token`, which another run has taken. Fails with [`EngineError::InvalidRequest`] if the caller's shape
    /// does not allow it. May take milliseconds.
    pub(crate) fn replay(&mut self, token: u32) -> Result<(), EngineError> {
        if let Some(constraint) = &mut self.constraint {
            constraint.check(token)?;
        }
        self.take(token);
        Ok(())
    }

    /// The logit of `token` as the sampler sees it, of the `logits` that were last chosen by; `None` if it is impossible.
    pub(crate) fn logit(&self, logits: &[f32], token: u32) -> Option<i32> {
        self.changed(logits).get(token as usize).copied().and_then(quantise)
    }

    /// By how much `token` missed being chosen from these candidates, see [`margin`]; [`IMPOSSIBLE`] without a logit.
    pub(crate) fn margin(&self, candidates: &[Candidate], token: u32, logit: Option<i32>) -> i64 {
        logit.map_or(IMPOSSIBLE, |logit| margin(&self.draw, &self.noise(), candidates, &Candidate { token, logit }))
    }

    fn noise(&self) -> Noise {
        Noise::new(&self.seed, self.position)
    }

    fn is_changing(&self) -> bool {
        self.penalties.is_some() || self.constraint.is_some()
    }

    /// Leaves out what the constraint forbids and applies penalties.
    fn change(&mut self, logits: &[f32]) -> Result<(), EngineError> {
        if !self.is_changing() {
            return Ok(());
        }
        let Self { changed, constraint, penalties, .. } = self;
        changed.clear();
        changed.extend_from_slice(logits);
        if let Some(constraint) = constraint {
            constraint.forbid(changed)?;
        }
        if let Some(penalties) = penalties {
            penalties.apply(changed);
        }
        Ok(())
    }

    /// What became of `logits` when they were last changed.
    fn changed<'a>(&'a self, logits: &'a [f32]) -> &'a [f32] {
        if self.is_changing() {
            &self.changed
        } else {
            logits
        }
    }
}

#[cfg(test)]
mod tests;
