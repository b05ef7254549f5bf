//! Tails of the binomial distribution.

/// The probability that at least `least` of `count` independent events happen, each with probability `p`.
///
/// Of the two tails the lighter one is summed, from its heaviest term outwards by
/// `P(k + 1) / P(k) = (n - k) / (k + 1) * p / (1 - p)`: that loses no digits where the tail is small.
pub fn at_least(least: u64, count: u64, p: f64) -> f64 {
    if least == 0 || p >= 1.0 {
        return f64::from(u8::from(least <= count));
    }
    if least > count || p <= 0.0 {
        return 0.0;
    }
    match least as f64 > count as f64 * p {
        true => tail(least, count, p),
        // No more than the others: of the events that do not happen at least so many.
        false => 1.0 - tail(count - least + 1, count, 1.0 - p),
    }
}

/// As [`at_least`], for a `least` that is above the mean: terms fall from there on.
fn tail(least: u64, count: u64, p: f64) -> f64 {
    let logarithm = ln_choose(count, least) + least as f64 * p.ln() + (count - least) as f64 * (-p).ln_1p();
    let (mut term, mut sum) = (logarithm.exp(), 0.0);
    for k in least..=count {
        sum += term;
        term *= (count - k) as f64 / (k + 1) as f64 * p / (1.0 - p);
        if term < sum * 1e-17 {
            break;
        }
    }
    sum.min(1.0)
}

/// The greatest probability with which at most `events` of `count` are no rarer than `1 - confidence`: an upper bound that
/// holds with that confidence (Clopper and Pearson, 1934). 1 if nothing was counted.
pub fn upper_bound(events: u64, count: u64, confidence: f64) -> f64 {
    if events >= count {
        return 1.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    // 1 - at_least(events + 1) is how likely so few are; it falls with p.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        match at_least(events + 1, count, middle) < confidence {
            true => low = middle,
            false => high = middle,
        }
    }
    high
}

/// Natural logarithm of the number of ways to choose `k` of `n`.
fn ln_choose(n: u64, k: u64) -> f64 {
    let few = k.min(n - k);
    (1..=few).map(|at| ((n - few + at) as f64 / at as f64).ln()).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By adding all terms up.
    fn plainly(least: u64, count: u64, p: f64) -> f64 {
        let choose = |k: u64| (1..=k).fold(1.0, |product, at| product * (count - k + at) as f64 / at as f64);
        (least..=count).map(|k| choose(k) * p.powf(k as f64) * (1.0 - p).powf((count - k) as f64)).sum()
    }

    #[test]
    fn known_tails() {
        assert!((at_least(2, 3, 0.5) - 0.5).abs() < 1e-12);
        assert!((at_least(1, 100, 0.01) - (1.0 - 0.99f64.powi(100))).abs() < 1e-12);
        assert_eq!(
            (at_least(0, 5, 0.1), at_least(6, 5, 0.9), at_least(1, 5, 0.0), at_least(5, 5, 1.0)),
            (1.0, 0.0, 0.0, 1.0)
        );
    }

    #[test]
    fn known_bounds() {
        // Nothing in a hundred: 1 - 0.05^(1/100).
        assert!((upper_bound(0, 100, 0.95) - (1.0 - 0.05f64.powf(0.01))).abs() < 1e-12);
        assert!((upper_bound(0, 12_500, 0.99) - (1.0 - 0.01f64.powf(1.0 / 12_500.0))).abs() < 1e-12);
        assert_eq!((upper_bound(0, 0, 0.95), upper_bound(3, 3, 0.95)), (1.0, 1.0));
    }

    proptest! {
        #[test]
        fn tails_are_sums_of_terms(count in 1u64..60, part in 0.0f64..1.0, p in 0.001f64..0.999) {
            let least = (part * count as f64) as u64;
            let expected = plainly(least, count, p);
            prop_assert!((at_least(least, count, p) - expected).abs() < 1e-9 + expected * 1e-9);
        }

        #[test]
        fn a_bound_is_above_what_was_seen_and_as_unlikely_as_it_says(events in 0u64..50, more in 1u64..5_000) {
            let count = events + more;
            let bound = upper_bound(events, count, 0.99);
            prop_assert!(bound > events as f64 / count as f64);
            prop_assert!((at_least(events + 1, count, bound) - 0.99).abs() < 1e-6);
        }
    }
}
