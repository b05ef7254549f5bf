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
use crate::kept::Kept;

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
    let receipt = kept.receipt(attempt).await.map_err(|error| error.to_string())?;
    let is_theirs = receipt.as_ref().is_some_and(|signed| signed.receipt.spec.coordinator == *coordinator);
    let commitment = receipt.and_then(|signed| signed.receipt.commitment).filter(|_| is_theirs);
    let tokens = commitment.ok_or("nothing is kept of such an attempt of this coordinator's")?.tokens;
    if first.checked_add(count).is_none_or(|end| end > tokens) {
        return Err(format!(
            "the attempt has {tokens} tokens, so that there are none from {first} to {first} + {count}"
        ));
    }
    let leaves = kept.leaves(attempt, first, count).await.map_err(|error| error.to_string())?;
    match leaves.len() == count as usize {
        true => Ok(leaves),
        false => Err("not all of them could be read".into()),
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::sync::oneshot;

    use super::*;

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
