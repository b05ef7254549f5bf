//! How often the applications of each key hang up on a task before the first piece of its answer has come.
//!
//! Nothing is paid for such a task, though its miner may have read the whole prompt; so a key that does this again and
//! again is not served for a while.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::error::ApiError;

/// Forgiven at once.
const FORGIVEN: u32 = 30;
/// So long after each, one more is forgiven: 30 a minute.
const ONE_MORE_AFTER: Duration = Duration::from_secs(2);
/// However many tasks were left at once, a key is served again after so long.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// When each key that has hung up lately is forgiven all of it. Then it is forgotten, so there are no more entries than keys
/// that were valid in the last ten minutes.
#[derive(Default)]
pub(crate) struct HangUps(Mutex<HashMap<Arc<str>, Instant>>);

/// A key is not served for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "applications with this API key have hung up on more than {FORGIVEN} tasks in a minute before the answer began, or asked \
     for answers without text, which costs miners work that nobody pays; try again in {} s, and wait longer for answers", .wait.as_secs()
)]
pub(crate) struct HungUpTooOften {
    /// For so long, in whole seconds, rounded up.
    wait: Duration,
}

impl From<HungUpTooOften> for ApiError {
    fn from(too_often: HungUpTooOften) -> Self {
        Self::too_many("too_many_hang_ups", format!("Not served: {too_often}."), too_often.wait)
    }
}

impl HangUps {
    /// Whether a key is served at `now`. Whoever has no key is not counted.
    pub(crate) fn check(&self, key: Option<&Arc<str>>, now: Instant) -> Result<(), HungUpTooOften> {
        let forgiven_at = key.and_then(|key| self.0.lock().get(key).copied());
        // One more must be forgiven: the task may be left too.
        let tolerated = ONE_MORE_AFTER.saturating_mul(FORGIVEN - 1);
        let wait = forgiven_at.unwrap_or(now).saturating_duration_since(now).saturating_sub(tolerated);
        match wait.is_zero() {
            true => Ok(()),
            false => Err(HungUpTooOften { wait: Duration::from_secs(wait.as_millis().div_ceil(1_000) as u64) }),
        }
    }

    /// A task of this key was left at `now` before anything of its answer had come.
    pub(crate) fn note(&self, key: Option<&Arc<str>>, now: Instant) {
        let Some(key) = key else { return };
        let mut all = self.0.lock();
        all.retain(|_, forgiven_at| *forgiven_at > now);
        let latest = now + LONGEST_PAUSE;
        let forgiven_at = all.entry(key.clone()).or_insert(now);
        *forgiven_at = (*forgiven_at + ONE_MORE_AFTER).min(latest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> (Arc<str>, Arc<str>) {
        (Arc::from("a"), Arc::from("b"))
    }

    #[test]
    fn a_key_that_hangs_up_too_often_is_not_served_for_a_while() {
        let (hang_ups, (a, b), now) = (HangUps::default(), keys(), Instant::now());
        for _ in 0..30 {
            assert_eq!(hang_ups.check(Some(&a), now), Ok(()));
            hang_ups.note(Some(&a), now);
        }
        let refused = hang_ups.check(Some(&a), now).unwrap_err();
        assert_eq!(refused.wait, Duration::from_secs(2));
        assert!(refused.to_string().contains("more than 30"), "{refused}");
        assert_eq!(hang_ups.check(Some(&b), now), Ok(()), "other keys are not concerned");
        assert!(hang_ups.check(Some(&a), now + Duration::from_millis(1_999)).is_err());
        let later = now + Duration::from_secs(2);
        assert_eq!(hang_ups.check(Some(&a), later), Ok(()));
        hang_ups.note(Some(&a), later);
        assert!(hang_ups.check(Some(&a), later).is_err(), "one more was forgiven, and no other");
    }

    #[test]
    fn thirty_in_each_minute_are_forgiven() {
        let (hang_ups, (a, _), begun) = (HangUps::default(), keys(), Instant::now());
        for second in (0..3_600).step_by(2) {
            let now = begun + Duration::from_secs(second);
            assert_eq!(hang_ups.check(Some(&a), now), Ok(()));
            hang_ups.note(Some(&a), now);
        }
    }

    #[test]
    fn tasks_that_are_left_all_at_once_count_each_but_no_longer_than_ten_minutes() {
        let (hang_ups, (a, b), now) = (HangUps::default(), keys(), Instant::now());
        (0..90).for_each(|_| hang_ups.note(Some(&a), now));
        assert_eq!(hang_ups.check(Some(&a), now).unwrap_err().wait, Duration::from_secs(122));
        (0..10_000).for_each(|_| hang_ups.note(Some(&a), now));
        assert!(hang_ups.check(Some(&a), now).unwrap_err().wait <= LONGEST_PAUSE);
        let later = now + LONGEST_PAUSE;
        assert_eq!(hang_ups.check(Some(&a), later), Ok(()));
        hang_ups.note(Some(&b), later);
        assert_eq!(hang_ups.0.lock().len(), 1, "what is forgiven is forgotten");
    }

    #[test]
    fn without_keys_nothing_is_counted() {
        let (hang_ups, now) = (HangUps::default(), Instant::now());
        (0..100).for_each(|_| hang_ups.note(None, now));
        assert_eq!(hang_ups.check(None, now), Ok(()));
        assert!(hang_ups.0.lock().is_empty());
    }
}
