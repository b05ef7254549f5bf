//! Leaving out the tokens that a shape does not allow.

use std::fmt::Display;

use llguidance::Matcher;

use crate::api::EngineError;

/// Longest reason that is passed on.
const MAX_REASON_CHARS: usize = 400;
const CAUGHT_PANIC: &str = "panic: ";

/// Follows one completion through its grammar.
pub(crate) struct Constraint {
    matcher: Matcher,
    /// Chosen, and not followed yet.
    newest: Option<u32>,
}

impl Constraint {
    pub(super) fn new(matcher: Matcher) -> Self {
        Self { matcher, newest: None }
    }

    /// Makes the tokens impossible that may not come next. When the shape is complete only the tokens that end the text
    /// are left.
    pub(super) fn forbid(&mut self, logits: &mut [f32]) -> Result<(), EngineError> {
        self.follow()?;
        let allowed = self.matcher.compute_mask_or_eos().map_err(|error| refused(&error))?;
        let words = allowed.as_slice();
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

    /// Goes on after `token`, which another run has chosen; fails if it was not allowed.
    pub(super) fn replay(&mut self, token: u32) -> Result<(), EngineError> {
        self.follow()?;
        // As the other run did, so that what a mask costs is spent here as well.
        let allowed = self.matcher.compute_mask_or_eos().map_err(|error| refused(&error))?;
        let word = allowed.as_slice().get((token / u32::BITS) as usize).copied().unwrap_or(0);
        if word >> (token % u32::BITS) & 1 == 0 {
            return Err(refused(&"the tokens so far do not follow it"));
        }
        self.accept(token);
        Ok(())
    }

    /// Goes on after `token`. Whether it can go on is found out when the next token is wanted: this one
    /// is part of the completion in any case.
    pub(super) fn accept(&mut self, token: u32) {
        self.newest = Some(token);
    }

    fn follow(&mut self) -> Result<(), EngineError> {
        let Some(token) = self.newest.take() else { return Ok(()) };
        // Complete: the token was one that ends the text, and the library knows of nothing more to come.
        if self.matcher.is_stopped() && self.matcher.stop_reason().is_ok() {
            return Ok(());
        }
        self.matcher.consume_token(token).map_err(|error| refused(&error))
    }
}

/// The grammar came from the caller, so the caller is told; briefly, for a reason may repeat all of it.
pub(super) fn refused(error: &impl Display) -> EngineError {
    let reason = format!("{error:#}");
    // What it says where it was told to say less.
    let reason = reason.replace("<non-verbose/>", "");
    // The library catches its own panics and says where they were, which is nobody else's business.
    let reason = if reason.starts_with(CAUGHT_PANIC) {
        tracing::warn!(target: "engine::grammar", reason, "a grammar broke the library");
        "the schema cannot be followed".into()
    } else {
        reason.trim().chars().take(MAX_REASON_CHARS).collect::<String>()
    };
    EngineError::InvalidRequest(format!("response_format: {reason}"))
}
