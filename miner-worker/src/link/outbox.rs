//! Sending to the coordinator.

use std::{sync::Arc, time::Duration};

use cuckoo_wire::link::{miner_message::Message, MinerMessage};
use parking_lot::Mutex;
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::wrappers::ReceiverStream;

use super::error::LinkError;

/// Messages that may wait for the network, of all tasks of one link together.
const CAPACITY: usize = 64;
/// A coordinator that reads nothing for this long is given up, unless told otherwise.
pub(super) const READ_LIMIT: Duration = Duration::from_secs(30);
/// So many times as long an attempt may wait for it altogether. Or whoever reads one message now and then would hold a
/// slot for as long as its task may take, at the price of a few pieces.
const WAITS: u32 = 2;

/// Sends to the coordinator. When all copies are gone, the stream ends after what waits has been sent.
#[derive(Clone)]
pub(super) struct Outbox {
    messages: mpsc::Sender<MinerMessage>,
    read_limit: Duration,
    /// What is left of the time that all who share this may wait for room.
    left: Option<Arc<Mutex<Duration>>>,
}

/// Somebody waits for room, as long as this value lives.
struct Wait<'a> {
    since: Instant,
    left: Option<&'a Mutex<Duration>>,
}

/// Room for one message.
pub(super) struct Room<'a>(mpsc::Permit<'a, MinerMessage>);

impl Outbox {
    /// An outbox and the stream that it fills.
    pub(super) fn new() -> (Self, ReceiverStream<MinerMessage>) {
        let (messages, receiver) = mpsc::channel(CAPACITY);
        (Self { messages, read_limit: READ_LIMIT, left: None }, ReceiverStream::new(receiver))
    }

    /// The same, for a coordinator that is given up when it reads nothing for so long.
    pub(super) fn with_read_limit(self, read_limit: Duration) -> Self {
        Self { read_limit, ..self }
    }

    /// The same for one attempt: it and its copies wait only so long, all their waits together.
    pub(super) fn for_an_attempt(&self) -> Self {
        Self { left: Some(Arc::new(Mutex::new(self.read_limit.saturating_mul(WAITS)))), ..self.clone() }
    }

    /// Waits for room while the coordinator is slow to read. Until the room is used, nothing has been sent, so that
    /// whoever gives up waiting knows what was.
    pub(super) async fn room(&self) -> Result<Room<'_>, LinkError> {
        let wait = Wait { since: Instant::now(), left: self.left.as_deref() };
        let limit = wait.left.map_or(self.read_limit, |left| self.read_limit.min(*left.lock()));
        match tokio::time::timeout(limit, self.messages.reserve()).await {
            Ok(Ok(permit)) => Ok(Room(permit)),
            Ok(Err(_)) => Err(LinkError::Ended),
            Err(_) => Err(LinkError::TimedOut("read what this miner sends")),
        }
    }

    /// Sends a message as soon as there is room.
    pub(super) async fn send(&self, message: Message) -> Result<(), LinkError> {
        self.room().await?.send(message);
        Ok(())
    }

    /// The same for whoever reads the other direction: if the link is gone, that says why, and only after all that came
    /// before.
    pub(super) async fn tell(&self, message: Message) -> Result<(), LinkError> {
        match self.send(message).await {
            Err(LinkError::Ended) => Ok(()),
            sent => sent,
        }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(left) = self.left {
            let mut left = left.lock();
            *left = left.saturating_sub(self.since.elapsed());
        }
    }
}

impl Room<'_> {
    /// Sends a message.
    pub(super) fn send(self, message: Message) {
        self.0.send(MinerMessage { message: Some(message) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cuckoo_wire::link::Closing;
    use tokio_stream::StreamExt;

    fn message(number: usize) -> Message {
        Message::Closing(Closing { reason: number.to_string() })
    }

    #[tokio::test]
    async fn whoever_gives_up_waiting_has_sent_nothing() {
        let (outbox, mut stream) = Outbox::new();
        let outbox = outbox.with_read_limit(Duration::from_millis(50));
        for number in 0..CAPACITY {
            outbox.send(message(number)).await.unwrap();
        }
        let late = outbox.send(message(CAPACITY)).await.unwrap_err();
        assert_eq!(late, LinkError::TimedOut("read what this miner sends"));
        drop(outbox.room().await);
        drop(outbox);
        for number in 0..CAPACITY {
            assert_eq!(stream.next().await.unwrap().message, Some(message(number)));
        }
        assert_eq!(stream.next().await, None);
    }

    #[tokio::test]
    async fn an_attempt_waits_for_so_long_altogether() {
        let (outbox, mut stream) = Outbox::new();
        // No single wait is the one too long.
        let outbox = outbox.with_read_limit(Duration::from_secs(3_600)).for_an_attempt();
        *outbox.left.as_ref().unwrap().lock() = Duration::from_millis(200);
        let reading = async {
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                stream.next().await;
            }
        };
        let copy = outbox.clone();
        let sending = async {
            let mut sent = 0;
            loop {
                match [&outbox, &copy][sent % 2].send(message(sent)).await {
                    Ok(()) => sent += 1,
                    Err(error) => return (sent, error),
                }
            }
        };
        let (sent, error) = tokio::select! {
            ended = sending => ended,
            () = reading => unreachable!("it reads for ever"),
        };
        assert_eq!(error, LinkError::TimedOut("read what this miner sends"));
        assert!((CAPACITY..=CAPACITY + 12).contains(&sent), "{sent} messages were sent");
        assert_eq!(*outbox.left.unwrap().lock(), Duration::ZERO);
    }

    #[tokio::test]
    async fn whoever_gives_up_waiting_has_waited_all_the_same() {
        let (outbox, mut stream) = Outbox::new();
        let outbox = outbox.for_an_attempt();
        for number in 0..CAPACITY {
            outbox.send(message(number)).await.unwrap();
        }
        let left = || *outbox.left.as_ref().unwrap().lock();
        let before = left();
        let pause = Duration::from_millis(50);
        assert!(tokio::time::timeout(pause, outbox.room()).await.is_err());
        assert!(left() <= before - pause);
        // Another attempt has waited for nothing yet, and where there is room nobody waits.
        assert_eq!(*outbox.for_an_attempt().left.unwrap().lock(), READ_LIMIT * WAITS);
        stream.next().await;
        *outbox.left.as_ref().unwrap().lock() = Duration::ZERO;
        outbox.send(message(CAPACITY)).await.unwrap();
    }

    #[tokio::test]
    async fn nothing_is_sent_to_a_coordinator_that_is_gone() {
        let (outbox, stream) = Outbox::new();
        drop(stream);
        assert_eq!(outbox.send(message(0)).await, Err(LinkError::Ended));
        assert_eq!(outbox.tell(message(0)).await, Ok(()));
    }
}
