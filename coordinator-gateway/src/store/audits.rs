//! The tables of audits: what was found, what is thought of each miner, and the secrets by which tasks are chosen.

use cuckoo_primitives::{task::TaskId, AccountId};
use rand::{rngs::OsRng, TryRngCore};
use sqlx::{sqlite::SqliteRow, Row, SqlitePool};

use super::StoreError;
use crate::audit::Distances;

/// A day in UTC, counted from 1970.
pub(crate) type Day = i64;

/// What an audit has found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AuditRecord {
    /// The task.
    pub(crate) task_id: TaskId,
    /// Which try of it.
    pub(crate) attempt: u32,
    /// The miner's operator.
    pub(crate) miner: AccountId,
    /// What the application asked for.
    pub(crate) model: String,
    /// The numeric class that the miner computes in.
    pub(crate) class: String,
    /// How many tokens were checked.
    pub(crate) tokens: u32,
    /// In one word.
    pub(crate) outcome: String,
    /// In a sentence.
    pub(crate) reason: String,
    /// When, in milliseconds since 1970.
    pub(crate) audited_ms: i64,
    /// How far it was from what the gateway's own engine says, if one was asked.
    pub(crate) distances: Option<Distances>,
}

/// The tables. Only this type reads and writes them.
#[derive(Clone, Debug)]
pub(crate) struct AuditStore {
    pool: SqlitePool,
}

impl AuditStore {
    pub(super) fn new(pool: SqlitePool) -> Self {
        Self { pool }
    }

