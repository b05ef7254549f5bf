//! How long to wait between tries.

use std::time::Duration;

use rand::Rng;

use super::error::{LinkError, Patience};

/// Doubles the wait with each failure in a row that calls for the same patience, within that patience's bounds.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    patience: Option<Patience>,
}

impl Backoff {
    /// Takes note of a failure; returns how long to wait: half of the bound to all of it, so that the miners of a
    /// coordinator that restarts do not all come back in the same moment.
    pub(super) fn after(&mut self, error: &LinkError) -> Duration {
        let patience = error.patience();
        if self.patience.replace(patience) != Some(patience) {
            self.failures = 0;
        }
        let longest = bound(patience, self.failures);
        self.failures = self.failures.saturating_add(1);
        longest.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    /// Something has changed for the better.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

fn bound(patience: Patience, failures: u32) -> Duration {
    let (first, longest) = patience.bounds();
    first.saturating_mul(2_u32.saturating_pow(failures)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cuckoo_wire::link::RefusalCode;

    #[test]
    fn waits_grow_to_their_limit_and_start_again_after_a_reset() {
        let mut backoff = Backoff::default();
        let mut last = Duration::ZERO;
        for failures in 0..40 {
            let wait = backoff.after(&LinkError::Ended);
            let bound = bound(Patience::Short, failures);
            assert!(wait <= bound && wait >= bound / 2);
            last = wait;
        }
        assert!(last > Duration::from_secs(7));
        backoff.reset();
        assert!(backoff.after(&LinkError::Ended) <= Duration::from_millis(250));
    }

    #[test]
    fn another_kind_of_failure_begins_with_its_own_shortest_wait() {
        let mut backoff = Backoff::default();
        for _ in 0..10 {
            backoff.after(&LinkError::Ended);
        }
        let refused = LinkError::Refused { code: RefusalCode::NotRegistered, reason: String::new() };
        assert!(backoff.after(&refused) <= Duration::from_secs(5));
    }

    #[test]
    fn whoever_was_replaced_waits_long() {
        let refused = |code| LinkError::Refused { code, reason: String::new() };
        assert!(Backoff::default().after(&refused(RefusalCode::Replaced)) >= Duration::from_secs(15));
        assert!(Backoff::default().after(&refused(RefusalCode::NotRegistered)) >= Duration::from_secs(2));
        assert!(Backoff::default().after(&refused(RefusalCode::Busy)) <= Duration::from_secs(1));
    }
}
