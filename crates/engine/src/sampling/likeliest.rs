//! Looking through logits.

use crate::api::EngineError;

const LANES: usize = 16;

/// The largest logit and its token, of several the first. Fails on a logit that is no number or positive infinity, and
/// where none is finite.
pub(super) fn likeliest(logits: &[f32]) -> Result<(usize, f32), EngineError> {
    // Lanes of their own, so that the compiler looks at many at once.
    let mut tops = [f32::NEG_INFINITY; LANES];
    let mut sound = [true; LANES];
    let (groups, rest) = logits.as_chunks::<LANES>();
    for group in groups {
        for ((top, sound), logit) in tops.iter_mut().zip(&mut sound).zip(group) {
            *top = if *logit > *top { *logit } else { *top };
            *sound &= *logit < f32::INFINITY;
        }
    }
    let top = tops.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max);
    if !sound.iter().all(|sound| *sound) || !rest.iter().all(|logit| *logit < f32::INFINITY) {
        return Err(EngineError::Internal("the model computed something that is no number".into()));
    }
    let token = logits.iter().position(|logit| *logit == top).filter(|_| top > f32::NEG_INFINITY);
    token.map(|token| (token, top)).ok_or_else(|| EngineError::Internal("no token is possible".into()))
}

/// The `count` largest logits with their tokens, the largest first, of equal ones those with smaller numbers first.
pub(super) fn most_likely(logits: &[f32], count: usize) -> Vec<(u32, f32)> {
    let mut best: Vec<(u32, f32)> = Vec::with_capacity(count.saturating_add(1));
    if count == 0 {
        return best;
    }
    let mut least = f32::NEG_INFINITY;
    for (tokens, group) in (0u32..).step_by(LANES).zip(logits.chunks(LANES)) {
        // All of a group at once, and most groups have none.
        if best.len() == count && !group.iter().fold(false, |any, logit| any | (*logit > least)) {
            continue;
        }
        for (token, logit) in (tokens..).zip(group) {
            if best.len() < count || *logit > least {
                let place = best.partition_point(|(_, better)| better >= logit);
                best.insert(place, (token, *logit));
                best.truncate(count);
                least = best.last().map_or(f32::NEG_INFINITY, |(_, logit)| *logit);
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_that_are_none_are_found_wherever_they_are() {
        for length in [1, 15, 16, 17, 40] {
            for at in 0..length {
                for broken in [f32::NAN, f32::INFINITY] {
                    let mut logits = vec![0.5; length];
                    logits[at] = broken;
                    assert!(matches!(likeliest(&logits), Err(EngineError::Internal(_))));
                }
            }
        }
    }

    #[test]
    fn nothing_is_likely_among_impossible_tokens() {
        assert!(likeliest(&[]).is_err());
        assert!(likeliest(&[f32::NEG_INFINITY; 20]).is_err());
    }

    proptest! {
        #[test]
        fn the_likeliest_are_those_of_a_full_sort(
            logits in proptest::collection::vec(prop_oneof![-5f32..5.0, Just(4.5f32), Just(f32::NEG_INFINITY)], 1..100),
            count in 0usize..25,
        ) {
            let mut sorted: Vec<_> = (0u32..).zip(logits.iter().copied()).collect();
            sorted.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            prop_assert_eq!(most_likely(&logits, count), sorted[..count.min(sorted.len())].to_vec());
            if sorted[0].1 > f32::NEG_INFINITY {
                prop_assert_eq!(likeliest(&logits), Ok((sorted[0].0 as usize, sorted[0].1)));
            }
        }
    }
}
