//! How far an answer is from the one that the auditor's engine would have given.
//!
//! First what an honest miner cannot have done is looked for: missing, shortened or repeated openings, tokens that were not
//! drawn, another count of the prompt, a text that does not end as it is said to, another text. Any of it is a
//! [`Failure`], and there are no distances then. Else each token has
//!
//! - a **margin** `min(1, T) (max_v(l_v / T + g_v) - (l_c / T + g_c))`: by how much the claimed token `c` misses being drawn
//!   from the auditor's logits `l` with the noise `g` of the task's seed; 0 where both agree (the statistic of arXiv
//!   2511.20621, with the noise known, and in logits where the temperature would stretch what rounding does to them);
//! - a distance of its opened **logits** from the auditor's, see [`logits`];
//! - every eighth one, a distance of the opened projection of its hidden **state** from the auditor's: `|p - q| / |q|`.
//!
//! Each is clipped, so that no single token weighs more than a few others, and they are averaged over the eight positions
//! of a [`Stretch`]. All is measured by the auditor's own figures; what the miner says scales nothing.

mod ending;
mod failure;
pub mod logits;
mod own;
mod stretch;
mod vectors;

pub use failure::{Failure, WrongEnd};
pub use own::{End, Own, OwnToken};
pub use stretch::Stretch;
pub use vectors::{score_vectors, VECTOR_LIMIT};

use codec::{Decode, Encode};
use cuckoo_primitives::{
    commitment::{hash_of, Leaf, Tree},
    task::{Drawing, Receipt},
};
use cuckoo_sampler::{margin, Candidate, Noise, ONE};

/// Most that one token's margin counts, in natural logarithms.
pub const MARGIN_CLIP: f64 = 8.0;
/// Most that one logit's distance counts, in natural logarithms.
pub const LOGIT_CLIP: f64 = 4.0;
/// Most that the distance of a state counts, in lengths of the auditor's; states that have nothing in common are 1.4 apart.
pub const STATE_CLIP: f64 = 2.0;

/// An attempt as the miner claims it.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// What it has signed. That the signature is good was seen before.
    pub receipt: &'a Receipt,
    /// The tokens that it has sent, the one that ends the text included.
    pub tokens: &'a [u32],
    /// How it says it drew each of them.
    pub leaves: &'a [Leaf],
    /// Whether the coordinator has cancelled the attempt, or its time was over.
    pub was_cancelled: bool,
}

/// The distances of one attempt.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Scores {
    /// Eight positions each, the first and the last fewer; never empty.
    pub stretches: Vec<Stretch>,
    /// How many tokens.
    pub tokens: u32,
    /// How many of them the auditor's engine would not have drawn.
    pub disagreeing: u32,
    /// Whether the text is said to have ended by itself: then the last stretch is looked at closely.
    pub has_ended: bool,
}

/// Compares a claim with what the auditor's engine says of it.
pub fn score(claim: &Claim<'_>, own: &Own) -> Result<Scores, Failure> {
    let drawing = committed(claim)?;
    drawn(claim, drawing)?;
    if claim.receipt.prompt_tokens != own.prompt_tokens {
        return Err(Failure::Prompt { claimed: claim.receipt.prompt_tokens, own: own.prompt_tokens });
    }
    ending::check(claim, drawing, own)?;
    followed(claim, drawing, own)?;
    let mut scores = Scores {
        stretches: Vec::new(),
        tokens: 0,
        disagreeing: 0,
        has_ended: matches!(own.end, End::Token | End::Text),
    };
    for ((leaf, own), position) in claim.leaves.iter().zip(&own.tokens).zip(drawing.first_position..) {
        let margin = token_margin(drawing, position, leaf.token, own);
        scores.tokens += 1;
        scores.disagreeing += u32::from(margin > 0.0);
        let logits = logits::distance(&leaf.candidates, drawing.candidates(), &own.logits, &own.candidates);
        let state = leaf.projection.as_ref().map(|projection| match &own.projection {
            Some(own) => state_distance(projection, own),
            None => STATE_CLIP,
        });
        Stretch::add(&mut scores.stretches, position, margin, logits, state);
    }
    match scores.stretches.is_empty() {
        true => Err(Failure::Empty),
        false => Ok(scores),
    }
}

