//! API keys: made once, shown once, stored as hashes.

use std::{collections::HashMap, sync::Arc};

use cuckoo_primitives::Balance;
use rand::{rngs::OsRng, TryRngCore};
use sha2::{Digest, Sha256};
use sqlx::{sqlite::SqliteConnectOptions, ConnectOptions, Row, SqliteConnection, SqlitePool};

use super::{now_ms, planck, StoreError};

/// Every key begins so, for people and secret scanners to recognise it.
const KEY_PREFIX: &str = "sk-cuckoo-";
/// Most characters of a name.
const MAX_NAME_CHARS: usize = 64;

/// sha256 of a key.
pub(crate) type KeyHash = [u8; 32];

/// A key as `keys list` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Names it in `keys revoke`.
    pub id: String,
    /// Whom or what it is for.
    pub name: String,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was revoked, in milliseconds since 1970.
    pub revoked_ms: Option<i64>,
    /// What it may spend in all, in planck; `None`: any amount.
    pub budget: Option<Balance>,
    /// What its tasks have cost, in planck.
    pub spent: Balance,
}

/// A key that was just made. The secret is nowhere else.
pub struct NewKey {
    /// Names it in `keys revoke`.
    pub id: String,
    /// What the application sends.
    pub secret: String,
}

/// The table of API keys.
#[derive(Clone)]
pub struct KeyStore {
    pool: SqlitePool,
    options: SqliteConnectOptions,
}

impl KeyStore {
    pub(super) fn new(pool: SqlitePool, options: SqliteConnectOptions) -> Self {
        Self { pool, options }
    }

    /// Makes a key of 256 random bits that may spend any amount.
    pub async fn create(&self, name: &str) -> Result<NewKey, StoreError> {
        self.create_with_budget(name, None).await
    }

    /// Makes a key of 256 random bits that may spend so many planck in all.
    pub async fn create_with_budget(&self, name: &str, budget: Option<Balance>) -> Result<NewKey, StoreError> {
        let length = name.chars().count();
        if length == 0 || length > MAX_NAME_CHARS || name.chars().any(char::is_control) {
            return Err(StoreError::InvalidName { max: MAX_NAME_CHARS });
        }
        let secret = format!("{KEY_PREFIX}{}", hex::encode(random::<32>()));
        let id = format!("key_{}", hex::encode(random::<8>()));
        sqlx::query("INSERT INTO api_keys (id, name, key_sha256, created_ms, budget) VALUES (?, ?, ?, ?, ?)")
            .bind(&id)
            .bind(name)
            .bind(hash_of(&secret).to_vec())
            .bind(now_ms())
            .bind(budget.map(planck::to_blob))
            .execute(&self.pool)
            .await?;
        Ok(NewKey { id, secret })
    }

    /// All keys, revoked ones included, oldest first.
    pub async fn list(&self) -> Result<Vec<ApiKey>, StoreError> {
        let select = "SELECT id, name, created_ms, revoked_ms, budget, spent FROM api_keys ORDER BY created_ms, id";
        let rows = sqlx::query(select).fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| {
                Ok(ApiKey {
                    id: row.try_get("id")?,
                    name: row.try_get("name")?,
                    created_ms: row.try_get("created_ms")?,
                    revoked_ms: row.try_get("revoked_ms")?,
                    budget: row.try_get::<Option<&[u8]>, _>("budget")?.map(planck::from_blob).transpose()?,
                    spent: planck::from_blob(row.try_get("spent")?)?,
                })
            })
            .collect()
    }

    /// Ends a key's validity; running gateways notice within seconds. Revoking twice keeps the first time.
    pub async fn revoke(&self, id: &str) -> Result<(), StoreError> {
        let done = sqlx::query("UPDATE api_keys SET revoked_ms = coalesce(revoked_ms, ?) WHERE id = ?")
            .bind(now_ms())
            .bind(id)
            .execute(&self.pool)
            .await?;
        match done.rows_affected() {
            0 => Err(StoreError::UnknownKey(id.to_owned())),
            _ => Ok(()),
        }
    }

    /// Changes what a key may spend in all, what it has spent included; running gateways notice within seconds.
    pub async fn set_budget(&self, id: &str, budget: Option<Balance>) -> Result<(), StoreError> {
        let done = sqlx::query("UPDATE api_keys SET budget = ? WHERE id = ?")
            .bind(budget.map(planck::to_blob))
            .bind(id)
            .execute(&self.pool)
            .await?;
        match done.rows_affected() {
            0 => Err(StoreError::UnknownKey(id.to_owned())),
            _ => Ok(()),
        }
    }

    /// Opens a connection of its own to follow changes, by this process or another.
    pub(crate) async fn follow(&self) -> Result<KeyFollower, StoreError> {
        Ok(KeyFollower { connection: self.options.connect().await?, version: None })
    }
}

/// A valid key, as a gateway knows it.
#[derive(Clone, Debug)]
pub(crate) struct KnownKey {
    /// Names it.
    pub(crate) id: Arc<str>,
    /// What it may spend in all, in planck; `None`: any amount.
    pub(crate) budget: Option<Balance>,
    /// What its tasks had cost when this was read, in planck.
    pub(crate) spent: Balance,
}

