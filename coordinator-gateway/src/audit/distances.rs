//! How far an answer was from what the gateway's own engine says, as it is on record.

use cuckoo_audit::{
    score::{Scores, Stretch},
    threshold::Bounds,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far an answer was from what the gateway's own engine says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Distances {
    /// Tokens that the engine would not have drawn.
    pub(crate) disagreeing: u32,
    /// Parts of eight tokens; of embeddings, vectors.
    pub(crate) stretches: u64,
    /// Those of them that are further off than honest ones; where nothing was measured of honest ones, than any rounding can be. Of audits by
    /// earlier versions it may be `null`.
    pub(crate) deviating: Option<u64>,
    /// By how much tokens miss being drawn, in natural logarithms, mean over stretches.
    pub(crate) margin: f64,
    /// How far opened logits are off, in natural logarithms, mean over stretches.
    pub(crate) logits: f64,
    /// How far opened states, or vectors, are off, in their lengths, mean over stretches.
    pub(crate) state: f64,
}

impl Distances {
    pub(crate) fn new(scores: &Scores, bounds: &Bounds) -> Self {
        let mean = |pick: fn(&Stretch) -> f64| {
            let sum: f64 = scores.stretches.iter().map(pick).sum();
            sum / scores.stretches.len().max(1) as f64
        };
        Self {
            disagreeing: scores.disagreeing,
            stretches: scores.stretches.len() as u64,
            deviating: Some(bounds.deviating(scores)),
            margin: mean(|it| it.margin),
            logits: mean(|it| it.logits),
            state: mean(|it| it.state),
        }
    }
}
