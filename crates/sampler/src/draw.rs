//! Drawing a token, and how far a claimed one is from being drawn.

use crate::{
    fixed::exp_minus,
    noise::Noise,
    parameters::{Parameters, ONE},
    Candidate, MAX_CANDIDATES,
};

/// Sums beyond this, in 2^-16, say no more than that a token is out of the question.
const FAR: i64 = 1 << 40;

/// The token that comes next; `None` without candidates. They are in the order of [`are_ordered`](crate::are_ordered), the
/// likeliest first; those behind [`Parameters::top_k`] count for nothing. Of equal sums the likelier one wins.
pub fn draw(parameters: &Parameters, noise: &Noise, candidates: &[Candidate]) -> Option<u32> {
    let top = candidates.first()?;
    if parameters.temperature == 0 {
        return Some(top.token);
    }
    best(parameters, noise, candidates).map(|(token, _)| token)
}

/// How many of the likeliest may be drawn, by `top_k` and `top_p`; with a temperature of 0 it is one.
pub fn kept(parameters: &Parameters, candidates: &[Candidate]) -> usize {
    let Some(top) = candidates.first() else { return 0 };
    if parameters.temperature == 0 {
        return 1;
    }
    let most = usize::from(parameters.top_k).min(MAX_CANDIDATES).min(candidates.len());
    if parameters.top_p >= ONE {
        return most;
    }
    let share = |it: &Candidate| exp_minus(behind(parameters, top, it).unsigned_abs());
    let some = || candidates.iter().take(most).map(share);
    let total = some().fold(0u64, u64::saturating_add);
    // Rounded up: what is kept has at least that part.
    let wanted = u128::from(total).saturating_mul(parameters.top_p.into()).div_ceil(ONE.into());
    let mut sum = 0u128;
    let enough = some().position(|share| {
        sum = sum.saturating_add(share.into());
        sum >= wanted
    });
    enough.map_or(most, |last| last.saturating_add(1))
}

/// By how much `claimed`, with the logit that the same model gave it, misses being drawn, in 2^-16 of a natural logarithm:
/// 0 if it is what is drawn. What may not be drawn at all misses by what it lacks to the least likely that may, besides.
///
/// With a temperature of 0 it is what its logit lacks to the likeliest.
pub fn margin(parameters: &Parameters, noise: &Noise, candidates: &[Candidate], claimed: &Candidate) -> i64 {
    let Some(top) = candidates.first() else { return FAR };
    if parameters.temperature == 0 {
        return i64::from(top.logit).saturating_sub(claimed.logit.into()).clamp(0, FAR);
    }
    let kept = candidates.get(..kept(parameters, candidates)).unwrap_or_default();
    let Some((_, highest)) = best(parameters, noise, candidates) else { return FAR };
    let missing = highest.saturating_sub(sum(parameters, noise, top, claimed)).max(0);
    let left_out = match kept.last() {
        Some(last) if kept.iter().all(|it| it.token != claimed.token) => {
            behind(parameters, top, claimed).saturating_sub(behind(parameters, top, last)).max(0)
        }
        _ => 0,
    };
    missing.saturating_add(left_out).min(FAR)
}

/// The winner and its sum.
fn best(parameters: &Parameters, noise: &Noise, candidates: &[Candidate]) -> Option<(u32, i64)> {
    let top = candidates.first()?;
    let mut best: Option<(u32, i64)> = None;
    for it in candidates.iter().take(kept(parameters, candidates)) {
        let sum = sum(parameters, noise, top, it);
        if best.is_none_or(|(_, highest)| sum > highest) {
            best = Some((it.token, sum));
        }
    }
    best
}

/// Noise, less what it is behind.
fn sum(parameters: &Parameters, noise: &Noise, top: &Candidate, it: &Candidate) -> i64 {
    noise.gumbel(it.token).saturating_sub(behind(parameters, top, it))
}

/// How far a candidate is behind the likeliest, over the temperature, in 2^-16, rounded down.
fn behind(parameters: &Parameters, top: &Candidate, it: &Candidate) -> i64 {
    let difference = i64::from(top.logit).saturating_sub(it.logit.into());
    difference.saturating_mul(ONE.into()).checked_div_euclid(parameters.temperature.into()).unwrap_or(FAR)
}

#[cfg(test)]
mod tests;
