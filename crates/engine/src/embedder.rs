//! Shares one embedding model among many requests: they compute batch by batch, in turns.

use std::{mem, sync::Arc};

use tokio::{
    sync::{mpsc, OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};

use crate::api::{Embedding, EmbeddingEvent, EngineError};

/// Tokens, padding included, that are computed in one turn; bounds memory, the wait of others, and the time until a
/// cancellation is noticed.
const BATCH_TOKENS: usize = 512;
/// Inputs of a window: its vectors leave together, and texts of similar length in it share a batch. So many more than vectors
/// have left are tokenised at most.
pub const WINDOW_INPUTS: usize = 64;
/// Tokens of a window, a little more with its last input.
const WINDOW_TOKENS: usize = 2_048;
/// Text of a window, a little more with its last input: who waits for a turn waits for its tokens as well, a tenth of a second
/// of the worst text.
const WINDOW_BYTES: usize = 256 << 10;
/// Windows that may wait for a reader before its embedding pauses.
const EVENT_CAPACITY: usize = 2;

/// A loaded embedding model.
pub(crate) trait EmbeddingModel: Send + Sync + 'static {
    /// The tokens of `text` that count, special ones included; at least one.
    fn tokenise(&self, text: &str) -> Result<Vec<u32>, EngineError>;

    /// One vector of length one for each text.
    fn forward(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, EngineError>;
}

/// An embedding model and those that wait for it.
pub(crate) struct Embedder {
    model: Arc<dyn EmbeddingModel>,
    /// One for each request under way.
    places: Arc<Semaphore>,
    /// Whose turn it is. Whoever has had a turn queues up again behind all others.
    turn: Arc<Semaphore>,
}

impl Embedder {
    /// Lets one request compute while `max_waiting` others wait for their turns.
    pub(crate) fn new(model: impl EmbeddingModel, max_waiting: usize) -> Self {
        let places = Arc::new(Semaphore::new(max_waiting.saturating_add(1).min(Semaphore::MAX_PERMITS)));
        Self { model: Arc::new(model), places, turn: Arc::new(Semaphore::new(1)) }
    }

    /// Starts to embed; must be called within a tokio runtime.
    pub(crate) fn embed(&self, inputs: Vec<String>) -> Result<Embedding, EngineError> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| EngineError::Overloaded)?;
        let (sender, events) = mpsc::channel(EVENT_CAPACITY);
        let request = Request { model: self.model.clone(), turn: self.turn.clone(), events: sender, place };
        tokio::spawn(request.run(Work::new(inputs)));
        Ok(Embedding { events })
    }

    /// How many tokens there are in each of `inputs`. Takes nobody's turn: it is soon done.
    pub(crate) async fn tokens(&self, inputs: Vec<String>) -> Result<Vec<u32>, EngineError> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| EngineError::Overloaded)?;
        let model = self.model.clone();
        let counted = spawn_blocking(move || {
            let _place = place;
            let count = |input: &String| {
                let tokens = model.tokenise(input)?;
                Ok(u32::try_from(tokens.len()).unwrap_or(u32::MAX))
            };
            inputs.iter().map(count).collect()
        });
        counted.await.map_err(|_| EngineError::Internal("tokenising embeddings panicked".into()))?
    }
}

/// A request under way.
struct Request {
    model: Arc<dyn EmbeddingModel>,
    turn: Arc<Semaphore>,
    events: mpsc::Sender<EmbeddingEvent>,
    /// Held until the last computation has ended, even if the caller went away before.
    place: OwnedSemaphorePermit,
}

impl Request {
    async fn run(self, work: Work) {
        let last = match self.compute(work).await {
            Ok(prompt_tokens) => EmbeddingEvent::Done { prompt_tokens },
            Err(error) => EmbeddingEvent::Failed(error),
        };
        let Self { events, place, .. } = self;
        // The place is free before the last event is out, so that whoever reads it finds it free.
        drop(place);
        let _ = events.send(last).await;
    }

