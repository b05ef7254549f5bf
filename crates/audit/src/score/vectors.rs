//! How far an embedding is from the one that the auditor's engine makes of the same text.
//!
//! Nothing is drawn in an embedding, so there is nothing to open: the vectors themselves are compared, by
//! `|claimed - own| / |own|`, which tells other lengths as well as other directions. A vector is a [`Stretch`] of its own, and
//! its distance that of a state. What is further off than [`VECTOR_LIMIT`] no engine can have made of the text.

use std::ops::RangeInclusive;

use super::{state_distance, Failure, Scores, Stretch};

/// No honest vector is so far off, in lengths of the auditor's: that is an angle of 17 degrees. Vectors of texts that have
/// nothing in common are 1.4 apart.
pub const VECTOR_LIMIT: f64 = 0.3;

/// Compares vectors that were claimed, each with the place of its input, with the auditor's `own` of the same inputs, and the tokens
/// that were counted with those that there can have been.
///
/// # Errors
/// What no honest miner can have done.
pub fn score_vectors(
    (claimed_tokens, claimed): (u32, &[(u32, Vec<f32>)]),
    (own_tokens, own): (RangeInclusive<u32>, &[Vec<f32>]),
) -> Result<Scores, Failure> {
    let is_whole = |vector: &Vec<f32>| !vector.is_empty() && vector.iter().all(|number| number.is_finite());
    if own.is_empty() || own.len() != claimed.len() || !own.iter().all(is_whole) {
        return Err(Failure::Auditor);
    }
    if !own_tokens.contains(&claimed_tokens) {
        return Err(Failure::Prompt { claimed: claimed_tokens, own: *own_tokens.end() });
    }
    let mut stretches = Vec::with_capacity(own.len());
    for ((place, claimed), own) in claimed.iter().zip(own) {
        let state = state_distance(claimed, own);
        // What is no number is no vector either.
        if state.is_nan() || state > VECTOR_LIMIT || claimed.len() != own.len() {
            return Err(Failure::Vector { index: *place });
        }
        stretches.push(Stretch { number: *place, state, ..Stretch::default() });
    }
    Ok(Scores { stretches, tokens: claimed_tokens, disagreeing: 0, has_ended: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        threshold::{Bounds, Judgement},
        Finding,
    };

    fn own() -> Vec<Vec<f32>> {
        vec![vec![0.6, 0.8, 0.0], vec![0.0, 0.6, -0.8]]
    }

    /// Of the inputs 3 and 7.
    fn claimed(vectors: Vec<Vec<f32>>) -> Vec<(u32, Vec<f32>)> {
        [3, 7].into_iter().zip(vectors).collect()
    }

    fn scored(change: impl FnOnce(&mut Vec<Vec<f32>>)) -> Result<Scores, Failure> {
        let mut vectors = own();
        change(&mut vectors);
        score_vectors((9, &claimed(vectors)), (9..=9, &own()))
    }

    #[test]
    fn honest_vectors_pass() {
        let same = scored(|_| ()).unwrap();
        let numbers: Vec<u32> = same.stretches.iter().map(|it| it.number).collect();
        assert_eq!((numbers, same.tokens), (vec![3, 7], 9));
        assert!(same.stretches.iter().all(|it| it.state == 0.0));
        let rounded = scored(|it| it[1][0] = 0.02).unwrap();
        assert!((rounded.stretches[1].state - 0.02).abs() < 1e-6);
        assert_eq!(Bounds::VECTORS.judge(&rounded), Judgement::Passed);
        let cheapened = scored(|it| it[1][0] = 0.2).unwrap();
        assert_eq!(Bounds::VECTORS.judge(&cheapened), Judgement::Suspicious);
    }

    #[test]
    fn what_no_engine_makes_of_the_text_is_a_failure() {
        assert_eq!(scored(|it| it.swap(0, 1)), Err(Failure::Vector { index: 3 }));
        assert_eq!(scored(|it| it[1] = vec![0.0, -0.6, 0.8]), Err(Failure::Vector { index: 7 }));
        // Twice as long in the same direction.
        assert_eq!(scored(|it| it[0] = vec![1.2, 1.6, 0.0]), Err(Failure::Vector { index: 3 }));
        assert_eq!(scored(|it| it[1] = vec![0.0; 3]), Err(Failure::Vector { index: 7 }));
        assert_eq!(scored(|it| it[1][2] = f32::NAN), Err(Failure::Vector { index: 7 }));
        // Of a model with shorter vectors, that agrees as far as it goes.
        assert_eq!(scored(|it| it[0].truncate(2)), Err(Failure::Vector { index: 3 }));
    }

    #[test]
    fn other_counts_of_tokens_are_failures() {
        let counted = |tokens| score_vectors((tokens, &claimed(own())), (5..=9, &own()));
        assert!(counted(5).is_ok() && counted(9).is_ok());
        for tokens in [4, 10] {
            assert_eq!(counted(tokens), Err(Failure::Prompt { claimed: tokens, own: 9 }));
        }
    }

    #[test]
    fn what_the_auditor_cannot_say_speaks_against_nobody() {
        for broken in [vec![], vec![vec![f32::NAN; 3]; 2], vec![vec![]; 2], vec![vec![1.0; 3]]] {
            let failure = score_vectors((9, &claimed(own())), (9..=9, &broken)).unwrap_err();
            assert_eq!(Finding::of(Err(failure), &Bounds::VECTORS), Finding::Void);
        }
    }
}
