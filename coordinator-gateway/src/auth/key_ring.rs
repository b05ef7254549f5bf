//! The valid API keys in memory, as the file has them.

use std::{collections::HashMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::{
    sync::Mutex,
    time::{sleep_until, Instant},
};

use super::budget::Budgets;
use crate::store::{KeyFollower, KeyHash, KnownKey, StoreError};

/// Shortest time between two looks at the file for the sake of unknown keys.
const PAUSE: Duration = Duration::from_millis(20);

/// All valid keys by hash.
pub(super) struct KeyRing {
    valid: ArcSwap<HashMap<KeyHash, KnownKey>>,
    budgets: Arc<Budgets>,
    file: Mutex<KeyFile>,
}

struct KeyFile {
    follower: KeyFollower,
    /// When the last successful look began.
    looked: Instant,
}

impl KeyRing {
    /// Reads all keys.
    pub(super) async fn read(mut follower: KeyFollower, budgets: Arc<Budgets>) -> Result<Self, StoreError> {
        let looked = Instant::now();
        let keys = follower.changed().await?.unwrap_or_default();
        budgets.follow(keys.values());
        Ok(Self { valid: ArcSwap::from_pointee(keys), budgets, file: Mutex::new(KeyFile { follower, looked }) })
    }

    /// The id of the key with this hash if it was valid when the file was last looked at.
    pub(super) fn known(&self, hash: &KeyHash) -> Option<Arc<str>> {
        self.valid.load().get(hash).map(|key| key.id.clone())
    }

    /// The same, after a look at the file if the key is not known, so that a new key works at once.
    ///
    /// Whoever has no key can make up any number of them. So all that wait share a look, looks come one at a time with
    /// pauses between, and over a connection that nothing else waits for.
    pub(super) async fn find(&self, hash: &KeyHash) -> Result<Option<Arc<str>>, StoreError> {
        if let Some(id) = self.known(hash) {
            return Ok(Some(id));
        }
        self.look_after(Instant::now()).await?;
        Ok(self.known(hash))
    }

    /// Looks at the file now.
    pub(super) async fn refresh(&self) -> Result<(), StoreError> {
        self.look_after(Instant::now()).await
    }

    /// Returns when a look at the file is done that began no earlier than `earliest`.
    async fn look_after(&self, earliest: Instant) -> Result<(), StoreError> {
        let mut file = self.file.lock().await;
        if file.looked >= earliest {
            return Ok(());
        }
        sleep_until(file.looked + PAUSE).await;
        let began = Instant::now();
        if let Some(keys) = file.follower.changed().await? {
            // Before the key is known, so that none is ever without its budget.
            self.budgets.follow(keys.values());
            self.valid.store(Arc::new(keys));
        }
        file.looked = began;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::JournalSync,
        store::{hash_of, KeyStore, Store},
    };

    async fn ring() -> (tempfile::TempDir, KeyStore, KeyRing) {
        let folder = tempfile::tempdir().unwrap();
        let keys = Store::open(folder.path(), JournalSync::Normal).await.unwrap().keys();
        let ring = KeyRing::read(keys.follow().await.unwrap(), Arc::default()).await.unwrap();
        (folder, keys, ring)
    }

    #[tokio::test]
    async fn a_new_key_is_found_at_once_and_a_revoked_one_until_the_next_look() {
        let (_folder, keys, ring) = ring().await;
        let key = keys.create("app").await.unwrap();
        let hash = hash_of(&key.secret);
        assert_eq!(ring.known(&hash), None);
        assert_eq!(ring.find(&hash).await.unwrap().as_deref(), Some(key.id.as_str()));
        keys.revoke(&key.id).await.unwrap();
        ring.refresh().await.unwrap();
        assert_eq!(ring.find(&hash).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_flood_of_unknown_keys_costs_few_looks() {
        let (_folder, _keys, ring) = ring().await;
        let began = Instant::now();
        let unknown: Vec<_> = (0..5_000).map(|n| hash_of(&format!("sk-cuckoo-{n}"))).collect();
        let found = futures::future::try_join_all(unknown.iter().map(|hash| ring.find(hash))).await.unwrap();
        assert!(found.iter().all(Option::is_none));
        assert!(began.elapsed() < 100 * PAUSE, "a look for each would take {:?}", 5_000 * PAUSE);
    }
}
