//! How much a coordinator may leave unpaid before nobody works for it.

use std::time::Duration;

use cuckoo_primitives::Balance;

/// What fits, in thousandths of a step: three steps.
const FULL: u32 = 3_000;
/// What it holds at most, so that even the worst is forgiven some day.
const MOST: u32 = 2 * FULL;
/// One step.
pub(super) const STEP: u32 = 1_000;

/// A leaky bucket of unpaid work, in thousandths of a step.
///
/// What a coordinator has not paid when its link ends is poured in, whatever ended the link, so that it gains nothing
/// by cutting links. One step leaks out in each period; while the bucket is full there is no work for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    permille: u32,
    at_s: u64,
    forgive: Duration,
}

impl Bucket {
    /// The bucket as it was at that time, of which one step leaks out in each `forgive`; at once if that is zero.
    pub(crate) fn new(permille: u32, at_s: u64, forgive: Duration) -> Self {
        Self { permille: permille.min(MOST), at_s, forgive }
    }

    /// Takes note of the time. If it is before the last one, the clock was ahead then, and no time has passed since: to
    /// wait until it is so late again might take years.
    pub(crate) fn see(&mut self, now_s: u64) {
        self.at_s = self.at_s.min(now_s);
    }

    /// How full it is.
    pub(crate) fn level(&self, now_s: u64) -> u32 {
        let gone_s = now_s.saturating_sub(self.at_s);
        let Some(leaked) = gone_s.saturating_mul(STEP.into()).checked_div(self.forgive.as_secs()) else { return 0 };
        self.permille.saturating_sub(u32::try_from(leaked).unwrap_or(u32::MAX))
    }

    /// Whether there is work for that coordinator.
    pub(crate) fn has_room(&self, now_s: u64) -> bool {
        self.level(now_s) < FULL
    }

    /// How long until there is.
    pub(crate) fn wait(&self, now_s: u64) -> Duration {
        let over = u64::from(self.level(now_s).saturating_add(1).saturating_sub(FULL));
        Duration::from_secs(over.saturating_mul(self.forgive.as_secs()).div_ceil(STEP.into()))
    }

    /// Pours in so many thousandths of a step.
    pub(crate) fn pour(&mut self, permille: u32, now_s: u64) {
        let level = self.level(now_s).saturating_add(permille).min(MOST);
        (self.permille, self.at_s) = (level, now_s);
    }

    /// Takes out what was paid after all: the part that `paid` is of all that was `poured` in and not paid, rounded
    /// down.
    pub(crate) fn pay_back(&mut self, paid: Balance, poured: Balance, now_s: u64) {
        let level = self.level(now_s);
        let part = Balance::from(level).saturating_mul(paid).checked_div(poured).unwrap_or(0);
        (self.permille, self.at_s) = (level.saturating_sub(u32::try_from(part).unwrap_or(u32::MAX)), now_s);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORGIVE: Duration = Duration::from_secs(600);

    #[test]
    fn three_unpaid_steps_fill_it_and_one_leaks_out_in_each_period() {
        let mut bucket = Bucket::new(0, 0, FORGIVE);
        for now_s in [10, 20, 30] {
            assert!(bucket.has_room(now_s));
            bucket.pour(1_000, now_s);
        }
        // A little has leaked out already.
        assert!(bucket.has_room(30));
        bucket.pour(1_000, 31);
        assert!(!bucket.has_room(31));
        let wait_s = bucket.wait(31).as_secs();
        assert!(!bucket.has_room(31 + wait_s - 2) && bucket.has_room(31 + wait_s), "{wait_s}");
        assert_eq!(bucket.level(31 + 4 * 600), 0);
    }

    #[test]
    fn what_is_paid_late_makes_room() {
        let mut bucket = Bucket::new(0, 0, FORGIVE);
        bucket.pour(3_000, 0);
        assert!(!bucket.has_room(0));
        bucket.pay_back(1, 3_001, 0);
        assert!(!bucket.has_room(0), "not a whole thousandth");
        bucket.pay_back(1, 3_000, 0);
        assert!(bucket.has_room(0));
        bucket.pay_back(2_999, 2_999, 0);
        assert_eq!(bucket.level(0), 0);
    }

    #[test]
    fn no_amount_of_money_takes_more_out_than_is_in_it() {
        let mut bucket = Bucket::new(u32::MAX, 0, FORGIVE);
        bucket.pay_back(Balance::MAX, 1, 0);
        assert_eq!(bucket.level(0), 0);
        let mut bucket = Bucket::new(u32::MAX, 0, FORGIVE);
        bucket.pay_back(Balance::MAX, Balance::MAX, 0);
        bucket.pay_back(0, 0, 0);
        assert!(bucket.level(0) <= MOST);
    }

    #[test]
    fn the_worst_is_forgiven_some_day() {
        let mut bucket = Bucket::new(0, 0, FORGIVE);
        bucket.pour(u32::MAX, 0);
        bucket.pour(u32::MAX, 0);
        assert!(bucket.wait(0) <= 4 * FORGIVE);
    }

    #[test]
    fn whoever_forgives_at_once_never_fills_it() {
        let mut bucket = Bucket::new(0, 0, Duration::ZERO);
        bucket.pour(9_000, 5);
        assert!(bucket.has_room(5));
        assert_eq!(bucket.wait(5), Duration::ZERO);
    }

    #[test]
    fn a_clock_that_went_back_forgives_nothing_and_is_not_waited_for() {
        let mut bucket = Bucket::new(2_000, 1_000_000, FORGIVE);
        bucket.see(10);
        assert_eq!(bucket.level(10), 2_000);
        bucket.see(20);
        assert_eq!(bucket.level(10 + 600), 1_000);
    }

    #[test]
    fn a_clock_that_is_ahead_for_a_moment_empties_it_at_most_for_that_moment() {
        let mut bucket = Bucket::new(3_000, 0, FORGIVE);
        bucket.see(1_000_000);
        assert_eq!(bucket.level(1_000_000), 0);
        bucket.see(10);
        assert!(bucket.level(10) > 2_900);
        bucket.pour(1_000, 1_000_000);
        bucket.see(20);
        assert_eq!((bucket.level(20), bucket.level(20 + 600)), (1_000, 0));
    }
}
