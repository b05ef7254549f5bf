use cuckoo_sampler::{are_ordered, kept, ONE};
use proptest::prelude::*;

use super::*;

fn bytes(count: usize) -> Arc<TokenBytes> {
    Arc::new(TokenBytes::new((0..count).map(|token| format!("<{token}>"))).unwrap())
}

fn with(sampling: Sampling) -> Chooser {
    Chooser::new(&sampling, None, bytes(8))
}

fn drawn(temperature: u32, top_k: u8, top_p: u32, seed: u64) -> Sampling {
    Sampling { draw: Parameters { temperature, top_k, top_p }, ..Sampling::drawn(seed) }
}

fn next(chooser: &mut Chooser, logits: &[f32]) -> Chosen {
    let chosen = chooser.choose(logits).unwrap();
    chooser.take(chosen.token);
    chosen
}

fn tokens(chooser: &mut Chooser, logits: &[f32], count: usize) -> Vec<u32> {
    (0..count).map(|_| next(chooser, logits).token).collect()
}

#[test]
fn temperature_zero_takes_the_likeliest_and_the_first_of_equals() {
    let chosen = with(Sampling::default()).choose(&[0.5, 2.0, 2.0, -1.0]).unwrap();
    assert_eq!(chosen.token, 1);
    let candidates: Vec<_> = chosen.candidates.iter().map(|it| (it.token, it.logit)).collect();
    assert_eq!(candidates, [(1, 131_072), (2, 131_072), (0, 32_768), (3, -65_536)]);
}

#[test]
fn eight_are_looked_at_if_the_likeliest_is_taken_and_else_sixty_four() {
    let logits: Vec<f32> = (0..500).map(|token| token as f32 / 100.0).collect();
    assert_eq!(with(Sampling::default()).choose(&logits).unwrap().candidates.len(), 8);
    for top_k in [1, 64] {
        assert_eq!(with(drawn(ONE, top_k, ONE, 1)).choose(&logits).unwrap().candidates.len(), 64);
    }
}

#[test]
fn draws_follow_the_probabilities() {
    let probabilities: [f64; 5] = [0.5, 0.25, 0.15, 0.07, 0.03];
    let logits = probabilities.map(|share| share.ln() as f32);
    let mut counts = [0u32; 5];
    for token in tokens(&mut with(Sampling::drawn(3)), &logits, 20_000) {
        counts[token as usize] += 1;
    }
    let deviations = counts.iter().zip(probabilities).map(|(count, share)| {
        let mean = share * 20_000.0;
        (f64::from(*count) - mean).powi(2) / mean
    });
    // Exceeded once in a thousand times with four degrees of freedom; the seed is fixed.
    assert!(deviations.sum::<f64>() < 18.5, "{counts:?}");
}

#[test]
fn draws_are_fixed() {
    let logits: Vec<f32> = (0..2000).map(|token| ((token * 7919) % 997) as f32 / 100.0).collect();
    let mut chooser = with(drawn(ONE * 4 / 5, 50, ONE * 19 / 20, 42));
    assert_eq!(tokens(&mut chooser, &logits, 6), [1767, 1032, 35, 1732, 1102, 1732]);
}

#[test]
fn the_first_token_is_at_position_zero_and_each_further_one_at_the_next() {
    let logits = vec![0.0; 1000];
    let mut chooser = with(Sampling::drawn(7));
    for position in 0..20 {
        assert_eq!(chooser.position(), position);
        let chosen = next(&mut chooser, &logits);
        let sampling = Sampling::drawn(7);
        let noise = Noise::new(&sampling.seed, position);
        assert_eq!(draw(&sampling.draw, &noise, &chosen.candidates), Some(chosen.token));
    }
}

#[test]
fn who_goes_on_behind_the_same_tokens_chooses_the_same() {
    let logits: Vec<f32> = (0..100).map(|token| (token % 7) as f32).collect();
    let sampling = Sampling { frequency_penalty: 0.5, ..Sampling::drawn(11) };
    let all = tokens(&mut with(sampling.clone()), &logits, 30);
    let mut other = with(sampling);
    all[..12].iter().for_each(|token| other.replay(*token).unwrap());
    assert_eq!(tokens(&mut other, &logits, 18), all[12..]);
}

#[test]
fn impossible_tokens_are_no_candidates() {
    let mut logits = vec![f32::NEG_INFINITY; 50];
    logits[20] = -3.0;
    let chosen = with(Sampling::drawn(1)).choose(&logits).unwrap();
    assert_eq!((chosen.token, &chosen.candidates[..]), (20, &[Candidate { token: 20, logit: -3 * 65_536 }][..]));
    assert!(with(Sampling::default()).choose(&[f32::NEG_INFINITY; 9]).is_err());
}

