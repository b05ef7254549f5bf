//! The table of what miners are to be asked on the chain.

use codec::{DecodeAll, Encode};
use cuckoo_primitives::{challenge::Demand, signing::blake2_256, AccountId, Hash};
use sqlx::{Row, SqlitePool};

use super::{now_ms, StoreError};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// How long demands are on record after their time.
const KEPT_MS: i64 = 32 * DAY_MS;

/// The table. Only this type reads and writes it.
#[derive(Clone, Debug)]
pub(crate) struct DemandStore {
    pool: SqlitePool,
}

/// A demand that is to be made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OpenDemand {
    /// Names it.
    pub(crate) hash: Hash,
    /// What is demanded.
    pub(crate) demand: Demand,
}

impl DemandStore {
    pub(super) fn new(pool: SqlitePool) -> Self {
        Self { pool }
    }

    /// Has `miner` asked between these times, in milliseconds since 1970, unless it was asked the same before or, in the
    /// day before and in the same way, as often as `most_a_day`. Returns whether it will be.
    pub(crate) async fn add(
        &self,
        miner: &AccountId,
        demand: &Demand,
        between_ms: (i64, i64),
        most_a_day: u32,
    ) -> Result<bool, StoreError> {
        let encoded = demand.encode();
        let miner: &[u8] = miner.as_ref();
        let now_ms = now_ms();
        sqlx::query("DELETE FROM demands WHERE not_after_ms < ?")
            .bind(now_ms.saturating_sub(KEPT_MS))
            .execute(&self.pool)
            .await?;
        let added = sqlx::query(
            "INSERT OR IGNORE INTO demands (hash, miner, encoded, not_before_ms, not_after_ms) \
             SELECT ?, ?, ?, ?, ? WHERE (SELECT COUNT(*) FROM demands \
             WHERE miner = ? AND not_before_ms > ? AND substr(encoded, 1, 1) = substr(?, 1, 1)) < ?",
        )
        .bind(blake2_256(&[&encoded]).as_bytes().to_vec())
        .bind(miner)
        .bind(&encoded)
        .bind(between_ms.0)
        .bind(between_ms.1)
        .bind(miner)
        .bind(now_ms.saturating_sub(DAY_MS))
        // What kind of demand it is.
        .bind(&encoded)
        .bind(most_a_day)
        .execute(&self.pool)
        .await?;
        Ok(added.rows_affected() > 0)
    }

    /// What is to be demanded now, the oldest first, at most `limit`.
    pub(crate) async fn due(&self, limit: u32) -> Result<Vec<OpenDemand>, StoreError> {
        let query = "SELECT hash, encoded FROM demands \
                     WHERE made_ms IS NULL AND not_before_ms <= ?1 AND not_after_ms > ?1 ORDER BY not_before_ms LIMIT ?2";
        let rows = sqlx::query(query).bind(now_ms()).bind(limit).fetch_all(&self.pool).await?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            let hash: Vec<u8> = row.try_get("hash")?;
            let encoded: Vec<u8> = row.try_get("encoded")?;
            let demand = Demand::decode_all(&mut &encoded[..]).map_err(|error| sqlx::Error::Decode(error.into()))?;
            Ok(OpenDemand { hash: Hash::from_slice(&hash), demand })
        };
        Ok(rows.iter().map(read).collect::<Result<_, sqlx::Error>>()?)
    }

    /// This one was made, or never can be.
    pub(crate) async fn done(&self, hash: &Hash) -> Result<(), StoreError> {
        let done = sqlx::query("UPDATE demands SET made_ms = ? WHERE hash = ?");
        done.bind(now_ms()).bind(hash.as_bytes()).execute(&self.pool).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use cuckoo_primitives::{evidence::SignedReceipt, fixture::receipt};

    use super::*;
    use crate::{config::JournalSync, store::Store};

    fn opening(index: u32) -> Demand {
        Demand::Opening { receipt: SignedReceipt { receipt: receipt(), signature: [7; 64] }, index }
    }

    #[tokio::test]
    async fn a_demand_is_due_in_its_time_until_it_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap().demands();
        let (miner, now) = (AccountId::from([7; 32]), now_ms());
        assert!(store.add(&miner, &opening(1), (now - 5, now + 60_000), 9).await.unwrap());
        assert!(!store.add(&miner, &opening(1), (now - 5, now + 60_000), 9).await.unwrap(), "it is asked once");
        assert!(store.add(&miner, &opening(2), (now + 60_000, now + 120_000), 9).await.unwrap());
        assert!(store.add(&miner, &opening(3), (now - 5, now - 1), 9).await.unwrap());
        let due = store.due(9).await.unwrap();
        assert_eq!(due.iter().map(|it| &it.demand).collect::<Vec<_>>(), [&opening(1)]);
        store.done(&due[0].hash).await.unwrap();
        assert_eq!(store.due(9).await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_miner_is_not_asked_more_often_than_it_may_be() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap().demands();
        let (miner, other, now) = (AccountId::from([7; 32]), AccountId::from([8; 32]), now_ms());
        for index in 0..4 {
            let is_asked = store.add(&miner, &opening(index), (now, now + 60_000), 3).await.unwrap();
            assert_eq!(is_asked, index < 3);
        }
        assert!(store.add(&other, &opening(9), (now, now + 60_000), 3).await.unwrap());
    }
}
