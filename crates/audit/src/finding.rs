//! One audit, from the claim to what it says.

use crate::{
    score::{score, Claim, Failure, Own, Scores},
    threshold::{Bounds, Judgement},
};

/// What an audit says of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// An honest miner cannot have done that.
    Failed(Failure),
    /// The distances, and what they say beside those of honest miners.
    Judged(Scores, Judgement),
    /// The auditor could not do its part. As if there had been no audit.
    Void,
}

/// Audits an attempt. `bounds` are those of the pair of classes and the model, or those that hold where nothing was
/// measured.
pub fn audit(claim: &Claim<'_>, own: &Own, bounds: &Bounds) -> Finding {
    Finding::of(score(claim, own), bounds)
}

impl Finding {
    /// What an attempt that was scored shows, see [`audit`].
    pub fn of(scored: Result<Scores, Failure>, bounds: &Bounds) -> Self {
        match scored {
            Err(failure) if !failure.is_the_miners() => Self::Void,
            Err(failure) => Self::Failed(failure),
            Ok(scores) => {
                let judgement = bounds.judge(&scores);
                Self::Judged(scores, judgement)
            }
        }
    }
}
