//! How much a coordinator may leave unpaid before nobody works for it.
//!
//! Work that is not paid is poured into a bucket in which three steps fit; a step is what as many results cost as there
//! are slots. While it is full there is no work. It empties in three ways, none of which goes by how long answers take:
//!
//! - What is paid late takes out the part that it pays for, in planck: pay for cheap work does not buy off dear work.
//! - A twentieth of what is paid in time counts as paid late. Whoever calls good answers bad, or cuts links, pays for
//!   20 planck of work for each that it keeps for nothing: of all that is done for it 1/21, or 4.8 %, is never paid.
//! - One step leaks out in each `forgive`, a day unless the operator says otherwise, so that nobody is shut out for
//!   ever. An answer takes an hour at most, so a step is an hour of all slots at most: whoever never pays has 1/24, or
//!   4.2 %, of the time that it was offered, once its three steps are used up.

use std::time::{Duration, Instant};

use cuckoo_primitives::Balance;

/// What fits, in thousandths of a step: three steps.
const FULL: u32 = 3_000;
/// What it holds at most, so that even the worst is forgiven some day.
const MOST: u32 = 2 * FULL;
/// One step.
pub(super) const STEP: u32 = 1_000;
/// One in so many planck that are paid in time counts as paid late.
const TRUST_FOR: Balance = 20;

/// What a coordinator has left unpaid, as far as that is not forgiven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WrittenOff {
    /// In planck.
    pub(crate) amount: Balance,
    /// In thousandths of a step, each at what a step cost at its time.
    pub(crate) permille: u32,
}

impl WrittenOff {
    /// What is left of it when so many thousandths are forgiven. Both figures shrink alike.
    fn less(self, permille: u32) -> Self {
        if permille == 0 && self.permille > 0 {
            return self;
        }
        let left = self.permille.saturating_sub(permille);
        let amount = self.amount.saturating_mul(left.into()).div_ceil(self.permille.max(1).into());
        Self { amount: amount.min(self.amount), permille: left }
    }
}

/// A leaky bucket of unpaid work.
///
/// What a coordinator has not paid when its link ends is poured in, whatever ended the link, so that it gains nothing
/// by cutting links.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    held: WrittenOff,
    /// Until when leaks are taken out of it. This clock never jumps; that of the day is asked at the start only.
    at: Instant,
    forgive: Duration,
}

impl Bucket {
    /// A bucket that held so much `idle` ago, of which one step leaks out in each `forgive`; at once if that is zero.
    pub(crate) fn new(held: WrittenOff, idle: Duration, now: Instant, forgive: Duration) -> Self {
        let held = WrittenOff { permille: held.permille.min(MOST), ..held };
        let bucket = Self { held, at: now, forgive };
        Self { held: held.less(bucket.leak(idle).0), ..bucket }
    }

    /// What is in it.
    pub(crate) fn held(&self, now: Instant) -> WrittenOff {
        self.held.less(self.leak(now.saturating_duration_since(self.at)).0)
    }

    /// Whether there is work for that coordinator.
    pub(crate) fn has_room(&self, now: Instant) -> bool {
        self.held(now).permille < FULL
    }

