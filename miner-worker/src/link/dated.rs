//! When a task began and must be done, and whether this miner's clock agrees.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cuckoo_primitives::{
    challenge::CHALLENGED_WITHIN_MS,
    task::{began_ms, TaskId},
};
use cuckoo_wire::link::FailureCode;

use super::work::Failed;

/// By how much two clocks may differ. What a miner signs is dated by its task, and by that date it is found who answers for
/// it and whether it still counts as evidence: so nobody else may choose the date. Shorter would shut out those whose clock
/// is a little off and gain nothing, as all that hangs on the date is counted in eras.
pub(crate) const CLOCKS_DIFFER: Duration = Duration::from_secs(600);

/// So long after its deadline, by this miner's clock, is a task still taken on and worked on. The deadline is by the
/// coordinator's clock, and no task shall end before its timeout because the two clocks are some seconds apart.
///
/// It cannot be much: from the deadline on it can be asked on the chain what came of the task, and this miner would say
/// that nothing did while it is still at work.
pub(crate) const DEADLINE_SLACK: Duration = Duration::from_secs(30);

/// Whether a task with this id may have begun, and whether its deadline makes sense, at `now_ms`, in milliseconds after
/// 1970. How long ago it may have begun hangs on the deadline: it may have waited, or run elsewhere.
pub(super) fn check(task_id: &TaskId, deadline_ms: u64, now_ms: u64) -> Result<(), Failed> {
    let began_ms = began_ms(task_id).ok_or_else(|| {
        Failed::new(FailureCode::InvalidRequest, "the task's id is no UUIDv7, so that nothing says when it began")
    })?;
    let far = |event: &str, gap_ms: u64, side: &str| {
        let reason = format!(
            "{event} {} s {side} by this miner's clock; the coordinator's clock or this miner's is wrong",
            gap_ms / 1_000
        );
        Err(Failed::new(FailureCode::Clock, reason))
    };
    let ahead_ms = began_ms.saturating_sub(now_ms);
    if ahead_ms > millis(CLOCKS_DIFFER) {
        return far("the task began", ahead_ms, "from now");
    }
    check_deadline(began_ms, deadline_ms)?;
    match now_ms.saturating_sub(deadline_ms) {
        late_ms if late_ms > millis(DEADLINE_SLACK) => far("the task's deadline was", late_ms, "ago"),
        _ => Ok(()),
    }
}

/// For how long a task may be worked on from `now_ms` on, in milliseconds after 1970: for its `timeout`, and until
/// [`DEADLINE_SLACK`] after its deadline at most.
pub(super) fn time_left(timeout: Duration, deadline_ms: u64, now_ms: u64) -> Duration {
    let end_ms = deadline_ms.saturating_add(millis(DEADLINE_SLACK));
    timeout.min(Duration::from_millis(end_ms.saturating_sub(now_ms)))
}

