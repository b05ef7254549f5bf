//! One text that the scheduler has a model read: how far it is, and what becomes of what the model computes.

mod follower;
mod observer;
mod writer;

use crate::{
    api::EngineError,
    compute::BLOCK_TOKENS,
    kv::{BlockPool, Holding, PrefixKey},
    models::{Output, Piece, Wanted},
};

pub(crate) use follower::{Follower, FollowerSpec};
pub(crate) use observer::{Observer, ObserverSpec};
pub(crate) use writer::{Writer, WriterSpec};

/// A text to read, and what for.
pub(crate) struct SequenceSpec {
    /// Never empty.
    pub(crate) prompt: Vec<u32>,
    pub(crate) purpose: Purpose,
}

/// What a text is read for.
pub(crate) enum Purpose {
    /// To be continued.
    Write(Box<Writer>),
    /// To show what the model computes at its positions.
    Observe(Box<Observer>),
    /// To find out whether it was continued as it would have been here.
    Follow(Box<Follower>),
}

impl SequenceSpec {
    /// Blocks that it takes at its end.
    pub(crate) fn most_blocks(&self) -> usize {
        BlockPool::blocks_for(self.most_tokens())
    }

    /// Tokens that the model may have to read: the last one that is produced is not read.
    pub(crate) fn most_tokens(&self) -> usize {
        let produced = match &self.purpose {
            Purpose::Write(writer) => writer.max_tokens().saturating_sub(1) as usize,
            Purpose::Observe(_) | Purpose::Follow(_) => 0,
        };
        self.prompt.len().saturating_add(produced)
    }

    /// The beginning of the prompt of which no results are wanted, so that what another text has computed will do.
    pub(crate) fn shareable(&self) -> &[u32] {
        let wanted_from = match &self.purpose {
            Purpose::Write(_) => self.prompt.len().saturating_sub(1),
            Purpose::Observe(observer) => observer.from(),
            Purpose::Follow(follower) => follower.from(),
        };
        self.prompt.get(..wanted_from).unwrap_or_default()
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        match &self.purpose {
            Purpose::Write(writer) => writer.is_cancelled(),
            Purpose::Observe(observer) => observer.is_cancelled(),
            Purpose::Follow(follower) => follower.is_cancelled(),
        }
    }

    /// Delivers the last event: why it broke.
    pub(crate) fn fail(self, error: EngineError) {
        match self.purpose {
            Purpose::Write(writer) => writer.fail(error),
            Purpose::Observe(observer) => observer.fail(error),
            Purpose::Follow(follower) => follower.fail(error),
        }
    }
}

/// What is to be done next for a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its reader is behind or gone, or its shape is still being followed; nothing is computed for it.
    Paused,
    /// It has prompt left to read.
    Reading,
    /// It produces a token per step.
    Producing,
    /// Nothing is left to compute or to deliver but the last event.
    Finished,
}

/// A text that is being read.
pub(crate) struct Sequence {
    spec: SequenceSpec,
    /// The prompt, and what was produced after it.
    text: Vec<u32>,
    /// Tokens of the text that were read.
    read: usize,
    holding: Holding,
}

impl Sequence {
    /// Begins behind what of the text is known already.
    pub(crate) fn new(spec: SequenceSpec, holding: Holding) -> Self {
        Self { text: spec.prompt.clone(), read: holding.known_tokens(), spec, holding }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.spec.is_cancelled()
    }

    #[cfg(test)]
    pub(crate) fn holding(&self) -> &Holding {
        &self.holding
    }

    /// Delivers what it can and says what is to be done next.
    pub(crate) fn phase(&mut self) -> Phase {
        let (is_delivered, is_finished) = match &mut self.spec.purpose {
            Purpose::Write(writer) => (writer.deliver(), writer.is_finished()),
            Purpose::Observe(observer) => (observer.deliver(), self.read >= self.spec.prompt.len()),
            Purpose::Follow(follower) => (follower.deliver(), follower.is_finished()),
        };
        match () {
            () if !is_delivered || self.is_waiting() => Phase::Paused,
            () if is_finished => Phase::Finished,
            () if self.read < self.spec.prompt.len() => Phase::Reading,
            () => Phase::Producing,
        }
    }

    /// Skips what has become known since. Returns how many tokens that are.
    pub(crate) fn skip_known(&mut self, pool: &mut BlockPool) -> usize {
        if self.read != self.holding.known_tokens() {
            return 0;
        }
        let skipped = pool.share(&mut self.holding, self.spec.shareable());
        self.read += skipped;
        skipped
    }

