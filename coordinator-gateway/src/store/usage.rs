//! The table of usage: what each key used, day by day.

use cuckoo_primitives::{settlement::Usage, Balance};
use sqlx::{sqlite::SqliteRow, Row, SqliteConnection, SqlitePool};

use super::planck;

const MS_PER_DAY: i64 = 24 * 60 * 60 * 1000;
/// Most rows that are shown to a key.
const MAX_SHOWN: i64 = 1_000;

const SELECT: &str = "SELECT tasks, prompt_tokens, completion_tokens, cost FROM usage \
                      WHERE api_key_id = ? AND day = ? AND model = ?";
const SELECT_ALL: &str = "SELECT day, model, tasks, prompt_tokens, completion_tokens, cost FROM usage \
                          WHERE api_key_id = ? ORDER BY day DESC, model LIMIT ?";
const REPLACE: &str = "INSERT OR REPLACE INTO usage \
                       (api_key_id, day, model, tasks, prompt_tokens, completion_tokens, cost) VALUES (?, ?, ?, ?, ?, ?, ?)";

/// Whose usage of what, on which day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct UsageKey {
    /// Empty for those who need none.
    pub(super) api_key_id: String,
    /// Days since 1970.
    pub(super) day: i64,
    pub(super) model: String,
}

/// What was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) tasks: i64,
    pub(crate) prompt_tokens: i64,
    pub(crate) completion_tokens: i64,
    /// In planck.
    pub(crate) cost: Balance,
}

/// What one key used of one model on one day.
#[derive(Clone, Debug)]
pub(crate) struct DailyUsage {
    /// Days since 1970.
    pub(crate) day: i64,
    /// The model.
    pub(crate) model: String,
    /// How much of it.
    pub(crate) used: Used,
}

impl Used {
    /// By one task.
    pub(super) fn by(charged: &Usage, cost: Balance) -> Self {
        Self {
            tasks: 1,
            prompt_tokens: charged.prompt_tokens.into(),
            completion_tokens: charged.completion_tokens.into(),
            cost,
        }
    }

    pub(super) fn and(self, more: Self) -> Self {
        Self {
            tasks: self.tasks.saturating_add(more.tasks),
            prompt_tokens: self.prompt_tokens.saturating_add(more.prompt_tokens),
            completion_tokens: self.completion_tokens.saturating_add(more.completion_tokens),
            cost: self.cost.saturating_add(more.cost),
        }
    }
}

/// The day in which this time is, in days since 1970.
pub(super) fn day_of(ms: i64) -> i64 {
    ms.div_euclid(MS_PER_DAY)
}

/// What is stored.
pub(super) async fn of(connection: &mut SqliteConnection, key: &UsageKey) -> Result<Used, sqlx::Error> {
    let row = sqlx::query(SELECT)
        .bind(key.api_key_id.clone())
        .bind(key.day)
        .bind(key.model.clone())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(used_in).transpose().map(Option::unwrap_or_default)
}

/// All that is stored of a key, the newest first, at most [`MAX_SHOWN`].
pub(super) async fn of_key(pool: &SqlitePool, api_key_id: &str) -> Result<Vec<DailyUsage>, sqlx::Error> {
    let rows = sqlx::query(SELECT_ALL).bind(api_key_id).bind(MAX_SHOWN).fetch_all(pool).await?;
    rows.iter()
        .map(|row| Ok(DailyUsage { day: row.try_get("day")?, model: row.try_get("model")?, used: used_in(row)? }))
        .collect()
}

fn used_in(row: &SqliteRow) -> Result<Used, sqlx::Error> {
    Ok(Used {
        tasks: row.try_get("tasks")?,
        prompt_tokens: row.try_get("prompt_tokens")?,
        completion_tokens: row.try_get("completion_tokens")?,
        cost: planck::from_blob(row.try_get("cost")?)?,
    })
}

/// Adds to what is stored, within a transaction of the one writer.
pub(super) async fn add(connection: &mut SqliteConnection, key: &UsageKey, used: Used) -> Result<(), sqlx::Error> {
    let sum = of(connection, key).await?.and(used);
    sqlx::query(REPLACE)
        .bind(key.api_key_id.clone())
        .bind(key.day)
        .bind(key.model.clone())
        .bind(sum.tasks)
        .bind(sum.prompt_tokens)
        .bind(sum.completion_tokens)
        .bind(planck::to_blob(sum.cost))
        .execute(connection)
        .await
        .map(drop)
}
