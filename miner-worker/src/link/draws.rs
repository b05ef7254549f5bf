//! How the tokens of an attempt were drawn, checked before anybody hears of them.

use cuckoo_engine::Drawn;
use cuckoo_primitives::{commitment::Leaf, task::Drawing};
use cuckoo_wire::link::FailureCode;

use super::work::Failed;

/// The draws of one attempt, one after the other.
///
/// A miner answers with its stake for every token that it signs for. What its own memory or its own engine spoils is found
/// here, and costs it no more than this answer.
pub(super) struct Draws {
    drawing: Drawing,
    /// Of the next token.
    position: u32,
}

impl Draws {
    /// Those of an attempt that draws in this way.
    pub(super) fn new(drawing: Drawing) -> Self {
        Self { position: drawing.first_position, drawing }
    }

    /// The leaves of the tokens that come next, none of which ends the text.
    pub(super) fn next(&mut self, drawn: Vec<Drawn>) -> Result<Vec<Leaf>, Failed> {
        drawn.into_iter().map(|drawn| self.one(drawn, self.drawing.max_tokens)).collect()
    }

    /// The leaf of the token that ends the text.
    pub(super) fn end(&mut self, drawn: Drawn) -> Result<Leaf, Failed> {
        self.one(drawn, self.drawing.max_tokens.saturating_add(1))
    }

    fn one(&mut self, drawn: Drawn, most: u32) -> Result<Leaf, Failed> {
        let position = self.position;
        let token = drawn.token;
        let candidates = drawn.candidates.try_into().unwrap_or_default();
        let leaf = Leaf { token, candidates, projection: drawn.projection };
        let is_too_many = position.saturating_sub(self.drawing.first_position) >= most;
        if is_too_many || !leaf.is_drawn(&self.drawing, position) {
            tracing::error!(
                target: "miner::task",
                position,
                token,
                is_too_many,
                "a token is not what the sampler draws, or more than was asked for; nothing is signed for it. If this comes \
                 again, check this machine's memory"
            );
            return Err(Failed::new(FailureCode::Internal, "the model drew a token as it must not"));
        }
        self.position = position.saturating_add(1);
        Ok(leaf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cuckoo_primitives::fixture;

    fn drawing(first_position: u32) -> Drawing {
        Drawing { first_position, max_tokens: 20, ..fixture::drawing() }
    }

    fn drawn(drawing: &Drawing, position: u32) -> Drawn {
        let Leaf { token, candidates, projection } = fixture::leaf(drawing, position);
        Drawn { token, candidates: candidates.to_vec(), projection }
    }

    #[test]
    fn honest_draws_pass_wherever_they_begin() {
        for first in [0, 7, 8] {
            let drawing = drawing(first);
            let mut draws = Draws::new(drawing);
            for position in first..first + 20 {
                let leaves = draws.next(vec![drawn(&drawing, position)]).unwrap();
                assert_eq!(leaves, [fixture::leaf(&drawing, position)]);
            }
            assert_eq!(draws.end(drawn(&drawing, first + 20)), Ok(fixture::leaf(&drawing, first + 20)));
        }
    }

    #[test]
    fn what_the_sampler_does_not_draw_is_refused() {
        let drawing = drawing(3);
        let honest = || drawn(&drawing, 3);
        let spoilt = [
            Drawn { token: honest().token ^ 1, ..honest() },
            Drawn { candidates: vec![honest().candidates[0]; 65], ..honest() },
            Drawn { candidates: honest().candidates[..63].to_vec(), ..honest() },
            Drawn { projection: Some([0; 16]), ..honest() },
            drawn(&drawing, 8),
        ];
        for spoilt in spoilt {
            for failed in [
                Draws::new(drawing).next(vec![spoilt.clone()]).unwrap_err(),
                Draws::new(drawing).end(spoilt.clone()).unwrap_err(),
            ] {
                assert_eq!(failed.code, FailureCode::Internal, "{spoilt:?}");
            }
        }
        let later = vec![honest(), drawn(&drawing, 3)];
        assert!(Draws::new(drawing).next(later).is_err(), "a token that was drawn in another place");
    }

    #[test]
    fn no_more_tokens_pass_than_were_asked_for() {
        let drawing = drawing(0);
        let all = |count| (0..count).map(|position| drawn(&drawing, position)).collect();
        assert!(Draws::new(drawing).next(all(21)).is_err());
        let mut draws = Draws::new(drawing);
        draws.next(all(20)).unwrap();
        draws.end(drawn(&drawing, 20)).unwrap();
        assert!(draws.end(drawn(&drawing, 21)).is_err());
    }
}
