use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn bytes(count: usize) -> Arc<TokenBytes> {
    Arc::new(TokenBytes::new((0..count).map(|token| format!("<{token}>"))).unwrap())
}

fn chooser(temperature: f32, top_p: f32, seed: u64) -> Chooser {
    with(Sampling { temperature, top_p, seed, ..Sampling::default() })
}

fn with(sampling: Sampling) -> Chooser {
    Chooser::new(&sampling, None, bytes(8))
}

fn choose(chooser: &mut Chooser, logits: &[f32], position: u64) -> u32 {
    chooser.choose(logits, position).unwrap().token
}

fn logits_of(probabilities: &[f64]) -> Vec<f32> {
    probabilities.iter().map(|p| p.ln() as f32).collect()
}

/// Sum of squared deviations from `expected`, each in units of its expectation.
fn chi_square(counts: &[u32], expected: &[f64]) -> f64 {
    let draws: u32 = counts.iter().sum();
    counts
        .iter()
        .zip(expected)
        .map(|(count, share)| {
            let mean = share * f64::from(draws);
            (f64::from(*count) - mean).powi(2) / mean
        })
        .sum()
}

fn counts(chooser: &mut Chooser, logits: &[f32], draws: u64) -> Vec<u32> {
    let mut counts = vec![0; logits.len()];
    for position in 0..draws {
        counts[choose(chooser, logits, position) as usize] += 1;
    }
    counts
}

#[test]
fn temperature_zero_takes_the_likeliest_and_the_first_of_equals() {
    assert_eq!(choose(&mut chooser(0.0, 1.0, 1), &[0.5, 2.0, 2.0, -1.0], 7), 1);
}

#[test]
fn draws_follow_the_probabilities() {
    let probabilities = [0.5, 0.25, 0.15, 0.07, 0.03];
    // 18.5 is exceeded once in a thousand with four degrees of freedom; the seeds are fixed.
    for seed in 0..5 {
        let counts = counts(&mut chooser(1.0, 1.0, seed), &logits_of(&probabilities), 20_000);
        assert!(chi_square(&counts, &probabilities) < 18.5, "{counts:?}");
    }
}

#[test]
fn temperature_sharpens_and_flattens() {
    let probabilities: [f64; 3] = [0.6, 0.3, 0.1];
    for temperature in [0.5, 2.0] {
        let powers = probabilities.map(|p| p.powf(1.0 / temperature));
        let expected = powers.map(|power| power / powers.iter().sum::<f64>());
        let counts = counts(&mut chooser(temperature as f32, 1.0, 3), &logits_of(&probabilities), 20_000);
        // One in a thousand with two degrees of freedom.
        assert!(chi_square(&counts, &expected) < 13.8, "{counts:?} {expected:?}");
    }
}

#[test]
fn top_p_keeps_the_smallest_set_that_reaches_it() {
    let logits = logits_of(&[0.1, 0.5, 0.25, 0.15]);
    let counts = counts(&mut chooser(1.0, 0.7, 11), &logits, 20_000);
    assert_eq!((counts[0], counts[3]), (0, 0));
    // One in a thousand with one degree of freedom.
    assert!(chi_square(&counts[1..3], &[2.0 / 3.0, 1.0 / 3.0]) < 10.8, "{counts:?}");
}

#[test]
fn a_tiny_top_p_is_greedy() {
    assert_eq!(counts(&mut chooser(2.0, 1e-6, 5), &logits_of(&[0.3, 0.4, 0.3]), 100), [0, 100, 0]);
}

#[test]
fn top_p_is_a_part_of_what_top_k_leaves() {
    let sampling = Sampling { temperature: 1.0, top_k: 2, seed: 4, ..Sampling::default() };
    let logits = logits_of(&[0.2, 0.4, 0.3, 0.1]);
    let counted = counts(&mut with(sampling.clone()), &logits, 20_000);
    assert_eq!((counted[0], counted[3]), (0, 0));
    assert!(chi_square(&counted[1..3], &[4.0 / 7.0, 3.0 / 7.0]) < 10.8, "{counted:?}");
    // The likeliest has 0.57 of the two, and 0.4 of all.
    let counted = counts(&mut with(Sampling { top_p: 0.5, ..sampling }), &logits, 100);
    assert_eq!(counted, [0, 100, 0, 0]);
}