/// Adds to what a key has spent, within a transaction of the one writer; returns the sum if there is such a key.
pub(super) async fn spend(
    connection: &mut SqliteConnection,
    id: &str,
    cost: Balance,
) -> Result<Option<Balance>, sqlx::Error> {
    let row = sqlx::query("SELECT spent FROM api_keys WHERE id = ?").bind(id).fetch_optional(&mut *connection).await?;
    let Some(row) = row else { return Ok(None) };
    let spent = planck::from_blob(row.try_get("spent")?)?.saturating_add(cost);
    sqlx::query("UPDATE api_keys SET spent = ? WHERE id = ?")
        .bind(planck::to_blob(spent))
        .bind(id)
        .execute(connection)
        .await?;
    Ok(Some(spent))
}

/// Notices when the file has changed.
pub(crate) struct KeyFollower {
    connection: SqliteConnection,
    version: Option<i64>,
}

impl KeyFollower {
    /// All valid keys by hash, if the file may have changed since the last call.
    pub(crate) async fn changed(&mut self) -> Result<Option<HashMap<KeyHash, KnownKey>>, StoreError> {
        // This number is private to a connection and changes with every commit of another one.
        let version: i64 = sqlx::query_scalar("PRAGMA data_version").fetch_one(&mut self.connection).await?;
        if self.version == Some(version) {
            return Ok(None);
        }
        let rows = sqlx::query("SELECT key_sha256, id, budget, spent FROM api_keys WHERE revoked_ms IS NULL")
            .fetch_all(&mut self.connection)
            .await?;
        let mut keys = HashMap::with_capacity(rows.len());
        for row in rows {
            let hash: Vec<u8> = row.try_get(0)?;
            let id: String = row.try_get(1)?;
            let budget = row.try_get::<Option<&[u8]>, _>(2)?.map(planck::from_blob).transpose()?;
            let spent = planck::from_blob(row.try_get(3)?)?;
            if let Ok(hash) = KeyHash::try_from(hash.as_slice()) {
                keys.insert(hash, KnownKey { id: id.into(), budget, spent });
            }
        }
        self.version = Some(version);
        Ok(Some(keys))
    }
}

/// What is stored of a key.
pub(crate) fn hash_of(secret: &str) -> KeyHash {
    Sha256::digest(secret.as_bytes()).into()
}

/// Random bytes from the operating system.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without randomness from the system nothing here is safe, so there is nothing to go on with.
    OsRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::JournalSync, store::Store};

    async fn store() -> (tempfile::TempDir, KeyStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
        (folder, store.keys())
    }

    #[tokio::test]
    async fn a_key_is_listed_with_the_time_of_its_end() {
        let (_folder, keys) = store().await;
        let key = keys.create("app").await.unwrap();
        assert!(key.secret.starts_with("sk-cuckoo-") && key.secret.len() == 74);
        assert_eq!(keys.list().await.unwrap()[0].revoked_ms, None);
        keys.revoke(&key.id).await.unwrap();
        assert!(keys.list().await.unwrap()[0].revoked_ms.is_some());
    }

    #[tokio::test]
    async fn the_follower_sees_changes_of_other_connections_once() {
        let (_folder, keys) = store().await;
        let mut follower = keys.follow().await.unwrap();
        assert_eq!(follower.changed().await.unwrap().unwrap().len(), 0);
        assert!(follower.changed().await.unwrap().is_none());
        let key = keys.create("app").await.unwrap();
        let seen = follower.changed().await.unwrap().unwrap();
        assert_eq!(seen.get(&hash_of(&key.secret)).map(|known| &*known.id), Some(key.id.as_str()));
        keys.revoke(&key.id).await.unwrap();
        assert!(follower.changed().await.unwrap().unwrap().is_empty());
    }

    #[tokio::test]
    async fn budgets_are_set_and_lifted() {
        let (_folder, keys) = store().await;
        let key = keys.create_with_budget("app", Some(u128::MAX)).await.unwrap();
        let mut follower = keys.follow().await.unwrap();
        let hash = hash_of(&key.secret);
        assert_eq!(follower.changed().await.unwrap().unwrap()[&hash].budget, Some(u128::MAX));
        for budget in [Some(5), None] {
            keys.set_budget(&key.id, budget).await.unwrap();
            assert_eq!(keys.list().await.unwrap()[0].budget, budget);
            assert_eq!(follower.changed().await.unwrap().unwrap()[&hash].budget, budget);
        }
        assert!(matches!(keys.set_budget("key_none", None).await, Err(StoreError::UnknownKey(_))));
    }

    #[tokio::test]
    async fn names_and_ids_are_checked() {
        let (_folder, keys) = store().await;
        for name in ["", "a\nb", &"x".repeat(65)] {
            assert!(matches!(keys.create(name).await, Err(StoreError::InvalidName { .. })));
        }
        assert!(matches!(keys.revoke("key_none").await, Err(StoreError::UnknownKey(_))));
    }
}
