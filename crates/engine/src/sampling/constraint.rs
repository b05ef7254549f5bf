//! Leaving out the tokens that a shape does not allow.

use std::{
    io,
    sync::{mpsc, Arc},
    thread,
};

use llguidance::{toktrie::SimpleVob, CancellationHandle};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    turns::Turns,
    walk::{refused, Mask, Walk},
};
use crate::api::EngineError;

/// Tokens of a known text whose masks are computed before they are needed.
const AHEAD: usize = 16;
/// The library follows expressions within expressions by recursion. Memory is only taken as it is used.
const STACK_BYTES: usize = 16 << 20;

/// Follows one completion through its grammar, on a thread of its own: what a mask takes is up to whoever wrote the
/// schema, and the thread that takes the steps of all waits for none.
pub(crate) struct Constraint {
    /// To the thread: the tokens, one after the other. Each is answered by the mask behind it.
    tokens: mpsc::Sender<u32>,
    masks: mpsc::Receiver<Mask>,
    /// Of the next token, once it is there.
    mask: Option<Mask>,
    /// Tokens that the thread knows of and that were not accepted yet.
    ahead: usize,
    stop: CancellationHandle,
}

impl Constraint {
    /// Goes on from `walk`, whose next token must be one of `first`. `alive` is held as long as the grammar is there.
    pub(super) fn start(
        mut walk: Walk,
        first: SimpleVob,
        turns: Arc<Turns>,
        alive: OwnedSemaphorePermit,
    ) -> io::Result<Self> {
        let (tokens, taken) = mpsc::channel();
        let (made, masks) = mpsc::channel();
        let stop = walk.stop();
        let serve = move || {
            let _alive = alive;
            // Gone before others may take its place.
            let mut walk = walk;
            for token in taken {
                let mask = turns.with(|| walk.next(token));
                let is_last = mask.is_err();
                if made.send(mask).is_err() || is_last {
                    return;
                }
            }
        };
        thread::Builder::new().name("shape".into()).stack_size(STACK_BYTES).spawn(serve)?;
        Ok(Self { tokens, masks, mask: Some(Ok(first)), ahead: 0, stop })
    }

    /// Whether it is known which tokens may come next. Until then whoever asks has to wait.
    pub(super) fn is_ready(&mut self) -> bool {
        if self.mask.is_none() {
            self.mask = match self.masks.try_recv() {
                Ok(mask) => Some(mask),
                Err(mpsc::TryRecvError::Empty) => None,
                Err(mpsc::TryRecvError::Disconnected) => Some(Err(gone())),
            };
        }
        self.mask.is_some()
    }

    /// Makes the tokens impossible that may not come next. When the shape is complete only the tokens that end the text
    /// are left.
    pub(super) fn forbid(&mut self, logits: &mut [f32]) -> Result<(), EngineError> {
        let words = self.next_mask()?.as_slice();
        for (index, logits) in logits.chunks_mut(u32::BITS as usize).enumerate() {
            let word = words.get(index).copied().unwrap_or(0);
            if word == u32::MAX {
                continue;
            }
            for (bit, logit) in logits.iter_mut().enumerate() {
                *logit = if word >> bit & 1 == 1 { *logit } else { f32::NEG_INFINITY };
            }
        }
        Ok(())
    }

    /// Fails if `token` may not come next.
    pub(super) fn check(&mut self, token: u32) -> Result<(), EngineError> {
        let word = self.next_mask()?.as_slice().get((token / u32::BITS) as usize).copied().unwrap_or(0);
        if word >> (token % u32::BITS) & 1 == 0 {
            return Err(refused(&"the tokens so far do not follow it"));
        }
        Ok(())
    }

    /// Goes on after `token`. Whether it can go on is found out when the next token is wanted: this one
    /// is part of the completion in any case.
    pub(super) fn accept(&mut self, token: u32) {
        self.mask = None;
        match self.ahead.checked_sub(1) {
            Some(ahead) => self.ahead = ahead,
            None => self.tell(token),
        }
    }

    /// Says that `tokens` are those that come next, so that their masks are computed already.
    pub(super) fn foresee(&mut self, tokens: &[u32]) {
        for token in tokens.iter().take(AHEAD).skip(self.ahead) {
            self.tell(*token);
            self.ahead += 1;
        }
    }

    /// Waits for the next token's mask.
    fn next_mask(&mut self) -> Result<&SimpleVob, EngineError> {
        let Self { mask, masks, .. } = self;
        let mask = mask.get_or_insert_with(|| masks.recv().unwrap_or_else(|_| Err(gone())));
        mask.as_ref().map_err(Clone::clone)
    }

    fn tell(&self, token: u32) {
        // A thread that is gone says so where its next mask is missing.
        let _ = self.tokens.send(token);
    }
}

impl Drop for Constraint {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn gone() -> EngineError {
    EngineError::Internal("the thread that follows a schema is gone".into())
}
