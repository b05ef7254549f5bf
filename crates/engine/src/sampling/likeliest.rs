//! Looking through logits.

use cuckoo_sampler::{Candidate, MAX_LOGIT};

use crate::api::EngineError;

const LANES: usize = 16;
/// Logits of which, at first, only the largest is looked at.
const GROUP: usize = 64;

/// Fails on a logit that is no number or positive infinity.
pub(super) fn check_numbers(logits: &[f32]) -> Result<(), EngineError> {
    // Lanes of their own, so that the compiler looks at many at once.
    let mut sound = [1u32; LANES];
    let (groups, rest) = logits.as_chunks::<LANES>();
    for group in groups {
        for (sound, logit) in sound.iter_mut().zip(group) {
            *sound &= u32::from(*logit < f32::INFINITY);
        }
    }
    if sound.iter().all(|sound| *sound == 1) && rest.iter().all(|logit| *logit < f32::INFINITY) {
        Ok(())
    } else {
        Err(EngineError::Internal("the model computed something that is no number".into()))
    }
}

/// A logit in 2^-16, rounded to the nearest, a half to the even one, and cut to what the sampler takes; `None` if it is
/// impossible.
pub(super) fn quantise(logit: f32) -> Option<i32> {
    let most = f64::from(MAX_LOGIT);
    (logit > f32::NEG_INFINITY).then(|| scaled(logit).round_ties_even().clamp(-most, most) as i32)
}

/// The `count` likeliest tokens that are possible, in the sampler's order.
pub(super) fn likeliest(logits: &[f32], count: usize) -> Vec<Candidate> {
    let tops: Vec<f32> = logits.chunks(GROUP).map(largest).collect();
    let least = least(&tops, count);
    let mut keys = Vec::with_capacity(4 * count);
    for ((number, group), top) in logits.chunks(GROUP).enumerate().zip(&tops) {
        if scaled(*top) < least {
            continue;
        }
        let tokens = (number * GROUP) as u64..;
        let likely = tokens.zip(group).filter(|(_, logit)| scaled(**logit) >= least);
        keys.extend(likely.filter_map(|(token, logit)| Some(key(quantise(*logit)?, token))));
    }
    if count < keys.len() {
        keys.select_nth_unstable(count);
        keys.truncate(count);
    }
    keys.sort_unstable();
    keys.into_iter().map(candidate).collect()
}

/// What is below this, in 2^-16, is not among the `count` likeliest.
fn least(tops: &[f32], count: usize) -> f64 {
    let mut tops = tops.to_vec();
    let Some(last) = count.checked_sub(1).filter(|last| *last < tops.len()) else { return f64::NEG_INFINITY };
    let (_, bound, _) = tops.select_nth_unstable_by(last, |one, other| other.total_cmp(one));
    match quantise(*bound) {
        // As many groups have a logit that is as large; one that is rounded to the same may yet stand before it.
        Some(bound) if bound > -MAX_LOGIT => f64::from(bound) - 0.5,
        _ => f64::NEG_INFINITY,
    }
}

fn largest(logits: &[f32]) -> f32 {
    let mut tops = [f32::NEG_INFINITY; LANES];
    let (groups, rest) = logits.as_chunks::<LANES>();
    for group in groups {
        for (top, logit) in tops.iter_mut().zip(group) {
            *top = if *logit > *top { *logit } else { *top };
        }
    }
    tops.iter().chain(rest).copied().fold(f32::NEG_INFINITY, |top, logit| if logit > top { logit } else { top })
}

/// Exact.
fn scaled(logit: f32) -> f64 {
    f64::from(logit) * 65_536.0
}

/// A number that is smaller for what stands before.
fn key(logit: i32, token: u64) -> u64 {
    u64::from(!(logit.cast_unsigned() ^ 1 << 31)) << 32 | token
}

fn candidate(key: u64) -> Candidate {
    let logit = (!((key >> 32) as u32) ^ 1 << 31).cast_signed();
    Candidate { token: (key & u64::from(u32::MAX)) as u32, logit }
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
    use std::cmp::Reverse;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_that_are_none_are_found_wherever_they_are() {
        for length in [1, 15, 16, 17, 40] {
            for at in 0..length {
                for broken in [f32::NAN, -f32::NAN, f32::INFINITY] {
                    let mut logits = vec![0.5; length];
                    logits[at] = broken;
                    assert!(matches!(check_numbers(&logits), Err(EngineError::Internal(_))));
                }
            }
        }
        check_numbers(&[f32::NEG_INFINITY, f32::MAX, 0.0]).unwrap();
    }

    #[test]
    fn logits_are_rounded_to_the_nearest_and_halves_to_the_even() {
        let of = |parts: f32| quantise(parts / 65_536.0);
        for (parts, expected) in [(0.5, 0), (1.5, 2), (2.5, 2), (-0.5, 0), (-1.5, -2), (0.51, 1), (-7.49, -7)] {
            assert_eq!(of(parts), Some(expected), "{parts}");
        }
        assert_eq!((quantise(f32::MAX), quantise(f32::MIN)), (Some(MAX_LOGIT), Some(-MAX_LOGIT)));
        assert_eq!((quantise(-16_385.0), quantise(16_384.0)), (Some(-MAX_LOGIT), Some(MAX_LOGIT)));
        assert_eq!(quantise(f32::NEG_INFINITY), None);
    }

    #[test]
    fn of_logits_that_are_rounded_to_the_same_the_smaller_token_comes_first() {
        let mut logits = vec![1.0f32; 10_000];
        logits[9_000] = 1.0f32.next_up();
        let tokens: Vec<u32> = likeliest(&logits, 64).iter().map(|candidate| candidate.token).collect();
        assert_eq!(tokens, (0..64).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_is_likely_among_impossible_tokens() {
        assert_eq!(likeliest(&[], 8), []);
        assert_eq!(likeliest(&[f32::NEG_INFINITY; 1_000], 8), []);
    }

    /// Some are equal, some are rounded to the same, some are beyond all bounds.
    fn logits() -> impl Strategy<Value = Vec<f32>> {
        let logit = prop_oneof![
            6 => -5f32..5.0,
            1 => 4.5f32..4.5001,
            1 => Just(4.5f32),
            1 => Just(f32::NEG_INFINITY),
            1 => prop_oneof![Just(f32::MAX), Just(f32::MIN), Just(-1e6f32), Just(-0.0f32)],
        ];
        (proptest::collection::vec(logit, 1..40), 1..200usize).prop_map(|(some, times)| some.repeat(times))
    }

    proptest! {
        #[test]
        fn the_likeliest_are_those_of_a_full_sort(logits in logits(), count in prop_oneof![1usize..25, Just(64)]) {
            let all = (0u32..).zip(&logits).filter_map(|(token, logit)| Some(Candidate { token, logit: quantise(*logit)? }));
            let mut sorted: Vec<_> = all.collect();
            sorted.sort_by_key(|it| (Reverse(it.logit), it.token));
            sorted.truncate(count);
            prop_assert_eq!(likeliest(&logits, count), sorted);
        }

        #[test]
        fn the_most_likely_are_those_of_a_full_sort(
            logits in proptest::collection::vec(prop_oneof![-5f32..5.0, Just(4.5f32), Just(f32::NEG_INFINITY)], 1..100),
            count in 0usize..25,
        ) {
            let mut sorted: Vec<_> = (0u32..).zip(logits.iter().copied()).collect();
            sorted.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            prop_assert_eq!(most_likely(&logits, count), sorted[..count.min(sorted.len())].to_vec());
        }
    }
}
