//! A miner that has proven its key.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use cuckoo_primitives::{signing::blake2_256, AccountId, Balance, Hash};
use cuckoo_wire::{
    handshake::fixed,
    link::{self, coordinator_message::Message, CancelReason, CoordinatorMessage, RefusalCode},
    shares::SeenShares,
};
use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{
    handshake::Refused,
    openings::Openings,
    running::{AttemptMessage, Running},
};
use crate::{dispatch::AttemptId, settle::ChannelKey};

/// Messages that may wait for a miner that reads slowly; the channel takes memory only for those that do. More than
/// [`cuckoo_wire::limits::MAX_SLOTS`] tasks and as many cancellations fit.
pub(super) const OUTBOX: usize = 4096;

/// What goes to a miner. Boxed, as a channel has room for dozens from its beginning.
#[derive(Debug)]
pub(super) enum Outbound {
    /// A message.
    Message(Box<CoordinatorMessage>),
    /// The stream ends here.
    End,
}

impl From<Message> for Outbound {
    fn from(message: Message) -> Self {
        Self::Message(Box::new(CoordinatorMessage { message: Some(message) }))
    }
}

/// How the gateway ends a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// At once, with the reason.
    Refused {
        /// For programs.
        code: RefusalCode,
        /// For people; says how to mend it.
        reason: String,
    },
    /// When what runs is done.
    Drained,
}

/// A miner that has proven its key. Its stream is read by a task of its own; everybody else holds it in an `Arc`.
pub(crate) struct Link {
    serial: u64,
    id: [u8; 32],
    hash: Hash,
    operator: AccountId,
    channel: ChannelKey,
    since: Instant,
    outbox: mpsc::Sender<Outbound>,
    ending: watch::Sender<Option<Ending>>,
    /// Amount of the newest voucher that went into the outbox, in planck.
    promised: Mutex<Balance>,
    /// `None` once the stream has ended.
    running: Mutex<Option<Running>>,
    /// The miner's shares of seeds, as they come.
    shares: Mutex<SeenShares>,
    openings: Openings,
}

impl Link {
    pub(super) fn new(
        hash: Hash,
        operator: AccountId,
        channel: ChannelKey,
        shares: SeenShares,
        outbox: mpsc::Sender<Outbound>,
    ) -> Self {
        static NEXT_SERIAL: AtomicU64 = AtomicU64::new(0);
        Self {
            serial: NEXT_SERIAL.fetch_add(1, Ordering::Relaxed),
            id: blake2_256(&[b"cuckoo/gateway-link/v1", operator.as_ref(), &channel.channel]).0,
            hash,
            operator,
            channel,
            since: Instant::now(),
            outbox,
            ending: watch::Sender::new(None),
            promised: Mutex::new(0),
            running: Mutex::new(Some(Running::default())),
            shares: Mutex::new(shares),
            openings: Openings::default(),
        }
    }

    /// A link of some channel whose miner hears nothing, for tests of the registry.
    #[cfg(test)]
    pub(crate) fn unheard(operator: AccountId, channel: u8) -> Self {
        let channel = ChannelKey { miner: operator.clone(), channel: [channel; 16] };
        Self::new(Hash::zero(), operator, channel, SeenShares::new([0; 32]), mpsc::channel(1).0)
    }

    /// A link of this channel, and what is sent over it, of which so many messages may wait.
    #[cfg(test)]
    pub(crate) fn heard(channel: ChannelKey, outbox: usize) -> (Self, Sent) {
        let (outbox, sent) = mpsc::channel(outbox);
        let shares = SeenShares::new([0; 32]);
        (Self::new(Hash::zero(), channel.miner.clone(), channel, shares, outbox), Sent(sent))
    }

    /// Tells one link of a miner from the next.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// Names it in receipts.
    pub(crate) fn hash(&self) -> Hash {
        self.hash
    }

    /// Who is at the other end. Several workers of one operator have a link each.
    pub(crate) fn operator(&self) -> &AccountId {
        &self.operator
    }

    /// Names operator and channel together: of two links with the same the newer replaces the older.
    pub(crate) fn id(&self) -> [u8; 32] {
        self.id
    }

    /// The operator as bytes.
    pub(crate) fn operator_id(&self) -> [u8; 32] {
        *AsRef::<[u8; 32]>::as_ref(&self.operator)
    }

    /// Through which channel its work is paid.
    pub(crate) fn channel(&self) -> &ChannelKey {
        &self.channel
    }