    /// Sends all vectors; returns the tokens that were read. Ends early if nobody listens.
    async fn compute(&self, mut work: Work) -> Result<u32, EngineError> {
        while !work.is_done() && !self.events.is_closed() {
            let closed = |_| EngineError::Internal("the engine is shutting down".into());
            let turn = self.turn.clone().acquire_owned().await.map_err(closed)?;
            let (model, events) = (self.model.clone(), self.events.clone());
            let step = spawn_blocking(move || {
                let _turn = turn;
                let stepped = work.step(model.as_ref(), || events.is_closed());
                (work, stepped)
            });
            let panicked = |_| EngineError::Internal("computing embeddings panicked".into());
            let (after, stepped) = step.await.map_err(panicked)?;
            work = after;
            let vectors = stepped?;
            // Not in its turn: a reader that is slow keeps nobody else waiting.
            let is_done = !vectors.is_empty();
            let done = EmbeddingEvent::Vectors { vectors, prompt_tokens: work.prompt_tokens };
            if is_done && self.events.send(done).await.is_err() {
                break;
            }
        }
        Ok(work.prompt_tokens)
    }
}

/// What is left of a request.
struct Work {
    /// Not tokenised yet.
    inputs: std::vec::IntoIter<String>,
    /// Of the window, not computed yet: place within the window and tokens, the shortest first.
    texts: Vec<(usize, Vec<u32>)>,
    /// Of the window, by place.
    vectors: Vec<Vec<f32>>,
    prompt_tokens: u32,
}

impl Work {
    fn new(inputs: Vec<String>) -> Self {
        Self { inputs: inputs.into_iter(), texts: Vec::new(), vectors: Vec::new(), prompt_tokens: 0 }
    }

    fn is_done(&self) -> bool {
        self.inputs.as_slice().is_empty() && self.texts.is_empty()
    }

    /// Computes the next batch; returns the window's vectors when it was the window's last, else nothing.
    fn step(
        &mut self,
        model: &dyn EmbeddingModel,
        is_cancelled: impl Fn() -> bool,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        if self.texts.is_empty() {
            self.open_window(model, is_cancelled)?;
        }
        let batch: Vec<_> = self.texts.drain(..batch_size(&self.texts)).collect();
        let tokens: Vec<&[u32]> = batch.iter().map(|(_, tokens)| tokens.as_slice()).collect();
        let computed = model.forward(&tokens)?;
        if computed.len() != batch.len() {
            return Err(EngineError::Internal("the embedding model did not make one vector for each text".into()));
        }
        for ((place, _), vector) in batch.iter().zip(computed) {
            if let Some(slot) = self.vectors.get_mut(*place) {
                *slot = vector;
            }
        }
        Ok(if self.texts.is_empty() { mem::take(&mut self.vectors) } else { Vec::new() })
    }

    /// Tokenises the next inputs.
    fn open_window(&mut self, model: &dyn EmbeddingModel, is_cancelled: impl Fn() -> bool) -> Result<(), EngineError> {
        let (mut window_tokens, mut window_bytes) = (0, 0);
        while self.texts.len() < WINDOW_INPUTS && window_tokens < WINDOW_TOKENS && window_bytes < WINDOW_BYTES {
            let Some(input) = self.inputs.next() else { break };
            if is_cancelled() {
                return Err(EngineError::Internal("nobody waits for these embeddings any more".into()));
            }
            let tokens = model.tokenise(&input)?;
            window_tokens += tokens.len();
            window_bytes += input.len();
            self.prompt_tokens = self.prompt_tokens.saturating_add(u32::try_from(tokens.len()).unwrap_or(u32::MAX));
            self.texts.push((self.texts.len(), tokens));
        }
        self.vectors = vec![Vec::new(); self.texts.len()];
        // Little is spent on padding then.
        self.texts.sort_by_key(|(place, tokens)| (tokens.len(), *place));
        Ok(())
    }
}

/// How many of `texts`, which are ordered by length, go into the next batch; at least one, if there is one.
fn batch_size(texts: &[(usize, Vec<u32>)]) -> usize {
    let fits =
        |(rows_before, (_, tokens)): &(usize, &(usize, Vec<u32>))| (rows_before + 1) * tokens.len() <= BATCH_TOKENS;
    texts.iter().enumerate().take_while(fits).count().max(1).min(texts.len())
}

#[cfg(test)]
mod tests;
