//! The attempts under way. Each runs in a task of its own that nobody waits for, so that a miner's work is paid for whoever
//! reads it.

use std::{sync::Arc, time::Duration};

use tokio_util::task::TaskTracker;

use super::{
    attempt::{ends, Attempt},
    bounds::Bounds,
    progress::Shown,
    registry::{Ceiling, Registry, Slot},
    running_attempt::RunningAttempt,
    task::{AttemptId, ClientTask},
    transcript::Transcript,
};
use crate::{
    audit::Auditor,
    auth::{HangUps, Spending},
    chain_guard::ChainGuard,
    config::Limits,
    store::{EvidenceStore, Journal},
};

/// The attempts under way, and what they need.
pub(super) struct Attempts {
    pub(super) registry: Arc<Registry>,
    pub(super) guard: Arc<ChainGuard>,
    pub(super) journal: Journal,
    pub(super) evidence: EvidenceStore,
    pub(super) auditor: Arc<Auditor>,
    pub(super) hang_ups: Arc<HangUps>,
    /// Longest wait for the first piece of an answer.
    pub(super) first_token_timeout: Duration,
    /// Longest wait for each further one.
    pub(super) token_timeout: Duration,
    running: TaskTracker,
}

impl Attempts {
    pub(super) fn new(
        registry: Arc<Registry>,
        guard: Arc<ChainGuard>,
        journal: Journal,
        evidence: EvidenceStore,
        auditor: Arc<Auditor>,
        hang_ups: Arc<HangUps>,
        limits: &Limits,
    ) -> Arc<Self> {
        Arc::new(Self {
            registry,
            guard,
            journal,
            evidence,
            auditor,
            hang_ups,
            first_token_timeout: limits.first_token_timeout(),
            token_timeout: limits.token_timeout(),
            running: TaskTracker::new(),
        })
    }

    /// Sends a task to the miner whose slot was drawn, and runs the attempt. `set_aside` is what it may cost, of the client's
    /// budget and of what covers the miner. `None` if the miner's link has ended.
    pub(super) fn begin(
        self: &Arc<Self>,
        id: AttemptId,
        spec: &Arc<ClientTask>,
        shown: Shown,
        slot: Slot,
        set_aside: (Spending, Ceiling),
    ) -> Option<Attempt> {
        let (link, model) = (slot.link().clone(), slot.model().clone());
        let bounds = Bounds::new(spec, &model);
        let task = Arc::new(spec.message(id.attempt));
        let messages = link.begin(id, (*task).clone(), bounds.max_bytes)?;
        let (client, attempt) = ends(&link, model.clone());
        let transcript = Transcript::new(bounds);
        let transcript = match self.auditor.has(&model.model_root) {
            true => transcript.keeping_vectors(),
            false => transcript,
        };
        let running = RunningAttempt {
            attempts: self.clone(),
            id,
            spec: spec.clone(),
            task,
            link,
            model,
            messages,
            transcript,
            agreement: None,
            sent: None,
            shown,
            progress: None,
            is_cut_off: false,
            slot: Some(slot),
            set_aside: Some(set_aside),
        };
        self.running.spawn(running.run(client));
        Some(attempt)
    }

    /// Returns when no attempt runs any more; all of them are paid for then, or will never be.
    pub(super) async fn finish(&self) {
        self.running.close();
        self.running.wait().await;
    }
}
