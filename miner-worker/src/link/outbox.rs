//! Sending to the coordinator.

use std::time::Duration;

use cuckoo_wire::link::{miner_message::Message, MinerMessage};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::error::LinkError;

/// Messages that may wait for the network, of all tasks of one link together.
const CAPACITY: usize = 64;
/// A coordinator that reads nothing for this long is given up, unless told otherwise.
pub(super) const READ_LIMIT: Duration = Duration::from_secs(30);

/// Sends to the coordinator. When all copies are gone, the stream ends after what waits has been sent.
#[derive(Clone)]
pub(super) struct Outbox {
    messages: mpsc::Sender<MinerMessage>,
    read_limit: Duration,
}

/// Room for one message.
pub(super) struct Room<'a>(mpsc::Permit<'a, MinerMessage>);

impl Outbox {
    /// An outbox and the stream that it fills.
    pub(super) fn new() -> (Self, ReceiverStream<MinerMessage>) {
        let (messages, receiver) = mpsc::channel(CAPACITY);
        (Self { messages, read_limit: READ_LIMIT }, ReceiverStream::new(receiver))
    }

    /// The same, for a coordinator that is given up when it reads nothing for so long.
    pub(super) fn with_read_limit(self, read_limit: Duration) -> Self {
        Self { read_limit, ..self }
    }

    /// Waits for room while the coordinator is slow to read. Until the room is used, nothing has been sent, so that
    /// whoever gives up waiting knows what was.
    pub(super) async fn room(&self) -> Result<Room<'_>, LinkError> {
        match tokio::time::timeout(self.read_limit, self.messages.reserve()).await {
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
    async fn nothing_is_sent_to_a_coordinator_that_is_gone() {
        let (outbox, stream) = Outbox::new();
        drop(stream);
        assert_eq!(outbox.send(message(0)).await, Err(LinkError::Ended));
        assert_eq!(outbox.tell(message(0)).await, Ok(()));
    }
}
