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
    /// Nobody has measured what honest miners of this pair of classes show: the distances are for the record, and do not speak
    /// for the miner. Against it only those do that no rounding can be taken for, see [`Finding::judgement`].
    Shadow(Scores),
    /// The distances, and what they say beside those of honest miners.
    Judged(Scores, Judgement),
    /// The auditor could not do its part. As if there had been no audit.
    Void,
}

/// Audits an attempt. `bounds` are those of the pair of classes and the model, if they were measured.
pub fn audit(claim: &Claim<'_>, own: &Own, bounds: Option<&Bounds>) -> Finding {
    Finding::of(score(claim, own), bounds)
}

impl Finding {
    /// What an attempt that was scored shows, see [`audit`].
    pub fn of(scored: Result<Scores, Failure>, bounds: Option<&Bounds>) -> Self {
        match (scored, bounds) {
            (Err(failure), _) if !failure.is_the_miners() => Self::Void,
            (Err(failure), _) => Self::Failed(failure),
            (Ok(scores), None) => Self::Shadow(scores),
            (Ok(scores), Some(bounds)) => {
                let judgement = bounds.judge(&scores);
                Self::Judged(scores, judgement)
            }
        }
    }

    /// What the distances say, if there are any; in shadow by [`Bounds::COARSE`], where nothing is suspicious only.
    pub fn judgement(&self) -> Option<Judgement> {
        match self {
            Self::Failed(_) | Self::Void => None,
            Self::Judged(_, judgement) => Some(*judgement),
            Self::Shadow(scores) => Some(match Bounds::COARSE.judge(scores) {
                Judgement::Deviant => Judgement::Deviant,
                Judgement::Suspicious | Judgement::Passed => Judgement::Passed,
            }),
        }
    }
}
