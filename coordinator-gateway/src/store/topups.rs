//! The tables of deposits that the gateway makes by itself: what each day has had, and the one that is under way.

use cuckoo_primitives::Balance;
use sqlx::{Row, SqliteConnection, SqlitePool};

use super::{now_ms, planck, usage::day_of, StoreError};

/// A deposit that is under way. It counts for its day unless it is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deposit {
    day: i64,
    amount: Balance,
    before: Before,
}

/// The chain before a deposit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Before {
    /// What was in escrow, in planck.
    pub(crate) escrow: Balance,
    /// How many transactions of its sender's the chain had.
    pub(crate) nonce: u64,
}

impl Deposit {
    /// In planck.
    pub(crate) fn planck(&self) -> Balance {
        self.amount
    }

    /// The chain before it.
    pub(crate) fn before(&self) -> Before {
        self.before
    }
}

/// Takes as much of `wanted` as `per_day` still allows today, or nothing if that is less than `least`, and stores that
/// before anything is deposited: so a deposit whose fate is not known counts, and is known of after a restart.
pub(super) async fn begin(
    pool: &SqlitePool,
    wanted: Balance,
    per_day: Balance,
    least: Balance,
    before: Before,
) -> Result<Option<Deposit>, StoreError> {
    let day = day_of(now_ms());
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let taken = taken_on(&mut transaction, day).await?;
    let amount = wanted.min(per_day.saturating_sub(taken));
    if amount == 0 || amount < least {
        return Ok(None);
    }
    set_taken(&mut transaction, day, taken.saturating_add(amount)).await?;
    // If one is under way already this fails: of two that are lost nobody could say which of them came.
    sqlx::query("INSERT INTO deposit_under_way (only, day, amount, escrow, nonce) VALUES (1, ?, ?, ?, ?)")
        .bind(day)
        .bind(planck::to_blob(amount))
        .bind(planck::to_blob(before.escrow))
        .bind(i64::try_from(before.nonce).unwrap_or(i64::MAX))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(Some(Deposit { day, amount, before }))
}

/// The deposit that is under way.
pub(super) async fn under_way(pool: &SqlitePool) -> Result<Option<Deposit>, StoreError> {
    let query = "SELECT day, amount, escrow, nonce FROM deposit_under_way WHERE only = 1";
    let Some(row) = sqlx::query(query).fetch_optional(pool).await? else { return Ok(None) };
    let nonce = u64::try_from(row.try_get::<i64, _>("nonce")?).unwrap_or(0);
    let before = Before { escrow: planck::from_blob(row.try_get("escrow")?)?, nonce };
    Ok(Some(Deposit { day: row.try_get("day")?, amount: planck::from_blob(row.try_get("amount")?)?, before }))
}

/// The deposit is no longer under way, and counts for its day.
pub(super) async fn end(pool: &SqlitePool) -> Result<(), StoreError> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    forget(&mut transaction).await?;
    transaction.commit().await?;
    Ok(())
}

/// The deposit has certainly not been made, and never will be: what it took is given back to its day.
pub(super) async fn give_back(pool: &SqlitePool, unmade: &Deposit) -> Result<(), StoreError> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    forget(&mut transaction).await?;
    let taken = taken_on(&mut transaction, unmade.day).await?;
    set_taken(&mut transaction, unmade.day, taken.saturating_sub(unmade.amount)).await?;
    transaction.commit().await?;
    Ok(())
}

async fn forget(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM deposit_under_way").execute(connection).await.map(drop)
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

    const BEFORE: Before = Before { escrow: 3, nonce: 4 };

    async fn open(folder: &tempfile::TempDir) -> Store {
        Store::open(folder.path(), JournalSync::Normal).await.unwrap()
    }

    /// Begins a deposit and has it made; how much it was.
    async fn make(store: &Store, wanted: Balance, per_day: Balance) -> Balance {
        let begun = store.begin_deposit(wanted, per_day, 5, BEFORE).await.unwrap();
        store.end_deposit().await.unwrap();
        begun.map_or(0, |deposit| deposit.planck())
    }

    #[tokio::test]
    async fn a_day_has_its_allowance_over_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        assert_eq!(make(&store, 60, 100).await, 60);
        store.close().await;
        let store = open(&folder).await;
        assert_eq!(make(&store, 60, 100).await, 40);
        assert_eq!(make(&store, 60, 100).await, 0);
        assert_eq!(make(&store, 60, 110).await, 10);
    }

    #[tokio::test]
    async fn one_deposit_is_under_way_at_a_time_and_known_of_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        assert_eq!(store.deposit_under_way().await.unwrap(), None);
        let begun = store.begin_deposit(60, 100, 1, BEFORE).await.unwrap();
        assert_eq!(begun.map(|deposit| (deposit.planck(), deposit.before())), Some((60, BEFORE)));
        assert!(store.begin_deposit(10, 100, 1, BEFORE).await.is_err());
        store.close().await;
        let store = open(&folder).await;
        assert_eq!(store.deposit_under_way().await.unwrap(), begun);
        store.end_deposit().await.unwrap();
        assert_eq!(store.deposit_under_way().await.unwrap(), None);
        assert_eq!(make(&store, 60, 100).await, 40, "what was refused has taken nothing");
    }

    #[tokio::test]
    async fn what_is_given_back_can_be_taken_again_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        let unmade = store.begin_deposit(60, 100, 1, BEFORE).await.unwrap().unwrap();
        store.give_back_deposit(&unmade).await.unwrap();
        assert_eq!(store.deposit_under_way().await.unwrap(), None);
        assert_eq!(make(&store, 200, 100).await, 100);
        assert_eq!(make(&store, 200, 100).await, 0);
        let of_another_day = Deposit { day: unmade.day - 1, amount: 70, ..unmade };
        store.give_back_deposit(&of_another_day).await.unwrap();
        assert_eq!(make(&store, 200, 100).await, 0, "what one day did not use is not the next day's");
    }

    #[tokio::test]
    async fn less_than_the_least_is_left_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        assert_eq!(make(&store, 4, 100).await, 0);
        assert_eq!(make(&store, 96, 100).await, 96);
        assert_eq!(make(&store, 50, 100).await, 0);
        assert_eq!(make(&store, 50, 101).await, 5);
    }
}
