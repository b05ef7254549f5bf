//! What the coordinator asks of earlier answers: how their tokens were drawn.

use std::time::Duration;

use codec::Encode;
use cuckoo_primitives::{challenge::AttemptOf, commitment::Leaf, AccountId};
use cuckoo_wire::{
    handshake::{fixed, WrongLength},
    limits::{MAX_OPENED, MAX_OPENINGS_AT_ONCE},
    link::{miner_message::Message, Open, Opening},
};
use tokio::task::JoinSet;

use super::outbox::Outbox;
use crate::kept::{Kept, KeptError};

/// The questions of one link's coordinator that are worked on.
pub(super) struct Openings {
    kept: Kept,
    coordinator: AccountId,
    outbox: Outbox,
    running: JoinSet<()>,
}

impl Openings {
    /// None yet, of the coordinator with this operator.
    pub(super) fn new(kept: Kept, coordinator: AccountId, outbox: Outbox) -> Self {
        Self { kept, coordinator, outbox, running: JoinSet::new() }
    }

    /// Returns when another question can be worked on. Until then the coordinator's next message is left unread.
    pub(super) async fn ready(&mut self) {
        ready(&mut self.running).await;
    }

    /// Works on a question and answers it, without keeping anybody waiting.
    pub(super) fn open(&mut self, open: Open) -> Result<(), WrongLength> {
        let attempt = AttemptOf {
            task_id: fixed("open.task_id", &open.task_id)?,
            attempt: open.attempt,
            link: fixed::<32>("open.link", &open.link)?.into(),
        };
        let (kept, coordinator, outbox) = (self.kept.clone(), self.coordinator.clone(), self.outbox.clone());
        self.running.spawn(async move {
            let opened = leaves(&kept, &coordinator, &attempt, open.first, open.count).await;
            let (outcome, opening) = match opened {
                Ok(leaves) => {
                    ("opened", Opening { id: open.id, leaves: leaves.encode().into(), reason: String::new() })
                }
                Err(reason) => {
                    tracing::debug!(target: "miner::link", reason, task.id = hex::encode(attempt.task_id), "not opened");
                    ("refused", Opening { id: open.id, leaves: Default::default(), reason })
                }
            };
            metrics::counter!("cuckoo_miner_openings_total", "outcome" => outcome).increment(1);
            // Whoever does not read loses the link by its tasks.
            let _ = outbox.send(Message::Opening(opening)).await;
        });
        Ok(())
    }

    /// Takes no more questions, and gives those that are worked on so long to be answered.
    pub(super) async fn end(&mut self, limit: Duration) {
        let ended = async { while self.running.join_next().await.is_some() {} };
        if tokio::time::timeout(limit, ended).await.is_err() {
            self.running.shutdown().await;
        }
    }
}

/// Returns when fewer run than may.
async fn ready(running: &mut JoinSet<()>) {
    while running.try_join_next().is_some() {}
    while running.len() >= MAX_OPENINGS_AT_ONCE {
        running.join_next().await;
    }
}

/// The leaves that were asked for, or why there are none. Only whoever was given a receipt may ask: others would make the
/// disk work for nothing.
async fn leaves(
    kept: &Kept,
    coordinator: &AccountId,
    attempt: &AttemptOf,
    first: u32,
    count: u32,
) -> Result<Vec<Leaf>, String> {
    if !(1..=MAX_OPENED).contains(&count) {
        return Err(format!("1 to {MAX_OPENED} tokens are opened at once, not {count}"));
    }
    kept.leaves(attempt, coordinator, first, count).await.map_err(|error| match error {
        KeptError::Unknown => "nothing is kept of such an attempt of this coordinator's".into(),
        KeptError::NoSuchToken { tokens } => {
            format!("the attempt has {tokens} tokens, so that there are none from {first} to {first} + {count}")
        }
        error => error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::sync::oneshot;

    use super::*;
    use crate::kept::fixture::{attempt, name};

    #[tokio::test]
    async fn questions_that_cannot_be_answered_are_refused_without_reading() {
        let dir = tempfile::tempdir().unwrap();
        let kept = Kept::open(dir.path(), 1 << 20).unwrap();
        let (signed, of_it) = attempt(1, 1_000, 5);
        let (coordinator, attempt) = (signed.receipt.spec.coordinator.clone(), name(&signed));
        kept.keep(signed, of_it.clone()).await.unwrap();
        let opened = |whose, first, count| leaves(&kept, whose, &attempt, first, count);
        assert_eq!(opened(&coordinator, 1, 4).await, Ok(of_it[1..].to_vec()));
        // Whatever is read from now on is damaged.
        let file = std::fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
        std::fs::File::options().write(true).open(file).unwrap().set_len(0).unwrap();
        let other = AccountId::from([99; 32]);
        for (whose, first, count, word) in [
            (&coordinator, 0, 0, "at once"),
            (&coordinator, 0, MAX_OPENED + 1, "at once"),
            (&coordinator, u32::MAX - 1, 1, "5 tokens"),
            (&coordinator, u32::MAX, MAX_OPENED, "5 tokens"),
            (&other, 0, 1, "nothing is kept"),
            (&coordinator, 0, 1, "cannot read"),
        ] {
            let reason = opened(whose, first, count).await.unwrap_err();
            assert!(reason.contains(word), "{reason}");
        }
    }

    #[tokio::test]
    async fn so_many_questions_are_worked_on_at_once() {
        let mut running = JoinSet::new();
        let mut ends = Vec::new();
        for _ in 0..MAX_OPENINGS_AT_ONCE {
            ready(&mut running).now_or_never().expect("there is room");
            let (end, ended) = oneshot::channel::<()>();
            ends.push(end);
            running.spawn(async move { drop(ended.await) });
        }
        assert!(ready(&mut running).now_or_never().is_none());
        drop(ends.pop());
        ready(&mut running).await;
        assert_eq!(running.len(), MAX_OPENINGS_AT_ONCE - 1);
    }
}
