//! The table of channels: what has been promised through each.

use sqlx::{sqlite::SqliteRow, QueryBuilder, Row, Sqlite, SqliteConnection, SqlitePool};

use super::planck;
use crate::settle::{ChannelKey, Promise};

/// All channels.
pub(super) async fn all(pool: &SqlitePool) -> Result<Vec<(ChannelKey, Promise)>, sqlx::Error> {
    let rows = sqlx::query("SELECT miner, channel, amount, tasks FROM channels").fetch_all(pool).await?;
    rows.iter().map(|row| Ok((key_of(row)?, promise_of(row)?))).collect()
}

/// One channel, as it is stored.
pub(super) async fn of(connection: &mut SqliteConnection, key: &ChannelKey) -> Result<Promise, sqlx::Error> {
    let row = sqlx::query("SELECT amount, tasks FROM channels WHERE miner = ? AND channel = ?")
        .bind(AsRef::<[u8]>::as_ref(&key.miner).to_vec())
        .bind(key.channel.to_vec())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(promise_of).transpose().map(Option::unwrap_or_default)
}

/// Stores what these channels promise now.
pub(super) async fn set<'a>(
    connection: &mut SqliteConnection,
    promises: impl Iterator<Item = (&'a ChannelKey, &'a Promise)>,
) -> Result<(), sqlx::Error> {
    let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO channels (miner, channel, amount, tasks) ");
    query.push_values(promises, |mut row, (key, promise)| {
        row.push_bind(AsRef::<[u8]>::as_ref(&key.miner).to_vec())
            .push_bind(key.channel.to_vec())
            .push_bind(planck::to_blob(promise.amount))
            .push_bind(i64::try_from(promise.tasks).unwrap_or(i64::MAX));
    });
    query.push(" ON CONFLICT (miner, channel) DO UPDATE SET amount = excluded.amount, tasks = excluded.tasks");
    query.build().execute(connection).await.map(drop)
}

fn key_of(row: &SqliteRow) -> Result<ChannelKey, sqlx::Error> {
    let (miner, channel): (Vec<u8>, Vec<u8>) = (row.try_get("miner")?, row.try_get("channel")?);
    let wrong = |error: std::array::TryFromSliceError| sqlx::Error::Decode(error.into());
    let miner = <[u8; 32]>::try_from(miner.as_slice()).map_err(wrong)?;
    Ok(ChannelKey { miner: miner.into(), channel: channel.as_slice().try_into().map_err(wrong)? })
}

fn promise_of(row: &SqliteRow) -> Result<Promise, sqlx::Error> {
    let (amount, tasks): (Vec<u8>, i64) = (row.try_get("amount")?, row.try_get("tasks")?);
    Ok(Promise { amount: planck::from_blob(&amount)?, tasks: u64::try_from(tasks).unwrap_or(0) })
}