/// Between the beginning and the time up to which the miner can be asked on the chain what came of it: what it keeps for
/// that, it keeps no longer.
fn check_deadline(began_ms: u64, deadline_ms: u64) -> Result<(), Failed> {
    match deadline_ms.checked_sub(began_ms) {
        Some(1..=CHALLENGED_WITHIN_MS) => Ok(()),
        _ => {
            let most_s = CHALLENGED_WITHIN_MS / 1_000;
            let reason = format!("a task's deadline must be after its beginning, by {most_s} s at most");
            Err(Failed::new(FailureCode::Clock, reason))
        }
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;
    const MINUTE_MS: u64 = 60_000;

    /// The id of a task that began then.
    fn dated(began_ms: u64) -> TaskId {
        let mut id = [0; 16];
        id[..6].copy_from_slice(&began_ms.to_be_bytes()[2..]);
        (id[6], id[8]) = (0x70, 0x80);
        id
    }

    fn code(began_ms: u64) -> Option<FailureCode> {
        code_until(began_ms, began_ms + 60 * MINUTE_MS)
    }

    fn code_until(began_ms: u64, deadline_ms: u64) -> Option<FailureCode> {
        check(&dated(began_ms), deadline_ms, NOW_MS).err().map(|failed| failed.code)
    }

    #[test]
    fn clocks_may_differ_by_ten_minutes() {
        for (ahead_ms, expected) in [(0, None), (10 * MINUTE_MS, None), (10 * MINUTE_MS + 1, Some(FailureCode::Clock))]
        {
            assert_eq!(code(NOW_MS + ahead_ms), expected, "{ahead_ms} ms ahead");
        }
    }

    #[test]
    fn a_task_may_have_run_elsewhere_for_an_hour() {
        let most_ms = 60 * MINUTE_MS + millis(DEADLINE_SLACK);
        for (ago_ms, expected) in [(60 * MINUTE_MS, None), (most_ms, None), (most_ms + 1, Some(FailureCode::Clock))] {
            assert_eq!(code(NOW_MS - ago_ms), expected, "{ago_ms} ms ago");
        }
    }

    #[test]
    fn a_task_without_a_date_is_refused() {
        assert_eq!(check(&[1; 16], NOW_MS + 1, NOW_MS).unwrap_err().code, FailureCode::InvalidRequest);
    }

    #[test]
    fn the_refusal_says_how_far_the_clocks_are_apart() {
        let failed = check(&dated(NOW_MS + 3_600_000), NOW_MS + 3_600_001, NOW_MS).unwrap_err();
        assert!(failed.reason.contains("3600 s from now") && failed.reason.contains("clock"), "{}", failed.reason);
    }

    #[test]
    fn a_deadline_is_within_an_hour_of_the_beginning() {
        for (after_ms, expected) in [
            (0, Some(FailureCode::Clock)),
            (1, None),
            (60 * MINUTE_MS, None),
            (60 * MINUTE_MS + 1, Some(FailureCode::Clock)),
            (u64::MAX - NOW_MS, Some(FailureCode::Clock)),
        ] {
            assert_eq!(code_until(NOW_MS, NOW_MS + after_ms), expected, "{after_ms} ms after");
        }
        assert_eq!(code_until(NOW_MS, NOW_MS - 1), Some(FailureCode::Clock));
    }

    #[test]
    fn a_deadline_that_has_passed_by_more_than_is_allowed_is_refused() {
        let began_ms = NOW_MS - 30 * MINUTE_MS;
        let slack_ms = millis(DEADLINE_SLACK);
        for (ago_ms, expected) in [(0, None), (slack_ms, None), (slack_ms + 1, Some(FailureCode::Clock))] {
            assert_eq!(code_until(began_ms, NOW_MS - ago_ms), expected, "{ago_ms} ms ago");
        }
        let failed = check(&dated(began_ms), NOW_MS - 5 * MINUTE_MS, NOW_MS).unwrap_err();
        assert!(failed.reason.contains("300 s ago") && failed.reason.contains("clock"), "{}", failed.reason);
    }

    #[test]
    fn no_task_is_worked_on_long_after_its_deadline() {
        let timeout = Duration::from_secs(60);
        let (timeout_ms, slack_ms) = (millis(timeout), millis(DEADLINE_SLACK));
        let left_ms = |deadline_ms| millis(time_left(timeout, deadline_ms, NOW_MS));
        // Of an honest coordinator, though its clock is behind by all that it may be.
        assert_eq!(left_ms(NOW_MS + timeout_ms), timeout_ms);
        assert_eq!(left_ms(NOW_MS + timeout_ms - slack_ms), timeout_ms);
        assert_eq!(left_ms(NOW_MS + timeout_ms - slack_ms - 1), timeout_ms - 1);
        assert_eq!(left_ms(NOW_MS), slack_ms);
        assert_eq!(left_ms(NOW_MS - slack_ms + 1), 1);
        assert_eq!((left_ms(NOW_MS - slack_ms - 1), left_ms(0), left_ms(u64::MAX)), (0, 0, timeout_ms));
    }
}
