//! What the gateway's own engine says of an answer, beside what honest miners show.

use std::sync::Arc;

use async_trait::async_trait;
use cuckoo_audit::{
    score::{Failure, Scores},
    threshold::{Book, Calibration},
    Finding,
};
use cuckoo_audit_engine::{AuditEngine, Order, Unable};
use cuckoo_primitives::{commitment::Leaf, task::Finish, Hash};
use prost::Message;

use super::finished::Finished;

/// An engine that goes through answers.
#[async_trait]
pub(crate) trait Scoring: Send + Sync + 'static {
    /// The numeric class in which it computes the model with this root; `None` if it has no such model.
    fn class_of(&self, model_root: &Hash) -> Option<&str>;
    /// How far an attempt is from what it says.
    async fn score(&self, order: Order) -> Result<Result<Scores, Failure>, Unable>;
}

#[async_trait]
impl Scoring for AuditEngine {
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
    /// By what it was judged.
    pub(crate) calibration: Option<Calibration>,
}

impl Statistics {
    pub(crate) fn new(engine: Arc<dyn Scoring>, book: Book) -> Self {
        Self { engine, book: Arc::new(book) }
    }

    /// What attempts in this class are judged by; `None` where their distances are for the record only.
    pub(crate) fn calibration(&self, class: &str, model_root: &Hash) -> Option<&Calibration> {
        self.book.find(class, self.engine.class_of(model_root)?, model_root)
    }

    /// What it finds; `None` if it has no such model.
    pub(crate) async fn find(&self, finished: &Finished, leaves: Vec<Leaf>) -> Option<Found> {
        let root = finished.spec().model_root;
        self.engine.class_of(&root)?;
        let receipt = finished.receipt.receipt.clone();
        let order = Order {
            task: finished.task.encode_to_vec(),
            // No receipt is taken that says so of an answer that was not cut off.
            was_cancelled: receipt.finish == Finish::Cancelled,
            receipt,
            tokens: finished.tokens.clone(),
            leaves,
            context_tokens: finished.context_tokens,
        };
        let calibration = self.calibration(&finished.class, &root).copied();
        let finding = match self.engine.score(order).await {
            Ok(scored) => Finding::of(scored, calibration.as_ref()),
            Err(_) => Finding::Void,
        };
        Some(Found { finding, calibration })
    }
}
