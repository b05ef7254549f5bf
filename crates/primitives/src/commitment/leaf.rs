//! What a miner commits to for each token.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use cuckoo_sampler::{are_ordered, draw, Candidate, Noise, MAX_CANDIDATES};
use scale_info::TypeInfo;
use sp_core::{bounded::BoundedVec, ConstU32};

use crate::task::Drawing;

/// Sixteen numbers that tell one hidden state from another: its products with public random signs, divided by the root of
/// its length, in 2^-8.
pub type Projection = [i16; 16];

/// A leaf has a projection at every so many-th position of the completion, its first among them.
pub const PROJECTED_EVERY: u32 = 8;

/// How one token was drawn.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Leaf {
    /// Its number in the vocabulary.
    pub token: u32,
    /// The likeliest tokens, with the logits that it was drawn by.
    pub candidates: BoundedVec<Candidate, ConstU32<{ MAX_CANDIDATES as u32 }>>,
    /// Of the hidden state that it was drawn from, at every eighth position.
    pub projection: Option<Projection>,
}

impl Leaf {
    /// Whether an honest miner can have drawn it so at this position of the completion.
    ///
    /// It is checked in integers, so that everybody comes to the same result. Whether the logits are the model's is not
    /// checked here.
    pub fn is_drawn(&self, drawing: &Drawing, position: u32) -> bool {
        let expected = drawing.candidates();
        let is_complete = self.candidates.len() == expected || drawing.is_shaped && self.candidates.len() < expected;
        let is_projected = self.projection.is_some() == position.is_multiple_of(PROJECTED_EVERY);
        let drawn = || draw(&drawing.parameters, &Noise::new(&drawing.seed, position), &self.candidates);
        is_complete && is_projected && are_ordered(&self.candidates) && drawn() == Some(self.token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{drawing, leaf};

    #[test]
    fn what_the_sampler_draws_is_drawn() {
        for position in 0..20 {
            assert!(leaf(&drawing(), position).is_drawn(&drawing(), position));
        }
    }

    #[test]
    fn another_token_seed_position_or_temperature_is_not() {
        let (drawing, leaf) = (drawing(), leaf(&drawing(), 3));
        let other = leaf.candidates.iter().find(|it| it.token != leaf.token).unwrap().token;
        assert!(!Leaf { token: other, ..leaf.clone() }.is_drawn(&drawing, 3));
        let unlike = |change: &dyn Fn(u8) -> Drawing| (0..20).filter(|it| !leaf.is_drawn(&change(*it), 3)).count();
        assert!(unlike(&|it| Drawing { seed: [it; 32], ..drawing }) > 5);
        let greedy =
            Drawing { parameters: cuckoo_sampler::Parameters { temperature: 0, ..drawing.parameters }, ..drawing };
        assert!(!leaf.is_drawn(&greedy, 3), "a greedy draw is shown with fewer");
        let elsewhere = (0..40).filter(|at| at % 8 != 0 && !leaf.is_drawn(&drawing, *at)).count();
        assert!(elsewhere > 5);
    }

    #[test]
    fn candidates_must_be_all_and_in_order() {
        let (drawing, leaf) = (drawing(), leaf(&drawing(), 3));
        let with = |change: &dyn Fn(&mut Vec<Candidate>)| {
            let mut candidates = leaf.candidates.to_vec();
            change(&mut candidates);
            Leaf { candidates: candidates.try_into().unwrap(), ..leaf.clone() }
        };
        let fewer = with(&|candidates| candidates.retain(|it| it.token == leaf.token));
        assert!(!fewer.is_drawn(&drawing, 3));
        assert!(fewer.is_drawn(&Drawing { is_shaped: true, ..drawing }, 3), "a shape may leave no others");
        assert!(!with(&|candidates| candidates.clear()).is_drawn(&Drawing { is_shaped: true, ..drawing }, 3));
        assert!(!with(&|candidates| candidates.reverse()).is_drawn(&drawing, 3));
    }

    #[test]
    fn projections_stand_where_they_must() {
        let (drawing, leaf) = (drawing(), leaf(&drawing(), 8));
        assert!(leaf.projection.is_some() && leaf.is_drawn(&drawing, 8));
        assert!(!Leaf { projection: None, ..leaf }.is_drawn(&drawing, 8));
        let without = crate::fixture::leaf(&drawing, 9);
        assert!(!Leaf { projection: Some([0; 16]), ..without }.is_drawn(&drawing, 9));
    }
}
