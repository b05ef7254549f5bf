//! How something is distributed, in six numbers.

use serde::{Deserialize, Serialize};

/// How something is distributed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantiles {
    /// Its mean.
    pub mean: f64,
    /// Half are no greater.
    pub p50: f64,
    /// 90 % are no greater.
    pub p90: f64,
    /// 99 % are no greater.
    pub p99: f64,
    /// 99.9 % are no greater.
    pub p999: f64,
    /// None is greater.
    pub max: f64,
}

impl Quantiles {
    /// Of these numbers; all 0 if there are none.
    pub fn of(mut numbers: Vec<f64>) -> Self {
        numbers.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let rank = (share * numbers.len() as f64).ceil() as usize;
            numbers.get(rank.saturating_sub(1)).copied().unwrap_or_default()
        };
        let mean = numbers.iter().sum::<f64>() / numbers.len().max(1) as f64;
        Self { mean, p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1.0) }
    }

    /// Whether they are quantiles of something: numbers that are not negative, in their order.
    pub(super) fn are_sound(&self) -> bool {
        let order = [0.0, self.p50, self.p90, self.p99, self.p999, self.max];
        order.windows(2).all(|pair| matches!(pair, [low, high] if low <= high))
            && (0.0..=self.max).contains(&self.mean)
            && self.max.is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_share_below_it() {
        let of = Quantiles::of((1..=1_000).rev().map(f64::from).collect());
        assert_eq!((of.mean, of.p50, of.p90, of.p99, of.p999, of.max), (500.5, 500.0, 900.0, 990.0, 999.0, 1_000.0));
        assert!(of.are_sound());
        assert_eq!(Quantiles::of(Vec::new()), Quantiles::default());
    }

    #[test]
    fn what_is_out_of_order_or_no_number_is_none() {
        let sound = Quantiles { mean: 1.0, p50: 1.0, p90: 2.0, p99: 3.0, p999: 4.0, max: 5.0 };
        assert!(sound.are_sound());
        for broken in [
            Quantiles { p90: 0.5, ..sound },
            Quantiles { p50: -1.0, ..sound },
            Quantiles { p99: f64::NAN, ..sound },
            Quantiles { mean: f64::NAN, ..sound },
            Quantiles { max: f64::INFINITY, ..sound },
        ] {
            assert!(!broken.are_sound(), "{broken:?}");
        }
    }
}
