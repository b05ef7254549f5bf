//! What a request hears of its work.

use tokio::sync::mpsc;

use crate::api::EngineError;

/// The writing end of a request's events. Room for the last event is kept from the beginning, so that it can always be
/// delivered, however slow the reader is.
pub(crate) struct EventSender<E> {
    events: mpsc::Sender<E>,
    last: mpsc::OwnedPermit<E>,
}

impl<E> EventSender<E> {
    /// A channel for `capacity` events and the last one.
    pub(crate) fn channel(capacity: usize) -> Result<(Self, mpsc::Receiver<E>), EngineError> {
        let (events, receiver) = mpsc::channel(capacity + 1);
        let last = events
            .clone()
            .try_reserve_owned()
            .map_err(|_| EngineError::Internal("a new channel has no room for an event".into()))?;
        Ok((Self { events, last }, receiver))
    }

    /// Whether nobody listens any more.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.events.is_closed()
    }

    /// Delivers an event without waiting; false, and nothing is made, if the reader is behind or gone.
    pub(crate) fn try_send(&self, event: impl FnOnce() -> E) -> bool {
        match self.events.try_reserve() {
            Ok(place) => {
                place.send(event());
                true
            }
            Err(_) => false,
        }
    }

    /// Delivers the last event.
    pub(crate) fn finish(self, last: E) {
        self.last.send(last);
    }
}
