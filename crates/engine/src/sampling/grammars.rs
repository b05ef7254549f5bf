//! From the shape that a caller wants to a grammar that a completion follows.

use std::{io, sync::Arc, thread, time::Duration};

use llguidance::{
    api::{ParserLimits, TopLevelGrammar},
    toktrie::{ApproximateTokEnv, SimpleVob, TokEnv, TokRxInfo, TokTrie},
    ParserFactory,
};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::{
    sync::{oneshot, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{
    constraint::Constraint,
    schema::{any_object, read_schema},
    turns::Turns,
    walk::{refused, Budget, Walk},
};
use crate::{
    api::{EngineError, ResponseFormat},
    detokenizer::TokenBytes,
};

/// Grammars of one model that are made at once. More wait, so that they take a core and not the machine.
const AT_ONCE: usize = 2;
/// How long a caller waits for its turn, and how long for its grammar.
const PATIENCE: Duration = Duration::from_secs(10);
/// Masks of one model that are computed at once.
const MASKS_AT_ONCE: usize = 2;
/// Definitions that refer to each other are followed by recursion, so the stack is made for as long a chain of them as
/// fits a schema. Memory is only taken as it is used.
const STACK_BYTES: usize = 256 << 20;

/// Bounds on what a grammar may cost to prepare and what one mask of it may cost. A grammar comes from a stranger.
const LIMITS: ParserLimits = ParserLimits {
    max_items_in_row: 2_000,
    // About 20 ms.
    initial_lexer_fuel: 1_000_000,
    // About 4 ms for a token.
    step_lexer_fuel: 50_000,
    // About 2 ms for a token.
    step_max_items: 40_000,
    // One to two kB each.
    max_lexer_states: 20_000,
    max_grammar_size: 100_000,
    precompute_large_lexemes: false,
    verbose_errors: false,
};

/// Bounds on what a completion may cost that follows a grammar: about 60 ms, and 0.2 ms for each token.
/// Ordinary schemas take 50 to 1,000 steps a token and one MB.
const BUDGET: Budget = Budget { steps: 1_000_000, steps_per_token: 3_000, bytes: 16 << 20 };

/// Makes grammars over the vocabulary of one model.
pub(crate) struct Grammars {
    shared: Arc<Shared>,
    /// To be made.
    turns: Arc<Semaphore>,
    /// To be there: each takes memory.
    places: Arc<Semaphore>,
    mask_turns: Arc<Turns>,
}

struct Shared {
    bytes: Arc<TokenBytes>,
    /// Tokens that end a text.
    ends: Vec<u32>,
    /// What is known of the vocabulary; made for the first grammar, for most models never need one.
    factory: Mutex<Option<Arc<ParserFactory>>>,
}

impl Grammars {
    /// For the vocabulary whose tokens stand for `bytes` and of which `ends` end a text; at most `most` grammars of it are
    /// there at once. Cheap.
    pub(crate) fn new(bytes: Arc<TokenBytes>, ends: &[u32], most: usize) -> Self {
        let shared = Shared { bytes, ends: ends.to_vec(), factory: Mutex::new(None) };
        Self {
            shared: Arc::new(shared),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            places: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))),
            mask_turns: Arc::new(Turns::new(MASKS_AT_ONCE)),
        }
    }

    /// What a completion of this format has to follow; none for text. Takes milliseconds, for the first seconds; a schema
    /// that is not understood or that would cost too much is the caller's error.
    pub(crate) async fn constraint(&self, format: &ResponseFormat) -> Result<Option<Constraint>, EngineError> {
        let schema = match format {
            ResponseFormat::Text => return Ok(None),
            ResponseFormat::JsonObject => any_object(),
            ResponseFormat::JsonSchema(schema) => read_schema(schema).map_err(|error| refused(&error))?,
        };
        let place = in_turn(&self.places).await?;
        let (walk, first) = self.walk(schema).await?;
        let constraint = Constraint::start(walk, first, self.mask_turns.clone(), place);
        constraint.map(Some).map_err(|error| cannot_start(&error))
    }

    /// The way through the grammar of `schema`, and what may come first.
    async fn walk(&self, schema: Value) -> Result<(Walk, SimpleVob), EngineError> {
        // In its turn, so that a schema is not blamed for those before it.
        let turn = in_turn(&self.turns).await?;
        let (sender, receiver) = oneshot::channel();
        let shared = self.shared.clone();
        let work = move || {
            // Held to the end even if nobody waits any more, so that callers who leave at once do not pile up work.
            let _turn = turn;
            // Nobody waiting is no failure.
            let _ = sender.send(shared.make(TopLevelGrammar::from_json_schema(schema)));
        };
        thread::Builder::new()
            .name("grammar".into())
            .stack_size(STACK_BYTES)
            .spawn(work)
            .map_err(|error| cannot_start(&error))?;
        match timeout(PATIENCE, receiver).await {
            Ok(made) => made.unwrap_or_else(|_| Err(refused(&"the schema cannot be followed"))),
            Err(_) => Err(refused(&"the schema takes too long to prepare")),
        }
    }
}

impl Shared {
    fn make(&self, grammar: TopLevelGrammar) -> Result<(Walk, SimpleVob), EngineError> {
        let factory = self.factory()?;
        let parser = factory.create_parser(grammar).map_err(|error| refused(&error))?;
        let mut walk = Walk::begin(parser, BUDGET);
        // What nothing satisfies is found here and not by a running generation.
        match walk.mask() {
            Ok(first) => Ok((walk, first)),
            Err(_) if walk.allows_nothing() => Err(refused(&"nothing satisfies the schema")),
            Err(error) => Err(error),
        }
    }

    fn factory(&self) -> Result<Arc<ParserFactory>, EngineError> {
        let mut factory = self.factory.lock();
        if let Some(factory) = factory.as_ref() {
            return Ok(factory.clone());
        }
        let made = self.make_factory().map_err(EngineError::Internal)?;
        *factory = Some(made.clone());
        Ok(made)
    }

    fn make_factory(&self) -> Result<Arc<ParserFactory>, String> {
        let words = self.bytes.all();
        let (Ok(vocabulary), Some(first)) = (u32::try_from(words.len()), self.ends.first()) else {
            return Err("this model has no token that ends a text".into());
        };
        if self.ends.iter().any(|end| *end >= vocabulary) {
            return Err("a token that ends a text is not in the vocabulary".into());
        }
        let trie = TokTrie::from(&TokRxInfo::new(vocabulary, *first), &words).with_eos_tokens(&self.ends);
        // "Approximate": it does not split forced text as the model would, so the model chooses every token itself.
        let environment: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        let mut factory = ParserFactory::new_simple(&environment).map_err(|error| error.to_string())?;
        *factory.limits_mut() = LIMITS;
        factory.quiet();
        Ok(Arc::new(factory))
    }
}

async fn in_turn(turns: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, EngineError> {
    let turn = timeout(PATIENCE, turns.clone().acquire_owned()).await.map_err(|_| EngineError::Overloaded)?;
    turn.map_err(|_| EngineError::Internal("no grammar is made any more".into()))
}

fn cannot_start(error: &io::Error) -> EngineError {
    EngineError::Internal(format!("cannot start a thread for a grammar: {error}"))
}

#[cfg(test)]
impl Grammars {
    /// Keeps all masks from being computed as long as what it returns is there.
    pub(crate) fn hold_masks(&self) -> impl Sized + '_ {
        [(); MASKS_AT_ONCE].map(|()| self.mask_turns.take())
    }
}

#[cfg(test)]
mod tests;
