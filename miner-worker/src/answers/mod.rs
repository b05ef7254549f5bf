//! Answering what is asked of this miner on the chain.
//!
//! Anyone who has something that a miner signed can ask it, on the chain, to show how a token was drawn or what came of a
//! task; whoever does not answer in time loses a part of its stake. So the chain's open challenges are read every few
//! blocks, [`Kept`](crate::kept::Kept) is told which attempts it must not delete, and each challenge is answered by a
//! transaction of the operator. The fee of a valid answer is returned, but somebody has to advance it: see [`funds`].

#[cfg(test)]
mod fixture;
pub(crate) mod funds;
mod keeper;
mod reply;
mod report;
mod source;

use std::sync::{atomic::AtomicBool, Arc};

use cuckoo_primitives::{AccountId, Hash};
use parking_lot::Mutex;

pub(crate) use keeper::keep;
pub use report::{AnswersReport, OpenChallenge};
pub use source::{OnChain, Source};

use crate::kept::Kept;

/// What answering has to do with.
pub struct Answers {
    kept: Kept,
    source: Arc<dyn Source>,
    who: Who,
    report: Mutex<AnswersReport>,
    can_answer: CanAnswer,
}

/// Whether the operator's account can advance the fee of an answer, as far as is known. A miner that could not answer takes no
/// tasks about which it may be asked.
pub type CanAnswer = Arc<AtomicBool>;

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// Genesis hash of the chain.
    pub genesis: Hash,
    /// The operator, who has signed what may be asked about.
    pub operator: AccountId,
    /// Workers of this operator that run at once: what one does not have another may.
    pub workers: u32,
}

impl Answers {
    /// Answers come out of `kept` and go to `source`.
    pub fn new(kept: Kept, source: Arc<dyn Source>, who: Who) -> Self {
        let can_answer = Arc::new(AtomicBool::new(true));
        Self { kept, source, who, report: Mutex::default(), can_answer }
    }

    /// Tells from now on whether this miner can answer.
    pub fn can_answer(&self) -> CanAnswer {
        self.can_answer.clone()
    }

    /// How answering stands.
    pub fn report(&self) -> AnswersReport {
        self.report.lock().clone()
    }
}
