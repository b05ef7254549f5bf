//! Goes through a completion and finds out, token by token, what would have been drawn here.

use std::collections::VecDeque;

use crate::{
    api::{Drawn, EngineError, FollowEvent, Followed},
    events::EventSender,
    models::Output,
    projection::projection_at,
    sampling::{Chooser, Chosen},
    sequence::observer::most_at_once,
};

/// What is claimed, and who wants to know of it.
pub(crate) struct FollowerSpec {
    /// The position in the text whose results the first token was drawn from.
    pub(crate) from: usize,
    /// The tokens that are said to have been drawn, one after another. All but the last are in the text.
    pub(crate) tokens: Vec<u32>,
    /// For each of them, or for none, the tokens whose logits are wanted.
    pub(crate) candidates: Vec<Vec<u32>>,
    /// As it was before the first of the tokens.
    pub(crate) chooser: Chooser,
    pub(crate) events: EventSender<FollowEvent>,
}

/// Collects what is found out and delivers it.
pub(crate) struct Follower {
    spec: FollowerSpec,
    /// Tokens that were followed.
    followed: usize,
    /// Whether the shape cannot be followed any further.
    is_over: bool,
    /// What the next tokens would be drawn from, as soon as the shape says what they may be.
    waiting: VecDeque<Output>,
    undelivered: Vec<Followed>,
}

impl Follower {
    pub(crate) fn new(spec: FollowerSpec) -> Self {
        let mut follower =
            Self { spec, followed: 0, is_over: false, waiting: VecDeque::new(), undelivered: Vec::new() };
        follower.foresee();
        follower
    }

    pub(super) fn from(&self) -> usize {
        self.spec.from
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.spec.events.is_cancelled()
    }

    /// Whether nothing is left to find out.
    pub(super) fn is_finished(&self) -> bool {
        self.is_over || self.followed >= self.spec.tokens.len()
    }

    /// See [`most_at_once`].
    pub(super) fn most_at_once(&self, read: usize, left: usize) -> usize {
        most_at_once(self.spec.from, read, left)
    }

    /// Whether there are results that cannot be looked at yet.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes the results of positions `position` and on; of each of them, or of none.
    pub(super) fn accept(&mut self, position: usize, outputs: Vec<Output>) {
        self.waiting.extend(outputs.into_iter().skip(self.spec.from.saturating_sub(position)));
    }

    /// Follows as far as there are results and the shape is known.
    pub(super) fn catch_up(&mut self) -> Result<(), EngineError> {
        while !self.is_finished() && self.spec.chooser.is_ready() {
            let Some(output) = self.waiting.pop_front() else { break };
            match self.follow(&output) {
                Ok(followed) => self.undelivered.push(followed),
                // Whoever wrote this had to end here as well, or has not followed the shape.
                Err(EngineError::InvalidRequest(why)) => {
                    tracing::debug!(target: "engine", why, "a completion cannot be followed any further");
                    self.is_over = true;
                }
                Err(error) => return Err(error),
            }
            self.foresee();
        }
        if self.is_finished() {
            self.waiting.clear();
        }
        Ok(())
    }

    fn foresee(&mut self) {
        let Self { spec: FollowerSpec { tokens, chooser, .. }, followed, .. } = self;
        // What may follow the last one is nobody's question.
        let known = tokens.split_last().map_or(&[][..], |(_, before)| before);
        chooser.foresee(known.get(*followed..).unwrap_or_default());
    }

    fn follow(&mut self, output: &Output) -> Result<Followed, EngineError> {
        let FollowerSpec { tokens, candidates: wanted, chooser, .. } = &mut self.spec;
        let position = chooser.position();
        let Output { logits, hidden } = output;
        let Chosen { token, candidates, .. } = chooser.choose(logits)?;
        let claimed = tokens.get(self.followed).copied().unwrap_or(token);
        let claimed_logit = chooser.logit(logits, claimed);
        let margin = chooser.margin(&candidates, claimed, claimed_logit);
        let wanted = wanted.get(self.followed).into_iter().flatten();
        let wanted_logits = wanted.map(|token| chooser.logit(logits, *token)).collect();
        chooser.take(claimed);
        self.followed += 1;
        let own = Drawn { token, candidates, projection: projection_at(position, hidden) };
        Ok(Followed { own, claimed_logit, margin, logits: wanted_logits })
    }

    /// Hands what was found out to the reader without waiting; false if the reader is behind.
    pub(super) fn deliver(&mut self) -> bool {
        let Self { spec, undelivered, .. } = self;
        undelivered.is_empty() || spec.events.try_send(|| FollowEvent::Positions(std::mem::take(undelivered)))
    }

    /// Delivers the last event.
    pub(super) fn finish(self) {
        self.spec.events.finish(FollowEvent::Done);
    }

    /// Delivers the last event: why it broke.
    pub(super) fn fail(self, error: EngineError) {
        self.spec.events.finish(FollowEvent::Failed(error));
    }
}