    /// Stores an audit with what is thought of its miner after it, and removes those from before `oldest_ms`.
    pub(crate) async fn add(
        &self,
        audit: &AuditRecord,
        (stash, standing): (&AccountId, &str),
        oldest_ms: i64,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query(
            "INSERT OR REPLACE INTO audits \
             (task_id, attempt, miner, model, class, tokens, outcome, reason, audited_ms, distances) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&audit.task_id[..])
        .bind(audit.attempt)
        .bind(bytes(&audit.miner))
        .bind(&audit.model)
        .bind(&audit.class)
        .bind(audit.tokens)
        .bind(&audit.outcome)
        .bind(&audit.reason)
        .bind(audit.audited_ms)
        .bind(audit.distances.as_ref().and_then(|distances| serde_json::to_string(distances).ok()))
        .execute(&mut *transaction)
        .await?;
        sqlx::query("INSERT OR REPLACE INTO audit_standings (miner, standing) VALUES (?, ?)")
            .bind(bytes(stash))
            .bind(standing)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM audits WHERE audited_ms < ?").bind(oldest_ms).execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// The newest audits, at most `limit`, the newest first; of one miner or of all.
    pub(crate) async fn newest(&self, miner: Option<&AccountId>, limit: u32) -> Result<Vec<AuditRecord>, StoreError> {
        let rows = match miner {
            Some(miner) => {
                sqlx::query("SELECT * FROM audits WHERE miner = ? ORDER BY audited_ms DESC LIMIT ?").bind(bytes(miner))
            }
            None => sqlx::query("SELECT * FROM audits ORDER BY audited_ms DESC LIMIT ?"),
        };
        let rows = rows.bind(limit).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(record).collect::<Result<_, _>>()?)
    }

    /// What is thought of each miner that was audited, by its stash.
    pub(crate) async fn standings(&self) -> Result<Vec<(AccountId, String)>, StoreError> {
        let rows = sqlx::query("SELECT miner, standing FROM audit_standings").fetch_all(&self.pool).await?;
        let read = |row: &SqliteRow| Ok((account(row.try_get("miner")?)?, row.try_get("standing")?));
        Ok(rows.iter().map(read).collect::<Result<_, sqlx::Error>>()?)
    }

    /// The secret of a day; it is made if there is none yet.
    pub(crate) async fn secret(&self, day: Day) -> Result<[u8; 32], StoreError> {
        let mut fresh = [0; 32];
        OsRng.try_fill_bytes(&mut fresh).map_err(|error| sqlx::Error::Io(std::io::Error::other(error.to_string())))?;
        sqlx::query("INSERT OR IGNORE INTO audit_days (day, secret) VALUES (?, ?)")
            .bind(day)
            .bind(&fresh[..])
            .execute(&self.pool)
            .await?;
        let row = sqlx::query("SELECT secret FROM audit_days WHERE day = ?").bind(day).fetch_one(&self.pool).await?;
        Ok(fixed(row.try_get("secret")?)?)
    }

    /// The days that have secrets, from `first` on, in order.
    pub(crate) async fn days(&self, first: Day) -> Result<Vec<(Day, [u8; 32])>, StoreError> {
        let query = "SELECT day, secret FROM audit_days WHERE day >= ? ORDER BY day";
        let rows = sqlx::query(query).bind(first).fetch_all(&self.pool).await?;
        let read = |row: &SqliteRow| Ok((row.try_get("day")?, fixed(row.try_get("secret")?)?));
        Ok(rows.iter().map(read).collect::<Result<_, sqlx::Error>>()?)
    }
}

fn record(row: &SqliteRow) -> Result<AuditRecord, sqlx::Error> {
    Ok(AuditRecord {
        task_id: fixed(row.try_get("task_id")?)?,
        attempt: row.try_get("attempt")?,
        miner: account(row.try_get("miner")?)?,
        model: row.try_get("model")?,
        class: row.try_get("class")?,
        tokens: row.try_get("tokens")?,
        outcome: row.try_get("outcome")?,
        reason: row.try_get("reason")?,
        audited_ms: row.try_get("audited_ms")?,
        distances: row
            .try_get::<Option<String>, _>("distances")?
            .map(|json| serde_json::from_str(&json))
            .transpose()
            .map_err(|error| sqlx::Error::Decode(error.into()))?,
    })
}

fn bytes(account: &AccountId) -> &[u8] {
    account.as_ref()
}

fn account(bytes: Vec<u8>) -> Result<AccountId, sqlx::Error> {
    fixed(bytes).map(|bytes: [u8; 32]| AccountId::from(bytes))
}

fn fixed<const N: usize>(bytes: Vec<u8>) -> Result<[u8; N], sqlx::Error> {
    bytes.try_into().map_err(|_| sqlx::Error::Decode("a column has another length".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::JournalSync, store::Store};

    async fn store() -> (AuditStore, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
        (store.audits(), folder)
    }

    fn stash() -> AccountId {
        AccountId::from([70; 32])
    }

    fn audit(task: u8, miner: u8, audited_ms: i64) -> AuditRecord {
        AuditRecord {
            task_id: [task; 16],
            attempt: 1,
            miner: AccountId::from([miner; 32]),
            model: "m".into(),
            class: "cpu".into(),
            tokens: 5,
            outcome: "passed".into(),
            reason: "all was drawn as it had to be".into(),
            audited_ms,
            distances: Some(Distances {
                disagreeing: 1,
                stretches: 2,
                deviating: None,
                margin: 0.5,
                logits: 0.25,
                state: 0.0,
            }),
        }
    }

    #[tokio::test]
    async fn the_newest_audits_come_first_and_old_ones_go() {
        let (store, _folder) = store().await;
        for (task, miner, at) in [(1, 7, 10), (2, 7, 30), (3, 8, 20)] {
            store.add(&audit(task, miner, at), (&stash(), "{}"), 0).await.unwrap();
        }
        assert_eq!(store.newest(None, 2).await.unwrap(), [audit(2, 7, 30), audit(3, 8, 20)]);
        assert_eq!(store.newest(Some(&AccountId::from([7; 32])), 9).await.unwrap(), [audit(2, 7, 30), audit(1, 7, 10)]);
        store.add(&audit(4, 8, 40), (&stash(), "{}"), 25).await.unwrap();
        assert_eq!(store.newest(None, 9).await.unwrap(), [audit(4, 8, 40), audit(2, 7, 30)]);
    }

    #[tokio::test]
    async fn what_is_thought_of_a_miner_is_the_newest() {
        let (store, _folder) = store().await;
        store.add(&audit(1, 7, 10), (&stash(), "old"), 0).await.unwrap();
        // Its operator is another one by now.
        store.add(&audit(2, 8, 20), (&stash(), "new"), 0).await.unwrap();
        assert_eq!(store.standings().await.unwrap(), [(stash(), "new".into())]);
    }

    #[tokio::test]
    async fn a_day_keeps_its_secret() {
        let (store, _folder) = store().await;
        let secret = store.secret(20_000).await.unwrap();
        assert_eq!(store.secret(20_000).await.unwrap(), secret);
        let next = store.secret(20_001).await.unwrap();
        assert_ne!(next, secret);
        assert_eq!(store.days(20_000).await.unwrap(), [(20_000, secret), (20_001, next)]);
        assert_eq!(store.days(20_001).await.unwrap(), [(20_001, next)]);
    }
}
