//! A task whose answer is handed out piece by piece.

use std::{future::Future, pin::Pin};

use super::{
    attempt::{Attempt, ServedBy, TaskEvent},
    failure::{DispatchError, Failure},
    tries::Tries,
};

/// A task of which the client sees every piece as it comes. Dropping it before its end cancels the task; what the miner has
/// sent by then is paid for.
pub(crate) struct OpenTask {
    served_by: ServedBy,
    /// `None` once it has ended.
    stage: Option<Box<Stage>>,
    first: Option<TaskEvent>,
}

/// The tries of a task, and the attempt that goes on with it, once there is one.
type Successor = Pin<Box<dyn Future<Output = (Tries, Result<Attempt, DispatchError>)> + Send>>;

/// How far an open task is.
// It is boxed.
#[allow(clippy::large_enum_variant)]
enum Stage {
    /// A miner answers.
    Answering(Tries, Attempt),
    /// It has failed, and another one is waited for that goes on. Kept from one call to the next, so that nobody who only
    /// looks whether there is something new loses the task's place in the queue.
    GoingOn(Successor),
}

impl OpenTask {
    pub(super) fn new(mut tries: Tries, attempt: Attempt, first: TaskEvent) -> Self {
        tries.show();
        let served_by = attempt.served_by.clone();
        Self { served_by, stage: Some(Box::new(Stage::Answering(tries, attempt))), first: Some(first) }
    }

    /// Who answers; of several who go on with each other's text the first.
    pub(crate) fn served_by(&self) -> ServedBy {
        self.served_by.clone()
    }

    /// The next event; `None` after the last. The receipt is stored before `Done` is returned. May be dropped and called
    /// again.
    pub(crate) async fn next(&mut self) -> Option<Result<TaskEvent, DispatchError>> {
        loop {
            let event = match self.stage.as_deref_mut()? {
                Stage::Answering(tries, attempt) => match self.first.take() {
                    Some(first) => {
                        metrics::histogram!("gen_ai_server_time_to_first_token_seconds")
                            .record(tries.age().as_secs_f64());
                        Ok(first)
                    }
                    None => match tries.next(attempt).await {
                        // What was said before is all that there is.
                        Err(Failure::Empty(completed)) => Ok(TaskEvent::Done(tries.whole(completed))),
                        event => event,
                    },
                },
                Stage::GoingOn(beginning) => match beginning.await {
                    (tries, Ok(attempt)) => {
                        self.stage = Some(Box::new(Stage::Answering(tries, attempt)));
                        continue;
                    }
                    (tries, Err(error)) => {
                        self.stage = None;
                        return Some(Err(tries.ended(tries.broke_off(error))));
                    }
                },
            };
            match event {
                Ok(event) => {
                    if matches!(event, TaskEvent::Done(_)) {
                        self.stage = None;
                    }
                    return Some(Ok(event));
                }
                Err(failure) => {
                    if let Some(error) = self.go_on_after(failure) {
                        return Some(Err(error));
                    }
                }
            }
        }
    }

    /// Has another miner go on; an error if none shall.
    fn go_on_after(&mut self, failure: Failure) -> Option<DispatchError> {
        let Stage::Answering(mut tries, mut attempt) = *self.stage.take()? else { return None };
        let error = match tries.after(&attempt, failure) {
            Ok(()) if tries.go_on(&mut attempt) => {
                let going_on = async move {
                    let begun = tries.begin().await;
                    (tries, begun)
                };
                self.stage = Some(Box::new(Stage::GoingOn(Box::pin(going_on))));
                return None;
            }
            Ok(()) => tries.broken_off(),
            Err(error) => error,
        };
        Some(tries.ended(error))
    }
}
