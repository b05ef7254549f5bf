//! One audit, from the claim to what it says.

use crate::{
    score::{score, Claim, Failure, Own, Scores},
    threshold::{Calibration, Judgement},
};

/// What an audit says of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// An honest miner cannot have done that.
    Failed(Failure),
    /// Nobody has measured what honest miners of this pair of classes show: the distances are for the record, and neither
    /// speak for the miner nor against it.
    Shadow(Scores),
    /// The distances, and what they say beside those of honest miners.
    Judged(Scores, Judgement),
    /// The auditor could not do its part. As if there had been no audit.
    Void,
}

/// Audits an attempt. `calibration` is that of the pair of classes and the model, if there is one.
pub fn audit(claim: &Claim<'_>, own: &Own, calibration: Option<&Calibration>) -> Finding {
    Finding::of(score(claim, own), calibration)
}

impl Finding {
    /// What an attempt that was scored shows, see [`audit`].
    pub fn of(scored: Result<Scores, Failure>, calibration: Option<&Calibration>) -> Self {
        match (scored, calibration) {
            (Err(failure), _) if !failure.is_the_miners() => Self::Void,
            (Err(failure), _) => Self::Failed(failure),
            (Ok(scores), None) => Self::Shadow(scores),
            (Ok(scores), Some(calibration)) => {
                let judgement = calibration.judge(&scores);
                Self::Judged(scores, judgement)
            }
        }
    }
}
