//! Receipts do not stay for ever: the journal's writer removes the oldest, a few at a time and between its writes.

use std::time::Duration;

use sqlx::SqliteConnection;
use tokio::time::Instant;

use super::now_ms;

/// Most receipts that are removed at once: a receipt that waits to be stored meanwhile waits for milliseconds.
const MAX_REMOVED: u32 = 256;
/// Pause while there is more to remove. That is 2,560 a second, more than arrive.
const PAUSE: Duration = Duration::from_millis(100);
/// Pause when all that is old has been removed, and after a failure.
const REST: Duration = Duration::from_secs(600);

const REMOVE: &str = "DELETE FROM receipts WHERE (task_id, attempt) IN \
                      (SELECT task_id, attempt FROM receipts WHERE stored_ms < ? ORDER BY stored_ms LIMIT ?)";

/// Which receipts go, and when to look next.
pub(super) struct Pruning {
    keep: Duration,
    due: Instant,
}

impl Pruning {
    /// Removes what was stored longer ago than `keep`, from now on.
    pub(super) fn new(keep: Duration) -> Self {
        Self { keep, due: Instant::now() }
    }

    /// When to look for old receipts next.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Removes one batch of old receipts.
    pub(super) async fn run(&mut self, writer: &mut SqliteConnection) {
        let keep_ms = i64::try_from(self.keep.as_millis()).unwrap_or(i64::MAX);
        let removed = remove(writer, now_ms().saturating_sub(keep_ms)).await.unwrap_or_else(|error| {
            tracing::warn!(target: "gateway::store", %error, "old receipts were not removed; trying again later");
            0
        });
        if removed > 0 {
            tracing::debug!(target: "gateway::store", receipts = removed, "removed old receipts");
        }
        self.due = Instant::now() + if removed < u64::from(MAX_REMOVED) { REST } else { PAUSE };
    }
}

/// Removes at most [`MAX_REMOVED`] receipts that were stored before `cutoff_ms`, and returns how many.
async fn remove(writer: &mut SqliteConnection, cutoff_ms: i64) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(REMOVE).bind(cutoff_ms).bind(MAX_REMOVED).execute(writer).await?;
    Ok(done.rows_affected())
}
