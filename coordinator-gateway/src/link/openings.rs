//! What miners are asked to open, and what they answer.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use codec::DecodeAll;
use cuckoo_primitives::{challenge::AttemptOf, commitment::Leaf};
use cuckoo_wire::{
    limits::{MAX_OPENED, MAX_OPENINGS_AT_ONCE},
    link::{self, coordinator_message::Message},
};
use parking_lot::Mutex;
use tokio::sync::{oneshot, Semaphore};

use super::peer::Link;

/// Longest wait for an answer.
const LIMIT: Duration = Duration::from_secs(30);
/// Bytes of a miner's reason that are told on.
const MAX_REASON_BYTES: usize = 256;

/// Why nothing was opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotOpened {
    /// The link has ended.
    #[error("its link has ended")]
    LinkEnded,
    /// No answer came.
    #[error("it did not answer in time")]
    Late,
    /// The miner says why.
    #[error("it opens nothing: {0}")]
    Refused(String),
    /// It is not what was asked for.
    #[error("what it has opened are not the leaves that were asked for")]
    Malformed,
}

/// The questions of one link.
pub(crate) struct Openings {
    waiting: Mutex<Waiting>,
    at_once: Semaphore,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    answers: HashMap<u64, oneshot::Sender<link::Opening>>,
}

impl Default for Openings {
    fn default() -> Self {
        Self { waiting: Mutex::default(), at_once: Semaphore::new(MAX_OPENINGS_AT_ONCE) }
    }
}

/// A question whose answer is waited for; forgotten when dropped.
struct Question<'a> {
    openings: &'a Openings,
    id: u64,
    answer: oneshot::Receiver<link::Opening>,
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.openings.waiting.lock().answers.remove(&self.id);
    }
}

impl Openings {
    fn ask(&self) -> Question<'_> {
        let (sender, answer) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        let id = waiting.next;
        waiting.next = id.wrapping_add(1);
        waiting.answers.insert(id, sender);
        Question { openings: self, id, answer }
    }

    /// The miner has answered; what nobody waits for any more is dropped.
    pub(super) fn answered(&self, opening: link::Opening) {
        let waits = self.waiting.lock().answers.remove(&opening.id);
        if let Some(answer) = waits {
            drop(answer.send(opening));
        }
    }

    /// The link has ended: nobody waits any more.
    pub(super) fn close(&self) {
        self.at_once.close();
        let answers = std::mem::take(&mut self.waiting.lock().answers);
        drop(answers);
    }
}

impl Link {
    /// Asks the miner how it drew `count` tokens of an attempt, from `first` on; not necessarily one of this link.
    pub(crate) async fn open(&self, attempt: &AttemptOf, first: u32, count: u32) -> Result<Vec<Leaf>, NotOpened> {
        self.open_within(LIMIT, attempt, first, count).await
    }

    async fn open_within(
        &self,
        limit: Duration,
        attempt: &AttemptOf,
        first: u32,
        count: u32,
    ) -> Result<Vec<Leaf>, NotOpened> {
        let count = count.min(MAX_OPENED);
        let openings = self.openings();
        let _turn = openings.at_once.acquire().await.map_err(|_| NotOpened::LinkEnded)?;
        let mut question = openings.ask();
        self.send(Message::Open(link::Open {
            id: question.id,
            link: Bytes::copy_from_slice(attempt.link.as_bytes()),
            task_id: Bytes::copy_from_slice(&attempt.task_id),
            attempt: attempt.attempt,
            first,
            count,
        }));
        let answer = tokio::time::timeout(limit, &mut question.answer).await.map_err(|_| NotOpened::Late)?;
        read(&answer.map_err(|_| NotOpened::LinkEnded)?, count)
    }
}

