//! Whose journal it is.

use cuckoo_primitives::{AccountId, Hash};
use sqlx::{Row, SqlitePool};

use super::StoreError;

/// Makes the journal that of this coordinator on this chain, if it is nobody's yet; else it must be already.
pub(super) async fn claim(pool: &SqlitePool, genesis: Hash, stash: &AccountId) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO journal_of (only, genesis, stash) VALUES (1, ?, ?) ON CONFLICT (only) DO NOTHING")
        .bind(genesis.as_bytes().to_vec())
        .bind(AsRef::<[u8]>::as_ref(stash).to_vec())
        .execute(pool)
        .await?;
    match of(pool).await? {
        Some((of, by)) if of != genesis || by != *stash => Err(StoreError::OtherJournal { genesis: of, stash: by }),
        _ => Ok(()),
    }
}

/// Genesis hash and stash of whose journal it is; `None` if it is nobody's yet.
pub(super) async fn of(pool: &SqlitePool) -> Result<Option<(Hash, AccountId)>, StoreError> {
    let row = sqlx::query("SELECT genesis, stash FROM journal_of WHERE only = 1").fetch_optional(pool).await?;
    let Some(row) = row else { return Ok(None) };
    let (genesis, stash) = (fixed(row.try_get("genesis")?)?, fixed(row.try_get("stash")?)?);
    Ok(Some((Hash::from(genesis), AccountId::from(stash))))
}

fn fixed(bytes: Vec<u8>) -> Result<[u8; 32], sqlx::Error> {
    <[u8; 32]>::try_from(bytes.as_slice()).map_err(|error| sqlx::Error::Decode(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::JournalSync, store::Store};

    #[tokio::test]
    async fn a_journal_is_of_one_coordinator_on_one_chain() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
        let (genesis, stash) = (Hash::repeat_byte(1), AccountId::from([2; 32]));
        store.claim(genesis, &stash).await.unwrap();
        store.claim(genesis, &stash).await.unwrap();
        for (other_genesis, other_stash) in [(Hash::repeat_byte(9), stash.clone()), (genesis, AccountId::from([9; 32]))]
        {
            let error = store.claim(other_genesis, &other_stash).await.unwrap_err();
            assert!(matches!(error, StoreError::OtherJournal { .. }));
            let text = error.to_string();
            assert!(text.contains(&stash.to_string()) && text.contains("--data-dir"), "{text}");
        }
    }
}
