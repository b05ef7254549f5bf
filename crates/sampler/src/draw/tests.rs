use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::are_ordered;

const PLAIN: Parameters = Parameters { temperature: ONE, top_k: 64, top_p: ONE };

fn candidates(logits: &[f64]) -> Vec<Candidate> {
    let mut list: Vec<_> = logits
        .iter()
        .zip(0u32..)
        .map(|(logit, token)| Candidate { token, logit: (logit * 65_536.0).round() as i32 })
        .collect();
    list.sort_by(|a, b| b.logit.cmp(&a.logit).then(a.token.cmp(&b.token)));
    assert!(are_ordered(&list));
    list
}

/// Sum over (drawn - expected)^2 / expected, and the number of tokens that can be drawn.
fn chi_square(parameters: Parameters, logits: &[f64], draws: u32) -> (f64, usize) {
    let list = candidates(logits);
    let mut drawn = vec![0u32; logits.len()];
    for position in 0..draws {
        let token = draw(&parameters, &Noise::new(&[42; 32], position), &list).unwrap();
        drawn[token as usize] += 1;
    }
    let temperature = f64::from(parameters.temperature) / 65_536.0;
    let share = |it: &Candidate| (f64::from(it.logit) / 65_536.0 / temperature).exp();
    let kept = &list[..kept(&parameters, &list)];
    let total: f64 = kept.iter().map(share).sum();
    let mut sum = 0.0;
    for it in &list {
        let count = f64::from(drawn[it.token as usize]);
        match kept.contains(it) {
            true => {
                let expected = share(it) / total * f64::from(draws);
                assert!(expected > 10.0, "too rare to count");
                sum += (count - expected).powi(2) / expected;
            }
            false => assert_eq!(count, 0.0, "{it:?} was left out"),
        }
    }
    (sum, kept.len())
}

/// What a chi-square with so many degrees of freedom is above once in a thousand times (Wilson and Hilferty).
fn limit(freedom: usize) -> f64 {
    let freedom = freedom as f64;
    let spread = 2.0 / (9.0 * freedom);
    freedom * (1.0 - spread + 3.09 * spread.sqrt()).powi(3)
}

#[test]
fn a_million_draws_have_the_softmax_distribution() {
    let logits: Vec<_> = (0..40).map(|token| f64::from(token * 37 % 40) * 0.15 - 3.0).collect();
    let (sum, tokens) = chi_square(PLAIN, &logits, 1_000_000);
    assert_eq!(tokens, 40);
    assert!(sum < limit(39), "{sum}");
}

#[test]
fn temperature_top_k_and_top_p_change_the_distribution_as_they_should() {
    let logits: Vec<_> = (0..30).map(|token| f64::from(token) * 0.1).collect();
    for (temperature, top_k, top_p) in [(0.5, 64, 1.0), (1.7, 64, 1.0), (1.0, 7, 1.0), (1.0, 64, 0.8), (0.8, 20, 0.5)] {
        let unit = |part: f64| (part * 65_536.0) as u32;
        let parameters = Parameters { temperature: unit(temperature), top_k, top_p: unit(top_p) };
        let (sum, tokens) = chi_square(parameters, &logits, 200_000);
        assert!(sum < limit(tokens - 1), "{parameters:?}: {sum}");
    }
}

#[test]
fn a_temperature_of_zero_takes_the_likeliest() {
    let list = candidates(&[1.0, 3.0, 3.0, 2.0]);
    let greedy = Parameters { temperature: 0, ..PLAIN };
    for position in 0..100 {
        assert_eq!(draw(&greedy, &Noise::new(&[1; 32], position), &list), Some(1));
    }
    assert_eq!(draw(&greedy, &Noise::new(&[1; 32], 0), &[]), None);
}

