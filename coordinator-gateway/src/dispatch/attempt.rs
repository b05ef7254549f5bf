//! The two ends between an attempt, which runs in a task of its own, and the client's side of its task.

use std::sync::Arc;

use bytes::Bytes;
use cuckoo_primitives::{settlement::Usage, task::Receipt, AccountId, Signature};
use tokio::sync::{mpsc, oneshot};

use super::{continuation::Remains, failure::Failure, logprobs::TokenLogprobs, registry::Tried};
use crate::link::{Link, OfferedModel};

/// Pieces that may wait for a client that reads slowly. The channel takes memory only for those that do.
const MAX_UNREAD: usize = 4096;

/// What a client's side of a task sees.
#[derive(Debug)]
pub(crate) enum TaskEvent {
    /// A piece of the answer.
    Piece(Piece),
    /// It is done, and its receipt is stored.
    Done(Box<Completed>),
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    /// Text.
    Text(TextPiece),
    /// An embedding, little-endian f32.
    Vector(Bytes),
}

/// Text, and how likely its tokens were.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TextPiece {
    /// Whole characters; empty if tokens stand for none.
    pub(crate) text: String,
    /// One for each token if they were asked for.
    pub(crate) logprobs: Vec<TokenLogprobs>,
}

impl Piece {
    /// Whether there is nothing in it for a reader.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Text(piece) => piece.text.is_empty(),
            Self::Vector(vector) => vector.is_empty(),
        }
    }
}

/// A task that was answered.
#[derive(Clone, Debug)]
pub(crate) struct Completed {
    /// What the miner signed.
    pub(crate) receipt: Receipt,
    /// Its signature.
    pub(crate) signature: Signature,
    /// What of its counts is charged, which is what the client is shown.
    pub(crate) usage: Usage,
}

/// Who answers a task, for the response's headers.
#[derive(Clone, Debug)]
pub(crate) struct ServedBy {
    /// The miner's operator.
    pub(crate) miner: AccountId,
    /// The model as it offers it.
    pub(crate) model: OfferedModel,
}

/// One try of a task on one miner, as its client's side sees it. Dropping it before its end cancels it.
pub(super) struct Attempt {
    /// Where it runs.
    pub(super) tried: Tried,
    /// Who runs it.
    pub(super) served_by: ServedBy,
    /// What can be gone on from, once it has failed.
    pub(super) remains: Option<Box<Remains>>,
    pieces: mpsc::Receiver<Piece>,
    end: oneshot::Receiver<Ended>,
}

/// How an attempt ended, and what it has left.
type Ended = (Result<Box<Completed>, Failure>, Option<Box<Remains>>);

/// An attempt's client, as the attempt sees it.
pub(super) struct Client {
    pieces: mpsc::Sender<Piece>,
    end: oneshot::Sender<Ended>,
}

/// Both ends, of an attempt on this link.
pub(super) fn ends(link: &Arc<Link>, model: OfferedModel) -> (Client, Attempt) {
    let (pieces, read) = mpsc::channel(MAX_UNREAD);
    // A channel of its own, so that the end has room however much waits to be read before it.
    let (end, ended) = oneshot::channel();
    let served_by = ServedBy { miner: link.operator().clone(), model };
    (Client { pieces, end }, Attempt { tried: Tried::of(link), served_by, remains: None, pieces: read, end: ended })
}

impl Attempt {
    /// The next event; there is none after an end or a failure. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Result<TaskEvent, Failure> {
        match self.pieces.recv().await {
            Some(piece) => Ok(TaskEvent::Piece(piece)),
            // An attempt that does not say how it ended was cut off with the gateway.
            None => {
                let (ended, remains) = (&mut self.end).await.unwrap_or((Err(Failure::Unread), None));
                self.remains = remains;
                ended.map(TaskEvent::Done)
            }
        }
    }
}

impl Client {
    /// Hands on a piece; whether the client is there and has room for it.
    pub(super) fn hand(&self, piece: Piece) -> bool {
        self.pieces.try_send(piece).is_ok()
    }

    /// Returns when the client has gone.
    pub(super) async fn gone(&self) {
        self.pieces.closed().await;
    }

    /// Says how it ended.
    pub(super) fn end(self, ended: Result<Box<Completed>, Failure>) {
        self.say((ended, None));
    }

    /// Says why it was broken off, and what others can go on from.
    pub(super) fn break_off(self, failure: Failure, remains: Option<Box<Remains>>) {
        self.say((Err(failure), remains));
    }

    fn say(self, ended: Ended) {
        // It may have gone; the pieces' channel closes after this.
        drop(self.end.send(ended));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::{continuation::Alike, progress::Shown};
    use cuckoo_primitives::{settlement::Price, Hash};
    use cuckoo_wire::link::ModelKind;

    fn both() -> (Client, Attempt) {
        let model = OfferedModel {
            id: "m".into(),
            kind: ModelKind::Chat,
            model_root: Hash::zero(),
            context_tokens: 1,
            numeric_class: String::new(),
            ask: Price::default(),
        };
        ends(&Arc::new(Link::unheard(AccountId::from([1; 32]), 1)), model)
    }

    fn piece() -> Piece {
        Piece::Text(TextPiece { text: "a".into(), logprobs: vec![] })
    }

    #[tokio::test]
    async fn the_end_comes_after_all_pieces() {
        let (client, mut attempt) = both();
        assert!(client.hand(piece()));
        client.end(Err(Failure::Deadline));
        assert!(matches!(attempt.next().await, Ok(TaskEvent::Piece(_))));
        assert!(matches!(attempt.next().await, Err(Failure::Deadline)));
    }

    #[tokio::test]
    async fn the_end_has_room_when_no_piece_has() {
        let (client, mut attempt) = both();
        assert!((0..MAX_UNREAD).all(|_| client.hand(piece())));
        assert!(!client.hand(piece()), "nobody reads");
        client.end(Err(Failure::Unread));
        for _ in 0..MAX_UNREAD {
            assert!(matches!(attempt.next().await, Ok(TaskEvent::Piece(_))));
        }
        assert!(matches!(attempt.next().await, Err(Failure::Unread)));
    }

    #[tokio::test]
    async fn what_can_be_gone_on_from_comes_with_the_failure() {
        let (client, mut attempt) = both();
        let alike = Alike::to(&attempt.served_by.model);
        let remains = Remains { alike, seed: [7; 32], tokens: vec![5, 6], shown: Shown::default() };
        client.break_off(Failure::LinkLost, Some(Box::new(remains)));
        assert!(matches!(attempt.next().await, Err(Failure::LinkLost)));
        assert_eq!(attempt.remains.unwrap().tokens, [5, 6]);
    }

    #[tokio::test]
    async fn a_client_that_goes_is_noticed() {
        let (client, attempt) = both();
        assert!(futures::FutureExt::now_or_never(client.gone()).is_none());
        drop(attempt);
        client.gone().await;
        assert!(!client.hand(piece()));
    }
}
