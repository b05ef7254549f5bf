//! What the gateway's own engine says of an answer, beside what honest miners show.

use std::sync::Arc;

use async_trait::async_trait;
use cuckoo_audit::{
    score::{Failure, Scores},
    threshold::{Book, Bounds},
    Finding,
};
use cuckoo_audit_engine::{AuditEngine, Order, OwnModel, Produced, Unable};
use cuckoo_primitives::commitment::Leaf;
use cuckoo_wire::link::task::Work;
use prost::Message;
use rand::seq::SliceRandom;

use super::{finished::Finished, standing::Basis};
use crate::dispatch::values_of;

/// Text of which vectors are computed again, in bytes: of a longer request only some, which nobody can foresee.
const SAMPLED_BYTES: usize = 32 * 1024;
/// No more of a text is read by models that embed, about.
const READ_BYTES: usize = 4 * 1024;

/// An engine that goes through answers.
#[async_trait]
pub(crate) trait Scoring: Send + Sync + 'static {
    /// The models that it has.
    fn models(&self) -> &[OwnModel];
    /// How far an attempt is from what it says.
    async fn score(&self, order: Order) -> Result<Result<Scores, Failure>, Unable>;
}

#[async_trait]
impl Scoring for AuditEngine {
    fn models(&self) -> &[OwnModel] {
        Self::models(self)
    }

    async fn score(&self, order: Order) -> Result<Result<Scores, Failure>, Unable> {
        Self::score(self, order).await
    }
}

/// An engine, and what honest miners show beside it.
#[derive(Clone)]
pub(crate) struct Statistics {
    engine: Arc<dyn Scoring>,
    book: Arc<Book>,
}

/// What was found by an engine.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// What it says.
    pub(crate) finding: Finding,
    /// By what it was judged.
    pub(crate) bounds: Bounds,
    /// What these are made of.
    pub(crate) basis: Basis,
}

impl Statistics {
    pub(crate) fn new(engine: Arc<dyn Scoring>, book: Book) -> Self {
        Self { engine, book: Arc::new(book) }
    }

    /// The models that it has.
    pub(crate) fn models(&self) -> &[OwnModel] {
        self.engine.models()
    }

    /// By what this attempt is judged; `None` if there is no such model.
    pub(crate) fn bounds(&self, finished: &Finished) -> Option<(Basis, Bounds)> {
        let root = &finished.spec().model_root;
        let own = self.models().iter().find(|model| model.root == *root)?;
        if finished.is_embedding() {
            return Some((Basis::Vectors, Bounds::VECTORS));
        }
        Some(match self.book.find(&finished.class, &own.class, root) {
            Some(calibration) => (Basis::Measured, calibration.bounds()),
            None => (Basis::Coarse, Bounds::COARSE),
        })
    }

    /// What it finds of a text that was opened so; `None` if it has no such model.
    pub(crate) async fn find(&self, finished: &Finished, leaves: Vec<Leaf>) -> Option<Found> {
        let (tokens, context_tokens) = (finished.tokens.clone(), finished.context_tokens);
        let was_cancelled = finished.was_cancelled();
        self.score(finished, Produced::Text { tokens, leaves, context_tokens, was_cancelled }).await
    }

    /// What it finds of vectors; `None` if it has no such model.
    pub(crate) async fn compare(&self, finished: &Finished) -> Option<Found> {
        let count = u32::try_from(finished.vectors.len()).unwrap_or(u32::MAX);
        let vector = |place: u32| Some((place, values_of(finished.vectors.get(place as usize)?).collect()));
        let some = sampled(finished).into_iter().filter_map(vector).collect();
        self.score(finished, Produced::Vectors { count, some, was_cancelled: finished.was_cancelled() }).await
    }

    async fn score(&self, finished: &Finished, produced: Produced) -> Option<Found> {
        let (basis, bounds) = self.bounds(finished)?;
        let order = Order { task: finished.task.encode_to_vec(), receipt: finished.receipt.receipt.clone(), produced };
        let finding = match self.engine.score(order).await {
            Ok(scored) => Finding::of(scored, &bounds),
            Err(_) => Finding::Void,
        };
        Some(Found { finding, bounds, basis })
    }
}

/// The places of inputs whose vectors are computed again, in order: at random, as many as there is room for, at least one.
fn sampled(finished: &Finished) -> Vec<u32> {
    let Some(Work::Embedding(embedding)) = &finished.task.work else { return Vec::new() };
    let mut places: Vec<(u32, usize)> =
        (0u32..).zip(embedding.inputs.iter().map(|input| input.len().min(READ_BYTES))).collect();
    places.truncate(finished.vectors.len());
    places.shuffle(&mut rand::rng());
    let mut bytes = 0;
    let has_room = |(_, more): &(u32, usize)| {
        let is_first = bytes == 0;
        bytes += *more;
        is_first || bytes <= SAMPLED_BYTES
    };
    let mut some: Vec<u32> = places.into_iter().take_while(has_room).map(|(place, _)| place).collect();
    some.sort_unstable();
    some
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use cuckoo_primitives::{evidence::SignedReceipt, fixture};
    use cuckoo_wire::link;

    use super::*;

    /// Inputs of so many bytes, of which the first `delivered` were embedded.
    fn embedded(bytes: &[usize], delivered: usize) -> Finished {
        let inputs = bytes.iter().map(|bytes| "x".repeat(*bytes)).collect();
        let work = Some(Work::Embedding(link::Embedding { inputs }));
        let receipt = SignedReceipt { receipt: fixture::receipt(), signature: [0; 64] };
        Finished {
            stash: receipt.receipt.spec.miner.clone(),
            own_stake: 1,
            price: 0,
            task: Arc::new(link::Task { work, ..Default::default() }),
            receipt,
            tokens: vec![],
            vectors: vec![Bytes::from_static(&[0; 4]); delivered],
            class: "cpu".into(),
            context_tokens: 100,
        }
    }

    #[test]
    fn short_requests_are_computed_whole_and_of_cut_off_ones_what_came() {
        assert_eq!(sampled(&embedded(&[10; 5], 5)), [0, 1, 2, 3, 4]);
        assert_eq!(sampled(&embedded(&[10; 5], 2)), [0, 1]);
        assert_eq!(sampled(&embedded(&[1_000_000], 1)), [0]);
    }

    #[test]
    fn of_long_requests_some_are_computed_that_nobody_can_foresee() {
        let long = embedded(&[1_000; 2_048], 2_048);
        let (one, other) = (sampled(&long), sampled(&long));
        assert_eq!((one.len(), other.len()), (32, 32));
        assert!(one != other && one.is_sorted() && one.iter().all(|place| *place < 2_048));
    }
}
