//! Tokens that were not drawn as they had to be.

use cuckoo_engine::GenerateRequest;
use cuckoo_sampler::ONE;

use super::{
    super::{attempt::Attempt, forge::forged},
    weights::fit,
    Checkpoint, Playing, Trial,
};

/// Of so many tokens one is replaced.
const REPLACED_OF: usize = 100;

/// Answers a changed request.
async fn answers(trial: &Trial<'_>, change: impl Fn(&mut GenerateRequest)) -> anyhow::Result<Attempt> {
    let asked = trial.request();
    let mut done = asked.clone();
    change(&mut done);
    trial.claim(Checkpoint::Promised, &asked, &done).await
}

pub(super) fn other_seed<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(answers(trial, |done| done.sampling.seed[31] ^= 1))
}

/// The answer that was given to the same question before.
pub(super) fn cached<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(answers(trial, |done| done.sampling.seed = [77; 32]))
}

pub(super) fn cached_forged<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let mut attempt = answers(trial, |done| done.sampling.seed = [77; 32]).await?;
        let drawing = attempt.drawing();
        for (leaf, position) in attempt.leaves.iter_mut().zip(0..) {
            *leaf = forged(leaf, &drawing, position, leaf.token)?;
        }
        Ok(attempt)
    })
}

pub(super) fn other_temperature<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(answers(trial, |done| done.sampling.draw.temperature = ONE / 2))
}

pub(super) fn other_temperature_forged<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let mut attempt = answers(trial, |done| done.sampling.draw.temperature = ONE / 2).await?;
        fit(&mut attempt, 2.0)?;
        Ok(attempt)
    })
}

pub(super) fn other_top_p<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(answers(trial, |done| done.sampling.draw.top_p = ONE / 2))
}

pub(super) fn greedy<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(answers(trial, |done| done.sampling.draw.temperature = 0))
}

/// Other tokens are sent than were drawn.
pub(super) fn replaced<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let mut attempt = trial.honest(&trial.request()).await?;
        for at in (attempt.tokens.len() / 2..attempt.tokens.len()).step_by(REPLACED_OF) {
            attempt.tokens[at] = trial.other_candidate(&attempt, at)?;
        }
        attempt.text = trial.text(&attempt.tokens).await?;
        Ok(attempt)
    })
}

/// One token is another than was drawn; the rest follows from it.
pub(super) fn replaced_forged<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let attempt = trial.honest(&trial.request()).await?;
        let at = attempt.tokens.len() / 2;
        let token = trial.other_candidate(&attempt, at)?;
        trial.diverted(attempt, at, token).await
    })
}
