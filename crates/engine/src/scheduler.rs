//! Shares one model among many generations: a thread that gives each of them one step in turn.

use std::{
    any::Any,
    collections::VecDeque,
    io,
    panic::{catch_unwind, AssertUnwindSafe},
    sync::Arc,
    thread,
    time::Duration,
};

use parking_lot::{Condvar, Mutex};

use crate::{
    api::{EngineError, FinishReason, GenerationEvent},
    sequence::{Phase, Sequence, SequenceSpec},
    session::CausalModel,
};

/// How often the thread looks whether a reader caught up, when nothing else is to be done.
const READER_POLL: Duration = Duration::from_millis(2);

/// Runs generations on one model. Dropping it ends the thread within one step; what still runs fails.
pub(crate) struct Scheduler {
    shared: Arc<Shared>,
}

/// How many generations a scheduler takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Generations that take turns.
    pub(crate) max_running: usize,
    /// Generations that wait for one of them to end.
    pub(crate) max_waiting: usize,
    /// Tokens that all generations that take turns may have to remember together.
    pub(crate) max_tokens: u64,
}

struct Shared {
    limits: Limits,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<SequenceSpec>,
    /// Places promised to requests that are still being prepared.
    reserved: usize,
    running: usize,
    /// Tokens that those that run may have to remember.
    held_tokens: u64,
    stopped: bool,
}

/// A place in the queue, so that a request that will be refused is refused before work is spent on it.
pub(crate) struct Place {
    shared: Arc<Shared>,
}

/// Counts one running generation and its tokens for as long as it lives.
struct Slot {
    shared: Arc<Shared>,
    tokens: u64,
}

struct Running {
    sequence: Sequence,
    slot: Slot,
}

impl Scheduler {
    /// Starts the thread.
    pub(crate) fn start(name: &str, model: Box<dyn CausalModel>, limits: Limits) -> io::Result<Self> {
        let shared = Arc::new(Shared { limits, state: Mutex::default(), changed: Condvar::new() });
        let worker = Worker { shared: shared.clone(), model, running: Vec::new() };
        // Linux shows fifteen bytes of a thread's name.
        let name = format!("infer-{}", name.chars().take(9).collect::<String>());
        thread::Builder::new().name(name).spawn(move || worker.run())?;
        Ok(Self { shared })
    }

    /// Takes a place in the queue or says that there is none.
    pub(crate) fn reserve(&self) -> Result<Place, EngineError> {
        let mut state = self.shared.state.lock();
        state.waiting.retain(|spec| !spec.events.is_cancelled());
        let Limits { max_running, max_waiting, .. } = self.shared.limits;
        if state.running + state.reserved + state.waiting.len() >= max_running + max_waiting {
            return Err(EngineError::Overloaded);
        }
        state.reserved += 1;
        Ok(Place { shared: self.shared.clone() })
    }

    /// Generations that have their turns now.
    pub(crate) fn running(&self) -> usize {
        self.shared.state.lock().running
    }

    /// Generations that wait for a turn.
    pub(crate) fn waiting(&self) -> usize {
        let mut state = self.shared.state.lock();
        state.waiting.retain(|spec| !spec.events.is_cancelled());
        state.waiting.len()
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.shared.state.lock().stopped = true;
        self.shared.changed.notify_all();
    }
}

impl State {
    /// Takes the generation that has waited longest out of the queue, if it may run beside those that do.
    fn next(&mut self, limits: Limits) -> Option<SequenceSpec> {
        self.waiting.retain(|spec| !spec.events.is_cancelled());
        let tokens = self.waiting.front()?.most_tokens();
        let has_room = self.held_tokens.saturating_add(tokens) <= limits.max_tokens;
        // One alone always runs: it could not wait for anything.
        let may_run = self.running == 0 || (self.running < limits.max_running && has_room);
        if may_run {
            self.waiting.pop_front()
        } else {
            None
        }
    }
}

