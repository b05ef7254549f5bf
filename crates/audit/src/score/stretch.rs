//! The eight positions from one projected state to the next.

use codec::{Decode, Encode};
use cuckoo_primitives::commitment::PROJECTED_EVERY;

use super::{LOGIT_CLIP, MARGIN_CLIP};

/// The eight positions from one projected state to the next: what is judged as one, since neighbouring tokens err together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub struct Stretch {
    /// The position of its first token is in [8 n, 8 n + 8).
    pub number: u32,
    /// Sum of its tokens' margins, over 8: of a stretch that is cut short it is less than their mean.
    pub margin: f64,
    /// Sum of its logits' distances, over 8.
    pub logits: f64,
    /// The distance of its projected state; 0 if that position belongs to another attempt.
    pub state: f64,
}

impl Stretch {
    /// Adds the token at `position` to the last of `stretches`, or begins another.
    pub(super) fn add(stretches: &mut Vec<Self>, position: u32, margin: f64, logits: f64, state: Option<f64>) {
        let number = position / PROJECTED_EVERY;
        if stretches.last().is_none_or(|last| last.number != number) {
            stretches.push(Self { number, ..Self::default() });
        }
        if let Some(last) = stretches.last_mut() {
            last.margin += margin.min(MARGIN_CLIP) / f64::from(PROJECTED_EVERY);
            last.logits += logits.min(LOGIT_CLIP) / f64::from(PROJECTED_EVERY);
            last.state += state.unwrap_or_default();
        }
    }
}
