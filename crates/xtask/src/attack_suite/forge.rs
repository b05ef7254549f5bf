//! Openings that draw what they have to, whatever the model says.

use anyhow::Context;
use cuckoo_primitives::{commitment::Leaf, task::Drawing};
use cuckoo_sampler::{draw, margin, Candidate, Noise, MAX_LOGIT, ONE};

/// `leaf` with the logit of `token` raised by as little as it takes for `token` to be drawn at this position. If it is no
/// candidate, it takes the place of the least likely one.
pub(super) fn forged(leaf: &Leaf, drawing: &Drawing, position: u32, token: u32) -> anyhow::Result<Leaf> {
    let noise = Noise::new(&drawing.seed, position);
    let mut candidates = leaf.candidates.to_vec();
    if candidates.iter().all(|it| it.token != token) {
        candidates.last_mut().context("a leaf has candidates")?.token = token;
    }
    for _ in 0..64 {
        candidates.sort_by_key(|it| (std::cmp::Reverse(it.logit), it.token));
        if draw(&drawing.parameters, &noise, &candidates) == Some(token) {
            let candidates = candidates.try_into().ok().context("as many candidates as before")?;
            return Ok(Leaf { token, candidates, ..leaf.clone() });
        }
        let at = candidates.iter().position(|it| it.token == token).context("the token is a candidate")?;
        let claimed = candidates[at];
        let missing = margin(&drawing.parameters, &noise, &candidates, &claimed);
        let raise = match drawing.parameters.temperature {
            0 => missing + 1,
            // A margin is over the temperature, and rounded.
            temperature => missing * i64::from(temperature) / i64::from(ONE) + 2,
        };
        let logit = (i64::from(claimed.logit) + raise).min(i64::from(MAX_LOGIT));
        candidates[at] = Candidate { token, logit: i32::try_from(logit)? };
    }
    anyhow::bail!("token {token} cannot be made to be drawn at {position}")
}

/// `leaf` as if its logits were `factor` times what they are.
pub(super) fn stretched(leaf: &Leaf, factor: f64) -> Leaf {
    let mut leaf = leaf.clone();
    for it in leaf.candidates.iter_mut() {
        it.logit = (f64::from(it.logit) * factor).round() as i32;
    }
    leaf
}

#[cfg(test)]
mod tests {
    use cuckoo_sampler::Parameters;

    use super::*;

    fn drawing(temperature: u32) -> Drawing {
        let parameters = Parameters { temperature, top_k: 64, top_p: ONE };
        Drawing { parameters, seed: [3; 32], is_shaped: false, first_position: 0, max_tokens: 10 }
    }

    fn leaf(count: u32) -> Leaf {
        let one = |at: u32| Candidate { token: 10 + at, logit: -9_000 * at as i32 };
        Leaf { token: 10, candidates: (0..count).map(one).collect::<Vec<_>>().try_into().unwrap(), projection: None }
    }

    #[test]
    fn whatever_token_is_wanted_is_drawn() {
        for (temperature, count) in [(ONE, 64), (ONE / 2, 64), (2 * ONE, 64), (0, 8)] {
            for (position, token) in [(1, 10), (2, 13), (3, 17), (4, 5), (5, 900)] {
                let drawing = drawing(temperature);
                let forged = forged(&leaf(count), &drawing, position, token).unwrap();
                assert!(forged.token == token && forged.is_drawn(&drawing, position), "{temperature} {token}");
            }
        }
    }
}
