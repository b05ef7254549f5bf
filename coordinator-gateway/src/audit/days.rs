//! The secrets by which tasks are chosen: one for each day, committed to before the day and shown after it.

use cuckoo_audit::choice::DaySecret;
use cuckoo_primitives::Hash;
use parking_lot::Mutex;

use crate::store::{AuditStore, Day, StoreError};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Days after which a secret is shown no more; nobody has the receipts any more that it chose among.
const SHOWN_DAYS: i64 = 32;

/// The day, in UTC and counted from 1970, of a time in milliseconds since 1970.
pub(crate) fn day_of(at_ms: i64) -> Day {
    at_ms.div_euclid(DAY_MS)
}

/// What commits to a day's secret.
fn commitment(day: Day, secret: &[u8; 32]) -> Hash {
    DaySecret::new(*secret).commitment(u64::try_from(day).unwrap_or_default())
}

/// A day as everybody may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShownDay {
    /// Counted from 1970.
    pub(crate) day: Day,
    /// What commits to its secret.
    pub(crate) commitment: Hash,
    /// Its secret, once it is over.
    pub(crate) secret: Option<[u8; 32]>,
}

/// The days' secrets.
pub(crate) struct Days {
    store: AuditStore,
    /// The one that was asked for last.
    known: Mutex<Option<(Day, [u8; 32])>>,
}

impl Days {
    pub(crate) fn new(store: AuditStore) -> Self {
        Self { store, known: Mutex::new(None) }
    }

    /// The secret of a day. That of the next is made too, so that it is committed to before it is needed.
    pub(crate) async fn secret(&self, day: Day) -> Result<[u8; 32], StoreError> {
        if let Some((_, secret)) = self.known.lock().filter(|(known, _)| *known == day) {
            return Ok(secret);
        }
        let secret = self.store.secret(day).await?;
        self.store.secret(day.saturating_add(1)).await?;
        *self.known.lock() = Some((day, secret));
        Ok(secret)
    }

    /// The days up to and with tomorrow; the secrets of those that are over.
    pub(crate) async fn shown(&self, today: Day) -> Result<Vec<ShownDay>, StoreError> {
        self.secret(today).await?;
        let days = self.store.days(today.saturating_sub(SHOWN_DAYS)).await?;
        let shown = days.into_iter().map(|(day, secret)| ShownDay {
            day,
            commitment: commitment(day, &secret),
            // A task that began at the day's end may still run.
            secret: (day < today.saturating_sub(1)).then_some(secret),
        });
        Ok(shown.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::JournalSync, store::Store};

    #[tokio::test]
    async fn a_secret_is_committed_to_before_its_day_and_shown_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), JournalSync::Normal).await.unwrap();
        let days = Days::new(store.audits());
        let first = days.shown(100).await.unwrap();
        assert_eq!(first.iter().map(|it| (it.day, it.secret)).collect::<Vec<_>>(), [(100, None), (101, None)]);
        let secret = days.secret(100).await.unwrap();
        assert_eq!(commitment(100, &secret), first[0].commitment);
        let later = days.shown(102).await.unwrap();
        assert_eq!((later[0].day, later[0].secret), (100, Some(secret)));
        assert_eq!((later[1].day, later[1].secret, later[1].commitment), (101, None, first[1].commitment));
    }

    #[test]
    fn days_are_those_of_utc() {
        assert_eq!([day_of(-1), day_of(0), day_of(DAY_MS - 1), day_of(DAY_MS)], [-1, 0, 0, 1]);
    }
}