#[test]
fn the_fewest_that_have_the_part_are_kept() {
    // Shares of 0.5, 0.25, 0.125 and 0.125.
    let list = candidates(&[0.5f64, 0.25, 0.125, 0.125].map(f64::ln));
    let kept_of = |top_p: f64| kept(&Parameters { top_p: (top_p * 65_536.0) as u32, ..PLAIN }, &list);
    assert_eq!([0.001, 0.49, 0.51, 0.74, 0.76, 0.88, 1.0].map(kept_of), [1, 1, 2, 2, 3, 4, 4]);
    assert_eq!(kept(&Parameters { top_k: 2, ..PLAIN }, &list), 2);
    assert_eq!(kept(&Parameters { temperature: 0, ..PLAIN }, &list), 1);
}

#[test]
fn other_tokens_do_not_change_the_noise_of_one() {
    // Without the winner, whoever was second wins.
    let all = candidates(&[1.0, 1.1, 0.9, 1.05, 0.95]);
    for position in 0..200 {
        let noise = Noise::new(&[5; 32], position);
        let winner = draw(&PLAIN, &noise, &all).unwrap();
        let others: Vec<_> = all.iter().copied().filter(|it| it.token != winner).collect();
        let second = draw(&PLAIN, &noise, &others).unwrap();
        let loser = others.iter().find(|it| it.token != second).unwrap().token;
        let fewer: Vec<_> = all.iter().copied().filter(|it| it.token != loser).collect();
        assert_eq!(draw(&PLAIN, &noise, &fewer), Some(winner));
    }
}

#[test]
fn what_is_drawn_is_fixed() {
    let list = candidates(&[0.3, 0.2, 0.9, -0.4, 0.0, 0.7, -1.5, 0.1]);
    let drawn: Vec<_> = (0..24).map(|position| draw(&PLAIN, &Noise::new(&[3; 32], position), &list).unwrap()).collect();
    assert_eq!(drawn, GOLDEN);
}

const GOLDEN: [u32; 24] = [2, 7, 0, 2, 7, 2, 2, 4, 5, 5, 2, 5, 1, 2, 4, 3, 6, 7, 7, 3, 2, 5, 5, 5];

#[test]
fn what_is_left_out_misses_by_more() {
    let list = candidates(&[5.0, 4.0, 0.0]);
    let narrow = Parameters { top_k: 2, ..PLAIN };
    let noise = Noise::new(&[8; 32], 0);
    let last = list[2];
    assert_eq!(margin(&narrow, &noise, &list, &last) - margin(&PLAIN, &noise, &list[..2], &last), 0);
    let allowed = margin(&PLAIN, &noise, &list, &last);
    assert_eq!(margin(&narrow, &noise, &list, &last), allowed.max(0) + 4 * 65_536);
}

fn lists() -> impl Strategy<Value = Vec<Candidate>> {
    (1usize..=64, any::<u64>(), 0.0f64..20.0).prop_map(|(length, seed, spread)| {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        candidates(&(0..length).map(|_| random.random_range(-1.0..1.0) * spread).collect::<Vec<_>>())
    })
}

fn parameters() -> impl Strategy<Value = Parameters> {
    (0..=2 * ONE, 1u8..=64, 1..=ONE).prop_map(|(temperature, top_k, top_p)| Parameters { temperature, top_k, top_p })
}

proptest! {
    #[test]
    fn the_margin_is_zero_for_what_is_drawn_alone(list in lists(), parameters in parameters(), seed: [u8; 32]) {
        let noise = Noise::new(&seed, 1);
        let drawn = draw(&parameters, &noise, &list).unwrap();
        for it in &list {
            let margin = margin(&parameters, &noise, &list, it);
            prop_assert!(margin >= 0);
            if it.token == drawn {
                prop_assert_eq!(margin, 0);
            }
        }
    }

    #[test]
    fn nothing_overflows(list in proptest::collection::vec(any::<(u32, i32)>(), 0..70), seed: [u8; 32], any: (u32, u8, u32)) {
        let list: Vec<_> = list.into_iter().map(|(token, logit)| Candidate { token, logit }).collect();
        let parameters = Parameters { temperature: any.0, top_k: any.1, top_p: any.2 };
        let noise = Noise::new(&seed, 0);
        let _ = draw(&parameters, &noise, &list);
        let claimed = Candidate { token: 1, logit: i32::MIN };
        prop_assert!(margin(&parameters, &noise, &list, &claimed) >= 0);
    }
}