#[test]
fn seed_and_position_each_change_the_draw() {
    let logits = vec![0.0; 1000];
    let draw = |seed, position| choose(&mut chooser(1.0, 1.0, seed), &logits, position);
    assert_eq!(draw(1, 2), draw(1, 2));
    let by_position: HashSet<_> = (0..100).map(|position| draw(1, position)).collect();
    let by_seed: HashSet<_> = (0..100).map(|seed| draw(seed, 1)).collect();
    assert!(by_position.len() > 80 && by_seed.len() > 80);
}

#[test]
fn draws_are_fixed() {
    let logits: Vec<f32> = (0..2000).map(|token| ((token * 7919) % 997) as f32 / 100.0).collect();
    let mut chooser = with(Sampling { temperature: 0.8, top_p: 0.95, top_k: 500, seed: 42, ..Sampling::default() });
    let drawn: Vec<_> = (0..6).map(|position| choose(&mut chooser, &logits, position)).collect();
    assert_eq!(drawn, [1802, 1172, 1767, 1857, 980, 649]);
}

#[test]
fn impossible_tokens_are_never_drawn() {
    let mut logits = vec![f32::NEG_INFINITY; 50];
    logits[20] = -3.0;
    assert_eq!(counts(&mut chooser(2.0, 1.0, 1), &logits, 200)[20], 200);
}

#[test]
fn numbers_that_are_none_fail() {
    for broken in [f32::NAN, f32::INFINITY] {
        assert!(matches!(chooser(1.0, 1.0, 1).choose(&[0.0, broken], 0), Err(EngineError::Internal(_))));
    }
    assert!(chooser(1.0, 1.0, 1).choose(&[], 0).is_err());
}

#[test]
fn what_was_chosen_is_penalised() {
    let mut chooser = with(Sampling { frequency_penalty: 1.0, ..Sampling::default() });
    let chosen: Vec<_> = (0..6).map(|position| choose(&mut chooser, &[3.0, 2.5, 0.0], position)).collect();
    assert_eq!(chosen, [0, 1, 0, 1, 0, 1]);
    let mut chooser = with(Sampling { repetition_penalty: 2.0, ..Sampling::default() });
    let chosen: Vec<_> = (0..3).map(|position| choose(&mut chooser, &[3.0, 2.5, 2.0], position)).collect();
    assert_eq!(chosen, [0, 1, 2]);
}

#[test]
fn log_probabilities_are_those_before_penalties_and_temperature() {
    let sampling = Sampling { temperature: 0.2, presence_penalty: 2.0, logprobs: Some(1), ..Sampling::default() };
    let mut chooser = with(sampling);
    let logits = logits_of(&[0.25, 0.75]);
    for position in 0..5 {
        let logprobs = chooser.choose(&logits, position).unwrap().logprobs.unwrap();
        assert_eq!((logprobs.top.len(), logprobs.top[0].token, &logprobs.top[0].bytes[..]), (1, 1, &b"<1>"[..]));
        assert!((logprobs.top[0].logprob - 0.75f32.ln()).abs() < 1e-6);
        let expected = [0.25f32, 0.75][logprobs.chosen.token as usize].ln();
        assert!((logprobs.chosen.logprob - expected).abs() < 1e-6);
    }
    assert_eq!(with(Sampling::default()).choose(&logits, 0).unwrap().logprobs, None);
}

proptest! {
    #[test]
    fn any_choice_is_in_the_vocabulary(
        logits in proptest::collection::vec(-80f32..80.0, 1..300), temperature in 0f32..=2.0, top_p in 0.001f32..=1.0,
        top_k in 0u32..400, penalty in -2f32..=2.0, seed: u64, position: u64,
    ) {
        let sampling =
            Sampling { temperature, top_p, top_k, seed, frequency_penalty: penalty, ..Sampling::default() };
        let mut chooser = with(sampling);
        for _ in 0..3 {
            prop_assert!((choose(&mut chooser, &logits, position) as usize) < logits.len());
        }
    }

    #[test]
    fn top_k_draws_only_from_the_likeliest(
        logits in proptest::collection::vec(-8f32..8.0, 1..100), top_k in 1u32..20, seed: u64,
    ) {
        let mut chooser = with(Sampling { temperature: 2.0, top_k, seed, ..Sampling::default() });
        let token = choose(&mut chooser, &logits, 3) as usize;
        let better = logits.iter().filter(|logit| **logit > logits[token]).count();
        prop_assert!(better < top_k as usize);
    }
}
