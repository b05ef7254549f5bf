//! The table of deposits that the gateway makes by itself.

use cuckoo_primitives::Balance;
use sqlx::{Row, SqliteConnection, SqlitePool};

use super::{now_ms, planck, usage::day_of, StoreError};

/// What may be deposited now; it counts for its day until it is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    day: i64,
    amount: Balance,
}

impl Allowance {
    /// In planck.
    pub(crate) fn planck(&self) -> Balance {
        self.amount
    }
}

/// Takes as much of `wanted` as `per_day` still allows today, or nothing if that is less than `least`, and stores that
/// before anything is deposited; so a deposit whose fate is not known counts.
pub(super) async fn take(
    pool: &SqlitePool,
    wanted: Balance,
    per_day: Balance,
    least: Balance,
) -> Result<Option<Allowance>, StoreError> {
    let day = day_of(now_ms());
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let taken = taken_on(&mut transaction, day).await?;
    let amount = wanted.min(per_day.saturating_sub(taken));
    if amount == 0 || amount < least {
        return Ok(None);
    }
    set_taken(&mut transaction, day, taken.saturating_add(amount)).await?;
    transaction.commit().await?;
    Ok(Some(Allowance { day, amount }))
}

/// Gives back what was certainly not deposited, to the day that it was taken from.
pub(super) async fn give_back(pool: &SqlitePool, unused: Allowance) -> Result<(), StoreError> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let taken = taken_on(&mut transaction, unused.day).await?;
    set_taken(&mut transaction, unused.day, taken.saturating_sub(unused.amount)).await?;
    transaction.commit().await?;
    Ok(())
}

async fn taken_on(connection: &mut SqliteConnection, day: i64) -> Result<Balance, sqlx::Error> {
    let row = sqlx::query("SELECT amount FROM topups WHERE day = ?").bind(day).fetch_optional(connection).await?;
    match row {
        Some(row) => planck::from_blob(row.try_get("amount")?),
        None => Ok(0),
    }
}

async fn set_taken(connection: &mut SqliteConnection, day: i64, taken: Balance) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT OR REPLACE INTO topups (day, amount) VALUES (?, ?)")
        .bind(day)
        .bind(planck::to_blob(taken))
        .execute(connection)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::JournalSync, store::Store};

    async fn take(store: &Store, wanted: Balance, per_day: Balance) -> Balance {
        let allowance = store.take_topup(wanted, per_day, 5).await.unwrap();
        allowance.map_or(0, |allowance| allowance.planck())
    }

    #[tokio::test]
    async fn a_day_has_its_allowance_over_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
        assert_eq!(take(&store, 60, 100).await, 60);
        store.close().await;
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
        assert_eq!(take(&store, 60, 100).await, 40);
        assert_eq!(take(&store, 60, 100).await, 0);
        assert_eq!(take(&store, 60, 110).await, 10);
    }

    #[tokio::test]
    async fn what_is_given_back_can_be_taken_again_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
        let unused = store.take_topup(60, 100, 1).await.unwrap().unwrap();
        store.give_back_topup(unused).await.unwrap();
        assert_eq!(take(&store, 200, 100).await, 100);
        assert_eq!(take(&store, 200, 100).await, 0);
        let of_another_day = Allowance { day: unused.day - 1, amount: 70 };
        store.give_back_topup(of_another_day).await.unwrap();
        assert_eq!(take(&store, 200, 100).await, 0, "what one day did not use is not the next day's");
    }

    #[tokio::test]
    async fn less_than_the_least_is_left_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
        assert_eq!(take(&store, 4, 100).await, 0);
        assert_eq!(take(&store, 96, 100).await, 96);
        assert_eq!(take(&store, 50, 100).await, 0);
        assert_eq!(take(&store, 50, 101).await, 5);
    }
}