    /// The full block that it reads next, `None` if there is none.
    pub(crate) fn reads_next(&self) -> Option<PrefixKey> {
        self.next_block_of(&self.spec.prompt)
    }

    /// The full block that it would skip if it were known, `None` if there is none.
    pub(crate) fn could_skip_next(&self) -> Option<PrefixKey> {
        self.next_block_of(self.spec.shareable())
    }

    fn next_block_of(&self, text: &[u32]) -> Option<PrefixKey> {
        if self.read == self.holding.known_tokens() {
            self.holding.next_key(text)
        } else {
            None
        }
    }

    /// Tokens that it can read in one step.
    pub(crate) fn readable(&self) -> usize {
        let left = self.text.len() - self.read;
        match &self.spec.purpose {
            Purpose::Write(_) => left,
            Purpose::Observe(observer) => observer.most_at_once(self.read, left),
            Purpose::Follow(follower) => follower.most_at_once(self.read, left),
        }
    }

    /// Takes the blocks for the next `tokens` tokens.
    pub(crate) fn grow(&mut self, pool: &mut BlockPool, tokens: usize) -> Result<(), EngineError> {
        pool.grow(&mut self.holding, self.read + tokens)
    }

    /// The next `tokens` tokens as a piece to read.
    pub(crate) fn piece(&self, tokens: usize) -> Piece<'_> {
        let end = (self.read + tokens).min(self.text.len());
        let wanted = match &self.spec.purpose {
            Purpose::Write(_) if end == self.text.len() => Wanted::Last,
            Purpose::Observe(observer) if observer.from() < end => Wanted::Each,
            Purpose::Follow(follower) if follower.from() < end => Wanted::Each,
            _ => Wanted::Nothing,
        };
        Piece {
            tokens: self.text.get(self.read..end).unwrap_or_default(),
            position: self.read,
            blocks: self.holding.blocks(),
            wanted,
        }
    }

    /// Takes what the model computed for the next `tokens` tokens. Returns how many tokens were produced.
    pub(crate) fn accept(&mut self, tokens: usize, outputs: Vec<Output>) -> Result<u32, EngineError> {
        let position = self.read;
        self.read += tokens;
        match &mut self.spec.purpose {
            Purpose::Observe(observer) => observer.accept(position, outputs),
            Purpose::Follow(follower) => follower.accept(position, outputs),
            Purpose::Write(writer) => outputs.into_iter().for_each(|output| writer.accept(output)),
        }
        self.catch_up()
    }

    /// Goes on with what the model has computed, as far as the shape is known. Returns how many tokens were produced.
    pub(crate) fn catch_up(&mut self) -> Result<u32, EngineError> {
        match &mut self.spec.purpose {
            Purpose::Observe(_) => {}
            Purpose::Follow(follower) => follower.catch_up()?,
            Purpose::Write(writer) => {
                if let Some(token) = writer.choose()? {
                    self.text.push(token);
                    return Ok(1);
                }
            }
        }
        Ok(0)
    }

    /// Whether the model has computed what nothing could be made of yet.
    pub(crate) fn is_waiting(&self) -> bool {
        match &self.spec.purpose {
            Purpose::Observe(_) => false,
            Purpose::Follow(follower) => follower.is_waiting(),
            Purpose::Write(writer) => writer.is_waiting(),
        }
    }

    /// Keeps its full blocks for others that begin alike.
    pub(crate) fn keep(&mut self, pool: &mut BlockPool) {
        pool.keep(&mut self.holding, self.text.get(..self.read).unwrap_or_default());
    }

    /// Gives its blocks back; what is left is to tell its reader.
    pub(crate) fn release(self, pool: &mut BlockPool) -> SequenceSpec {
        pool.release(self.holding);
        self.spec
    }

    /// Gives its blocks back after its computation failed.
    pub(crate) fn discard(self, pool: &mut BlockPool) -> SequenceSpec {
        pool.discard(self.holding);
        self.spec
    }
}

impl SequenceSpec {
    /// Delivers the last event: it is done.
    pub(crate) fn finish(self) {
        let prompt_tokens = u32::try_from(self.prompt.len()).unwrap_or(u32::MAX);
        match self.purpose {
            Purpose::Write(writer) => writer.finish(prompt_tokens),
            Purpose::Observe(observer) => observer.finish(),
            Purpose::Follow(follower) => follower.finish(),
        }
    }
}

/// The largest multiple of a block's length that is no more than `tokens`.
pub(crate) const fn whole_blocks(tokens: usize) -> usize {
    tokens - tokens % BLOCK_TOKENS
}
