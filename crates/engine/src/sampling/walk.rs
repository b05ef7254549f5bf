//! One completion's way through its grammar, and what it may cost.

use std::{fmt::Display, panic::AssertUnwindSafe};

use llguidance::{api::StopReason, panic_utils, toktrie::SimpleVob, CancellationHandle, TokenParser};

use crate::api::EngineError;

/// Longest reason that is passed on.
const MAX_REASON_CHARS: usize = 400;
const CAUGHT_PANIC: &str = "panic: ";
/// What an item takes that the library keeps of what was read, with its parameter.
const ITEM_BYTES: usize = 16;
/// Nodes of the vocabulary's tree that take as long as an item of the parser or an expression of the lexer.
const NODES_PER_STEP: usize = 16;

/// What following a grammar may cost. Work is counted and not timed, so that whoever follows a completion comes to the
/// same end as who wrote it, on whatever machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// Steps of the library for the whole completion, and how many more for each token: expressions that its lexer
    /// derives, items that its parser makes, visited nodes of the vocabulary's tree by sixteen; each takes about 60 ns.
    pub(super) steps: u64,
    pub(super) steps_per_token: u64,
    /// Memory for what the lexer has derived and for what the parser keeps of the text.
    pub(super) bytes: usize,
}

/// The tokens that may come next, or why that cannot be known.
pub(super) type Mask = Result<SimpleVob, EngineError>;

/// Follows one completion.
pub(super) struct Walk {
    parser: TokenParser,
    budget: Budget,
    /// Steps that were taken before the first token, to prepare the grammar.
    prepared: u64,
    masks: u64,
    /// Items that the parser has made of what was read, and not for masks alone.
    kept_items: usize,
}

impl Walk {
    pub(super) fn begin(mut parser: TokenParser, budget: Budget) -> Self {
        if parser.is_fresh() {
            parser.start_without_prompt();
        }
        let mut walk = Self { parser, budget, prepared: 0, masks: 0, kept_items: 0 };
        walk.prepared = walk.steps();
        walk
    }

    /// The tokens that may come next; when the shape is complete only those that end the text.
    pub(super) fn mask(&mut self) -> Mask {
        self.masks += 1;
        let parser = &mut self.parser;
        let mask = panic_utils::catch_unwind(AssertUnwindSafe(|| {
            if parser.stopped() && parser.stop_reason().is_ok() {
                Ok(parser.token_env.tok_trie().eos_token_set())
            } else {
                parser.compute_mask()
            }
        }));
        let mask = mask.map_err(|error| refused(&error))?;
        self.check_budget()?;
        Ok(mask)
    }

    /// Goes on after `token`; returns what may follow it.
    pub(super) fn next(&mut self, token: u32) -> Mask {
        // Complete: the token was one that ends the text, and the library knows of nothing more to come.
        if !(self.parser.stopped() && self.parser.stop_reason().is_ok()) {
            let before = self.parser.parser_stats().all_items;
            let parser = &mut self.parser;
            let consumed = panic_utils::catch_unwind(AssertUnwindSafe(|| {
                parser.consume_token(token)?;
                parser.check_stop()
            }));
            consumed.map_err(|error| refused(&error))?;
            self.kept_items += self.parser.parser_stats().all_items.saturating_sub(before);
        }
        self.mask()
    }

    /// Whether that is why there is no mask: no token at all may come next.
    pub(super) fn allows_nothing(&self) -> bool {
        matches!(self.parser.stop_reason(), StopReason::NoExtension | StopReason::NoExtensionBias)
    }

    /// Ends what is being computed, from another thread.
    pub(super) fn stop(&mut self) -> CancellationHandle {
        self.parser.enable_cancellation()
    }

    #[cfg(test)]
    pub(super) fn with_budget(self, budget: Budget) -> Self {
        Self { budget, ..self }
    }

    fn check_budget(&self) -> Result<(), EngineError> {
        let Budget { steps, steps_per_token, bytes } = self.budget;
        if self.spent() > steps.saturating_add(steps_per_token.saturating_mul(self.masks)) {
            return Err(refused(&"following the schema takes too much work"));
        }
        if self.bytes() > bytes {
            return Err(refused(&"following the schema takes too much memory"));
        }
        Ok(())
    }

    /// Steps since the grammar was prepared.
    pub(super) fn spent(&self) -> u64 {
        self.steps().saturating_sub(self.prepared)
    }

    /// Memory that has come to be needed, beside the grammar itself.
    pub(super) fn bytes(&self) -> usize {
        let lexer = self.parser.parser.lexer_stats().num_bytes;
        lexer.saturating_add(self.kept_items.saturating_mul(ITEM_BYTES))
    }

    fn steps(&self) -> u64 {
        let stats = self.parser.parser_stats();
        let steps = stats.all_items.saturating_add(stats.trie_nodes_walked / NODES_PER_STEP);
        stats.lexer_cost.saturating_add(steps as u64)
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
