//! Sending to the coordinator.

use std::time::Duration;

use cuckoo_wire::link::{miner_message::Message, MinerMessage};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::error::LinkError;

/// Messages that may wait for the network, of all tasks of one link together.
const CAPACITY: usize = 64;
/// A coordinator that reads nothing for this long is given up.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends to the coordinator. When all copies are gone, the stream ends after what waits has been sent.
#[derive(Clone)]
pub(super) struct Outbox(mpsc::Sender<MinerMessage>);

impl Outbox {
    /// An outbox and the stream that it fills.
    pub(super) fn new() -> (Self, ReceiverStream<MinerMessage>) {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        (Self(sender), ReceiverStream::new(receiver))
    }

    /// Sends a message, waiting while the coordinator is slow to read.
    pub(super) async fn send(&self, message: Message) -> Result<(), LinkError> {
        match tokio::time::timeout(SEND_TIMEOUT, self.0.send(MinerMessage { message: Some(message) })).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(LinkError::Ended),
            Err(_) => Err(LinkError::TimedOut("read what this miner sends")),
        }
    }
}
