//! Openings that are wrong, or not there.

use cuckoo_primitives::commitment::Leaf;
use cuckoo_sampler::{Candidate, ONE};

use super::{super::attempt::Attempt, Checkpoint, Playing, Trial};

/// Natural logarithms by which a token stands before others that no noise makes up for.
const FAR: i32 = 60 * ONE as i32;

async fn honest(trial: &Trial<'_>) -> anyhow::Result<Attempt> {
    trial.honest(&trial.request()).await
}

/// An honest attempt at something else.
async fn another(trial: &Trial<'_>) -> anyhow::Result<Attempt> {
    let other = Trial { stage: trial.stage, number: trial.number + 1 };
    other.honest(&other.request()).await
}

/// The small model's tokens, each with the same opening but for the token itself, which stands before all others.
pub(super) fn constant<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let asked = trial.request();
        let mut attempt = trial.claim(Checkpoint::Small, &asked, &asked).await?;
        for leaf in &mut attempt.leaves {
            let claimed = Candidate { token: leaf.token, logit: FAR };
            let others = (0..).filter(|token| *token != leaf.token).map(|token| Candidate { token, logit: 0 });
            let count = leaf.candidates.len();
            let all: Vec<Candidate> = std::iter::once(claimed).chain(others).take(count).collect();
            leaf.candidates.iter_mut().zip(all).for_each(|(it, constant)| *it = constant);
        }
        Ok(attempt)
    })
}

/// Opened, and committed to, is what another attempt has drawn.
pub(super) fn replayed<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let (mut attempt, other) = (honest(trial).await?, another(trial).await?);
        for (leaf, other) in attempt.leaves.iter_mut().zip(other.leaves) {
            *leaf = Leaf { token: leaf.token, ..other };
        }
        Ok(attempt)
    })
}

/// A logit that is as no sampler's logit can be.
pub(super) fn no_numbers<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let mut attempt = honest(trial).await?;
        for last in attempt.leaves.iter_mut().filter_map(|leaf| leaf.candidates.last_mut()) {
            last.logit = i32::MIN;
        }
        Ok(attempt)
    })
}

async fn opens(trial: &Trial<'_>, change: impl Fn(&mut Vec<Leaf>)) -> anyhow::Result<Attempt> {
    let mut attempt = honest(trial).await?;
    let mut opened = attempt.leaves.clone();
    change(&mut opened);
    attempt.opened = Some(opened);
    Ok(attempt)
}

pub(super) fn withheld<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(opens(trial, Vec::clear))
}

pub(super) fn one_missing<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(opens(trial, |opened| opened.truncate(opened.len() - 1)))
}

pub(super) fn one_more<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(opens(trial, |opened| opened.extend(opened.last().cloned())))
}

/// Commits to one opening and shows another, which draws the same.
pub(super) fn exchanged<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(opens(trial, |opened| {
        if let Some(last) = opened.last_mut().and_then(|leaf| leaf.candidates.last_mut()) {
            last.logit -= 1;
        }
    }))
}

pub(super) fn without_states<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let mut attempt = honest(trial).await?;
        attempt.leaves.iter_mut().for_each(|leaf| leaf.projection = None);
        Ok(attempt)
    })
}

pub(super) fn replayed_states<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let (mut attempt, other) = (honest(trial).await?, another(trial).await?);
        let mut states = other.leaves.iter().filter_map(|leaf| leaf.projection).cycle();
        for state in attempt.leaves.iter_mut().filter_map(|leaf| leaf.projection.as_mut()) {
            *state = states.next().unwrap_or_default();
        }
        Ok(attempt)
    })
}

pub(super) fn empty_states<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let mut attempt = honest(trial).await?;
        attempt.leaves.iter_mut().filter_map(|leaf| leaf.projection.as_mut()).for_each(|state| *state = [0; 16]);
        Ok(attempt)
    })
}
