//! How long to wait before what failed is tried again.

use std::time::Duration;

/// The pause after a first failure.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(10);

/// Pauses between tries that fail: each is twice as long as the one before it, up to a longest one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    /// From [`FIRST_PAUSE`] up to `longest`.
    pub(super) fn up_to(longest: Duration) -> Self {
        Self { next: FIRST_PAUSE.min(longest), longest }
    }

    /// How long to wait after one more failure.
    pub(super) fn take(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.saturating_mul(2).min(self.longest);
        pause
    }

    /// It worked: the next failure is a first one again.
    pub(super) fn reset(&mut self) {
        *self = Self::up_to(self.longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew() {
        let mut pauses = Pauses::up_to(Duration::from_secs(60));
        let seconds = |pauses: &mut Pauses| pauses.take().as_secs();
        assert_eq!([(); 5].map(|()| seconds(&mut pauses)), [10, 20, 40, 60, 60]);
        pauses.reset();
        assert_eq!(seconds(&mut pauses), 10);
    }
}