impl Place {
    /// Fills the place; the generation runs as soon as it is its turn.
    pub(crate) fn submit(self, spec: SequenceSpec) {
        let mut state = self.shared.state.lock();
        if state.stopped {
            drop(state);
            return spec.events.finish(GenerationEvent::Failed(shutting_down()));
        }
        state.waiting.push_back(spec);
        drop(state);
        self.shared.changed.notify_all();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.state.lock().reserved -= 1;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.running -= 1;
        state.held_tokens -= self.tokens;
    }
}

/// The thread's side.
struct Worker {
    shared: Arc<Shared>,
    model: Box<dyn CausalModel>,
    running: Vec<Running>,
}

impl Worker {
    fn run(mut self) {
        let mut idle = false;
        while self.admit(idle) {
            idle = !self.round();
        }
        for running in std::mem::take(&mut self.running) {
            fail(running, shutting_down());
        }
        let waiting = std::mem::take(&mut self.shared.state.lock().waiting);
        for spec in waiting {
            spec.events.finish(GenerationEvent::Failed(shutting_down()));
        }
    }

    /// Lets waiting generations in, sleeping while there is nothing to do. False when the engine is gone.
    fn admit(&mut self, idle: bool) -> bool {
        let mut state = self.shared.state.lock();
        loop {
            if state.stopped {
                return false;
            }
            while let Some(spec) = state.next(self.shared.limits) {
                let tokens = spec.most_tokens();
                state.running += 1;
                state.held_tokens = state.held_tokens.saturating_add(tokens);
                let slot = Slot { shared: self.shared.clone(), tokens };
                self.running.push(Running { sequence: Sequence::new(self.model.session(), spec), slot });
            }
            if self.running.is_empty() {
                self.shared.changed.wait(&mut state);
            } else {
                if idle {
                    self.shared.changed.wait_for(&mut state, READER_POLL);
                }
                return !state.stopped;
            }
        }
    }

    /// Gives every generation that can go on a step, of those that read their prompt one, in turn. False if none could.
    fn round(&mut self) -> bool {
        let mut worked = false;
        let mut has_read = None;
        let mut kept = Vec::with_capacity(self.running.len());
        for mut running in std::mem::take(&mut self.running) {
            if running.sequence.is_cancelled() {
                continue;
            }
            let reads = match running.sequence.phase() {
                Phase::Paused => {
                    kept.push(running);
                    continue;
                }
                Phase::Reading if has_read.is_some() => {
                    kept.push(running);
                    continue;
                }
                Phase::Finished(finish) => {
                    finished(running, finish);
                    worked = true;
                    continue;
                }
                Phase::Reading => true,
                Phase::Producing => false,
            };
            worked = true;
            let Some(mut running) = step(running) else { continue };
            // What the step produced leaves at once, not a round later.
            if let Phase::Finished(finish) = running.sequence.phase() {
                finished(running, finish);
            } else if reads {
                has_read = Some(running);
            } else {
                kept.push(running);
            }
        }
        // Behind the others that still read, so that these take turns.
        kept.extend(has_read);
        self.running = kept;
        worked
    }
}

/// One step; a generation whose step fails or panics is told so and is gone.
fn step(mut running: Running) -> Option<Running> {
    // A panic leaves only this generation's own state half done, and that is thrown away.
    let outcome = catch_unwind(AssertUnwindSafe(|| running.sequence.step()));
    let error = match outcome {
        Ok(Ok(())) => return Some(running),
        Ok(Err(error)) => error,
        Err(panic) => EngineError::Internal(format!("a step panicked: {}", panic_text(panic.as_ref()))),
    };
    tracing::error!(target: "engine::scheduler", %error, "a generation failed");
    fail(running, error);
    None
}

/// Frees the slot before the last event is out, so that who reads it finds the slot free.
fn finished(Running { sequence, slot }: Running, finish: FinishReason) {
    let (events, last) = sequence.into_last_event(finish);
    drop(slot);
    events.finish(last);
}

fn fail(Running { sequence, slot }: Running, error: EngineError) {
    let events = sequence.into_events();
    drop(slot);
    events.finish(GenerationEvent::Failed(error));
}

fn shutting_down() -> EngineError {
    EngineError::Internal("the engine is shutting down".into())
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given")
}

#[cfg(test)]
mod tests;
