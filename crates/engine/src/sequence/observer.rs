//! Shows what a model computes at the positions of a given text.

use crate::{
    api::{EngineError, PositionOutput, PrefillEvent},
    compute::BLOCK_TOKENS,
    events::EventSender,
    models::Output,
    sequence::whole_blocks,
};

/// Positions whose results are computed in one step and leave together: with a vocabulary of 150,000 tokens they are
/// 10 MB.
const POSITIONS_AT_ONCE: usize = BLOCK_TOKENS;

/// What is wanted of a text, and who wants it.
pub(crate) struct ObserverSpec {
    /// First position whose results are wanted; within the text.
    pub(crate) from: usize,
    pub(crate) logits: bool,
    pub(crate) hidden: bool,
    pub(crate) events: EventSender<PrefillEvent>,
}

/// Collects results and delivers them.
pub(crate) struct Observer {
    spec: ObserverSpec,
    undelivered: Vec<PositionOutput>,
}

impl Observer {
    pub(crate) fn new(spec: ObserverSpec) -> Self {
        Self { spec, undelivered: Vec::new() }
    }

    pub(super) fn from(&self) -> usize {
        self.spec.from
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.spec.events.is_cancelled()
    }

    /// See [`most_at_once`].
    pub(super) fn most_at_once(&self, read: usize, left: usize) -> usize {
        most_at_once(self.spec.from, read, left)
    }

    /// Takes the results of positions `position` and on; of each of them, or of none.
    pub(super) fn accept(&mut self, position: usize, outputs: Vec<Output>) {
        let ObserverSpec { from, logits, hidden, .. } = self.spec;
        let wanted = outputs.into_iter().zip(position..).filter(|(_, position)| *position >= from);
        self.undelivered.extend(wanted.map(|(output, position)| PositionOutput {
            position: u32::try_from(position).unwrap_or(u32::MAX),
            logits: if logits { output.logits } else { Vec::new() },
            hidden: if hidden { output.hidden } else { Vec::new() },
        }));
    }

    /// Hands results to the reader without waiting; false if the reader is behind.
    pub(super) fn deliver(&mut self) -> bool {
        let Self { spec, undelivered } = self;
        undelivered.is_empty() || spec.events.try_send(|| PrefillEvent::Positions(std::mem::take(undelivered)))
    }

    /// Delivers the last event.
    pub(super) fn finish(self) {
        self.spec.events.finish(PrefillEvent::Done);
    }

    /// Delivers the last event: why it broke.
    pub(super) fn fail(self, error: EngineError) {
        self.spec.events.finish(PrefillEvent::Failed(error));
    }
}

/// How many tokens can be read at once where `left` are left, `read` being a multiple of a block: many before the block of
/// `from`, the first position whose results are wanted, a few from there on.
pub(super) fn most_at_once(from: usize, read: usize, left: usize) -> usize {
    match whole_blocks(from).saturating_sub(read) {
        0 => left.min(POSITIONS_AT_ONCE),
        before => before,
    }
}
