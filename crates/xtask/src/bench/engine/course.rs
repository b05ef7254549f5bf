//! What is measured round by round, and what both engines did in it.

use serde_json::{json, Value};

use super::{
    contender::{Contender, Timed},
    texts::Texts,
    STREAMS,
};

/// One kind of measurement.
pub(super) struct Course {
    kind: Kind,
    /// Ours and llama.cpp's, one pair a round.
    pairs: Vec<[f64; 2]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Prefill(usize),
    Decode,
    Concurrent,
    FirstTokenLoaded,
}

impl Course {
    /// All that is measured.
    pub(super) fn all() -> [Self; 5] {
        [Kind::Prefill(128), Kind::Prefill(512), Kind::Decode, Kind::Concurrent, Kind::FirstTokenLoaded]
            .map(|kind| Self { kind, pairs: Vec::new() })
    }

    /// The question to both; texts get their length by llama.cpp's count.
    pub(super) fn question(&self, texts: &mut Texts, counter: &mut Contender) -> anyhow::Result<Value> {
        Ok(match self.kind {
            Kind::Prefill(tokens) => json!({"ask": "prefill", "text": texts.of(tokens, counter)?}),
            Kind::Decode => json!({"ask": "decode", "text": texts.of(16, counter)?, "tokens": 129}),
            Kind::Concurrent => {
                json!({"ask": "concurrent", "texts": texts.several(STREAMS, 64, counter)?, "tokens": 64})
            }
            Kind::FirstTokenLoaded => {
                let others = texts.several(STREAMS, 64, counter)?;
                json!({"ask": "loaded", "texts": others, "text": texts.of(256, counter)?, "tokens": 8})
            }
        })
    }

    /// What a measurement comes to: tokens a second, or milliseconds.
    pub(super) fn value(&self, timed: Timed) -> f64 {
        match self.kind {
            Kind::FirstTokenLoaded => timed.seconds * 1e3,
            _ => timed.tokens / timed.seconds,
        }
    }

    /// Keeps a round's values, ours and llama.cpp's.
    pub(super) fn add(&mut self, pair: [f64; 2]) {
        self.pairs.push(pair);
    }

    /// Metric, value and unit: medians of ours and of llama.cpp's, and the median of the rounds' ratios. More is better.
    pub(super) fn figures(&self) -> [(String, f64, &'static str); 3] {
        let (name, unit) = match self.kind {
            Kind::Prefill(tokens) => (format!("prefill_{tokens}"), "tokens/s"),
            Kind::Decode => ("decode".to_owned(), "tokens/s"),
            Kind::Concurrent => ("concurrent_8".to_owned(), "tokens/s"),
            Kind::FirstTokenLoaded => ("ttft_loaded".to_owned(), "ms"),
        };
        let suffix = if unit == "ms" { "ms" } else { "tokens_per_s" };
        let ratio = |[ours, theirs]: &[f64; 2]| match self.kind {
            Kind::FirstTokenLoaded => theirs / ours,
            _ => ours / theirs,
        };
        [
            (format!("{name}_{suffix}"), median(self.pairs.iter().map(|[ours, _]| *ours)), unit),
            (format!("{name}_llama_cpp_{suffix}"), median(self.pairs.iter().map(|[_, theirs]| *theirs)), unit),
            (format!("{name}_ratio"), median(self.pairs.iter().map(ratio)), "ratio"),
        ]
    }
}

/// The middle value; of an even number, the upper of the two; NaN of none.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(kind: Kind, pairs: &[[f64; 2]]) -> Course {
        Course { kind, pairs: pairs.to_vec() }
    }

    #[test]
    fn ratios_are_medians_of_rounds_and_more_is_better() {
        let pairs = [[10.0, 20.0], [30.0, 10.0], [8.0, 8.0]];
        let [ours, theirs, ratio] = course(Kind::Prefill(128), &pairs).figures();
        assert_eq!(ours, ("prefill_128_tokens_per_s".into(), 10.0, "tokens/s"));
        assert_eq!(theirs, ("prefill_128_llama_cpp_tokens_per_s".into(), 10.0, "tokens/s"));
        assert_eq!(ratio, ("prefill_128_ratio".into(), 1.0, "ratio"));
        let [ours, _, ratio] = course(Kind::FirstTokenLoaded, &[[10.0, 20.0]]).figures();
        assert_eq!(ours, ("ttft_loaded_ms".into(), 10.0, "ms"));
        assert_eq!(ratio, ("ttft_loaded_ratio".into(), 2.0, "ratio"));
    }

    #[test]
    fn a_measurement_is_a_rate_or_a_time() {
        let timed = || Timed { tokens: 64.0, seconds: 0.5 };
        assert_eq!(course(Kind::Decode, &[]).value(timed()), 128.0);
        assert_eq!(course(Kind::FirstTokenLoaded, &[]).value(timed()), 500.0);
    }
}
