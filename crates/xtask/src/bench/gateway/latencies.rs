//! What a timed run saw.

use std::time::Duration;

/// How long each request of a run took.
pub(super) struct Latencies {
    sorted: Vec<Duration>,
    wall: Duration,
}

impl Latencies {
    /// Of requests that together took `wall`.
    pub(super) fn new(mut all: Vec<Duration>, wall: Duration) -> Self {
        all.sort_unstable();
        Self { sorted: all, wall }
    }

    /// Requests a second.
    pub(super) fn per_second(&self) -> f64 {
        self.sorted.len() as f64 / self.wall.as_secs_f64()
    }

    /// The time in microseconds that the part `quantile` of all requests stayed within; 0 if there were none.
    pub(super) fn quantile_us(&self, quantile: f64) -> f64 {
        let rank = (quantile * self.sorted.len() as f64).ceil() as usize;
        self.sorted.get(rank.saturating_sub(1)).map_or(0.0, |latency| latency.as_secs_f64() * 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_by_nearest_rank() {
        let all = (1..=100).rev().map(Duration::from_micros).collect();
        let latencies = Latencies::new(all, Duration::from_secs(2));
        assert_eq!(latencies.per_second(), 50.0);
        assert_eq!(latencies.quantile_us(0.5).round(), 50.0);
        assert_eq!(latencies.quantile_us(0.99).round(), 99.0);
        assert_eq!(latencies.quantile_us(1.0).round(), 100.0);
        assert_eq!(Latencies::new(Vec::new(), Duration::from_secs(1)).quantile_us(0.5), 0.0);
    }
}