fn read(opening: &link::Opening, count: u32) -> Result<Vec<Leaf>, NotOpened> {
    if !opening.reason.is_empty() {
        let end = opening.reason.floor_char_boundary(MAX_REASON_BYTES);
        let reason = opening.reason.split_at(end).0;
        // It is logged, and shown to everybody.
        return Err(NotOpened::Refused(reason.chars().filter(|it| !it.is_control()).collect()));
    }
    let leaves = Vec::<Leaf>::decode_all(&mut &opening.leaves[..]).map_err(|_| NotOpened::Malformed)?;
    match leaves.len() == count as usize {
        true => Ok(leaves),
        false => Err(NotOpened::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use codec::Encode;
    use cuckoo_primitives::{fixture, AccountId};

    use super::*;
    use crate::settle::ChannelKey;

    fn link() -> (Arc<Link>, crate::link::Sent) {
        let (link, sent) = Link::heard(ChannelKey { miner: AccountId::from([1; 32]), channel: [2; 16] }, 16);
        (Arc::new(link), sent)
    }

    fn ask(link: &Arc<Link>, count: u32) -> tokio::task::JoinHandle<Result<Vec<Leaf>, NotOpened>> {
        let link = link.clone();
        tokio::spawn(async move { link.open(&AttemptOf::of(&fixture::spec()), 3, count).await })
    }

    async fn asked(sent: &mut crate::link::Sent) -> link::Open {
        match sent.wait().await {
            Some(Message::Open(open)) => open,
            other => panic!("{other:?}"),
        }
    }

    fn opened(id: u64, leaves: &[Leaf]) -> link::Opening {
        link::Opening { id, leaves: leaves.encode().into(), reason: String::new() }
    }

    #[tokio::test]
    async fn answers_find_their_questions() {
        let (link, mut sent) = link();
        let leaves = fixture::leaves(&fixture::drawing(), 3);
        let (one, two) = (ask(&link, 1), ask(&link, 2));
        let questions = [asked(&mut sent).await, asked(&mut sent).await];
        assert!(questions.iter().all(|it| it.first == 3 && it.task_id[..] == fixture::TASK));
        for question in questions.iter().rev() {
            link.openings().answered(opened(question.id, &leaves[..question.count as usize]));
        }
        assert_eq!(one.await.unwrap(), Ok(leaves[..1].to_vec()));
        assert_eq!(two.await.unwrap(), Ok(leaves[..2].to_vec()));
        assert!(link.openings().waiting.lock().answers.is_empty());
    }

    #[tokio::test]
    async fn what_is_not_what_was_asked_for_is_refused() {
        let (link, mut sent) = link();
        let leaves = fixture::leaves(&fixture::drawing(), 3);
        let garbage = link::Opening { leaves: vec![255; 9].into(), ..Default::default() };
        let refusal = link::Opening { reason: "x".repeat(1_000), ..Default::default() };
        for answer in [opened(0, &leaves), opened(0, &[]), garbage, refusal] {
            let asking = ask(&link, 2);
            let id = asked(&mut sent).await.id;
            let is_refusal = !answer.reason.is_empty();
            link.openings().answered(link::Opening { id, ..answer });
            match asking.await.unwrap() {
                Err(NotOpened::Refused(why)) => assert!(is_refusal && why.len() == MAX_REASON_BYTES),
                other => assert!(!is_refusal && other == Err(NotOpened::Malformed), "{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn few_are_asked_at_once_and_nobody_waits_for_a_link_that_has_ended() {
        let (link, mut sent) = link();
        let asking: Vec<_> = (0..=MAX_OPENINGS_AT_ONCE).map(|_| ask(&link, 1)).collect();
        for _ in 0..MAX_OPENINGS_AT_ONCE {
            asked(&mut sent).await;
        }
        tokio::task::yield_now().await;
        assert!(sent.next().is_none(), "one too many");
        link.close();
        for asking in asking {
            assert_eq!(asking.await.unwrap(), Err(NotOpened::LinkEnded));
        }
        assert_eq!(ask(&link, 1).await.unwrap(), Err(NotOpened::LinkEnded));
    }

    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let (link, _sent) = link();
        let attempt = AttemptOf::of(&fixture::spec());
        let late = link.open_within(Duration::from_millis(5), &attempt, 0, 1).await;
        assert_eq!(late, Err(NotOpened::Late));
        assert!(link.openings().waiting.lock().answers.is_empty());
    }
}
