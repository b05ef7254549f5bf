//! What the gateway's own engine says of an answer, beside what honest miners show.

use std::sync::Arc;

use async_trait::async_trait;
use cuckoo_audit::{
    score::{Failure, Scores},
    threshold::{Book, Bounds},
    Finding,
};
use cuckoo_audit_engine::{AuditEngine, Order, Produced, Unable};
use cuckoo_primitives::{commitment::Leaf, task::Finish, Hash};
use prost::Message;

use super::finished::Finished;
use crate::dispatch::values_of;

/// An engine that goes through answers.
#[async_trait]
pub(crate) trait Scoring: Send + Sync + 'static {
    /// The models that it has: what each is called, and what names its files.
    fn models(&self) -> Vec<(String, Hash)>;
    /// The numeric class in which it computes the model with this root; `None` if it has no such model.
    fn class_of(&self, model_root: &Hash) -> Option<&str>;
    /// How far an attempt is from what it says.
    async fn score(&self, order: Order) -> Result<Result<Scores, Failure>, Unable>;
}

#[async_trait]
impl Scoring for AuditEngine {
    fn models(&self) -> Vec<(String, Hash)> {
        Self::models(self).map(|(id, root)| (id.to_owned(), root)).collect()
    }

    fn class_of(&self, model_root: &Hash) -> Option<&str> {
        Self::class_of(self, model_root)
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
    /// By what it was judged; `None` where nothing was measured.
    pub(crate) bounds: Option<Bounds>,
}

impl Statistics {
    pub(crate) fn new(engine: Arc<dyn Scoring>, book: Book) -> Self {
        Self { engine, book: Arc::new(book) }
    }

    /// What attempts in this class are judged by; `None` where nothing was measured of honest ones.
    pub(crate) fn bounds(&self, class: &str, model_root: &Hash) -> Option<Bounds> {
        Some(self.book.find(class, self.engine.class_of(model_root)?, model_root)?.bounds())
    }

    /// The models that it can go through answers of: what each is called, and what names its files.
    pub(crate) fn models(&self) -> Vec<(String, Hash)> {
        self.engine.models()
    }

    /// Whether it has the model with this root.
    pub(crate) fn has(&self, model_root: &Hash) -> bool {
        self.engine.class_of(model_root).is_some()
    }

    /// What it finds of a text that was opened so; `None` if it has no such model.
    pub(crate) async fn find(&self, finished: &Finished, leaves: Vec<Leaf>) -> Option<Found> {
        let (tokens, context_tokens) = (finished.tokens.clone(), finished.context_tokens);
        // No receipt is taken that says so of an answer that was not cut off.
        let was_cancelled = finished.receipt.receipt.finish == Finish::Cancelled;
        self.score(finished, Produced::Text { tokens, leaves, context_tokens, was_cancelled }).await
    }

    /// What it finds of vectors; `None` if it has no such model.
    pub(crate) async fn compare(&self, finished: &Finished) -> Option<Found> {
        let vectors = finished.vectors.iter().map(|vector| values_of(vector).collect()).collect();
        self.score(finished, Produced::Vectors(vectors)).await
    }

    async fn score(&self, finished: &Finished, produced: Produced) -> Option<Found> {
        let root = finished.spec().model_root;
        self.engine.class_of(&root)?;
        let order = Order { task: finished.task.encode_to_vec(), receipt: finished.receipt.receipt.clone(), produced };
        let bounds = self.bounds(&finished.class, &root);
        let finding = match self.engine.score(order).await {
            Ok(scored) => Finding::of(scored, bounds.as_ref()),
            Err(_) => Finding::Void,
        };
        Some(Found { finding, bounds })
    }
}
