//! Which tasks are taken on.

use std::sync::Arc;

use cuckoo_wire::{
    handshake::fixed,
    link::{self, miner_message::Message as FromMiner, FailureCode},
};

use super::{ClosingBecause, Session};
use crate::{
    kept::KeptReport,
    link::{
        attempt::{failure_label, Attempt, AttemptId, Slot},
        board::Counted,
        dated,
        error::LinkError,
        pay::TaskPay,
        room::Room,
        shares::Share,
        stop::Stopper,
        terms::{Agreed, SPENT},
        work::{model_of, read, Assignment, Failed},
    },
};

/// Said of an attempt that this link has brought before.
const TAKEN_BEFORE: &str = "this attempt was taken before; every attempt needs a number of its own";

/// A task that can be taken on. What it takes up is free again when this value is dropped.
struct Admitted {
    task: Arc<link::Task>,
    agreed: Agreed,
    assignment: Assignment,
    slot: Slot,
    pay: TaskPay,
    room: Option<Room>,
}

impl Session {
    /// Takes a task on and starts it, or says why not.
    pub(super) async fn accept(&mut self, task: link::Task) -> Result<(), LinkError> {
        let id = AttemptId { task_id: fixed("task.task_id", &task.task_id)?, attempt: task.attempt };
        if self.running.contains_key(&id) {
            // A failure would be taken for the end of the attempt that runs.
            tracing::debug!(target: "miner::link", coordinator = %self.coordinator, "it repeats a running attempt");
            return Ok(());
        }
        let admitted = match self.admit(&id, task) {
            Ok(admitted) => admitted,
            Err(Failed { code, reason }) => return self.turn_down(id, code, &reason).await,
        };
        let place = match self.outbox.room().await {
            // Whoever reads the other direction hears why.
            Err(LinkError::Ended) => return Ok(()),
            place => place?,
        };
        // From here on nothing can fail: a share that is used up is sent, and an attempt that is signed for is remembered.
        self.accepted.insert(id);
        place.send(FromMiner::Accept(self.terms.accept(&admitted.agreed, self.miner.key())));
        self.start(id, admitted);
        if self.accepted.is_full() && self.closing.is_none() {
            self.close("the link has carried all that it may", Some(LinkError::Spent)).await?;
        }
        Ok(())
    }

    /// Finds out whether a task can be taken on, or why not.
    fn admit(&mut self, id: &AttemptId, task: link::Task) -> Result<Admitted, Failed> {
        if self.accepted.contains(id) {
            return Err(Failed::new(FailureCode::InvalidRequest, TAKEN_BEFORE));
        }
        if let Some(ClosingBecause::Ours(_)) = self.closing {
            return Err(Failed::new(FailureCode::Draining, "the miner is stopping"));
        }
        if self.accepted.is_full() {
            return Err(Failed::new(FailureCode::Draining, SPENT));
        }
        dated::check(&id.task_id, task.deadline_ms, dated::now_ms()).inspect_err(|failed| self.note_date(failed))?;
        let slots = self.share.as_ref().map_or(0, Share::slots);
        let slot = Slot::take(&self.used, slots).ok_or_else(|| {
            self.miner.board().count(&self.url, Counted::RefusedBusy);
            Failed::new(FailureCode::Busy, "all slots of this coordinator are in use")
        })?;
        let miner = self.miner.clone();
        let model = model_of(&task, miner.models()).inspect_err(|failed| self.note_bad(failed))?;
        let agreed = self.terms.of(&task, model).inspect_err(|failed| self.note_bad(failed))?;
        let drawing = agreed.spec.drawing;
        let assignment = read(&task, agreed.seed, drawing.is_some()).inspect_err(|failed| self.note_bad(failed))?;
        if drawing.is_some() && !miner.can_answer() {
            miner.board().count(&self.url, Counted::RefusedFunds);
            return Err(Failed::new(
                FailureCode::Busy,
                "this miner cannot be asked about tasks at the moment; try again later",
            ));
        }
        let task = Arc::new(task);
        let pay =
            self.pay.accept(task.clone(), model.context_tokens, slots).inspect_err(|Failed { reason, .. }| {
                self.miner.board().count(&self.url, Counted::RefusedPay);
                tracing::debug!(target: "miner::task", coordinator = %self.coordinator, reason, "a task was not taken");
            })?;
        // The token that ends the text is kept, too.
        let room = match drawing.map(|drawing| miner.room_for(drawing.max_tokens.saturating_add(1))) {
            Some(None) => return Err(self.no_room()),
            room => room.flatten(),
        };
        Ok(Admitted { task, agreed, assignment, slot, pay, room })
    }

    /// Starts what was accepted.
    fn start(&mut self, id: AttemptId, admitted: Admitted) {
        let Admitted { task, agreed, assignment, slot, pay, room } = admitted;
        let attempt = Attempt {
            id,
            task,
            spec: agreed.spec,
            miner: self.miner.clone(),
            url: self.url.clone(),
            outbox: self.outbox.for_an_attempt(),
            slot,
            room,
        };
        let (stopper, stopped) = Stopper::new();
        self.running.insert(id, stopper);
        let handle = self.tasks.spawn(attempt.run(assignment, pay, stopped));
        self.attempts_of_tasks.insert(handle.id(), id);
        self.show_running();
    }

    /// A task was refused for its date. Said once for each link, since all of its tasks may be like that.
    fn note_date(&mut self, Failed { reason, .. }: &Failed) {
        self.miner.board().count(&self.url, Counted::RefusedClock);
        if !std::mem::replace(&mut self.is_clock_noted, true) {
            tracing::warn!(
                target: "miner::task",
                coordinator = %self.coordinator,
                reason,
                "a task was not taken; to mend it, see that this machine's clock is right (`miner-worker doctor` compares \
                 it with the chain's), and otherwise tell the coordinator's operator"
            );
        }
    }

    /// A task was refused because nobody could do it.
    fn note_bad(&self, Failed { code, reason }: &Failed) {
        self.miner.board().count(&self.url, Counted::Failed);
        let outcome = failure_label(*code);
        metrics::counter!("cuckoo_miner_tasks_total", "coordinator" => self.url.to_string(), "outcome" => outcome)
            .increment(1);
        tracing::debug!(target: "miner::task", coordinator = %self.coordinator, reason, "a task was not taken");
    }

    /// A task was refused because it could not be kept how its tokens are drawn. Said once for each link.
    fn no_room(&mut self) -> Failed {
        self.miner.board().count(&self.url, Counted::RefusedRoom);
        if !std::mem::replace(&mut self.is_room_noted, true) {
            let KeptReport { bytes, most_bytes, trouble, .. } = self.miner.kept().report();
            tracing::warn!(
                target: "miner::task",
                coordinator = %self.coordinator,
                kept_bytes = bytes,
                most_bytes,
                trouble,
                "a task was not taken, since it could not be kept how its tokens are drawn; to mend it, see to the disk of \
                 --data-dir, or allow more of it with --kept-mib"
            );
        }
        Failed::new(FailureCode::Busy, "this miner has no room to keep how more tokens are drawn; try again later")
    }
}