    /// How long until there is, if nothing is paid.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        let over = self.held(now).permille.saturating_add(1).saturating_sub(FULL);
        match over {
            0 => Duration::ZERO,
            over => Duration::from_secs(self.time_of(over).as_secs().saturating_add(1)),
        }
    }

    /// Pours in what is not paid, which is so many thousandths of a step.
    pub(crate) fn pour(&mut self, amount: Balance, permille: u32, now: Instant) {
        self.settle(now);
        let WrittenOff { amount: before, permille: level } = self.held;
        self.held =
            WrittenOff { amount: before.saturating_add(amount), permille: level.saturating_add(permille).min(MOST) };
    }

    /// So much was paid: `late` for what is in here, and `in_time` for other work.
    pub(crate) fn pay(&mut self, late: Balance, in_time: Balance, now: Instant) {
        self.settle(now);
        let paid = late.saturating_add(in_time.checked_div(TRUST_FOR).unwrap_or(0)).min(self.held.amount);
        let left = self.held.amount.saturating_sub(paid);
        let level = Balance::from(self.held.permille);
        // Rounded down, or any amount would buy a whole thousandth back.
        let part = level.saturating_mul(paid).checked_div(self.held.amount).unwrap_or(0);
        let permille =
            if left == 0 && paid > 0 { 0 } else { u32::try_from(level.saturating_sub(part)).unwrap_or(MOST) };
        self.held = WrittenOff { amount: left, permille };
    }

    /// Takes out what has leaked.
    fn settle(&mut self, now: Instant) {
        let (leaked, took) = self.leak(now.saturating_duration_since(self.at));
        self.held = self.held.less(leaked);
        // Not more than that took: of the next thousandth a part has leaked, too, and is not to be lost however often
        // something is poured in or paid.
        self.at = match self.held.permille {
            0 => now,
            _ => self.at.checked_add(took).unwrap_or(now),
        };
    }

    /// How many thousandths leak out in that time, and how long these take.
    fn leak(&self, gone: Duration) -> (u32, Duration) {
        let thousandths = gone.as_nanos().saturating_mul(STEP.into());
        let leaked = thousandths.checked_div(self.forgive.as_nanos()).unwrap_or(u128::MAX);
        let leaked = u32::try_from(leaked).unwrap_or(u32::MAX);
        (leaked, self.time_of(leaked))
    }

    /// In which time so many thousandths leak out.
    fn time_of(&self, permille: u32) -> Duration {
        self.forgive.saturating_mul(permille) / STEP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    /// A thousandth of it.
    const MOMENT: Duration = Duration::from_millis(86_400);

    fn empty(now: Instant) -> Bucket {
        Bucket::new(WrittenOff::default(), Duration::ZERO, now, DAY)
    }

    fn level(bucket: &Bucket, now: Instant) -> u32 {
        bucket.held(now).permille
    }

    #[test]
    fn three_unpaid_steps_fill_it_and_one_leaks_out_in_each_period() {
        let now = Instant::now();
        let mut bucket = empty(now);
        for _ in 0..3 {
            assert!(bucket.has_room(now));
            bucket.pour(10, 1_000, now);
        }
        assert!(!bucket.has_room(now));
        let wait = bucket.wait(now);
        assert!(!bucket.has_room(now + wait - MOMENT) && bucket.has_room(now + wait), "{wait:?}");
        assert_eq!(bucket.held(now + DAY), WrittenOff { amount: 20, permille: 2_000 });
        assert_eq!(bucket.held(now + 3 * DAY), WrittenOff::default());
    }

    #[test]
    fn what_is_paid_late_makes_room() {
        let now = Instant::now();
        let mut bucket = empty(now);
        bucket.pour(3_001, 3_000, now);
        assert!(!bucket.has_room(now));
        bucket.pay(1, 0, now);
        assert!(!bucket.has_room(now), "not a whole thousandth");
        bucket.pay(1, 0, now);
        assert!(bucket.has_room(now));
        bucket.pay(2_999, 0, now);
        assert_eq!(bucket.held(now), WrittenOff::default());
    }

    #[test]
    fn a_twentieth_of_what_is_paid_in_time_makes_room() {
        let now = Instant::now();
        let mut bucket = empty(now);
        bucket.pour(3_000, 3_000, now);
        for paid in 1..=20 {
            bucket.pay(0, 1_000, now);
            assert_eq!(bucket.held(now), WrittenOff { amount: 3_000 - paid * 50, permille: 3_000 - paid as u32 * 50 });
        }
        bucket.pay(0, 40_000, now);
        assert_eq!(bucket.held(now), WrittenOff::default());
    }

    #[test]
    fn the_amount_shrinks_as_the_level_does() {
        let now = Instant::now();
        let mut bucket = empty(now);
        bucket.pour(1_000_000, 2_000, now);
        let later = now + DAY / 2;
        assert_eq!(bucket.held(later), WrittenOff { amount: 750_000, permille: 1_500 });
        // What is left is all that there is to be paid for.
        bucket.pay(750_000, 0, later);
        assert_eq!(bucket.held(later), WrittenOff::default());
    }

    #[test]
    fn it_leaks_as_fast_however_often_something_is_paid() {
        let now = Instant::now();
        let mut bucket = empty(now);
        bucket.pour(3_000_000, 3_000, now);
        for second in 0..86_400 {
            bucket.pay(0, 1, now + Duration::from_secs(second));
        }
        assert_eq!(level(&bucket, now + DAY), 2_000);
    }

    #[test]
    fn no_amount_of_money_takes_more_out_than_is_in_it() {
        let now = Instant::now();
        for amount in [1, 1_000, Balance::MAX] {
            let held = WrittenOff { amount, permille: u32::MAX };
            let mut bucket = Bucket::new(held, Duration::ZERO, now, DAY);
            assert_eq!(level(&bucket, now), MOST);
            bucket.pay(0, 0, now);
            assert_eq!(level(&bucket, now), MOST);
            bucket.pay(Balance::MAX, Balance::MAX, now);
            assert_eq!(bucket.held(now), WrittenOff::default());
            bucket.pay(Balance::MAX, 0, now);
            assert_eq!(bucket.held(now), WrittenOff::default());
        }
    }

    #[test]
    fn the_worst_is_forgiven_some_day() {
        let now = Instant::now();
        let mut bucket = empty(now);
        bucket.pour(Balance::MAX, u32::MAX, now);
        bucket.pour(Balance::MAX, u32::MAX, now);
        assert!(bucket.wait(now) <= 4 * DAY);
        assert!(bucket.has_room(now + bucket.wait(now)));
    }

    #[test]
    fn whoever_forgives_at_once_never_fills_it() {
        let now = Instant::now();
        let mut bucket = Bucket::new(WrittenOff::default(), Duration::ZERO, now, Duration::ZERO);
        bucket.pour(9, 9_000, now);
        assert!(bucket.has_room(now));
        assert_eq!((bucket.held(now), bucket.wait(now)), (WrittenOff::default(), Duration::ZERO));
    }

    #[test]
    fn what_leaked_while_the_program_was_away_is_gone() {
        let (now, held) = (Instant::now(), WrittenOff { amount: 300, permille: 3_000 });
        let level_after = |idle| level(&Bucket::new(held, idle, now, DAY), now);
        assert_eq!([Duration::ZERO, DAY, 2 * DAY, 9 * DAY].map(level_after), [3_000, 2_000, 1_000, 0]);
    }
}
