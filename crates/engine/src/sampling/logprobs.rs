//! How likely a token was, for who asks.

use super::{exp::exp, likeliest::most_likely};
use crate::{
    api::{TokenLogprob, TokenLogprobs},
    detokenizer::TokenBytes,
};

const LANES: usize = 8;
/// What is reported of tokens that are all but impossible, so that every report is a number.
const LEAST: f32 = -9_999.0;

/// Log-probabilities of `chosen` and of the `count` most likely tokens, of the model's own numbers: before penalties,
/// temperature and whatever else leaves tokens out.
pub(super) fn logprobs(logits: &[f32], chosen: u32, count: u32, bytes: &TokenBytes) -> TokenLogprobs {
    let mut most_likely = most_likely(logits, (count as usize).max(1));
    let all = log_sum_exp(logits, most_likely.first().map_or(f32::NEG_INFINITY, |(_, top)| *top));
    most_likely.truncate(count as usize);
    let entry = |token: u32, logit: f32| TokenLogprob {
        token,
        bytes: bytes.get(token).to_vec(),
        // Rounding must not make anything more than certain.
        logprob: ((f64::from(logit) - all) as f32).clamp(LEAST, 0.0),
    };
    let logit = logits.get(chosen as usize).copied().unwrap_or(f32::NEG_INFINITY);
    TokenLogprobs {
        chosen: entry(chosen, logit),
        top: most_likely.into_iter().map(|(token, logit)| entry(token, logit)).collect(),
    }
}

/// Logarithm of the sum of the exponentials; `top` is the largest logit and finite.
fn log_sum_exp(logits: &[f32], top: f32) -> f64 {
    let mut lanes = [0f64; LANES];
    let (groups, rest) = logits.as_chunks::<LANES>();
    for group in groups {
        for (lane, logit) in lanes.iter_mut().zip(group) {
            *lane += f64::from(exp(logit - top));
        }
    }
    for (lane, logit) in lanes.iter_mut().zip(rest) {
        *lane += f64::from(exp(logit - top));
    }
    f64::from(top) + lanes.iter().sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn letters() -> TokenBytes {
        TokenBytes::new((b'a'..=b'z').map(|letter| [letter])).unwrap()
    }

    #[test]
    fn they_are_the_logarithms_of_the_probabilities() {
        let logits = [0.5f32, 0.25, 0.125, 0.125].map(|p| p.ln() + 3.0);
        let reported = logprobs(&logits, 2, 3, &letters());
        let (tokens, values): (Vec<_>, Vec<_>) = reported.top.iter().map(|top| (top.token, top.logprob)).unzip();
        assert_eq!(tokens, [0, 1, 2]);
        for (value, expected) in values.iter().zip([0.5f32.ln(), 0.25f32.ln(), 0.125f32.ln()]) {
            assert!((value - expected).abs() < 1e-6, "{values:?}");
        }
        assert_eq!(reported.chosen, TokenLogprob { token: 2, bytes: b"c".to_vec(), logprob: values[2] });
    }

    #[test]
    fn the_impossible_is_finite_and_the_certain_is_not_more() {
        let reported = logprobs(&[7.0, f32::NEG_INFINITY], 1, 2, &letters());
        assert_eq!((reported.chosen.logprob, reported.top[0].logprob), (LEAST, 0.0));
    }

    proptest! {
        #[test]
        fn probabilities_add_up(logits in proptest::collection::vec(-30f32..30.0, 1..20)) {
            let reported = logprobs(&logits, 0, 20, &letters());
            let sum: f64 = reported.top.iter().map(|top| f64::from(top.logprob).exp()).sum();
            prop_assert!((sum - 1.0).abs() < 1e-5, "{sum}");
            prop_assert!(reported.top.iter().all(|top| top.logprob <= 0.0));
        }
    }
}