/// How the tokens had to be drawn; fails if the receipt does not commit to exactly what was sent and opened.
fn committed<'a>(claim: &Claim<'a>) -> Result<&'a Drawing, Failure> {
    let (Some(commitment), Some(drawing)) = (&claim.receipt.commitment, &claim.receipt.spec.drawing) else {
        return Err(Failure::Uncommitted);
    };
    let (sent, opened) = (claim.tokens.len(), claim.leaves.len());
    if sent == 0 {
        return Err(Failure::Empty);
    }
    if commitment.tokens as usize != sent || opened != sent {
        return Err(Failure::lengths(commitment.tokens, sent, opened));
    }
    let tokens: Tree = claim.tokens.iter().collect();
    let leaves: Tree = claim.leaves.iter().collect();
    match tokens.root() == commitment.tokens_root && leaves.root() == commitment.leaves_root {
        true => Ok(drawing),
        false => Err(Failure::Root),
    }
}

/// What the chain can check too: each leaf is of the token that was sent, and draws it.
fn drawn(claim: &Claim<'_>, drawing: &Drawing) -> Result<(), Failure> {
    for (index, (leaf, token)) in (0u32..).zip(claim.leaves.iter().zip(claim.tokens)) {
        if leaf.token != *token {
            return Err(Failure::OtherToken { index });
        }
        let is_drawn =
            drawing.first_position.checked_add(index).is_some_and(|position| leaf.is_drawn(drawing, position));
        if !is_drawn {
            return Err(Failure::NotDrawn { index, leaf: hash_of(leaf) });
        }
    }
    Ok(())
}

/// Whether the auditor's engine went through all of it.
fn followed(claim: &Claim<'_>, drawing: &Drawing, own: &Own) -> Result<(), Failure> {
    let (sent, followed) = (claim.tokens.len(), own.tokens.len());
    if drawing.is_shaped && followed < sent {
        // The shape forbids the next one, or allowed nothing more.
        return Err(Failure::Impossible { index: u32::try_from(followed).unwrap_or(u32::MAX) });
    }
    let is_whole = |(own, leaf): (&OwnToken, &Leaf)| {
        own.logits.len() == leaf.candidates.len()
            && !own.candidates.is_empty()
            && own.projection.is_some() == leaf.projection.is_some()
    };
    match followed == sent && own.tokens.iter().zip(claim.leaves).all(is_whole) {
        true => Ok(()),
        false => Err(Failure::Auditor),
    }
}

fn token_margin(drawing: &Drawing, position: u32, token: u32, own: &OwnToken) -> f64 {
    let Some(logit) = own.claimed_logit else { return MARGIN_CLIP };
    let noise = Noise::new(&drawing.seed, position);
    let missing = margin(&drawing.parameters, &noise, &own.candidates, &Candidate { token, logit });
    // At 0 it is in logits anyway.
    let scale = match drawing.parameters.temperature {
        0 => 1.0,
        temperature => (f64::from(temperature) / f64::from(ONE)).min(1.0),
    };
    (missing as f64 / f64::from(ONE) * scale).min(MARGIN_CLIP)
}

/// `|claimed - own| / |own|`, clipped. What is no number stays none.
fn state_distance<T: Copy + Into<f64>>(claimed: &[T], own: &[T]) -> f64 {
    let square = |number: f64| number * number;
    let apart: f64 = claimed.iter().zip(own).map(|(a, b)| square((*a).into() - (*b).into())).sum();
    let length: f64 = own.iter().map(|number| square((*number).into())).sum();
    if apart == 0.0 || apart.is_nan() {
        return apart;
    }
    // Of a state that is nothing at all every other one is as far as can be.
    (apart / length).sqrt().min(STATE_CLIP)
}

#[cfg(test)]
mod tests;
