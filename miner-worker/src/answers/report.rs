//! How answering stands: for `/status`, metrics and logs.

use std::sync::atomic::Ordering;

use cuckoo_primitives::{
    challenge::{ChallengeId, Question},
    AccountId, EraIndex,
};
use serde::Serialize;

use super::Answers;

/// How answering stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AnswersReport {
    /// How much is asked of this miner now.
    pub open_count: usize,
    /// What that is, the oldest first, at most 256.
    pub open: Vec<OpenChallenge>,
    /// How many challenges were answered since the start.
    pub answered: u64,
    /// Why the chain cannot be read.
    pub reading_trouble: Option<String>,
    /// Why the operator's account could not advance the fee of an answer.
    pub funds_trouble: Option<String>,
}

/// A challenge that waits for this miner's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenChallenge {
    /// Its number.
    pub id: ChallengeId,
    /// Who asks.
    pub challenger: AccountId,
    /// The task that it is about, in hexadecimal.
    pub task_id: String,
    /// Which try of the task.
    pub attempt: u32,
    /// What is asked.
    pub asks: &'static str,
    /// The last era in which an answer is sure to count.
    pub due_in: EraIndex,
    /// Why it is not answered yet.
    pub trouble: Option<String>,
}

/// What is asked, in a word.
pub(super) fn asks(question: &Question) -> &'static str {
    match question {
        Question::Leaf { .. } => "opening",
        Question::Result { .. } => "result",
    }
}

impl Answers {
    /// Notes what is open, and shows it in metrics with what is kept.
    pub(super) fn note_open(&self, open_count: usize, open: Vec<OpenChallenge>) {
        metrics::gauge!("cuckoo_miner_open_challenges").set(open_count as f64);
        let kept = self.kept.report();
        metrics::gauge!("cuckoo_miner_kept_bytes").set(kept.bytes as f64);
        metrics::gauge!("cuckoo_miner_kept_attempts").set(kept.attempts as f64);
        let mut report = self.report.lock();
        (report.open_count, report.open) = (open_count, open);
    }

    pub(super) fn note_reading(&self, trouble: Option<String>) {
        let mut report = self.report.lock();
        if let Some(trouble) = trouble.as_ref().filter(|trouble| report.reading_trouble.as_ref() != Some(*trouble)) {
            tracing::warn!(
                target: "miner::answers",
                reason = trouble,
                "cannot read what is asked of this miner on the chain; nothing of what it keeps is deleted meanwhile"
            );
        }
        report.reading_trouble = trouble;
    }

    pub(super) fn note_funds(&self, trouble: Option<String>) {
        let mut report = self.report.lock();
        if let Some(trouble) = trouble.as_ref().filter(|trouble| report.funds_trouble.as_ref() != Some(*trouble)) {
            tracing::warn!(
                target: "miner::answers",
                "this miner takes no tasks, since it could not answer if it were asked about them on the chain, and would lose a \
                 part of its stake: {trouble}"
            );
        }
        self.can_answer.store(trouble.is_none(), Ordering::Relaxed);
        report.funds_trouble = trouble;
    }

    pub(super) fn note_answered(&self) {
        metrics::counter!("cuckoo_miner_answers_total", "outcome" => "final").increment(1);
        let mut report = self.report.lock();
        report.answered = report.answered.saturating_add(1);
    }

    pub(super) fn note_failed(&self) {
        metrics::counter!("cuckoo_miner_answers_total", "outcome" => "failed").increment(1);
    }
}
