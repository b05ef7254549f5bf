//! How far an embedding is from the one that the auditor's engine makes of the same text.
//!
//! Nothing is drawn in an embedding, so there is nothing to open: the vectors themselves are compared, by
//! `|claimed - own| / |own|`, which tells other lengths as well as other directions. A vector is a [`Stretch`] of its own, and
//! its distance that of a state. What is further off than [`VECTOR_LIMIT`] no engine can have made of the text.

use super::{Failure, Scores, Stretch, STATE_CLIP};

/// No honest vector is so far off, in lengths of the auditor's: that is an angle of 29 degrees. Vectors of texts that have nothing in
/// common are 1.4 apart; numbers of sixteen bits for thirty-two move one by 0.001.
pub const VECTOR_LIMIT: f64 = 0.5;

/// Compares the vectors of a request, in the order of its inputs, and the tokens that they were counted to take.
///
/// # Errors
/// What no honest miner can have done.
pub fn score_vectors(
    (claimed_tokens, claimed): (u32, &[Vec<f32>]),
    (own_tokens, own): (u32, &[Vec<f32>]),
) -> Result<Scores, Failure> {
    if own.is_empty() || own.iter().flatten().any(|number| !number.is_finite()) {
        return Err(Failure::Auditor);
    }
    if claimed.len() != own.len() {
        return Err(Failure::lengths(u32::try_from(own.len()).unwrap_or(u32::MAX), claimed.len(), 0));
    }
    if claimed_tokens != own_tokens {
        return Err(Failure::Prompt { claimed: claimed_tokens, own: own_tokens });
    }
    let mut stretches = Vec::with_capacity(own.len());
    for (number, (claimed, own)) in (0u32..).zip(claimed.iter().zip(own)) {
        let state = distance(claimed, own);
        // What is no number is no vector either.
        if state.is_nan() || state > VECTOR_LIMIT || claimed.len() != own.len() {
            return Err(Failure::Vector { index: number });
        }
        stretches.push(Stretch { number, state, ..Stretch::default() });
    }
    Ok(Scores { stretches, tokens: own_tokens, disagreeing: 0, has_ended: false })
}

/// `|claimed - own| / |own|`, clipped.
fn distance(claimed: &[f32], own: &[f32]) -> f64 {
    let square = |number: f64| number * number;
    let apart: f64 = claimed.iter().zip(own).map(|(a, b)| square(f64::from(*a) - f64::from(*b))).sum();
    let length: f64 = own.iter().map(|number| square(f64::from(*number))).sum();
    match apart {
        0.0 => 0.0,
        // What is no number stays none.
        _ if apart.is_nan() => f64::NAN,
        _ => (apart / length).sqrt().min(STATE_CLIP),
    }
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

    fn scored(change: impl FnOnce(&mut Vec<Vec<f32>>)) -> Result<Scores, Failure> {
        let mut claimed = own();
        change(&mut claimed);
        score_vectors((9, &claimed), (9, &own()))
    }

    #[test]
    fn honest_vectors_pass() {
        let same = scored(|_| ()).unwrap();
        assert_eq!((same.stretches.len(), same.tokens), (2, 9));
        assert!(same.stretches.iter().all(|it| *it == Stretch { number: it.number, ..Stretch::default() }));
        let rounded = scored(|it| it[1][0] = 0.001).unwrap();
        assert!((rounded.stretches[1].state - 0.001).abs() < 1e-6);
        assert_eq!(Bounds::COARSE.judge(&rounded), Judgement::Passed);
    }

    #[test]
    fn what_no_engine_makes_of_the_text_is_a_failure() {
        assert_eq!(scored(|it| it.swap(0, 1)), Err(Failure::Vector { index: 0 }));
        assert_eq!(scored(|it| it[1] = vec![0.0, -0.6, 0.8]), Err(Failure::Vector { index: 1 }));
        // Twice as long in the same direction.
        assert_eq!(scored(|it| it[0] = vec![1.2, 1.6, 0.0]), Err(Failure::Vector { index: 0 }));
        assert_eq!(scored(|it| it[1] = vec![0.0; 3]), Err(Failure::Vector { index: 1 }));
        assert_eq!(scored(|it| it[1][2] = f32::NAN), Err(Failure::Vector { index: 1 }));
        // Of a model with shorter vectors, that agrees as far as it goes.
        assert_eq!(scored(|it| it[0].truncate(2)), Err(Failure::Vector { index: 0 }));
        assert!(matches!(scored(|it| it.truncate(1)), Err(Failure::Lengths { .. })));
    }

    #[test]
    fn other_counts_of_tokens_are_failures() {
        assert_eq!(score_vectors((10, &own()), (9, &own())), Err(Failure::Prompt { claimed: 10, own: 9 }));
    }

    #[test]
    fn what_the_auditor_cannot_say_speaks_against_nobody() {
        for broken in [vec![], vec![vec![f32::NAN; 3]; 2]] {
            let failure = score_vectors((9, &own()), (9, &broken)).unwrap_err();
            assert_eq!(Finding::of(Err(failure), None), Finding::Void);
        }
    }
}