    /// When it began.
    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    /// Sends a task that may be answered with `max_bytes`. What the miner says about it arrives at the returned end, which
    /// closes after its last message, or when the link ends. `None` if the link has ended already. Whoever hears it must
    /// [`Link::leave`] it.
    pub(crate) fn begin(
        &self,
        id: AttemptId,
        task: link::Task,
        max_bytes: usize,
    ) -> Option<mpsc::Receiver<Box<AttemptMessage>>> {
        let mut running = self.running.lock();
        let open = running.as_mut()?;
        let messages = open.begin(id, max_bytes);
        if self.outbox.try_send(Message::Task(task).into()).is_ok() {
            return Some(messages);
        }
        open.leave(&id);
        None
    }

    /// Tells the miner to stop an attempt, unless it has ended it already.
    pub(crate) fn cancel(&self, id: &AttemptId, reason: CancelReason) {
        if self.running.lock().as_ref().is_some_and(|running| running.is_open(id)) {
            let (task_id, attempt) = (Bytes::copy_from_slice(&id.task), id.attempt);
            self.send(Message::Cancel(link::Cancel { task_id, attempt, reason: reason.into() }));
        }
    }

    /// Nobody hears this attempt any more: it is paid for, or will not be.
    pub(crate) fn leave(&self, id: &AttemptId) {
        if let Some(running) = self.running.lock().as_mut() {
            running.leave(id);
        }
    }

    /// Ends the link. The first ending counts, but a refusal still cuts a draining link short.
    pub(crate) fn end(&self, ending: Ending) {
        self.ending.send_if_modified(|current| {
            let counts = match current {
                None => true,
                Some(Ending::Drained) => ending != Ending::Drained,
                Some(Ending::Refused { .. }) => false,
            };
            if counts {
                *current = Some(ending);
            }
            counts
        });
    }

    /// Whether the stream has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.running.lock().is_none()
    }

    pub(super) fn endings(&self) -> watch::Receiver<Option<Ending>> {
        self.ending.subscribe()
    }

    /// What the miner is asked to open on this link.
    pub(crate) fn openings(&self) -> &Openings {
        &self.openings
    }

    /// The miner takes an attempt on. Its share of the seed must be the next, also of an attempt that is gone by now.
    pub(super) fn accept(&self, id: &AttemptId, accept: link::Accept) -> Result<(), Refused> {
        if !accept.share.is_empty() && !self.shares.lock().take(&fixed::<32>("share", &accept.share)?) {
            return Err(Refused::new(RefusalCode::Protocol, "the share of a seed does not follow the one before"));
        }
        if let Some(running) = self.running.lock().as_mut() {
            running.accept(id, accept);
        }
        Ok(())
    }

    /// Hands a piece to its attempt.
    pub(super) fn output(&self, id: &AttemptId, output: link::Output) {
        if let Some(running) = self.running.lock().as_mut() {
            running.output(id, output);
        }
    }

    /// Hands its last message to an attempt.
    pub(super) fn finish(&self, id: &AttemptId, last: AttemptMessage) {
        if let Some(running) = self.running.lock().as_mut() {
            running.end(id, last);
        }
    }

    /// Whether no attempt runs, and all that did are paid for.
    pub(super) fn is_idle(&self) -> bool {
        self.running.lock().as_ref().is_none_or(Running::is_empty)
    }

    /// The stream has ended: attempts see the end of their channels.
    pub(super) fn close(&self) {
        let ended = self.running.lock().take();
        drop(ended);
        self.openings.close();
    }

    /// Sends a message if there is room; a miner that reads nothing any more is cut by its keep-alive.
    pub(super) fn send(&self, message: Message) {
        drop(self.outbox.try_send(message.into()));
    }

    /// Sends the message that `make` makes of the amount that was promised last, and with which a greater one is; if there
    /// is no room, nothing is promised. One at a time, so that amounts only grow on a link.
    pub(crate) fn send_promise(&self, make: impl FnOnce(Balance) -> Option<(Balance, Message)>) {
        let mut promised = self.promised.lock();
        let Some((amount, message)) = make(*promised) else { return };
        if self.outbox.try_send(message.into()).is_ok() {
            *promised = amount;
        }
    }
}

/// What is sent over a link, for tests.
#[cfg(test)]
pub(crate) struct Sent(mpsc::Receiver<Outbound>);

#[cfg(test)]
impl Sent {
    /// The next message, if one has been sent.
    pub(crate) fn next(&mut self) -> Option<Message> {
        self.0.try_recv().ok().and_then(Self::message)
    }

    /// The next message.
    pub(crate) async fn wait(&mut self) -> Option<Message> {
        self.0.recv().await.and_then(Self::message)
    }

    fn message(outbound: Outbound) -> Option<Message> {
        match outbound {
            Outbound::Message(message) => message.message,
            Outbound::End => None,
        }
    }
}
