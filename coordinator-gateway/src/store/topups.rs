//! The table of deposits that the gateway makes by itself.

use cuckoo_primitives::Balance;
use sqlx::{Row, SqlitePool};

use super::{now_ms, planck, usage::day_of, StoreError};

/// Takes as much of `wanted` as `per_day` still allows today, and stores that before anything is deposited; so a deposit
/// whose fate is not known counts.
pub(super) async fn take(pool: &SqlitePool, wanted: Balance, per_day: Balance) -> Result<Balance, StoreError> {
    let today = day_of(now_ms());
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let row =
        sqlx::query("SELECT amount FROM topups WHERE day = ?").bind(today).fetch_optional(&mut *transaction).await?;
    let taken = match row {
        Some(row) => planck::from_blob(row.try_get("amount")?)?,
        None => 0,
    };
    let granted = wanted.min(per_day.saturating_sub(taken));
    sqlx::query("INSERT OR REPLACE INTO topups (day, amount) VALUES (?, ?)")
        .bind(today)
        .bind(planck::to_blob(taken.saturating_add(granted)))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(granted)
}

#[cfg(test)]
mod tests {
    use crate::{config::JournalSync, store::Store};

    #[tokio::test]
    async fn a_day_has_its_allowance_over_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
        assert_eq!(store.take_topup(60, 100).await.unwrap(), 60);
        store.close().await;
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
        assert_eq!(store.take_topup(60, 100).await.unwrap(), 40);
        assert_eq!(store.take_topup(60, 100).await.unwrap(), 0);
        assert_eq!(store.take_topup(60, 110).await.unwrap(), 10);
    }
}