#[test]
fn numbers_that_are_none_fail() {
    for broken in [f32::NAN, f32::INFINITY] {
        assert!(matches!(with(Sampling::drawn(1)).choose(&[0.0, broken]), Err(EngineError::Internal(_))));
    }
    assert!(with(Sampling::drawn(1)).choose(&[]).is_err());
}

#[test]
fn what_was_taken_is_penalised() {
    let mut chooser = with(Sampling { frequency_penalty: 1.0, ..Sampling::default() });
    assert_eq!(tokens(&mut chooser, &[3.0, 2.5, 0.0], 6), [0, 1, 0, 1, 0, 1]);
    assert_eq!(chooser.choose(&[3.0, 2.5, 0.0]).unwrap().candidates[0], Candidate { token: 0, logit: 0 });
    let mut chooser = with(Sampling { repetition_penalty: 2.0, ..Sampling::default() });
    assert_eq!(tokens(&mut chooser, &[3.0, 2.5, 2.0], 3), [0, 1, 2]);
}

#[test]
fn what_is_chosen_misses_by_nothing_and_what_is_impossible_by_most() {
    let logits = [1.0, 2.0, f32::NEG_INFINITY, 0.0];
    let mut chooser = with(Sampling { presence_penalty: 0.5, ..Sampling::default() });
    chooser.take(1);
    let chosen = chooser.choose(&logits).unwrap();
    let missed = |token: u32| chooser.margin(&chosen.candidates, token, chooser.logit(&logits, token));
    assert_eq!([0, 1, 2, 3, 9].map(missed), [32_768, 0, IMPOSSIBLE, 98_304, IMPOSSIBLE]);
    assert_eq!(chooser.logit(&logits, 1), Some(98_304), "with its penalty");
}

#[test]
fn log_probabilities_are_those_before_penalties_and_temperature() {
    let sampling = Sampling { presence_penalty: 2.0, logprobs: Some(1), ..drawn(ONE / 5, 64, ONE, 0) };
    let mut chooser = with(sampling);
    let shares = [0.25f32, 0.75];
    let logits = shares.map(f32::ln);
    for _ in 0..5 {
        let Chosen { token, logprobs, .. } = next(&mut chooser, &logits);
        let logprobs = logprobs.unwrap();
        assert_eq!((logprobs.top.len(), logprobs.top[0].token, &logprobs.top[0].bytes[..]), (1, 1, &b"<1>"[..]));
        assert!((logprobs.top[0].logprob - 0.75f32.ln()).abs() < 1e-6);
        assert_eq!(logprobs.chosen.token, token);
        assert!((logprobs.chosen.logprob - shares[token as usize].ln()).abs() < 1e-6);
    }
    assert_eq!(with(Sampling::default()).choose(&logits).unwrap().logprobs, None);
}

proptest! {
    #[test]
    fn a_choice_is_what_the_sampler_draws_from_the_likeliest(
        logits in proptest::collection::vec(-80f32..80.0, 1..300), temperature in 0..=2 * ONE, top_p in 1..=ONE,
        top_k in 1..=64u8, penalty in -2f32..=2.0, seed: u64,
    ) {
        let sampling = Sampling { frequency_penalty: penalty, ..drawn(temperature, top_k, top_p, seed) };
        let mut chooser = with(sampling.clone());
        for position in 0..3 {
            let Chosen { token, candidates, .. } = chooser.choose(&logits).unwrap();
            prop_assert!(are_ordered(&candidates));
            let count = if temperature == 0 { 8 } else { 64 };
            prop_assert_eq!(candidates.len(), logits.len().min(count));
            prop_assert!(candidates.iter().all(|it| chooser.logit(&logits, it.token) == Some(it.logit)));
            let least = candidates.last().unwrap().logit;
            let others = (0..logits.len() as u32).filter(|token| candidates.iter().all(|it| it.token != *token));
            prop_assert!(others.into_iter().all(|token| chooser.logit(&logits, token).unwrap() <= least));
            let noise = Noise::new(&sampling.seed, position);
            prop_assert_eq!(draw(&sampling.draw, &noise, &candidates), Some(token));
            let kept = &candidates[..kept(&sampling.draw, &candidates)];
            prop_assert!(kept.iter().any(|it| it.token == token));
            prop_assert_eq!(chooser.margin(&candidates, token, chooser.logit(&logits, token)), 0);
            chooser.take(token);
        }
    }
}
