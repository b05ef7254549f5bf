//! The table of what proves miners' faults.

use codec::{DecodeAll, Encode};
use cuckoo_primitives::evidence::Evidence;
use sqlx::{Row, SqlitePool};

use super::{now_ms, StoreError};

/// The table. Only this type reads and writes it.
#[derive(Clone, Debug)]
pub(crate) struct EvidenceStore {
    pool: SqlitePool,
}

impl EvidenceStore {
    pub(super) fn new(pool: SqlitePool) -> Self {
        Self { pool }
    }

    /// Stores evidence; from there on it is reported whatever happens. Returns whether it is new.
    pub(crate) async fn add(&self, evidence: &Evidence) -> Result<bool, StoreError> {
        let spec = evidence.spec();
        let miner: &[u8] = spec.miner.as_ref();
        let added = sqlx::query(
            "INSERT OR IGNORE INTO evidence (hash, miner, task_id, attempt, encoded, found_ms) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(evidence.hash().as_bytes().to_vec())
        .bind(miner)
        .bind(&spec.task_id[..])
        .bind(spec.attempt)
        .bind(evidence.encode())
        .bind(now_ms())
        .execute(&self.pool)
        .await?;
        let is_new = added.rows_affected() > 0;
        if is_new {
            metrics::counter!("gateway_evidence_total").increment(1);
            tracing::warn!(
                target: "gateway::audit",
                { miner = %spec.miner, task.id = hex::encode(spec.task_id), evidence.hash = ?evidence.hash() },
                "proof of a miner's fault"
            );
        }
        Ok(is_new)
    }

    /// What has not been reported, the oldest first, at most `limit`.
    pub(crate) async fn unreported(&self, limit: u32) -> Result<Vec<Evidence>, StoreError> {
        let query = "SELECT encoded FROM evidence WHERE reported_ms IS NULL ORDER BY found_ms LIMIT ?";
        let rows = sqlx::query(query).bind(limit).fetch_all(&self.pool).await?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            let encoded: Vec<u8> = row.try_get("encoded")?;
            Evidence::decode_all(&mut &encoded[..]).map_err(|error| sqlx::Error::Decode(error.into()))
        };
        Ok(rows.iter().map(read).collect::<Result<_, sqlx::Error>>()?)
    }

    /// It was reported, or nothing comes of reporting it.
    pub(crate) async fn reported(&self, evidence: &Evidence) -> Result<(), StoreError> {
        let done = sqlx::query("UPDATE evidence SET reported_ms = ? WHERE hash = ?");
        done.bind(now_ms()).bind(evidence.hash().as_bytes().to_vec()).execute(&self.pool).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use cuckoo_primitives::{evidence::SignedReceipt, fixture::receipt};

    use super::*;
    use crate::{config::JournalSync, store::Store};

    fn excess(completion_tokens: u32) -> Evidence {
        let mut receipt = receipt();
        receipt.completion_tokens = completion_tokens;
        Evidence::Excess { receipt: SignedReceipt { receipt, signature: [7; 64] } }
    }

    #[tokio::test]
    async fn evidence_waits_until_it_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap().evidence();
        assert!(store.add(&excess(1)).await.unwrap());
        assert!(!store.add(&excess(1)).await.unwrap());
        assert!(store.add(&excess(2)).await.unwrap());
        assert_eq!(store.unreported(9).await.unwrap().len(), 2);
        store.reported(&excess(1)).await.unwrap();
        assert_eq!(store.unreported(9).await.unwrap(), [excess(2)]);
    }
}
